"""The pages that the tests open: a table of them, each made by the program when it is first asked for."""
import functools
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import documents
from browsing import scratch
from report_page import ReportPage

PROGRAM = os.environ.get("RANKKV_PROGRAM", "rankkv")
MAKE_TINY_MODEL = os.environ.get("RANKKV_MAKE_TINY_MODEL", "make_tiny_model")
TINY = {"layers": 2, "heads": 4, "kv_heads": 2}  # tests/support/tiny_model.h

# It ends elements and comments, has handlers, entities, and what JSON and JavaScript take for the end of a line.
HOSTILE = '</script><img src=x onerror="window.owned = 1"><!-- </style></title><svg onload=window.owned=1> &lt;b&gt; \\ \u2028 \'"'
NO_XML = "\x01\x0b\ufffe"  # characters that no XML file may hold
PROMPT = "The quick brown fox jumps over the lazy dog, and the lazy dog does not mind. " * 2
ARABIC = ["في", " البدء", " كان", " الكلمة", "،", " والكلمة", " كان", " عند", " الله", ". ", "אור", " ", "Latin", " 123", "\u202e"]
CHINESE = ["天", "地", "玄", "黄", "，", "宇宙", "洪荒", "。", "日本語", "の", "テキスト", "⏎", "한국어", " 텍스트"]


@functools.cache
def tiny_model(n_context=256):
    path = scratch("models") / f"tiny-{n_context}.gguf"
    subprocess.run([MAKE_TINY_MODEL, path, "F32", "0", str(n_context)], check=True)
    return path


def run_program(folder, *arguments, output=os.devnull):
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"}
    with open(output, "wb") as file:
        subprocess.run([PROGRAM, *map(str, arguments)], cwd=folder, env=env, check=True, stdin=subprocess.DEVNULL, stdout=file,
                       timeout=600)


class Analysed:
    """What `rankkv analyze --html` made of one prompt."""

    def __init__(self, folder):
        self.page, self.trace = folder / "report.html", folder / "trace.h5"
        self.analysis = json.loads((folder / "analysis.json").read_text())


def analyse(source, *options, model=None):
    folder = source.parent
    chosen = ["--model", model] if model else []
    run_program(folder, "analyze", source.name, "--html", "--quiet", "-o", "out", *chosen, *options)
    [made] = (folder / "out").iterdir()
    return Analysed(made)


def new_folder():
    return scratch(f"page-{len(os.listdir(scratch('.')))}")


def prompt_file(name, text):
    folder = new_folder()
    (folder / name).write_text(text)
    return folder / name


def foreign_trace(name, n_tokens, token_text=None):
    """A trace as another tool writes it: the attention, and perhaps the text."""
    try:
        import h5py
        import numpy
    except ImportError as error:
        raise unittest.SkipTest(f"{error} (Debian: python3-h5py)") from None
    l, h, i, j = numpy.ogrid[:3, :2, :n_tokens, :n_tokens]
    weight = numpy.where(j <= i, 1 + (31 * l + 17 * h + 7 * i + 3 * j) % 11, 0).astype(numpy.float64)
    path = scratch(f"trace-{name}") / f"{name}.h5"
    with h5py.File(path, "w") as file:
        file["attention"] = (weight / weight.sum(-1, keepdims=True)).astype(numpy.float32)
        if token_text:
            file.create_dataset("token_text", data=token_text, dtype=h5py.string_dtype())
    return path


@functools.cache
def of_prompt():
    return analyse(prompt_file("prompt.txt", PROMPT), "--save-attention", "--dtype", "float32", model=tiny_model())


@functools.cache
def of_hostile():
    return analyse(prompt_file("<img src=x onerror=window.owned=1>.txt", HOSTILE), model=tiny_model())


@functools.cache
def of_one_token():
    return analyse(prompt_file("one.txt", "x"), "--save-attention", model=tiny_model())


@functools.cache
def of_many_tokens():
    return analyse(prompt_file("many.txt", PROMPT * 40), "--tokens", 2048, "--save-attention", "--dtype", "float32",
                   model=tiny_model(2048))


@functools.cache
def of_trace(name):
    texts = {"right-to-left": ARABIC * 6, "chinese": CHINESE * 6, "attention-alone": None}
    return analyse(foreign_trace(name, len(texts[name] or range(96)), texts[name]))


def analysis_document(n_tokens):
    values = [[1.5 + l + h for h in range(TINY["heads"])] for l in range(TINY["layers"])]
    return {
        "schema": "rankkv-analysis", "schema_version": 1,
        "model": {"name": HOSTILE, "architecture": HOSTILE, "file_type": HOSTILE, "n_layers": TINY["layers"],
                  "n_heads": TINY["heads"], "n_kv_heads": TINY["kv_heads"]},
        "prompt": {"name": HOSTILE, "n_tokens": n_tokens, "token_text": [HOSTILE] * n_tokens},
        "metric": "erank_sigma_entropy_nat", "effective_rank": values, "metrics": {HOSTILE: values, "sink_4": values},
        "layer_rank": {"aggregate": "mean", "values": [1.5, 2.5]}, "device": HOSTILE, "solver": HOSTILE,
    }


def budget_document(policy, by_head):
    kv_heads = [[12, 8], [4, 0]]
    return {"schema": "rankkv-budget", "schema_version": 1, "n_tokens": 70, "policy": policy, "signal": HOSTILE, "total": 12,
            "options": {HOSTILE: HOSTILE}, "granularity": "head" if by_head else "layer", "layers": [10, 2],
            "source": HOSTILE} | ({"heads": kv_heads} if by_head else {})


@functools.cache
def of_documents():
    """Every word that a document can hold is hostile; no program made it."""
    n_tokens, n_heads = 70, TINY["layers"] * TINY["heads"]
    codes = n_tokens * (n_tokens + 1) // 2
    page = ReportPage(HOSTILE).document("analysis", HOSTILE, analysis_document(n_tokens))
    page.array("attention", "u8", [TINY["layers"], TINY["heads"], codes], 2, [i % 256 for i in range(n_heads * codes)],
               cells=n_tokens, block=1, per_octave=8, floor=2 ** -20)
    page.array("received", "f32", [TINY["layers"], TINY["heads"], n_tokens], 1,
               [1 / (1 + i % 13) for i in range(n_heads * n_tokens)])
    for i, by_head in enumerate((False, True, True)):
        page.document("budget", f"{HOSTILE} {i}", budget_document(HOSTILE + NO_XML, by_head))
    settings = [{"method": HOSTILE, "budget": budget, "ratio": ratio, "entries": 0}
                for budget in (HOSTILE, None) for ratio in (0.25, 0.5)]
    page.document("selection", HOSTILE, {"model": HOSTILE, "n_tokens": n_tokens, "settings": settings})
    bytes_of = (n_tokens + 7) // 8
    page.array("kept", "u8", [len(settings), TINY["layers"], TINY["kv_heads"], bytes_of], 1,
               [(37 * i) % 256 for i in range(len(settings) * TINY["layers"] * TINY["kv_heads"] * bytes_of)])
    page.document("made", HOSTILE, {"command": [HOSTILE, HOSTILE], "version": HOSTILE, "device": HOSTILE, "host": HOSTILE,
                                    "date": HOSTILE, "files": [{"name": HOSTILE, "sha256": HOSTILE, "bytes": 1}]})
    return page.save(scratch("documents") / "report.html")


EVALUATION = ["-c", 60, "-n", 12, "--windows", 3, "-M", "streaming-llm,knorm", "-r", "0.5,0.25", "-p", "uniform,inverse,shuffled",
              "-T", "natural,copy", "-N", 6, "--no-charts"]


@functools.cache
def of_evaluation():
    """The folder of `rankkv eval --html`."""
    text = prompt_file("text.txt", "".join(f"{i}. {PROMPT}" for i in range(12)))
    run_program(text.parent, "eval", "-t", text.name, "-m", tiny_model(), "-o", "out", *EVALUATION, "--html", "--quiet")
    return text.parent / "out"


@functools.cache
def of_everything():
    """`rankkv report` of a folder that has a file of each kind but bench and calibration."""
    text = prompt_file("text.txt", PROMPT)
    folder = text.parent / "all"
    folder.mkdir()
    for name in ("one.txt", "two.txt"):
        (text.parent / name).write_text(PROMPT + name)
    run_program(text.parent, "analyze", "one.txt", "two.txt", "-m", tiny_model(), "-o", "all/prompts", "--quiet")
    run_program(text.parent, "run", text.name, "-m", tiny_model(), "-M", "h2o", "-r", 0.5, "-N", 12, "--ignore-end", "--compare",
                "--trace-cache", "all/h2o.jsonl", "--json", "--quiet", output=folder / "h2o.json")
    shutil.copytree(of_evaluation(), folder / "eval")
    run_program(text.parent, "report", "all", "--title", "Everything at once", "--quiet")
    return folder / "report.html"


def as_text(document):
    """JSON as the program writes it: a list, which is a cache's events, as a line each."""
    lines = document if isinstance(document, list) else [document]
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def report_of(files):
    """What `rankkv report` makes of a folder of {file name: document}."""
    folder = new_folder()
    for name, document in files.items():
        (folder / name).write_text(as_text(document))
    run_program(folder, "report", ".", "--title", "A page", "--quiet")
    return folder / "report.html"


def page_of(*files, title="A page"):
    """A page of (kind, name, document) that the program would refuse, or cannot name so."""
    page = ReportPage(title)
    for kind, name, document in files:
        page.document(kind, name, document)
    return page.save(new_folder() / "report.html")


@functools.cache
def sample_results(name):
    return report_of({"results.json": documents.results(name)})


@functools.cache
def of_measurements():
    """What of_everything() lacks, and a run that differs from the full cache's."""
    return report_of({"bench.json": documents.bench(documents.BENCH_ROWS), "h2o.json": documents.run("one two four", "one two three"),
                      "h2o.jsonl": documents.EVENTS, "profile.json": documents.profile(**documents.JUDGED),
                      "results.json": documents.results("whole")})


def empty():
    return ReportPage("A page of nothing").save(scratch("documents") / "empty.html")


# Name of the page: what makes it.
PAGES = {
    "prompt": lambda: of_prompt().page,
    "hostile": lambda: of_hostile().page,
    "one-token": lambda: of_one_token().page,
    "many-tokens": lambda: of_many_tokens().page,
    "right-to-left": lambda: of_trace("right-to-left").page,
    "chinese": lambda: of_trace("chinese").page,
    "attention-alone": lambda: of_trace("attention-alone").page,
    "evaluation": lambda: of_evaluation() / "report.html",
    "everything": of_everything,
    "measurements": of_measurements,
    "documents": of_documents,
    "empty": empty,
}
