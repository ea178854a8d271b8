#!/usr/bin/env python3
"""What a user would write today instead of `rankkv analyze`: torch and transformers, float32.

Loads the model, runs it once with output_attentions (eager attention, the only kind that gives it), takes the singular
values of every head, and from them the effective ranks. Prints one JSON object.
"""
import time

start = time.perf_counter()
import argparse
import json
import os

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", required=True, help="folder that transformers loads, or a .gguf file")
parser.add_argument("--ids", required=True, help="JSON list of token ids")
parser.add_argument("--tokens", type=int, default=512)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()

import torch
from transformers import AutoModelForCausalLM

torch.set_num_threads(options.threads)
imported = time.perf_counter()

place = {"pretrained_model_name_or_path": options.model}
if options.model.endswith(".gguf"):
    folder, name = os.path.split(os.path.abspath(options.model))
    place = {"pretrained_model_name_or_path": folder, "gguf_file": name}
model = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32, attn_implementation="eager").eval()
with open(options.ids) as file:
    ids = torch.tensor([json.load(file)[: options.tokens]])
assert ids.shape[1] == options.tokens, f"{options.ids} holds {ids.shape[1]} ids, fewer than {options.tokens}"
loaded = time.perf_counter()

with torch.inference_mode():
    output = model(ids, output_attentions=True)
    prefilled = time.perf_counter()

    ranks = []
    for attention in output.attentions:  # [1, H, T, T]
        for head in attention[0]:
            sigma = torch.linalg.svdvals(head)
            p = sigma / sigma.sum()
            p = p[p > 0]
            ranks.append(float(torch.exp(-(p * p.log()).sum())))
end = time.perf_counter()

print(json.dumps({
    "what": "analyze", "who": "torch", "tokens": options.tokens, "threads": options.threads, "heads": len(ranks),
    "seconds": {"import": imported - start, "load": loaded - imported, "prefill": prefilled - loaded,
                "rank": end - prefilled, "total": end - start},
    "ms_per_head": 1e3 * (end - prefilled) / len(ranks),
    "mean_erank": sum(ranks) / len(ranks), "top_token": int(output.logits[0, -1].argmax()),
}))
