#!/usr/bin/env python3
"""Writes colormap_tables.c: the colour maps of Matplotlib as 256 rounded RGB triples each.

    pip install matplotlib==3.11.2
    python3 viz/colormap_tables.py > viz/colormap_tables.c
"""
from matplotlib import colormaps

NAMES = ["viridis", "magma", "cividis"]
HEAD = """/* colormap_tables.c: the colour maps, 256 RGB triples each. Written by colormap_tables.py; do not edit.
 *
 * viridis and magma: Stefan van der Walt, Nathaniel Smith and Eric Firing, given to the public domain (CC0).
 * cividis: Nunez, Anderton and Renslow 2018, PLOS ONE 13(7) e0199239, as Matplotlib distributes it. */
#include "viz/colormap.h"
"""


def triples(name):
    if name == "gray":
        return [(i, i, i) for i in range(256)]
    return [tuple(round(float(c) * 255) for c in colormaps[name](i)[:3]) for i in range(256)]


print(HEAD)
print("/* clang-format off */")
for name in NAMES + ["gray"]:
    print(f"const unsigned char rkv_colormap_{name}[256][3] = {{")
    rgb = triples(name)
    for i in range(0, 256, 8):
        print("    " + " ".join("{%d, %d, %d}," % c for c in rgb[i : i + 8]))
    print("};")
