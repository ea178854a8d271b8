#!/usr/bin/env python3
"""Writes the colour maps of Matplotlib as 256 rounded RGB triples each, for the library and for the page of reports.

    pip install matplotlib==3.11.2
    python3 viz/colormap_tables.py > viz/colormap_tables.c
    python3 viz/colormap_tables.py --page > viz/page/colormaps.js
"""
import sys

from matplotlib import colormaps

NAMES = ["viridis", "magma", "cividis"]
HEAD = """/* colormap_tables.c: the colour maps, 256 RGB triples each. Written by colormap_tables.py; do not edit.
 *
 * viridis and magma: Stefan van der Walt, Nathaniel Smith and Eric Firing, given to the public domain (CC0).
 * cividis: Nunez, Anderton and Renslow 2018, PLOS ONE 13(7) e0199239, as Matplotlib distributes it. */
#include "viz/colormap.h"
"""
PAGE_HEAD = """/* colormaps.js: viz/colormap_tables.c for the page: 256 colours each, as hexadecimal digits. Written by
 * colormap_tables.py --page; do not edit. */
page.colormaps = {"""


def triples(name):
    if name == "gray":
        return [(i, i, i) for i in range(256)]
    return [tuple(round(float(c) * 255) for c in colormaps[name](i)[:3]) for i in range(256)]



def write_library():
    print(HEAD)
    print("/* clang-format off */")
    for name in NAMES + ["gray"]:
        print(f"const unsigned char rkv_colormap_{name}[256][3] = {{")
        rgb = triples(name)
        for i in range(0, 256, 8):
            print("    " + " ".join("{%d, %d, %d}," % c for c in rgb[i : i + 8]))
        print("};")


def write_page():
    print(PAGE_HEAD)
    for name in NAMES + ["gray"]:
        rgb = triples(name)
        lines = ["".join("%02x%02x%02x" % c for c in rgb[i : i + 16]) for i in range(0, 256, 16)]
        print(f"    {name}:")
        print(" +\n".join(f'        "{line}"' for line in lines) + ",")
    print("};")


write_page() if "--page" in sys.argv else write_library()
