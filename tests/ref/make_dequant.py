#!/usr/bin/env python3
"""Writes tests/data/dequant.gguf: blocks of every tensor type, and the float32 that the package gguf makes of them.

For each type NAME there is a tensor NAME.blocks of that type and a tensor NAME.values of float32, so the file also
shows that a GGUF file by another program is read. Needs gguf and numpy; the result is committed, so tests need neither.

    python3 tests/ref/make_dequant.py tests/data/dequant.gguf
"""

import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter
from gguf.quants import dequantize

# type -> where in a block its half-precision scales lie
SCALES = {
    "F32": [], "F16": [], "BF16": [],
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}
# 0, -0, smallest and largest subnormal, smallest normal, 1, -1, largest, lowest
EDGES = np.array([0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF], np.uint16)


def finite_halves(random, n):
    """Random half-precision bits without infinities and NaNs: edge values first."""
    bits = random.integers(0, 1 << 16, n, dtype=np.uint16)
    bits[(bits & 0x7C00) == 0x7C00] ^= 0x4000
    bits[: len(EDGES)] = EDGES[:n]
    return bits


def plain_blocks(name, random):
    """Edge values and random bits of an unquantised type, infinities included."""
    if name == "F16":
        return np.concatenate([EDGES, [0x7C00, 0xFC00], finite_halves(random, 245)]).astype("<u2").view(np.uint8)
    values = random.standard_normal(256).astype("<f4")
    values[:4] = [np.inf, -np.inf, -0.0, 1e-44]
    return values.view(np.uint8) if name == "F32" else (values.view("<u4") >> 16).astype("<u2").view(np.uint8)


def quantised_blocks(name, random):
    """Random blocks; the first ones have edge scales, then all quanta 0 and all quanta 1."""
    elements, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    n = 12 if elements == 256 else 40
    blocks = random.integers(0, 256, (n, size), dtype=np.uint8)
    blocks[-2], blocks[-1] = 0x00, 0xFF
    for k, offset in enumerate(SCALES[name]):
        halves = np.roll(finite_halves(random, n), 3 * k)  # so that edges of scale and minimum mix
        blocks[:, offset : offset + 2] = halves.astype("<u2").view(np.uint8).reshape(n, 2)
    return blocks.reshape(-1)


def main():
    writer = GGUFWriter(sys.argv[1], "oracle")
    for name in SCALES:
        random = np.random.default_rng(len(name) * 1000 + sum(name.encode()))
        data_type = GGMLQuantizationType[name]
        make = quantised_blocks if SCALES[name] else plain_blocks
        blocks = make(name, random)
        values = dequantize(blocks.reshape(1, -1), data_type).reshape(-1).astype("<f4")
        writer.add_tensor(name + ".blocks", blocks, raw_dtype=data_type)
        writer.add_tensor(name + ".values", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
