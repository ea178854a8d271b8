"""Documents made up for pages: what a bench, a run, its cache and a calibration left, and an evaluation's results."""
import functools
import json
import os
import subprocess

from browsing import scratch

WRITE_SAMPLES = os.environ.get("RANKKV_WRITE_SAMPLES", "write_samples")
MODEL = {"name": "Sample", "architecture": "llama", "file_type": "Q4_1", "n_layers": 2, "n_heads": 4, "n_kv_heads": 2,
         "head_dim": 8, "n_vocab": 32, "sha256": ""}


def schema(name):
    return {"schema": f"rankkv-{name}", "schema_version": 1}


# ---- bench ----

def spread(median, least=None, most=None):
    return {"median": median, "least": median if least is None else least, "most": median if most is None else most}


def bench_row(method, context, scale):
    return {"method": method, "context": context, "policy": None, "hold": "always", "n_samples": 3, "failure": None,
            "ttft_s": spread(1.25 * scale, scale, 1.5 * scale), "tpot_s": spread(0.02 * scale, 0.01 * scale, 0.04 * scale),
            "cache_bytes": spread(1048576 * scale), "cache_peak_bytes": spread(2097152 * scale), "peak_bytes": spread(5e8),
            "tokens_per_s": 50 / scale}


BENCH_ROWS = [bench_row(*row) for row in (("full", 256, 1), ("h2o", 256, 2), ("full", 512, 4))]


def bench(rows):
    return schema("bench") | {
        "mode": "model", "date": "2026-01-01T00:00:00Z", "seconds": 3, "stopped": False,
        "machine": {"cpu": "a processor", "n_cpus": 2, "threads": 2, "memory_bytes": 1}, "model": MODEL, "device": "cpu",
        "text": {"name": "prose", "n_tokens": 900, "repeated": True},
        "options": {"methods": ["full", "h2o"], "contexts": [256, 512], "new_tokens": 8, "repeats": 3, "policy": None},
        "results": rows}


def bench_of_keys_and_values(row):
    kv = {"batch": 1, "heads": 2, "tokens": 4, "dim": 8, "dtype": "bf16", "file": None}
    return schema("bench") | {"mode": "kv", "kv": kv, "repeats": 3, "results": [row]}


# ---- runs ----

def run(text, full=None, note="a note"):
    lists = [{"entries": 3, "budget": 3, "bytes": 10}, {"entries": 3, "budget": None, "bytes": 10, "note": note}]
    document = schema("run") | {
        "model": MODEL, "device": "cpu", "prompt": {"name": "p", "n_tokens": 5, "token_ids": [1, 2, 3, 4, 5]},
        "options": {"method": "h2o", "adaptive": None, "ratio": 0.5, "budget": None}, "text": text, "token_ids": [6, 7],
        "stopped": False, "seconds": {"prefill": 1, "first_token": 1, "decode": 0.5, "compress": 0},
        "cache": {"n_tokens": 7, "n_entries": 12, "allocated_bytes": 999}, "heads": [lists] * 2}
    if full is not None:
        document |= {"full": {"text": full, "token_ids": [6, 8], "cache": {"allocated_bytes": 2000}}, "same_tokens": 1}
    return document


# Step 0 is the prompt of 5 tokens; layer 1, KV head 0 loses token 2 with the prompt and token 4 in step 2.
EVENTS = [{"step": s, "layer": l, "head": h, "before": 5, "after": 4, "bytes": 64,
           "evicted": {(0, 1, 0): [2], (2, 1, 0): [4]}.get((s, l, h), [0] if s == 0 and (l, h) != (1, 0) else [])}
          for s in range(3) for l in range(2) for h in range(2)]

# ---- profiles and results ----

def profile(**calibration):
    made = {"budget": "power:signal=retr", "method": "snapkv", "ratio": 0.25}
    return schema("profile") | {"model": MODEL, "signals": {}, "calibration": made | calibration}


JUDGED = {"n_judged": 12, "difference": -1.25, "low": -1.5, "high": -1, "n_shuffles": 20, "n_beaten": 19}


@functools.cache
def _samples():
    folder = scratch("samples")
    subprocess.run([WRITE_SAMPLES, folder], check=True)
    return folder


def results(name):
    """The sample `whole`, `one` (of its settings) or `none`: anew each time, to be changed at will."""
    return json.loads((_samples() / f"results-{name}.json").read_text())
