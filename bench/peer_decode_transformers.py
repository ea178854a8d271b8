#!/usr/bin/env python3
"""Times decoding with transformers, float32, SDPA attention: one token at a time behind a cache of --tokens. Prints one
JSON object.
"""
import argparse
import json
import statistics
import time

import torch
from transformers import AutoModelForCausalLM, DynamicCache

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", required=True, help="folder that transformers loads")
parser.add_argument("--ids", required=True, help="JSON list of token ids")
parser.add_argument("--tokens", type=int, default=512, help="tokens in the cache before the first that is timed")
parser.add_argument("--new-tokens", type=int, default=64)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeat", type=int, default=5)
options = parser.parse_args()

torch.set_num_threads(options.threads)
model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32, attn_implementation="sdpa").eval()
end = options.tokens + options.new_tokens
with open(options.ids) as file:
    ids = torch.tensor([json.load(file)[:end]])
assert ids.shape[1] == end, f"{options.ids} holds {ids.shape[1]} ids, fewer than {end}"

seconds = []
with torch.inference_mode():
    for _ in range(options.repeat + 1):  # the first warms the caches and is not counted
        cache = DynamicCache(config=model.config)
        logits = model(ids[:, : options.tokens], past_key_values=cache, logits_to_keep=1).logits
        losses, total = [], 0
        for t in range(options.tokens, end):
            losses.append(-float(torch.log_softmax(logits[0, -1].double(), -1)[ids[0, t]]))
            start = time.perf_counter()
            logits = model(ids[:, t : t + 1], past_key_values=cache).logits
            total += time.perf_counter() - start
        seconds.append(total)
median = statistics.median(seconds[1:])
print(json.dumps({
    "what": "decode", "who": "transformers", "depth": options.tokens, "new_tokens": options.new_tokens,
    "threads": options.threads, "repeat": options.repeat, "median_s": median,
    "tokens_per_s": options.new_tokens / median, "mean_nll": statistics.fmean(losses),
}))
