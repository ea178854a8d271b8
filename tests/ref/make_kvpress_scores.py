#!/usr/bin/env python3
"""Writes tests/ref/kvpress_scores.json: what kvpress makes of one small random layer.

The layer has H = 6 query heads, G = 2 KV heads, D = 16, T = 96 tokens; its query projection is the identity, so that the
file holds queries before their rotation. Numbers have three decimals, and so both sides start from the same float32
values. Per case: the method and options as rankkv spells them, kvpress's scores [G, T], and what it keeps at a few
ratios. Needs kvpress 0.5.5, transformers and torch; the result is committed, so tests need none of them.

    python3 tests/ref/make_kvpress_scores.py tests/ref/kvpress_scores.json
"""

import json
import math
import sys
from types import SimpleNamespace

import torch
from kvpress import (AdaKVPress, ExpectedAttentionPress, ObservedAttentionPress, PyramidKVPress, SnapKVPress,
                     TOVAPress)
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb, repeat_kv

H, G, D, T = 6, 2, 16, 96
RATIOS = [0.25, 0.5, 0.75, 0.9]  # removed


def rounded(*shape, scale=1.0, offset=0.0):
    return torch.round((torch.randn(*shape) * scale + offset) * 1000) / 1000


class Layer:
    """What a press reads of an attention layer."""

    def __init__(self):
        config = LlamaConfig(hidden_size=H * D, num_attention_heads=H, num_key_value_heads=G, head_dim=D,
                             num_hidden_layers=1, max_position_embeddings=4096)
        config._attn_implementation = "sdpa"
        self.module = SimpleNamespace(config=config, head_dim=D, layer_idx=0, q_proj=torch.nn.Identity(),
                                      rotary_emb=LlamaRotaryEmbedding(config))
        means = rounded(1, 1, H * D, scale=0.6)
        self.hidden = torch.round((rounded(1, T, H * D) + means) * 1000) / 1000
        self.keys = rounded(1, G, T, D, scale=1.2)
        self.values = rounded(1, G, T, D) * torch.exp(torch.randn(1, G, T, 1) * 0.5)
        self.values = torch.round(self.values * 1000) / 1000
        cos, sin = self.module.rotary_emb(self.hidden, torch.arange(T).unsqueeze(0))
        self.kwargs = {"position_embeddings": (cos, sin)}
        queries = self.hidden.view(1, T, H, D).transpose(1, 2)
        queries, _ = apply_rotary_pos_emb(queries, self.keys, cos, sin)
        logits = queries @ repeat_kv(self.keys, H // G).transpose(2, 3) / math.sqrt(D)
        logits += torch.full((T, T), float("-inf")).triu(1)
        self.attentions = torch.softmax(logits, dim=-1)

    def score(self, press):
        attentions = self.attentions if isinstance(press, ObservedAttentionPress) else None
        return press.score(self.module, self.hidden, self.keys, self.values, attentions, self.kwargs)

    def adakv_kept(self, press):
        """Positions per head that AdaKV does not mask."""
        press.compress(self.module, self.hidden, self.keys, self.values, None, self.kwargs)
        _, heads, positions = self.module.masked_key_indices
        masked = set(zip(heads.tolist(), positions.tolist()))
        return [[t for t in range(T) if (g, t) not in masked] for g in range(G)]


def kept(scores, budget):
    return [sorted(row.topk(budget).indices.tolist()) for row in scores[0]]


def digits(scores, first, last):
    """Eight digits; null for entries that always stay, which kvpress gives the largest score plus 1."""
    return [[float(f"{x:.8g}") if first <= t < T - last else None for t, x in enumerate(row)]
            for row in scores[0].tolist()]


def score_cases():
    """Method, press, and how many of the first and the last entries always stay."""
    return [
        ("snapkv:window=16", SnapKVPress(window_size=16), 0, 16),
        ("snapkv", SnapKVPress(), 0, 64),
        ("snapkv:window=8,kernel=7", SnapKVPress(window_size=8, kernel_size=7), 0, 8),
        ("snapkv:window=1,kernel=1", SnapKVPress(window_size=1, kernel_size=1), 0, 1),
        ("tova", TOVAPress(), 0, 1),
        ("h2o:recent_ratio=0,score=mean", ObservedAttentionPress(), 0, 0),
        ("sparse-attention", ObservedAttentionPress(), 0, 0),
        ("expected-attention", ExpectedAttentionPress(), 4, 0),
        ("expected-attention:n_future=1,n_sink=0", ExpectedAttentionPress(n_future_positions=1, n_sink=0), 0, 0),
        ("expected-attention:n_future=64,covariance=no",
         ExpectedAttentionPress(n_future_positions=64, use_covariance=False), 4, 0),
        ("expected-attention:vnorm=no", ExpectedAttentionPress(use_vnorm=False), 4, 0),
        ("expected-attention:epsilon=0.01,n_sink=7", ExpectedAttentionPress(epsilon=0.01, n_sink=7), 7, 0),
    ]


def cases(layer):
    for method, press, first, last in score_cases():
        scores = layer.score(press)
        budgets = [int(T * (1 - ratio)) for ratio in RATIOS]
        yield {"method": method, "scores": digits(scores, first, last),
               "kept": [{"budget": b, "heads": kept(scores, b)} for b in budgets if b >= first + last]}
    for window, alpha in [(16, 0.2), (4, 0.2), (4, 0.0), (8, 0.9)]:
        sets = []
        for ratio in RATIOS:
            budget = int(T * (1 - ratio))
            if budget < window:
                continue
            press = AdaKVPress(SnapKVPress(compression_ratio=ratio, window_size=window), alpha_safeguard=alpha)
            sets.append({"budget": budget, "heads": layer.adakv_kept(press)})
        yield {"method": f"ada-snapkv:window={window},alpha={alpha}", "kept": sets}


def pyramids():
    """Layer budgets of PyramidKV for several models and prompts."""
    for tokens, layers, beta, window in [(2048, 30, 20, 64), (1000, 5, 20, 8), (4096, 32, 5, 64)]:
        for ratio in [0.25, 0.5, 0.75, 0.875]:  # whole numbers of entries
            press = PyramidKVPress(compression_ratio=ratio, window_size=window, beta=beta)
            module = SimpleNamespace(config=SimpleNamespace(num_hidden_layers=layers), layer_idx=0)
            budgets = []
            for module.layer_idx in range(layers):
                budgets.append(press.get_layer_budget(module, tokens))
            yield {"method": f"pyramidkv:window={window},beta={beta}", "tokens": tokens, "budget": int(tokens * (1 - ratio)),
                   "budgets": budgets}


def main():
    torch.manual_seed(20240614)
    layer = Layer()
    document = {
        "shape": {"H": H, "G": G, "D": D, "T": T, "rope_base": 10000.0},
        "queries": layer.hidden.view(T, H, D).transpose(0, 1).flatten().tolist(),
        "keys": layer.keys.flatten().tolist(),
        "values": layer.values.flatten().tolist(),
        "cases": list(cases(layer)),
        "pyramids": list(pyramids()),
    }
    for name in ("queries", "keys", "values"):
        document[name] = [round(x, 3) for x in document[name]]
    with open(sys.argv[1], "w") as file:
        json.dump(document, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
