#!/usr/bin/env python3
"""Times the prefill of transformers, float32, SDPA attention. Prints one JSON object.

--logits last asks for the last token's logits only, as `bench_prefill` does; all is what a plain model(ids) computes.
"""
import argparse
import json
import statistics
import time

import torch
from transformers import AutoModelForCausalLM

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", required=True, help="folder that transformers loads")
parser.add_argument("--ids", required=True, help="JSON list of token ids")
parser.add_argument("--tokens", type=int, default=512)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeat", type=int, default=5)
parser.add_argument("--logits", choices=("last", "all"), default="last")
options = parser.parse_args()

torch.set_num_threads(options.threads)
model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32, attn_implementation="sdpa").eval()
with open(options.ids) as file:
    ids = torch.tensor([json.load(file)[: options.tokens]])
assert ids.shape[1] == options.tokens, f"{options.ids} holds {ids.shape[1]} ids, fewer than {options.tokens}"

seconds = []
with torch.inference_mode():
    for _ in range(options.repeat + 1):  # the first warms the caches and is not counted
        start = time.perf_counter()
        output = model(ids, logits_to_keep=1 if options.logits == "last" else 0)
        seconds.append(time.perf_counter() - start)
median = statistics.median(seconds[1:])
print(json.dumps({
    "what": "prefill", "who": "transformers", "logits": options.logits, "tokens": options.tokens,
    "threads": options.threads, "repeat": options.repeat, "median_s": median, "tokens_per_s": options.tokens / median,
    "top_token": int(output.logits[0, -1].argmax()),
}))
