"""The page of an evaluation: its numbers are the file's, its charts are read by keys and saved, its choices choose, and
names are text whatever they hold."""
import csv
import io
import math
import unittest
import xml.etree.ElementTree

import pages
from documents import results
from reading import ENTERED, ChartTest

HOSTILE = pages.HOSTILE


class EvaluationTest(ChartTest):
    def open_sample(self, name="whole", **options):
        self.open(pages.sample_results(name), **options)


class Numbers(EvaluationTest):
    def test_intervals_are_the_rows_own(self):
        self.open_sample()
        worst, n = self.run_js("""const { Results, bootstrap, meansBy } = page.results, results = new Results(page.documents("results")[0]);
            let worst = 0, n = 0;
            for (const row of results.rows.filter((r) => r.loss !== null)) {
                const { mean, low, high } = bootstrap(meansBy(results.cellsOf(row), (c) => c.window, (c) => c.loss), results.seed);
                worst = Math.max(worst, Math.abs(mean - row.loss), row.loss_low === null ? 0 : Math.max(Math.abs(low - row.loss_low), Math.abs(high - row.loss_high)));
                n++;
            }
            return [worst, n];""")
        self.assertGreater(n, 10)
        self.assertLess(worst, 1e-12)

    def test_chances_of_a_verdict(self):
        self.open_sample("one")
        # docs/EVALUATION.md, "How far to trust a verdict"
        for windows, percent in ((2, 0), (5, 0), (6, 3.1), (8, 0.8), (12, 3.9), (16, 2.1), (24, 2.3), (32, 2.0)):
            self.assertAlmostEqual(100 * self.run_js("return page.results.chanceOf(args[0])", windows), percent, delta=0.05)

    def test_chances_of_many_windows(self):
        self.open_sample("one")
        for n in (6, 100, 1075, 1076, 3000):
            below, exact = 0, 0
            for k in range(n):
                below += math.comb(n, k)
                if 40 * below > 2**n:  # of two sides more than 0.05
                    break
                exact = 2 * below / 2**n
            self.assertAlmostEqual(self.run_js("return page.results.chanceOf(args[0])", n), exact, delta=1e-9, msg=n)

    def test_ticks(self):
        self.open_sample("one")
        for scale, low, high, labels in (
            ("linear", -1.05, 0.6, ["\u22121.0", "\u22120.5", "0", "0.5"]),
            ("linear", 0, 100, ["0", "20", "40", "60", "80", "100"]),
            ("log10", -2.1, 2.1, ["100", "10", "1", "10\u207b\u00b9", "10\u207b\u00b2"]),
            ("log2", 3.9, 6.2, ["64", "32", "16"]),
        ):
            ticks = self.run_js("""const [scale, low, high] = args;
                return page.scale.numberTicks({ asked: { scale }, low, high }, 6).map((t) => t.label)""", scale, low, high)
            self.assertEqual(ticks, labels)

    def test_table_sorts_and_holds_every_row(self):
        self.open_sample()
        known = results("whole")
        task, asked = known["rows"][0]["task"], known["rows"][0]["query_aware"]
        protocol = known["settings"][0]["protocol"]
        wanted = [r["loss"] for r in known["rows"] if r["task"] == task and r["query_aware"] == asked
                  and known["settings"][r["setting"]]["protocol"] == protocol]
        losses = self.run_js("""const table = [...document.querySelectorAll("#evaluation figure.table")].pop(), head = [...table.querySelectorAll("th")];
            const at = head.findIndex((th) => th.title === "loss");
            head[at].querySelector("button").click();
            return [...table.querySelectorAll("tbody tr")].map((tr) => tr.children[at].dataset.exact);""")
        self.assertEqual([float(x) for x in losses if x], sorted((x for x in wanted if x is not None), reverse=True))
        self.assertEqual(len(losses), len(wanted))


class Charts(EvaluationTest):
    def test_keys_read_values(self):
        self.open_sample()
        self.focus(".chart-plot")
        for key in ("Home", "ArrowRight", "ArrowDown", "ArrowUp", "PageDown", "End"):
            self.browser.press(key)
            self.assertIn("cache, MiB", self.said(), key)
            self.assertFalse(self.run_js("return document.querySelector('.chart-readout').hidden"))
        self.browser.press("Escape")
        self.assertTrue(self.run_js("return document.querySelector('.chart-readout').hidden"))

    def test_pointer_reads_values(self):
        self.open_sample()
        x, y = self.run_js("""const sign = document.querySelector(".chart-plot .series circle, .chart-plot .series path");
            sign.scrollIntoView({ block: "center" });
            const box = sign.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];""")
        self.browser.point(x, y)
        self.assertIn("MiB", self.content(".chart-readout:not([hidden])") or "")

    def test_saved_pictures_stand_alone(self):
        self.open_sample(theme="dark")
        saved = self.run_js("""const saved = [], download = page.download;
            page.download = (name, type, text) => saved.push([name, text]);
            for (const chart of document.querySelectorAll(".chart")) chart.querySelectorAll(".tools > button").forEach((b) => b.click());
            page.download = download;
            return saved;""")
        pictures = [text for name, text in saved if name.endswith(".svg")]
        self.assertGreater(len(pictures), 1)
        for text in pictures:
            root = xml.etree.ElementTree.fromstring(text)
            self.assertTrue(root.find("{http://www.w3.org/2000/svg}title").text)
            for word in ("var(", "light-dark(", "color-mix(", "href"):
                self.assertNotIn(word, text)
        tables = [(name, text) for name, text in saved if name.endswith(".csv")]
        self.assertGreater(len(tables), 1)
        for name, text in tables:
            self.assertGreater(len(list(csv.reader(io.StringIO(text)))), 1, name)

    def test_choosing_keeps_the_focus(self):
        self.open_sample()
        focused = "return document.activeElement.closest('label.choice')?.firstChild.textContent ?? null"
        for label in self.run_js("return [...document.querySelectorAll('#evaluation .choices label.choice')].map((l) => l.firstChild.textContent)"):
            self.run_js("""[...document.querySelectorAll("#evaluation .choices label.choice")].find((l) => l.firstChild.textContent === args[0])
                .querySelector("select").focus()""", label)
            self.browser.press("ArrowDown")
            self.settle()
            self.assertEqual(self.run_js(focused), label)

    def test_choices(self):
        self.open_sample()
        self.assertTrue(self.titles()[0].startswith("natural: loss"))
        self.choose("Number", "kl")
        self.assertTrue(self.titles()[0].startswith("natural: KL"))
        self.choose("Task", "recall")
        self.assertTrue(self.titles()[0].startswith("recall: answered exactly"))
        self.assertTrue(any("where they stand" in title for title in self.titles()))
        self.choose("A panel per", "true")
        self.run_js("document.querySelector('.chart details').open = true")
        self.settle()
        panels = set(self.run_js("return [...document.querySelector('.chart').querySelectorAll('table tbody tr')].map((tr) => tr.children[0].textContent)"))
        self.assertGreater(len(panels), 0)
        self.assertLessEqual(panels, {s["method"] for s in results("whole")["settings"]} - {"full"})

    def test_lengths(self):
        sample = results("whole")
        lists = sample["model"]["n_layers"] * sample["model"]["n_kv_heads"]
        full = {i for i, setting in enumerate(sample["settings"]) if setting["method"] == "full"}
        for cell in sample["cells"]:
            if cell["setting"] in full:
                cell["entries"] = lists * (512 if cell["window"] % 2 else 1024)
        self.open(pages.page_of(("results", "lengths", sample)))
        self.choose("Task", "recall")
        self.assertTrue(any("by the length of the context" in title for title in self.titles()))
        self.choose("Context", "512")
        self.assertTrue(any("where they stand" in title for title in self.titles()))


class Hostile(EvaluationTest):
    def hostile(self):
        sample = results("whole")
        sample["text"] = sample["model"]["name"] = HOSTILE
        sample["windows"] = [HOSTILE + name for name in sample["windows"]]
        for setting in sample["settings"]:
            if setting["method"] != "full":
                setting["method"] += HOSTILE + "\u202e\n"
        for cell in sample["cells"]:
            cell["text"] = HOSTILE
        return sample

    def test_names_are_text(self):
        self.open(pages.page_of(("results", HOSTILE, self.hostile()), ("results", "two", results("one")), title=HOSTILE))
        self.assertEqual(self.run_js(ENTERED), [0, None])
        self.assertIn("</script>", self.content("#evaluation"))
        self.assertNotIn("\u202e", self.content("#evaluation svg"))

    def test_what_is_not_known(self):
        sample = results("whole")
        for row in sample["rows"]:
            for name, value in row.items():
                if isinstance(value, float) or name.startswith("against"):
                    row[name] = None
        del sample["text"]
        sample["seed"] = "18446744073709551615"
        without = {**sample, "rows": [], "cells": []}
        self.open(pages.page_of(("results", "nulls", sample), ("results", "none", without), ("results", "empty", results("none")),
                                ("results", "one", results("one"))))
        self.assertIn("no values to show", self.content("#evaluation"))


if __name__ == "__main__":
    unittest.main()
