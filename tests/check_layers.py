#!/usr/bin/env python3
"""Holds every #include to docs/ARCHITECTURE.md: folders include only those below them, the program only public headers,
and each foreign library's headers appear in one folder."""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
ORDER = ["evaluation", "compressors", "analyzer", "allocator", "viz", "model", "io", "cuda", "backend",
         "core"]  # highest first
FOREIGN = {
    "core": ["openssl/"],
    "backend": ["cblas.h", "lapacke.h"],
    "io": ["hdf5", "H5", "jansson.h", "libdeflate.h"],
    "model": ["pcre2.h"],
    "viz": ["png.h", "cairo", "pango/"],
    "cuda": ["cuda/", "cuda_", "cublas", "cusolver"],  # the module is no part of the library
}


# These measure what has no public header.
INSIDE = {("bench/bench_gpu.c", "backend/backend.h"), ("bench/bench_gpu.c", "model/model.h"),
          ("bench/bench_weights.c", "backend/backend.h"), ("bench/bench_weights.c", "io/tensor_type.h")}


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match[1], match[2]


def fault(folder, quote, name):
    """What is wrong with an include in a folder, or None."""
    for owner, prefixes in FOREIGN.items():
        if owner != folder and any(name.startswith(prefix) for prefix in prefixes):
            return f"belongs to {owner} alone"
    top = name.split("/")[0]
    if quote == '"' and top in ORDER:
        if folder not in ORDER:
            return "is not a public header"
        if ORDER.index(top) < ORDER.index(folder):
            return f"lies above {folder}"
    return None


def main():
    files = [p for folder in ORDER + ["cli", "bench"] for p in sorted((ROOT / folder).rglob("*"))
             if p.suffix in (".c", ".h", ".cu")]
    if len(files) < 50:
        sys.exit(f"only {len(files)} sources found under {ROOT}")
    faults = 0
    for path in files:
        folder = path.relative_to(ROOT).parts[0]
        for number, quote, name in includes(path):
            wrong = fault(folder, quote, name)
            if wrong and (str(path.relative_to(ROOT)), name) not in INSIDE:
                print(f"{path.relative_to(ROOT)}:{number}: {name} {wrong}")
                faults += 1
    for path in sorted((ROOT / "include").rglob("*.h")):
        for number, quote, name in includes(path):
            if quote == '"' or "/" in name and not name.startswith("rankkv/"):
                print(f"{path.relative_to(ROOT)}:{number}: {name} in a public header")
                faults += 1
    print(f"{len(files)} files, {faults} faults")
    sys.exit(faults > 0)


main()
