#!/usr/bin/env python3
"""Measures the compression executor with bench_executor and prints the tables of bench/README.md. Standard library only.

bench/run_executor.sh builds what this runs. Every result, as it came, goes to WORK/executor.jsonl.
"""
import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
SELECTIONS = ("window", "snapkv", "h2o")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="build folder made with RANKKV_BENCH=ON")
    parser.add_argument("--model", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--work", required=True, help="folder for executor.jsonl")
    parser.add_argument("--context", type=int, default=4096, help="tokens of the prompt, for decoding and memory")
    parser.add_argument("--budgets", type=int, nargs="+", default=[256, 512, 1024, 2048])
    parser.add_argument("--prompt", type=int, default=2048, help="tokens of the prompt, for the first token")
    parser.add_argument("--runs", type=int, default=3, help="processes for each case, in turn")
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--steps", type=int, default=10000, help="tokens of the long run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights", choices=("file", "float32"), default="file",
                        help="what decoding reads of the weights: the file's bytes, or 4 for each parameter")
    parser.add_argument("--only", choices=("decode", "first-token", "steps"), nargs="+",
                        default=("decode", "first-token", "steps"), help="decode: speed and memory")
    return parser.parse_args()


def run(options, measure, **arguments):
    """One fresh process; its JSON."""
    command = [os.path.join(options.build, "bench", "bench_executor"), "--measure", measure, "--model", options.model,
               "--text", options.text]
    for name, value in arguments.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads))
    process = subprocess.run(command, capture_output=True, text=True, env=environment)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}\nfailed with {process.returncode}:\n{process.stderr}")
    result = json.loads(process.stdout)
    with open(os.path.join(options.work, "executor.jsonl"), "a") as file:
        file.write(json.dumps(result) + "\n")
    print(f"  {' '.join(command[1:3] + command[7:])}", file=sys.stderr)
    return result


def median(results, *path):
    def value(result):
        for key in path:
            result = result[key]
        return result
    return statistics.median(value(result) for result in results)


def decode_cases(options):
    cases = [("full", options.context), ("int8", options.context), ("int4", options.context)]
    return cases + [(name, budget) for name in SELECTIONS for budget in options.budgets]


def decode(options):
    """Speed and memory of each case, against the full cache of the same round."""
    results = {case: [] for case in decode_cases(options)}
    for _ in range(options.runs):
        for (method, budget), runs in results.items():
            runs.append(run(options, "decode", tokens=options.context, method=method, budget=budget,
                            new_tokens=options.new_tokens))
    full = results[("full", options.context)]
    print_speed(options, results, full)
    print_memory(results, full)


def weight_bytes(options, result):
    return result["file_bytes"] if options.weights == "file" else 4 * result["parameters"]


def print_speed(options, results, full):
    """Predicted: a token's time is the bytes of weights and cache that it reads over one bandwidth."""
    weights = weight_bytes(options, full[0])
    full_bytes = weights + median(full, "end", "kv_bytes")
    print(f"\nDecoding after {options.context} tokens. Weights read: {weights / MIB:.0f} MiB a token.\n")
    print("| method | budget | tokens/s | choosing, of the step | cache MiB | full / this: measured | predicted | "
          "measured / predicted | GB/s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for (method, budget), runs in results.items():
        step_s, read = median(runs, "median_step_s"), weights + median(runs, "end", "kv_bytes")
        pairs = [a["median_step_s"] / b["median_step_s"] for a, b in zip(full, runs)]
        measured, predicted = statistics.median(pairs), full_bytes / read
        print(f"| {method} | {budget} | {1 / step_s:.1f} | {median(runs, 'compress_step_s') / step_s:.0%} | "
              f"{median(runs, 'end', 'kv_bytes') / MIB:.1f} | {measured:.2f} | {predicted:.2f} | "
              f"{measured / predicted:.2f} | {read / step_s / 1e9:.1f} |")


def print_memory(results, full):
    """What the allocator counts against what the system counts: differences from the full cache."""
    print("\nMemory of a process, MiB. Saved: the full cache's less this one's.\n")
    print("| method | budget | allocated | resident after the prompt | saved: allocated | resident | peak: counted | "
          "resident |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for (method, budget), runs in results.items():
        def saved(*path):
            return (median(full, *path) - median(runs, *path)) / MIB
        print(f"| {method} | {budget} | {median(runs, 'prompt', 'allocated_bytes') / MIB:.1f} | "
              f"{median(runs, 'memory', 'prompt_bytes') / MIB:.1f} | {saved('prompt', 'allocated_bytes'):.1f} | "
              f"{saved('memory', 'prompt_bytes'):.1f} | {saved('prompt', 'peak_bytes'):.1f} | "
              f"{saved('memory', 'prompt_peak_bytes'):.1f} |")


def first_token(options):
    result = run(options, "first-token", tokens=options.prompt, budget=options.prompt // 4, repeat=options.runs)
    print(f"\nTime to the first token of a prompt of {options.prompt}, budget {options.prompt // 4}; {options.runs} pairs.\n")
    print("| method | without, s | with, s | with / without |")
    print("| --- | --- | --- | --- |")
    for row in result["methods"]:
        print(f"| {row['method']} | {row['full_s']:.3f} | {row['method_s']:.3f} | {row['ratio']:.3f} |")


def steps(options):
    print(f"\n{options.steps} tokens after a prompt of 512, budget 256: resident MiB of the process.\n")
    print("| method | tokens/s | after the prompt | at a tenth | at half | at the end | most since a tenth | cache "
          "allocated, KiB: at a tenth | at the end |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for method in ("streaming-llm", "h2o"):
        result = run(options, "steps", tokens=512, budget=256, method=method, new_tokens=options.steps)
        samples = result["samples"]
        tenth = len(samples) // 10
        later = samples[tenth:]
        row = [samples[i]["rss_bytes"] / MIB for i in (0, tenth, len(samples) // 2, -1)]
        row.append(max(sample["rss_bytes"] for sample in later) / MIB)
        cells = " | ".join(f"{value:.1f}" for value in row)
        print(f"| {method} | {options.steps / result['decode_s']:.1f} | {cells} | "
              f"{later[0]['allocated_bytes'] / 1024:.1f} | {samples[-1]['allocated_bytes'] / 1024:.1f} |")


def machine(options):
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    command = ["git", "-C", HERE, "describe", "--always", "--dirty"]
    commit = subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"
    bandwidth = run(options, "bandwidth")["bytes_per_s"]
    return (f"Machine: {names[0] if names else 'unknown processor'}, {os.cpu_count()} cores; {options.threads} threads, reading "
            f"memory at {bandwidth / 1e9:.1f} GB/s. Date: {datetime.date.today()}. Commit: {commit}. Load average at the "
            f"start: {os.getloadavg()[0]:.1f}.")


def main():
    options = parse_arguments()
    os.makedirs(options.work, exist_ok=True)
    print(machine(options))
    sections = {"decode": decode, "first-token": first_token, "steps": steps}
    for name in options.only:
        sections[name](options)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
