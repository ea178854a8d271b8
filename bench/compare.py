#!/usr/bin/env python3
"""Runs RankKV and its peers in turn (A B A B ...) and prints the medians and their ratios as Markdown.

bench/run.sh prepares what the arguments name and calls this. Every result, as it came, goes to WORK/results.jsonl.
"""
import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
SECTIONS = ("analyze", "prefill", "rank", "decode")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="build folder made with RANKKV_BENCH=ON")
    parser.add_argument("--model", required=True, help="the quantised GGUF that RankKV reads")
    parser.add_argument("--text", required=True)
    parser.add_argument("--work", required=True, help="folder that make_peer_files.py filled")
    parser.add_argument("--tokens", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--runs", type=int, default=3, help="times that each is run, in turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--depths", type=int, nargs="+", default=[1, 2048], help="tokens in the cache, for decode")
    parser.add_argument("--new-tokens", type=int, default=128, help="for decode")
    parser.add_argument("--only", choices=SECTIONS, nargs="+", default=SECTIONS)
    return parser.parse_args()


def find(document, key):
    """The first value of key anywhere in a JSON document."""
    children = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    if isinstance(document, dict) and key in document:
        return document[key]
    for child in children:
        value = find(child, key)
        if value is not None:
            return value
    return None


def run(options, label, command):
    """Runs a program; its JSON with the wall time and the peak memory of the whole process added."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads), HF_HUB_OFFLINE="1")
    start = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)  # and not wait(): the peak memory of this process alone
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    wall = time.perf_counter() - start
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}\nfailed with {process.returncode}:\n{said}")
    document = json.loads(output)
    result = {"label": label, "wall_s": wall, "peak_mib": usage.ru_maxrss * 1024 / MIB, "document": document}
    with open(os.path.join(options.work, "results.jsonl"), "a") as file:
        file.write(json.dumps(result) + "\n")
    print(f"  {label}: {wall:.1f} s", file=sys.stderr)
    return result


def in_turn(options, commands):
    """Runs every command options.runs times, A B A B; the results by label."""
    results = {label: [] for label in commands}
    for _ in range(options.runs):
        for label, command in commands.items():
            results[label].append(run(options, label, command))
    return results


def median(results, value):
    return statistics.median(value(result) for result in results)


def python(script, *arguments):
    return [sys.executable, os.path.join(HERE, script), *arguments]


def require_same(what, values, tolerance):
    """The peers did the same work only if they came to the same result."""
    low, high = min(values), max(values)
    if high - low > tolerance * abs(high):
        sys.exit(f"{what} differs between the programs: {values}")


def compare_analysis(options, tokens):
    count = ["--tokens", str(tokens)]
    peer = ["--ids", f"{options.work}/ids.json", *count, "--threads", str(options.threads)]
    results = in_turn(options, {
        "rankkv": [f"{options.build}/cli/rankkv", "analyze", options.text, "--model", options.model, *count, "--json",
                   "--force", "-o", f"{options.work}/out"],
        "torch": python("peer_torch.py", "--model", f"{options.work}/hf", *peer),
    })
    ranks = [rank for layer in find(results["rankkv"][0]["document"], "effective_rank") for rank in layer]
    require_same("the mean effective rank", [sum(ranks) / len(ranks), results["torch"][0]["document"]["mean_erank"]], 1e-5)

    def step(name):
        return lambda result: find(result["document"], "seconds").get(name, 0)

    rows = [
        ("load", "s", step("load"), lambda result: step("import")(result) + step("load")(result)),
        ("prefill", "s", step("prefill"), step("prefill")),
        ("rank", "s", step("rank"), step("rank")),
        ("rank, per head", "ms", lambda result: 1e3 * step("rank")(result) / len(ranks),
         lambda result: 1e3 * step("rank")(result) / len(ranks)),
        ("whole process", "s", lambda result: result["wall_s"], lambda result: result["wall_s"]),
        ("peak memory", "MiB", lambda result: result["peak_mib"], lambda result: result["peak_mib"]),
    ]
    for name, unit, ours, theirs in rows:
        a, b = median(results["rankkv"], ours), median(results["torch"], theirs)
        print(f"| {tokens} | {name} | {a:.4g} {unit} | {b:.4g} {unit} | {b / a:.2f} |")


def compare_prefill(options, tokens):
    count = ["--tokens", str(tokens)]
    peer = ["--ids", f"{options.work}/ids.json", *count, "--threads", str(options.threads)]
    llama = ["--model", f"{options.work}/model-f32.gguf", *peer]
    results = in_turn(options, {
        "rankkv": [f"{options.build}/bench/bench_prefill", "--model", options.model, "--text", options.text, *count],
        "transformers": python("peer_prefill_transformers.py", "--model", f"{options.work}/hf", *peer),
        "llama.cpp": python("peer_prefill_llamacpp.py", *llama),
        "llama.cpp, flash attention": python("peer_prefill_llamacpp.py", *llama, "--flash-attention"),
    })
    require_same("the most likely next token", [rows[0]["document"]["top_token"] for rows in results.values()], 0)
    speed = {label: median(rows, lambda result: result["document"]["tokens_per_s"]) for label, rows in results.items()}
    best = max(value for label, value in speed.items() if label != "rankkv")
    cells = " | ".join(f"{value:.0f}" for value in speed.values())
    print(f"| {tokens} | {cells} | {speed['rankkv'] / best:.2f} |")


def compare_rank(options, tokens):
    every = str(max(1, tokens // 512))  # the SVD of every head of a long prompt takes half an hour
    base = [f"{options.build}/bench/bench_rank", "--model", options.model, "--text", options.text, "--tokens", str(tokens),
            "--every", every]
    results = in_turn(options, {solver: [*base, "--solver", solver] for solver in ("gram", "svd")})
    require_same("the mean effective rank", [rows[0]["document"]["mean_erank"] for rows in results.values()], 1e-6)
    cells = " | ".join(f"{median(rows, lambda result: result['document']['ms_per_head']):.1f}" for rows in results.values())
    print(f"| {tokens} | {results['gram'][0]['document']['heads']} | {cells} |")


def compare_decode(options, depth):
    """One token at a time. Each program reads weights of each type; float32 results must agree, and so must ours of
    Q4_1, for its weights are those. The other losses show what rounding costs."""
    count = ["--tokens", str(depth), "--new-tokens", str(options.new_tokens)]
    peer = ["--ids", f"{options.work}/ids.json", *count, "--threads", str(options.threads)]
    files = {"Q4_1": options.model, "Q8_0": f"{options.work}/model-q8_0.gguf", "F32": f"{options.work}/model-f32.gguf"}
    ours = {f"rankkv {name}": [f"{options.build}/bench/bench_decode", "--model", path, "--text", options.text, *count]
            for name, path in files.items()}
    llama = {f"llama.cpp {name}{label}": python("peer_decode_llamacpp.py", "--model", path, *peer, *flag)
             for name, path in files.items()
             for label, flag in (("", []), (", flash attention", ["--flash-attention"]))}
    transformers = {"transformers F32": python("peer_decode_transformers.py", "--model", f"{options.work}/hf", *peer)}
    results = in_turn(options, {**ours, **llama, **transformers})
    loss = {label: rows[0]["document"]["mean_nll"] for label, rows in results.items()}
    require_same("the mean loss", [loss[label] for label in ("rankkv Q4_1", "rankkv F32", "transformers F32")], 1e-4)
    speed = {label: median(rows, lambda result: result["document"]["tokens_per_s"]) for label, rows in results.items()}
    for label, value in speed.items():
        print(f"| {depth} | {label} | {value:.1f} | {speed['rankkv Q4_1'] / value:.2f} | {loss[label]:.4f} |")


def machine():
    cpu = platform.processor() or "unknown processor"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB"


def commit():
    command = ["git", "-C", HERE, "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"


def main():
    options = parse_arguments()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}"
                         for name in ("torch", "transformers", "llama_cpp_python"))
    print(f"Machine: {machine()}; {options.threads} threads for each. Date: {datetime.date.today()}. "
          f"Commit: {commit()}. Peers: {versions}. Runs in turn: {options.runs}, medians of each. "
          f"Load average at the start: {os.getloadavg()[0]:.1f}.")
    sections = {
        "analyze": (compare_analysis, "| tokens | step | rankkv analyze | torch | torch / rankkv |",
                    "| --- | --- | --- | --- | --- |"),
        "prefill": (compare_prefill,
                    "| tokens | rankkv, tokens/s | transformers SDPA | llama.cpp | llama.cpp, flash attention | "
                    "rankkv / best peer |", "| --- | --- | --- | --- | --- | --- |"),
        "rank": (compare_rank, "| tokens | heads | gram, ms per head | svd, ms per head |", "| --- | --- | --- | --- |"),
        "decode": (compare_decode, "| tokens in the cache | weights | tokens/s | rankkv Q4_1 / this | mean loss |",
                   "| --- | --- | --- | --- | --- |"),
    }
    for name in options.only:
        compare, *header = sections[name]
        print("", *header, sep="\n")
        for tokens in options.depths if name == "decode" else options.tokens:
            print(f"{name}, {tokens} tokens", file=sys.stderr)
            compare(options, tokens)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
