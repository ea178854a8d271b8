"""Benches, runs with their cache, and calibrations: values are the files', and texts part where they do."""
import unittest

import pages
from documents import BENCH_ROWS, EVENTS, JUDGED, bench, bench_of_keys_and_values, profile, run
from reading import ENTERED, ChartTest

HOSTILE = pages.HOSTILE


class Bench(ChartTest):
    def test_values(self):
        failed = {"method": "h2o", "context": 512, "n_samples": 0, "failure": "killed: " + HOSTILE, "samples": []}
        self.open(pages.report_of({"bench.json": bench([*BENCH_ROWS, failed])}))
        self.assertEqual(len(self.titles()), 3)
        self.assertIn("killed: " + HOSTILE, self.content("#bench"))
        self.focus(".chart-plot")
        self.browser.press("Home")
        self.assertIn("256 tokens", self.said())
        self.assertIn("seconds 1.25 [1, 1.5]", self.said())
        self.browser.press("ArrowRight")
        self.assertIn("h2o; seconds 2.5 [2, 3]", self.said())

    def test_nothing_measured(self):
        self.open(pages.report_of({"bench.json": bench([])}))
        self.assertEqual(self.titles(), [])
        self.assertIsNotNone(self.content("#bench"))

    def test_keys_and_values(self):
        row = {"method": "int8", "kept": 8, "original_bytes": 100, "compressed_bytes": 50, "ratio": 2, "key_error": 0.005,
               "value_error": 0, "compress_s": 1, "restore_s": 1, "compress_gb_s": 1, "restore_gb_s": None}
        self.open(pages.report_of({"bench.json": bench_of_keys_and_values(row)}))
        self.focus(".chart-plot")
        self.browser.press("Home")
        self.assertIn("times smaller; int8; 2", self.said())


class Runs(ChartTest):
    def marks(self):
        return self.run_js("return [...document.querySelectorAll('.text mark')].map((m) => m.textContent)")

    def test_first_difference(self):
        for text, full, marks, words in (
            ("one two four", "one two three", ["three", "four"], "The same for 2 words"),
            ("one \U0001F601 x", "one \U0001F600 x", ["\U0001F600", "\U0001F601"], "The same for 1 word;"),
            ("one", "one two", ["two", "(ends here)"], "The same for"),
            ("same", "same", [], "the same"),
            (HOSTILE + " a", HOSTILE + " b", ["b", "a"], "The same for"),
            ("", "x", ["x"], "differ from the first word"),
        ):
            with self.subTest(text=text, full=full):
                self.open(pages.report_of({"h2o.json": run(text, full, HOSTILE)}))
                self.assertEqual(self.marks(), marks)
                self.assertIn(words, self.content("#runs"))
                self.assertEqual(self.run_js(ENTERED), [0, None])

    def test_a_trace_that_names_too_much(self):
        """A few bytes ask for no gigabytes: the section says so, and the page goes on."""
        for event in ({"step": 0, "layer": 20000, "head": 20000, "before": 1}, {"step": 0, "layer": 0, "head": 0, "before": 2000000000},
                      {"step": 10**9, "layer": 0, "head": 0}):
            with self.subTest(event):
                self.open(pages.page_of(("cache", "large", [event])))
                self.assertIn("more lists or tokens than it has events for", self.content("#runs"))
                self.drain()

    def test_a_trace_of_no_counts(self):
        lost = [{**EVENTS[0], name: value} for name, value in (("layer", -1), ("head", -2), ("step", -1), ("layer", 0.5))]
        self.open(pages.page_of(("cache", "odd", [*lost, *({**event, "before": "many"} for event in EVENTS)])))
        self.assertIn("Entries of the cache over the steps, all layers", self.titles())

    def test_evictions(self):
        self.open(pages.report_of({"h2o.json": run("a"), "h2o.jsonl": EVENTS}))
        self.assertIn("Entries of the cache over the steps, all layers", self.titles())
        self.choose("Layer", "1")
        self.assertIn("Entries of the cache over the steps, layer 1", self.titles())
        self.focus("#runs canvas[tabindex='0']")
        fates = []
        self.browser.press("Home")
        for _ in range(6):
            fates.append(self.said().rpartition(": ")[2])
            self.browser.press("ArrowRight")
        self.assertEqual(fates, ["kept to the end", "kept to the end", "evicted with the prompt", "kept to the end", "evicted in step 2",
                                 "kept to the end"])
        self.browser.press("ArrowDown")
        self.assertIn("layer 1, KV head 1, position 6", self.said())

    def test_no_events(self):
        self.open(pages.page_of(("cache", "c", [])))
        self.assertIn("no events", self.content("#runs"))


class Calibration(ChartTest):
    def open_profile(self, **calibration):
        self.open(pages.report_of({"profile.json": profile(**calibration)}))
        return self.content("#calibration")

    def test_judged(self):
        text = self.open_profile(**JUDGED)
        self.assertIn("1.25 nats lower", text)
        self.assertIn("19 of 20 shuffles", text)
        self.assertNotIn("within noise", text)

    def test_within_noise(self):
        self.assertIn("within noise", self.open_profile(n_judged=3, difference=-0.1, low=-0.3, high=0.1))

    def test_not_judged(self):
        self.assertIn("not judged", self.open_profile())


if __name__ == "__main__":
    unittest.main()
