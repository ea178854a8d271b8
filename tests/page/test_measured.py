"""The page of a bench, of runs with their cache, and of a calibration: values are the files', and texts part where they do."""
import unittest

from pages import HOSTILE, PageTest

MODEL = {"name": "Sample", "file_type": "Q4_1", "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "sha256": ""}


def spread(median, least=None, most=None):
    return {"median": median, "least": median if least is None else least, "most": median if most is None else most}


def bench_row(method, context, scale):
    return {"method": method, "context": context, "policy": None, "hold": "always", "n_samples": 3, "failure": None,
            "ttft_s": spread(1.25 * scale, scale, 1.5 * scale), "tpot_s": spread(0.02 * scale, 0.01 * scale, 0.04 * scale),
            "cache_bytes": spread(1048576 * scale), "cache_peak_bytes": spread(2097152 * scale), "peak_bytes": spread(5e8),
            "tokens_per_s": 50 / scale}


def bench(rows):
    return {"schema": "rankkv-bench", "schema_version": 1, "mode": "model", "date": "2026-01-01T00:00:00Z", "seconds": 3, "stopped": False,
            "machine": {"cpu": "a processor", "n_cpus": 2, "threads": 2, "memory_bytes": 1}, "model": MODEL, "device": "cpu",
            "text": {"name": "prose", "n_tokens": 900, "repeated": True},
            "options": {"methods": ["full", "h2o"], "contexts": [256, 512], "new_tokens": 8, "repeats": 3, "policy": None}, "results": rows}


def run(text, full=None):
    document = {"schema": "rankkv-run", "schema_version": 1, "model": MODEL, "device": "cpu", "prompt": {"name": "p", "n_tokens": 5, "token_ids": [1, 2, 3, 4, 5]},
                "options": {"method": "h2o", "adaptive": None, "ratio": 0.5, "budget": None}, "text": text, "token_ids": [6, 7], "stopped": False,
                "seconds": {"prefill": 1, "first_token": 1, "decode": 0.5, "compress": 0}, "cache": {"n_tokens": 7, "n_entries": 12, "allocated_bytes": 999},
                "heads": [[{"entries": 3, "budget": 3, "bytes": 10}, {"entries": 3, "budget": None, "bytes": 10, "note": HOSTILE}]] * 2}
    if full is not None:
        document |= {"full": {"text": full, "token_ids": [6, 8], "cache": {"allocated_bytes": 2000}}, "same_tokens": 1}
    return document


# Step 0 is the prompt of 5 tokens; layer 1, KV head 0 loses token 2 with the prompt and token 4 in step 2.
EVENTS = [{"step": s, "layer": l, "head": h, "before": 5, "after": 4, "bytes": 64,
           "evicted": {(0, 1, 0): [2], (2, 1, 0): [4]}.get((s, l, h), [0] if s == 0 and (l, h) != (1, 0) else [])}
          for s in range(3) for l in range(2) for h in range(2)]


class Bench(PageTest):
    def test_values(self):
        rows = [bench_row(m, c, k) for m, c, k in (("full", 256, 1), ("h2o", 256, 2), ("full", 512, 4))]
        rows.append({"method": "h2o", "context": 512, "n_samples": 0, "failure": "killed: " + HOSTILE, "samples": []})
        self.open(("bench", "b", self.write("bench.json", bench(rows))))
        self.assertEqual(len(self.titles()), 3)
        self.assertIn("killed: " + HOSTILE, self.text("#bench"))
        self.evaluate('document.querySelector(".chart-plot").focus()')
        self.browser.press("Home")
        self.assertIn("256 tokens", self.said())
        self.assertIn("seconds 1.25 [1, 1.5]", self.said())
        self.browser.press("ArrowRight")
        self.assertIn("h2o; seconds 2.5 [2, 3]", self.said())

    def test_nothing_measured(self):
        self.open(("bench", "b", self.write("bench.json", bench([]))))
        self.assertEqual(self.titles(), [])

    def test_keys_and_values(self):
        row = {"method": "int8", "kept": 8, "original_bytes": 100, "compressed_bytes": 50, "ratio": 2, "key_error": 0.005, "value_error": 0,
               "compress_s": 1, "restore_s": 1, "compress_gb_s": 1, "restore_gb_s": None}
        kv = {"batch": 1, "heads": 2, "tokens": 4, "dim": 8, "dtype": "bf16", "file": None}
        self.open(("bench", "kv", self.write("kv.json", {"mode": "kv", "kv": kv, "repeats": 3, "results": [row]})))
        self.evaluate('document.querySelector(".chart-plot").focus()')
        self.browser.press("Home")
        self.assertIn("times smaller; int8; 2", self.said())

    def test_looks(self):
        rows = [bench_row(m, c, k) for m, c, k in (("full", 256, 1), ("h2o", 256, 2), ("full", 512, 4))]
        self.looks("bench", ("bench", "b", self.write("bench.json", bench(rows))))


class Runs(PageTest):
    def marks(self):
        return self.evaluate('[...document.querySelectorAll(".text mark")].map((m) => m.textContent)')

    def test_first_difference(self):
        for text, full, marks, words in (
            ("one two four", "one two three", ["three", "four"], "The same for 2 words"),
            ("one \U0001F601 x", "one \U0001F600 x", ["\U0001F600", "\U0001F601"], "The same for 1 word;"),
            ("one", "one two", ["two", "(ends here)"], "The same for"),
            ("same", "same", [], "the same"),
            (HOSTILE + " a", HOSTILE + " b", ["b", "a"], "The same for"),
            ("", "x", ["x"], "differ from the first word"),
        ):
            self.open(("run", "r", self.write("run.json", run(text, full))))
            self.assertEqual(self.marks(), marks, (text, full))
            self.assertIn(words, self.text("#runs"))
            self.assertEqual(self.evaluate("[document.images.length, window.entered ?? null]"), [0, None])

    def test_evictions(self):
        self.open(("run", "r", self.write("run.json", run("a"))), ("cache", "r", self.write("cache.json", EVENTS)))
        self.assertIn("Entries of the cache over the steps, all layers", self.titles())
        self.choose("Layer", "1")
        self.assertIn("Entries of the cache over the steps, layer 1", self.titles())
        self.evaluate("document.querySelector('canvas[tabindex=\"0\"]').focus()")
        fates = []
        self.browser.press("Home")
        for _ in range(6):
            fates.append(self.said().rpartition(": ")[2])
            self.browser.press("ArrowRight")
        self.assertEqual(fates, ["kept to the end", "kept to the end", "evicted with the prompt", "kept to the end", "evicted in step 2", "kept to the end"])
        self.browser.press("ArrowDown")
        self.assertIn("layer 1, KV head 1, position 6", self.said())

    def test_no_events(self):
        self.open(("cache", "c", self.write("cache.json", [])))
        self.assertIn("no events", self.text("#runs"))

    def test_looks(self):
        self.looks("runs", ("run", "r", self.write("run.json", run("one two four", "one two three"))), ("cache", "r", self.write("cache.json", EVENTS)))


class Calibration(PageTest):
    def profile(self, **calibration):
        return {"schema": "rankkv-profile", "schema_version": 1, "model": MODEL, "signals": {}, "calibration": {"budget": "power:signal=retr", "method": "snapkv", "ratio": 0.25, **calibration}}

    def test_judged(self):
        judged = {"n_judged": 12, "difference": -1.25, "low": -1.5, "high": -1, "n_shuffles": 20, "n_beaten": 19}
        self.open(("profile", "p", self.write("profile.json", self.profile(**judged))))
        self.assertIn("1.25 nats lower", self.text("#calibration"))
        self.assertIn("19 of 20 shuffles", self.text("#calibration"))
        self.assertNotIn("within noise", self.text("#calibration"))

    def test_within_noise(self):
        self.open(("profile", "p", self.write("profile.json", self.profile(n_judged=3, difference=-0.1, low=-0.3, high=0.1))))
        self.assertIn("within noise", self.text("#calibration"))

    def test_not_judged(self):
        self.open(("profile", "p", self.write("profile.json", self.profile())))
        self.assertIn("not judged", self.text("#calibration"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
