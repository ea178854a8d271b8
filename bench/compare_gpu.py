#!/usr/bin/env python3
"""Runs bench_gpu and peer_torch_gpu.py in turn on one GPU, and bench_weights, and prints the results and their ratios as
Markdown.

scripts/gpu-check.sh calls this. Needs python3, and torch for the peer: without it, only our own times are printed. Ends
with an error when an effective rank is off by more than 1e-6 of float64's.
"""
import argparse
import datetime
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
RANK_TOLERANCE = 1e-6  # relative, the promise of `exact`
MODEL = {"layers": 30, "width": 576, "query_heads": 9, "kv_heads": 3, "ff": 1536}  # the default model's shape


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="build folder made with RANKKV_BENCH=ON")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tokens", type=int, nargs="+", default=[512, 1024, 2048, 4096])
    parser.add_argument("--heads", type=int, default=270)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60, help="that the peer may take for its heads")
    parser.add_argument("--shape", type=int, nargs=2, metavar=("ROWS", "COLUMNS"), default=[32768, 4096],
                        help="of the matrix whose products are timed in every form of weights")
    parser.add_argument("--only", choices=["rank", "model", "weights"], nargs="+", default=["rank", "model", "weights"])
    return parser.parse_args()


def run(command):
    """The JSON object that a program prints last; None, with its words on stderr, when it fails or prints none."""
    process = subprocess.run(command, capture_output=True, text=True)
    try:
        if process.returncode == 0:
            return json.loads(process.stdout.strip().rpartition("\n")[2])
    except json.JSONDecodeError:
        print(f"{' '.join(command)}\nprinted no JSON: {process.stdout[-2000:]}", file=sys.stderr)
        return None
    print(f"{' '.join(command)}\nended with {process.returncode}: {process.stderr.strip()[-2000:]}", file=sys.stderr)
    return None


def commit():
    command = ["git", "-C", HERE, "describe", "--always", "--dirty"]
    try:
        words = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        words = ""
    return words or os.environ.get("RANKKV_COMMIT", "unknown")


def cell(result, key, form):
    return form.format(result[key]) if result else "-"


def mebibytes(result, key):
    return f"{result[key] / 2**20:.1f}" if result and key in result else "-"


def ratio(slow, fast):
    return f"{slow / fast:.2f}" if slow and fast else "-"


def rank_row(options, tokens, peer):
    """One line of the table. False where we fail, or a rank is off."""
    common = ["--tokens", str(tokens), "--heads", str(options.heads), "--repeat", str(options.repeat), "--device",
              options.device]
    ours = run([f"{options.build}/bench/bench_gpu", "rank", *common])
    exact = "9" if tokens <= 2048 else "2"
    theirs = run([*peer, "rank", *common, "--seconds", str(options.seconds), "--exact-heads", exact]) if peer else None
    if not ours:
        return False
    errors = [abs(a / b - 1) for a, b in zip(ours["eranks"], theirs["exact_eranks"])] if theirs else []
    worst = max(errors, default=None)
    print(f"| {tokens} | {ours['heads']} | {ours['seconds']:.4f} | {ours['ms_per_head']:.3f} | "
          f"{ours['metrics_seconds']:.4f} | {ours['by_svd']} | {cell(theirs, 'heads', '{}')} | "
          f"{cell(theirs, 'ms_per_head', '{:.3f}')} | "
          f"{ratio(theirs and theirs['ms_per_head'], ours['ms_per_head'])} | "
          f"{'-' if worst is None else f'{worst:.1e}'} |", flush=True)
    return not peer or (worst is not None and worst <= RANK_TOLERANCE)


def check_leaks(options):
    """Whether device memory is what it was after 100 runs; of the CPU's, others take and give too."""
    runs = 100
    result = run([f"{options.build}/bench/bench_gpu", "rank", "--tokens", "512", "--heads", "9", "--repeat", str(runs),
                  "--device", options.device])
    if not result:
        return False
    print(f"\nDevice memory lost over {runs} runs: {result['lost_bytes']} bytes.")
    return result["lost_bytes"] <= 0 or options.device == "cpu"


def compare_rank(options, peer):
    print("\n| tokens | heads | rankkv, s | rankkv, ms per head | metrics, s | by SVD | torch, heads | torch, ms per head "
          "| torch / rankkv | largest error of a rank |\n" + "| --- " * 10 + "|")
    rows = [rank_row(options, tokens, peer) for tokens in options.tokens]
    return check_leaks(options) and all(rows)


def compare_model(options, peer, folder):
    """Prefill and analysis of a random model of the default model's shape, but for its small vocabulary."""
    model = os.path.join(folder, "random.gguf")
    shape = [MODEL[name] for name in ("layers", "width", "query_heads", "kv_heads", "ff")]
    context = max(options.tokens)
    maker = [f"{options.build}/tests/make_tiny_model", model, "F32", "1", *map(str, [context, *shape])]
    if subprocess.run(maker).returncode:
        print("the random model could not be written: prefill and analysis are not timed", file=sys.stderr)
        return False
    flags = [word for name, value in MODEL.items() for word in ("--" + name.replace("_", "-"), str(value))]
    print("\n| tokens | rankkv prefill, tokens/s | torch SDPA, tokens/s | rankkv / torch | rankkv analyze, s | memory foretold, "
          "MiB | most of the pool in use, MiB | in use on the device when opened, MiB | afterwards, MiB |\n"
          + "| --- " * 9 + "|")
    whole = True
    for tokens in options.tokens:
        common = ["--tokens", str(tokens), "--repeat", str(options.repeat), "--device", options.device]
        ours = run([f"{options.build}/bench/bench_gpu", "prefill", "--model", model, *common])
        theirs = run([*peer, "prefill", *common, *flags]) if peer else None
        analysis = run([f"{options.build}/bench/bench_gpu", "analyze", "--model", model, *common])
        print(f"| {tokens} | {cell(ours, 'tokens_per_s', '{:.0f}')} | {cell(theirs, 'tokens_per_s', '{:.0f}')} | "
              f"{ratio(ours and ours['tokens_per_s'], theirs and theirs['tokens_per_s'])} | "
              f"{cell(analysis, 'seconds', '{:.3f}')} | " + " | ".join(
                  mebibytes(analysis, key)
                  for key in ("foretold_bytes", "peak_bytes", "device_bytes_before", "device_bytes")) + " |", flush=True)
        whole = whole and ours is not None and analysis is not None and (theirs is not None or not peer)
    return whole


def compare_weights(options):
    """Products with weights as a file holds them against cuBLAS's with float32 numbers."""
    rows, columns = map(str, options.shape)
    result = run([f"{options.build}/bench/bench_weights", "--rows", rows, "--columns", columns, "--repeat",
                  str(options.repeat), "--device", options.device])
    if not result:
        return False
    forms = result["forms"]
    plain = next(form for form in forms if form["form"] == "F32")
    tokens = list(plain["seconds"])
    print(f"\nProducts with weights [{rows}, {columns}]: time, what is read of the weights for one token, and the time with "
          "float32 numbers over that time.\n")
    print("| form | MB | " + " | ".join(f"{n} token{'s'[:n != '1']}, ms" for n in tokens) + " | GB/s, 1 token | "
          + " | ".join(f"F32 / it, {n}" for n in tokens) + " |\n" + "| --- " * (3 + 2 * len(tokens)) + "|")
    for form in forms:
        seconds = form["seconds"]
        print(f"| {form['form']} | {form['bytes'] / 1e6:.0f} | "
              + " | ".join(f"{1e3 * seconds[n]:.4f}" for n in tokens)
              + f" | {form['bytes'] / seconds['1'] / 1e9:.0f} | "
              + " | ".join(ratio(plain["seconds"][n], seconds[n]) for n in tokens) + " |", flush=True)
    return True


def main():
    options = parse_arguments()
    peer = [sys.executable, os.path.join(HERE, "peer_torch_gpu.py")] if importlib.util.find_spec("torch") else None
    if not peer:
        print("this python3 has no torch: our own times only", file=sys.stderr)
    probe = run([f"{options.build}/bench/bench_gpu", "rank", "--tokens", "64", "--heads", "9", "--repeat", "1",
                 "--device", options.device])
    if not probe:
        sys.exit(1)
    print(f"Device: {probe['device']}. Date: {datetime.date.today()}. Commit: {commit()}. "
          f"Medians of {options.repeat} runs; the peer does as many heads as fit into {options.seconds:.0f} s.")
    right = "rank" not in options.only or compare_rank(options, peer)
    if "model" in options.only:
        with tempfile.TemporaryDirectory() as folder:
            right = compare_model(options, peer, folder) and right
    if "weights" in options.only:
        right = compare_weights(options) and right
    sys.exit(0 if right else 1)


main()
