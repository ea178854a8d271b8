#!/usr/bin/env python3
"""Times the prefill of llama.cpp on a float32 GGUF, with a float32 KV cache. Prints one JSON object.

Logits are computed for the last token only, as `bench_prefill` does. --ubatch is llama.cpp's number of tokens per graph
(its default is 512); --flash-attention turns its fused attention on.
"""
import argparse
import json
import statistics
import time

import llama_cpp
import numpy

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", required=True, help="float32 .gguf file (make_peer_files.py)")
parser.add_argument("--ids", required=True, help="JSON list of token ids")
parser.add_argument("--tokens", type=int, default=512)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeat", type=int, default=5)
parser.add_argument("--ubatch", type=int, default=512)
parser.add_argument("--flash-attention", action="store_true")
options = parser.parse_args()

with open(options.ids) as file:
    ids = json.load(file)[: options.tokens]
assert len(ids) == options.tokens, f"{options.ids} holds {len(ids)} ids, fewer than {options.tokens}"
model = llama_cpp.Llama(
    options.model, n_ctx=options.tokens, n_batch=options.tokens, n_ubatch=min(options.ubatch, options.tokens),
    n_threads=options.threads, n_threads_batch=options.threads, flash_attn=options.flash_attention,
    type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32, verbose=False)

seconds = []
for _ in range(options.repeat + 1):  # the first warms the caches and is not counted
    model.reset()
    start = time.perf_counter()
    model.eval(ids)
    seconds.append(time.perf_counter() - start)
logits = numpy.ctypeslib.as_array(model._ctx.get_logits_ith(-1), shape=(model.n_vocab(),))
median = statistics.median(seconds[1:])
print(json.dumps({
    "what": "prefill", "who": "llama.cpp", "ubatch": options.ubatch, "flash_attention": options.flash_attention,
    "tokens": options.tokens, "threads": options.threads, "repeat": options.repeat, "median_s": median,
    "tokens_per_s": options.tokens / median, "top_token": int(logits.argmax()),
}))
