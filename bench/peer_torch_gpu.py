#!/usr/bin/env python3
"""The work of bench_gpu.c in torch, on the same GPU: effective ranks through torch.linalg.svdvals (float32, batched), and
prefill through scaled_dot_product_attention (float32, no TF32). Needs torch alone. Prints one JSON object.
"""
import argparse
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

DISTINCT = 9  # heads that differ, as in bench_gpu.c
U32 = 0xFFFFFFFF


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["rank", "prefill"])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--heads", type=int, default=270)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60, help="rank: fewer heads where these would take longer")
    parser.add_argument("--exact-heads", type=int, default=DISTINCT, help="rank: that are done in float64 too")
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--width", type=int, default=576)
    parser.add_argument("--query-heads", type=int, default=9)
    parser.add_argument("--kv-heads", type=int, default=3)
    parser.add_argument("--ff", type=int, default=1536)
    return parser.parse_args()


def synchronize(device):
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


def timed(device, work):
    """Seconds of work(), and what it returns."""
    synchronize(device)
    start = time.perf_counter()
    result = work()
    synchronize(device)
    return time.perf_counter() - start, result


def head(h, n, device):
    """The matrix that bench_gpu.c's fill_head makes."""
    place = torch.arange(n, dtype=torch.int64, device=device)
    x = ((place[:, None] * 0x9E3779B1 & U32) ^ (place[None, :] * 0x85EBCA77 & U32) ^ (h * 0xC2B2AE3D & U32)) & U32
    x = x ^ (x >> 15)
    x = x * 0x2C1B3C6D & U32
    x = x ^ (x >> 12)
    weight = torch.exp((h + 1) * ((x >> 8) & 0xFFFF).double() / 65536).tril()
    return (weight / weight.sum(1, keepdim=True)).float()


def effective_ranks(matrices):
    sigma = torch.linalg.svdvals(matrices)
    p = sigma / sigma.sum(-1, keepdim=True)
    return torch.exp(torch.special.entr(p).sum(-1))


def rank(options):
    distinct = [head(h, options.tokens, options.device) for h in range(min(DISTINCT, options.heads))]
    started, _ = timed(options.device, lambda: effective_ranks(distinct[0][None]))  # the library's start is not counted
    few = torch.stack(distinct[: max(1, int(options.seconds / started))])
    seconds, values = timed(options.device, lambda: effective_ranks(few))
    heads = len(few)
    if seconds / heads * options.heads <= options.seconds:  # all of them in one call
        heads = options.heads
        matrices = torch.stack([distinct[h % DISTINCT] for h in range(heads)])
        repeat = max(1, min(options.repeat, int(options.seconds / (seconds / len(few) * heads + 1e-9)) - 1))
        runs = [timed(options.device, lambda: effective_ranks(matrices)) for _ in range(repeat + 1)]
        seconds = statistics.median(run[0] for run in runs[1:])
    exact, spent = [], 0.0
    for matrix in distinct[: options.exact_heads]:
        if spent <= options.seconds:
            one, value = timed(options.device, lambda: float(effective_ranks(matrix.double())))
            exact.append(value)
            spent += one
    return {"heads": heads, "seconds": seconds, "ms_per_head": 1e3 * seconds / heads, "eranks": values.tolist(),
            "exact_eranks": exact}


def make_layers(options):
    """Random weights of a llama: per layer norms, q k v, output, gate and up, down."""
    d = options.width // options.query_heads
    shapes = {"qkv": ((options.query_heads + 2 * options.kv_heads) * d, options.width),
              "out": (options.width, options.width), "gate_up": (2 * options.ff, options.width),
              "down": (options.width, options.ff)}
    return [{name: torch.randn(shape, device=options.device) / shape[1] ** 0.5 for name, shape in shapes.items()}
            for _ in range(options.layers)]


def rms_norm(x):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)


def rotate(x, cosine, sine):
    a, b = x.chunk(2, -1)
    return x * cosine + torch.cat((-b, a), -1) * sine


def run_layer(options, layer, x, cosine, sine):
    t, d = options.tokens, options.width // options.query_heads
    q, k, v = (rms_norm(x) @ layer["qkv"].T).split(
        [options.query_heads * d, options.kv_heads * d, options.kv_heads * d], -1)
    q, k, v = (y.view(t, -1, d).transpose(0, 1)[None] for y in (q, k, v))
    q, k = rotate(q, cosine, sine), rotate(k, cosine, sine)
    repeats = options.query_heads // options.kv_heads
    k, v = k.repeat_interleave(repeats, 1), v.repeat_interleave(repeats, 1)
    attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    x = x + attended[0].transpose(0, 1).reshape(t, -1) @ layer["out"].T
    gate, up = (rms_norm(x) @ layer["gate_up"].T).chunk(2, -1)
    return x + (F.silu(gate) * up) @ layer["down"].T


def prefill(options):
    layers = make_layers(options)
    d = options.width // options.query_heads
    angles = torch.arange(options.tokens, device=options.device)[:, None] * 10000 ** (
        -torch.arange(0, d, 2, device=options.device) / d)
    cosine, sine = torch.cat((angles, angles), -1).cos(), torch.cat((angles, angles), -1).sin()
    start = torch.randn(options.tokens, options.width, device=options.device)

    def run():
        x = start
        for layer in layers:
            x = run_layer(options, layer, x, cosine, sine)
        return float(x[-1].sum())

    runs = [timed(options.device, run)[0] for _ in range(options.repeat + 1)]
    seconds = statistics.median(runs[1:])
    return {"repeat": options.repeat, "seconds": seconds, "tokens_per_s": options.tokens / seconds}


def main():
    options = parse_arguments()
    if torch.device(options.device).type == "cuda" and not torch.cuda.is_available():
        sys.exit("torch sees no GPU")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.manual_seed(1)
    name = torch.cuda.get_device_name() if torch.device(options.device).type == "cuda" else "cpu"
    with torch.inference_mode():
        result = {"rank": rank, "prefill": prefill}[options.what](options)
    print(json.dumps({"what": options.what, "who": f"torch {torch.__version__}", "device": name,
                      "tokens": options.tokens, **result}))


main()
