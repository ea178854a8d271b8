"""rankkv bench on a model: the report, its figures, cases that fail, and being stopped. Times are not held to values."""
import csv
import json
import os
import pathlib
import signal
import statistics
import subprocess
import time
import unittest

from support import PROGRAM, TINY_CONTEXT, CliTest, on_terminal

FILES = ["bench.csv", "bench.json"]
CHARTS = ["contexts.png", "contexts.svg", "times.png", "times.svg"]
SPREADS = ("ttft_s", "tpot_s", "compress_s", "entries", "cache_bytes", "kv_bytes", "end_entries", "baseline_bytes", "peak_bytes")


class BenchTest(CliTest):
    def setUp(self):
        super().setUp()
        (self.folder / "prompt.txt").write_text("The quick brown fox jumps over the lazy dog. " * 20)

    def bench(self, *arguments):
        """The document, and its rows by method and context."""
        result = self.run_well("bench", "prompt.txt", "--json", "--quiet", "--force", *arguments)
        self.assertEqual(result.stderr, "")
        document = json.loads(result.stdout)
        self.assertEqual(document, self.load("rankkv-bench/bench.json"))
        return document, {(row["method"], row["context"]): row for row in document["results"]}


class DryRun(BenchTest):
    CASES = ["-c", "32,64", "-M", "streaming-llm", "-M", "h2o+int8", "-N", "4", "--ratio", "0.25"]

    def foretold(self, *arguments):
        result = self.run_well("bench", "prompt.txt", *arguments, "--dry-run", "--json", "--device", "cpu")
        document = json.loads(result.stdout)
        self.assertEqual((document["schema"], document["device"]), ("rankkv-dry-run", "cpu"))
        self.assert_valid(self.validator("dry_run"), document)
        return {(case["method"], case["context"]): case for case in document["cases"]}

    def test_caches_are_those_of_the_measurement(self):
        cases = self.foretold(*self.CASES)
        self.assertEqual(self.names("rankkv-bench") if (self.folder / "rankkv-bench").exists() else [], [])
        _, rows = self.bench(*self.CASES, "--device", "cpu", "--repeats", "1")
        self.assertEqual(list(cases), list(rows))
        for key, case in cases.items():
            parts = ("held_bytes", "weights_bytes", "cache_bytes", "activations_bytes", "workspace_bytes")
            self.assertEqual(case["needed_bytes"], sum(case[part] for part in parts))
            self.assertEqual(case["cache"]["allocated_bytes"], rows[key]["end_cache_bytes"]["median"])
            self.assertEqual(case["cache"]["peak_bytes"], rows[key]["cache_peak_bytes"]["median"])
            self.assertEqual((case["new_tokens"], case["failure"]), (4, None))

    def test_in_words(self):
        result = self.run_well("bench", "prompt.txt", *self.CASES, "--dry-run", "--device", "cpu")
        self.assertRegex(result.stdout, r"(?m)^method +context +needed .* cache ")
        for method in ("full", "streaming-llm", r"h2o\+int8"):
            for context in (32, 64):
                self.assertRegex(result.stdout, rf"(?m)^{method} +{context}( +\d+\.\d){{7}}$")
        self.assertRegex(result.stdout, r"\nbeside that each process has the model's file, mapped: \d+\.\d, and the program itself\n$")

    def test_what_would_fail_says_why(self):
        cases = self.foretold("-c", f"16,{TINY_CONTEXT + 1}", "-M", "snapkv:window=30", "--budget", "8")
        self.assertIn("always keeps", cases["snapkv:window=30", 16]["failure"])
        self.assertIn("more than the model", cases["full", TINY_CONTEXT + 1]["failure"])
        self.assertIsNone(cases["full", 16]["failure"])
        self.assert_fails(2, "no case could be measured", "bench", "prompt.txt", "-c", str(TINY_CONTEXT + 1), "--dry-run")

    def test_without_a_model_nothing_is_foretold(self):
        result = self.run_well("bench", "--kv", "tokens=16", "--dry-run")
        self.assertTrue(result.stdout.startswith("without a model nothing is foretold: "))
        self.assertEqual(json.loads(self.run_well("bench", "--kv", "tokens=16", "--dry-run", "--json").stdout)["cases"], [])
        self.assert_fails(2, "nope", "bench", "--kv", "tokens=nope", "--dry-run")
        self.assert_fails(2, "nope", "bench", "--kv", "tokens=16", "-M", "nope", "--dry-run")


class Report(BenchTest):
    def test_files_and_table(self):
        result = self.run_well("bench", "prompt.txt", "-c", "64,32", "-M", "streaming-llm", "--repeats", "2", "-N", "4")
        names = self.names("rankkv-bench")
        if "without charts" not in result.stderr:
            self.assertEqual(names, sorted(FILES + CHARTS))
            for name in CHARTS:
                begin = (self.folder / "rankkv-bench" / name).read_bytes()[:5]
                self.assertIn(begin, (b"\x89PNG\r", b"<?xml", b"<svg "))
        else:
            self.assertEqual(names, FILES)
        self.assertIn("note: 8 of 8 runs are measured; results are in rankkv-bench", result.stderr)
        number, spread = r"[\d.]+", r"[\d.]+ \[[\d.]+, [\d.]+\]"
        for context in (32, 64):
            for method, kept in (("full", context), ("streaming-llm", context // 2)):
                self.assertRegex(result.stdout, rf"(?m)^{method} +{context} +{kept}\.0 +{spread} +{number} +{spread} +"
                                                rf"{number} +{number} +{number} +\d+ +\d+$")
        self.assertNotIn("analysis s", result.stdout)
        self.assertRegex(" ".join(result.stdout.split()), r"Medians of 2 rounds, .* \[least, most\]")

    def test_document(self):
        document, rows = self.bench("-c", "32,64,32", "-M", "streaming-llm", "-M", "int8", "-M", "full", "-N", "4", "--ratio",
                                    "0.25", "--warm-up", "0", "--seed", "5")
        self.assert_valid(self.validator("bench"), document)
        self.assertEqual(list(rows), [(m, c) for c in (32, 64) for m in ("full", "streaming-llm", "int8")])
        self.assertEqual((document["mode"], document["stopped"], document["device"]), ("model", False, "cpu"))
        options = document["options"]
        self.assertEqual((options["contexts"], options["repeats"], options["warm_up"]), ([32, 64], 3, 0))
        self.assertEqual((options["ratio"], options["budget"], options["seed"]), (0.25, None, 5))
        self.assertEqual((document["text"]["name"], document["text"]["repeated"]), ("prompt", False))
        self.assertEqual(document["machine"]["threads"], 1)
        for (method, context), row in rows.items():
            entries = context // 4 if method == "streaming-llm" else context
            self.assertEqual((row["n_samples"], row["failure"], row["entries"]["median"]), (3, None, entries), row)
            self.assertEqual(row["end_entries"]["median"], entries if method == "streaming-llm" else entries + 3)
            self.assertIsNone(row["analysis_s"]["median"])
        model = document["model"]
        self.assertEqual(rows["int8", 64]["full_bytes_16"]["median"],
                         64 * model["n_layers"] * model["n_kv_heads"] * model["head_dim"] * 2 * 2)
        self.assertLess(rows["int8", 64]["cache_bytes"]["median"], rows["full", 64]["cache_bytes"]["median"] / 2)

    def test_schema_refuses_what_is_broken(self):
        validator = self.validator("bench")
        document, _ = self.bench("-c", "32", "-M", "int8", "--repeats", "1", "-N", "2")
        for member in set(document) - {"creator"}:
            self.assertFalse(validator.is_valid({k: v for k, v in document.items() if k != member}), member)
        row = document["results"][1]
        for member in set(row):
            rows = [{k: v for k, v in row.items() if k != member}]
            self.assertFalse(validator.is_valid(document | {"results": rows}), member)
        for member, value in (("hold", "never"), ("samples", [{}]), ("ttft_s", 1), ("context", 0), ("failure", 3)):
            self.assertFalse(validator.is_valid(document | {"results": [row | {member: value}]}), member)

    def test_figures_are_those_of_the_samples(self):
        document, rows = self.bench("-c", "32", "-M", "knorm", "--repeats", "4", "-N", "3")
        full = rows["full", 32]["samples"]
        for row in rows.values():
            for name in SPREADS:
                values = [sample[name] for sample in row["samples"]]
                self.assertAlmostEqual(row[name]["median"], statistics.median(values))
                self.assertEqual((row[name]["least"], row[name]["most"]), (min(values), max(values)))
            for name in ("ttft", "tpot"):
                ratios = [a[f"{name}_s"] / b[f"{name}_s"] for a, b in zip(row["samples"], full)]
                self.assertAlmostEqual(row[f"{name}_to_full"]["median"], statistics.median(ratios))
            self.assertAlmostEqual(row["tokens_per_s"] * row["tpot_s"]["median"], 1)
            for sample in row["samples"]:
                self.assertGreater(sample["ttft_s"], 0)
                self.assertLessEqual(sample["baseline_bytes"], sample["peak_bytes"])
                self.assertLessEqual(sample["cache_bytes"], sample["cache_peak_bytes"])
        self.assertEqual(rows["full", 32]["ttft_to_full"], {"median": 1, "least": 1, "most": 1})
        table = list(csv.DictReader((self.folder / "rankkv-bench/bench.csv").read_text().splitlines()))
        self.assertEqual([row["method"] for row in table], ["full", "knorm"])
        for line, row in zip(table, rows.values()):
            self.assertAlmostEqual(float(line["tpot_s"]), row["tpot_s"]["median"], 12)
            self.assertAlmostEqual(float(line["peak_bytes_most"]), row["peak_bytes"]["most"])
            self.assertEqual((line["analysis_s"], line["failure"], line["hold"]), ("", "", "always"))

    def test_one_new_token_has_no_time_per_token(self):
        _, rows = self.bench("-c", "32", "--repeats", "1", "-N", "1", "-M", "tova")
        self.assertIsNone(rows["tova", 32]["tpot_s"]["median"])
        self.assertIsNone(rows["tova", 32]["tokens_per_s"])
        self.assertGreater(rows["tova", 32]["ttft_s"]["median"], 0)

    def test_every_method(self):
        methods = json.loads(self.run_well("methods", "compressors", "--json").stdout)["compressors"]
        _, rows = self.bench("-c", "80", "--compare-all", "-M", "snapkv:window=8+int4", "--repeats", "1", "-N", "2",
                             "--budget", "64")
        self.assertEqual([method for method, _ in rows], [m["name"] for m in methods] + ["snapkv:window=8+int4"])
        hold = {m["name"]: "prompt" if m["prompt_once"] else "always" for m in methods}
        for (method, _), row in rows.items():
            self.assertEqual((row["n_samples"], row["failure"]), (1, None), method)
            self.assertEqual(row["hold"], hold[method.split(":")[0]])

    def test_text_that_is_too_short(self):
        (self.folder / "short.txt").write_text("the fox and the dog ")
        result = self.run_well("bench", "-t", "short.txt", "-c", "48", "--repeats", "1", "-M", "window", "-N", "2")
        self.assertRegex(result.stderr, r"note: short: its \d+ tokens begin anew where a context is longer")
        self.assertIn("begun anew", result.stdout)
        self.assertTrue(self.load("rankkv-bench/bench.json")["text"]["repeated"])

    def test_without_contexts(self):
        """The tiny model has no room for those of the usual."""
        document, _ = self.bench("--repeats", "1", "-N", "2")
        self.assertEqual(document["options"]["contexts"], [TINY_CONTEXT // 2])
        self.assertEqual(document["options"]["methods"], ["full", "streaming-llm", "snapkv", "snapkv+int8"])

    def test_terminal(self):
        """Each case takes longer than it takes to draw the bar anew."""
        text = on_terminal(self, "bench", "prompt.txt", "-c", "32", "--repeats", "2", "-N", "6000", "-M", "window")
        self.assertRegex(text, r"bench  full .* 0 %  0/24256 ")
        self.assertRegex(text, r"bench  (full|window) .*%  \d+/24256  \d:\d\d, \d:\d\d left")
        self.assertIn("\033[1mmethod", text)


class Policies(BenchTest):
    def test_analysis_counts(self):
        _, rows = self.bench("-c", "48", "-M", "h2o", "-M", "int8", "-p", "inverse", "--budget", "16", "--repeats", "2", "-N", "2")
        row = rows["h2o", 48]
        self.assertEqual((row["policy"], row["entries"]["median"]), ("inverse", 16))
        for sample in row["samples"]:
            self.assertGreater(sample["analysis_s"], 0)
            self.assertGreater(sample["ttft_s"], sample["analysis_s"])
        self.assertIsNone(rows["int8", 48]["policy"])  # nothing to spread a budget over
        self.assertIsNone(rows["int8", 48]["analysis_s"]["median"])
        table = self.run_well("bench", "prompt.txt", "-c", "48", "-M", "h2o", "-p", "inverse", "--repeats", "1", "--force").stdout
        self.assertIn("analysis s", table)
        self.assertIn("budgets: inverse\n", table)
        self.assertIn("first token, analysis included;", " ".join(table.split()))

    def test_a_control_needs_no_analysis(self):
        _, rows = self.bench("-c", "200", "-M", "window", "-p", "uniform", "-M", "knorm", "--ratio", "0.25", "--repeats", "1")
        for method in ("window", "knorm"):
            self.assertIsNotNone(rows[method, 200]["analysis_s"]["median"])  # what sharing takes
            self.assertEqual(rows[method, 200]["entries"]["median"], 50)

    def test_profile(self):
        self.run_well("probe", "-o", "profile.json", "--quiet")
        _, rows = self.bench("-c", "64", "-M", "h2o", "-p", "power:signal=retr,by=head", "--profile", "profile.json", "--budget",
                             "16", "--repeats", "1", "-N", "2")
        self.assertEqual(rows["h2o", 64]["entries"]["median"], 16)
        self.assertIsNotNone(rows["h2o", 64]["analysis_s"]["median"])

    def test_refusals(self):
        self.assert_fails(2, "--policy: ", "bench", "prompt.txt", "-p", "inverso")
        self.assert_fails(2, "--policy: ", "bench", "prompt.txt", "-p", "calibrated")
        self.assert_fails(2, "--profile has signals for a --policy", "bench", "prompt.txt", "--profile", "analysis.json")
        self.assert_fails(66, "missing.json", "bench", "prompt.txt", "-p", "inverse", "--profile", "missing.json")
        self.assert_fails(65, "analysis.json", "bench", "prompt.txt", "-p", "inverse", "--profile", "analysis.json")


class Failures(BenchTest):
    def test_a_method_that_refuses_is_a_row(self):
        result = self.run_well("bench", "prompt.txt", "-c", "32", "-M", "streaming-llm:n_sink=9", "-M", "window", "--budget", "8",
                               "--repeats", "2", "-N", "2")
        self.assertRegex(result.stdout, r"(?m)^streaming-llm:n_sink=9 +32  failed: .*always keeps 9 entries")
        self.assertRegex(result.stdout, r"(?m)^window +32 +8\.0 ")
        self.assertEqual(result.stderr.count("always keeps 9 entries"), 1)  # not tried again
        document = self.load("rankkv-bench/bench.json")
        self.assert_valid(self.validator("bench"), document)
        row = document["results"][1]
        self.assertEqual((row["n_samples"], row["samples"]), (0, []))
        self.assertIn("always keeps 9 entries", row["failure"])
        self.assertNotIn("rankkv", row["failure"])

    def test_a_context_beyond_the_model(self):
        _, rows = self.bench("-c", f"32,{TINY_CONTEXT + 1},4000000000000", "-M", "window", "--repeats", "1", "-N", "2")
        self.assertIsNone(rows["window", 32]["failure"])
        for context in (TINY_CONTEXT + 1, 4000000000000):
            self.assertEqual(rows["full", context]["failure"],
                             f"a context of {context} tokens is more than the {TINY_CONTEXT} of the model")

    def test_nothing_can_be_measured(self):
        result = self.run_program("bench", "prompt.txt", "-c", "1000", "-q")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("no case could be measured", result.stderr)
        self.assertIn("more than the 256 of the model", result.stdout)
        result = self.run_program("bench", "prompt.txt", "-c", "32", "-q", "-f", "--device", "cuda:99", "-M", "window")
        self.assertEqual(result.returncode, 69, result.stderr)

    def test_wrong_use(self):
        for words, arguments in (
            ("not both", ["prompt.txt", "-t", "prompt.txt"]),
            ("not both", ["prompt.txt", "--budget", "8", "--ratio", "0.5"]),
            ("--method: no method is called", ["prompt.txt", "-M", "windw"]),
            ("--contexts: 0 is not from 1", ["prompt.txt", "-c", "0"]),
            ("--contexts: \"x\" is no number", ["prompt.txt", "-c", "64,x"]),
            ("--contexts is for a model", ["--kv", "tokens=8", "-c", "64"]),
            ("a prompt is for a model; --kv is without one", ["--kv", "tokens=8", "prompt.txt"]),
        ):
            with self.subTest(words):
                self.assert_fails(2, words, "bench", *arguments)
        (self.folder / "empty.txt").write_text("")
        self.assert_fails(65, "the prompt is empty", "bench", "empty.txt")
        self.assert_fails(66, "missing.txt: cannot open", "bench", "missing.txt")
        self.assert_fails(66, "missing.gguf", "bench", "prompt.txt", "-m", "missing.gguf")
        self.assertFalse((self.folder / "rankkv-bench").exists())

    def test_folder_is_taken(self):
        out = self.folder / "rankkv-bench"
        out.mkdir()
        for name in ("times.png", "bench.json", "notes.md"):
            (out / name).write_text("old")
        self.assert_fails(73, "rankkv-bench: is there already", "bench", "prompt.txt", "-c", "32")
        self.assertEqual((out / "bench.json").read_text(), "old")
        self.run_well("bench", "prompt.txt", "-c", "32", "--repeats", "1", "-N", "2", "--force")
        self.assertEqual((out / "notes.md").read_text(), "old")
        self.assertNotEqual((out / "bench.json").read_text(), "old")
        self.assertFalse((out / "times.png").exists() and (out / "times.png").read_bytes() == b"old")
        self.assert_fails(73, "prompt.txt", "bench", "prompt.txt", "-o", "prompt.txt/out")

    def test_the_case_is_not_listed(self):
        for arguments in (["help"], ["completion", "bash"], ["manual"]):
            self.assertNotIn("bench-case", self.run_well(*arguments).stdout)
        self.assertIn("--warm-up", self.run_well("bench-case", "--help").stdout)
        self.assert_fails(65, "standard input: fewer than 8 tokens", "bench-case", "--context=8", "--method=full")


class Processes(BenchTest):
    """Every case is a process of its own, whatever becomes of it."""

    def start(self, *arguments):
        program = subprocess.Popen([PROGRAM, "bench", "prompt.txt", *arguments], cwd=self.folder, env=self.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(program.kill)
        return program

    def wait_for_case(self, program, method):
        """The process of a case of the method, once it is there."""
        children = pathlib.Path(f"/proc/{program.pid}/task/{program.pid}/children")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and program.poll() is None:
            for child in children.read_text().split():
                try:
                    if f"--method={method}\0" in pathlib.Path(f"/proc/{child}/cmdline").read_text():
                        return int(child)
                except OSError:
                    pass  # it ended meanwhile
            time.sleep(0.001)
        self.fail("no such case: " + "".join(program.communicate(timeout=60)))

    def test_a_case_that_is_killed_is_a_row(self):
        program = self.start("-c", "64", "-M", "h2o", "-M", "window", "-N", "5000", "--repeats", "1", "--json")
        os.kill(self.wait_for_case(program, "h2o"), signal.SIGKILL)
        out, err = program.communicate(timeout=120)
        self.assertEqual(program.returncode, 0, err)
        document = json.loads(out)
        self.assert_valid(self.validator("bench"), document)
        full, killed, window = document["results"]
        self.assertIn("killed by signal 9 (Killed)", killed["failure"])
        self.assertEqual((full["failure"], window["failure"], window["n_samples"]), (None, None, 1))
        self.assertIn("2 of 3 runs are measured", err)

    def test_stopped(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                out = f"out-{number}"
                program = self.start("-c", "64", "-M", "window", "-N", "5000", "--repeats", "50", "-o", out)
                self.wait_for_case(program, "window")
                child = self.wait_for_case(program, "full")  # the second round
                program.send_signal(number)
                stdout, err = program.communicate(timeout=60)
                self.assertEqual(program.returncode, 128 + number, err)
                self.assertIn("of 100 runs are measured; results are in " + out, err)
                self.assertIn("stopped by a signal", err)
                self.assertRegex(stdout, r"(?m)^window +64 +32\.0")
                document = self.load(f"{out}/bench.json")
                self.assertTrue(document["stopped"])
                self.assert_valid(self.validator("bench"), document)
                self.assertFalse(pathlib.Path(f"/proc/{child}").exists(), "the case goes on")

    def test_stopped_before_anything_is_measured(self):
        program = self.start("-c", "64", "-N", "100000")
        self.wait_for_case(program, "full")
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=60)
        self.assertEqual((program.returncode, out), (130, ""), err)
        self.assertFalse((self.folder / "rankkv-bench").exists())

    def test_a_case_does_not_outlive_the_program(self):
        program = self.start("-c", "64", "-N", "100000")
        child = self.wait_for_case(program, "full")
        program.kill()
        program.communicate(timeout=60)
        deadline = time.monotonic() + 30
        while pathlib.Path(f"/proc/{child}/exe").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertFalse(os.path.exists(f"/proc/{child}/cmdline") and
                         pathlib.Path(f"/proc/{child}/cmdline").read_bytes(), "the case goes on")


if __name__ == "__main__":
    unittest.main()
