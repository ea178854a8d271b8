#!/usr/bin/env python3
"""Reads sample traces with the tools that others use: h5py, h5dump, xarray. Names stand on the axes, values are right.

The Python example of docs/FORMATS.md is run, too.

usage: check_trace.py WRITE_SAMPLE_TRACE FORMATS_MD
Exit code 77: h5py is absent. h5dump and xarray are checked where they are installed.
"""
import os, shutil, subprocess, sys, tempfile

try:
    import h5py
    import numpy as np
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

L, H, G, T = 2, 4, 2, 300
AXES = {
    "tokens": ["key"], "token_text": ["key"], "attention": ["layer", "head", "query", "key"],
    "effective_rank": ["layer", "head"], "layer_rank": ["layer"],
}
METRICS = ["erank", "row_perplexity", "keys_95", "sink_4", "local_32", "long_256", "stable_rank", "ind1", "erank_k", "erank_v"]
SIZES = {"layer": L, "head": H, "kv_head": G, "query": T, "key": T}


def attention():
    """The formula of tests/support/sample_trace.c."""
    l, h, i, j = np.ogrid[:L, :H, :T, :T]
    weight = np.where(j <= i, 1 + (31 * l + 17 * h + 7 * i + 3 * j) % 11, 0).astype(np.float64)
    return (weight / weight.sum(-1, keepdims=True)).astype(np.float32)


def text():
    return ["" if i % 3 == 2 else ("é" if i % 3 else "t") + str(i) for i in range(T)]


def check_axes(dataset, axes):
    assert [list(d.keys()) for d in dataset.dims] == [[a] for a in axes], dataset.name
    assert [d.label for d in dataset.dims] == axes, dataset.name


def check_h5py(path, dtype, by_head):
    with h5py.File(path, "r") as f:
        assert f.attrs["schema"] == "rankkv-trace" and f.attrs["schema_version"] == 1
        assert f.attrs["creator"].startswith("rankkv ") and f.attrs["model_name"] == "Sample é"
        assert f.attrs["model_sha256"] == "a" * 64 and f.attrs["model_architecture"] == "llama"
        assert f.attrs["n_kv_heads"] == G and f.attrs["head_dim"] == 64 and f.attrs["n_tokens"] == T
        assert f.attrs["dtype"] == dtype and f.attrs["prompt_name"] == "sample" and f.attrs["perplexity"] == 12.5
        assert list(f.attrs["metrics"]) == METRICS
        for name, size in SIZES.items():
            assert h5py.h5ds.is_scale(f[name].id) and (f[name][:] == np.arange(size)).all()
        for name, axes in AXES.items():
            check_axes(f[name], axes)
        assert f["attention"].dtype == dtype and f["attention"].chunks == (1, 1, 256, 256)
        assert f["attention"].shuffle and f["attention"].compression == "gzip"
        assert f["attention"].id.get_num_chunks() == L * H * 3
        assert (f["attention"][:] == attention().astype(dtype)).all()
        assert (f["tokens"][:] == 100 + 3 * np.arange(T)).all()
        assert list(f["token_text"].asstr()[:]) == text()
        assert (f["effective_rank"][:] == 0.25 + np.arange(L * H).reshape(L, H)).all()
        assert f["effective_rank"].attrs["definition"] == "erank_sigma_entropy_nat"
        assert (f["layer_rank"][:] == [1.75, 5.75]).all() and f["layer_rank"].attrs["aggregate"] == "mean"
        assert sorted(f["metrics"]) == sorted(METRICS[1:])
        for m, name in enumerate(METRICS[1:], 1):
            heads, axis = (G, "kv_head") if name in ("erank_k", "erank_v") else (H, "head")
            dataset = f["metrics"][name]
            check_axes(dataset, ["layer", axis])
            assert dataset.attrs["units"] and dataset.attrs["long_name"]
            assert (dataset[:] == 100 * m + 0.25 + np.arange(L * heads).reshape(L, heads)).all(), name
        budget = f["budgets/proportional"]
        check_axes(budget, ["layer", "kv_head"] if by_head else ["layer"])
        assert (budget[:] == ([[30, 10], [8, 16]] if by_head else [20, 12])).all()
        assert budget.attrs["total"] == 32 and budget.attrs["signal"] == "erank"


def check_h5dump(path):
    tool = shutil.which("h5dump")
    if not tool:
        return "h5dump: absent"
    out = subprocess.run([tool, path], errors="replace", capture_output=True, text=True)
    assert out.returncode == 0 and "error" not in out.stderr.lower(), out.stderr
    assert '"t0"' in out.stdout and 'DATASET "attention"' in out.stdout
    header = subprocess.run([tool, "-p", "-H", "-d", "/attention", path], capture_output=True, text=True).stdout
    for part in ("SHUFFLE", "DEFLATE", "VALUE  0", "H5D_ALLOC_TIME_INCR"):
        assert part in header, part
    assert "COMPOUND" not in header.split("ATTRIBUTE")[0] and "H5T_ENUM" not in out.stdout
    return "h5dump: read"


def check_xarray(path, dtype):
    try:
        import h5netcdf, xarray
    except ImportError as error:
        return f"xarray: absent ({error})"
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert data.attention.dims == ("layer", "head", "query", "key") and dict(data.sizes) == SIZES
        expected = attention().astype(dtype)[1, 2, 3, :4]
        assert (data.attention.sel(layer=1, head=2, query=3, key=slice(0, 3)).values == expected).all()
        assert list(data.token_text.values) == text()
    with xarray.open_dataset(path, engine="h5netcdf", group="metrics") as data:
        assert data.erank_k.dims == ("layer", "kv_head") and data.keys_95.attrs["units"] == "keys"
    return "xarray: read"


def check_example(folder, formats):
    with open(formats, encoding="utf-8") as f:
        section = f.read().split("## trace.h5", 1)[1]
    code = section.split("```python\n", 1)[1].split("```", 1)[0]
    out = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert "Sample é (300, 300) ['layer', 'head', 'query', 'key']" in out and "'t0' 'é1' '' 't3'" in out, out


def main():
    with tempfile.TemporaryDirectory() as folder:
        for dtype in ("float16", "float32"):
            for granularity in ("layer", "head"):
                path = os.path.join(folder, "trace.h5")
                subprocess.run([sys.argv[1], path, str(T), dtype, granularity], check=True)
                check_h5py(path, dtype, granularity == "head")
        check_example(folder, sys.argv[2])
        print("h5py: read;", check_h5dump(path) + ";", check_xarray(path, dtype))


main()
