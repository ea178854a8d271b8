#!/usr/bin/env python3
"""Times decoding with llama.cpp: one token at a time behind a cache of --tokens. Prints one JSON object.

The cache is float16, its default; --flash-attention turns its fused attention on. Only its own call that computes a
token is timed, not the Python around it.
"""
import argparse
import json
import statistics
import time

import llama_cpp
import numpy

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", required=True, help=".gguf file of any type")
parser.add_argument("--ids", required=True, help="JSON list of token ids")
parser.add_argument("--tokens", type=int, default=512, help="tokens in the cache before the first that is timed")
parser.add_argument("--new-tokens", type=int, default=64)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeat", type=int, default=5)
parser.add_argument("--flash-attention", action="store_true")
options = parser.parse_args()

end = options.tokens + options.new_tokens
with open(options.ids) as file:
    ids = json.load(file)[:end]
assert len(ids) == end, f"{options.ids} holds {len(ids)} ids, fewer than {end}"
model = llama_cpp.Llama(
    options.model, n_ctx=end, n_batch=options.tokens, n_threads=options.threads, n_threads_batch=options.threads,
    flash_attn=options.flash_attention, verbose=False)
context = model._ctx.ctx


def loss(token):
    """-ln of the probability that the last logits give to a token."""
    logits = numpy.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, -1), shape=(model.n_vocab(),))
    shifted = logits.astype("float64") - logits.max()
    return float(numpy.log(numpy.exp(shifted).sum()) - shifted[token])


def decode(token):
    """One step; its seconds."""
    one = (llama_cpp.llama_token * 1)(token)
    batch = llama_cpp.llama_batch_get_one(one, 1)
    start = time.perf_counter()
    assert llama_cpp.llama_decode(context, batch) == 0
    llama_cpp.llama_get_logits_ith(context, -1)  # waits until they are there
    return time.perf_counter() - start


seconds = []
for _ in range(options.repeat + 1):  # the first warms the caches and is not counted
    model.reset()
    model.eval(ids[: options.tokens])
    losses, total = [], 0
    for token in ids[options.tokens :]:
        losses.append(loss(token))
        total += decode(token)
    seconds.append(total)
median = statistics.median(seconds[1:])
print(json.dumps({
    "what": "decode", "who": "llama.cpp", "model": options.model, "flash_attention": options.flash_attention,
    "depth": options.tokens, "new_tokens": options.new_tokens, "threads": options.threads, "repeat": options.repeat,
    "median_s": median, "tokens_per_s": options.new_tokens / median, "mean_nll": statistics.fmean(losses),
}))
