"""The page of an evaluation in a browser: its numbers are the file's, its charts are read by keys and saved, its choices
choose, and names are text whatever they hold."""
import json
import unittest
import xml.etree.ElementTree

from pages import HOSTILE, PageTest


class Numbers(PageTest):
    def test_intervals_are_the_rows_own(self):
        self.open(("results", "sample", "results-whole.json"))
        worst, n = self.evaluate("""{
            const { Results, bootstrap, meansBy } = page.results, results = new Results(page.documents("results")[0]);
            let worst = 0, n = 0;
            for (const row of results.rows.filter((r) => r.loss !== null)) {
                const { mean, low, high } = bootstrap(meansBy(results.cellsOf(row), (c) => c.window, (c) => c.loss), results.seed);
                worst = Math.max(worst, Math.abs(mean - row.loss), row.loss_low === null ? 0 : Math.max(Math.abs(low - row.loss_low), Math.abs(high - row.loss_high)));
                n++;
            }
            [worst, n];
        }""")
        self.assertGreater(n, 10)
        self.assertLess(worst, 1e-12)

    def test_chances_of_a_verdict(self):
        self.open(("results", "sample", "results-one.json"))
        # docs/EVALUATION.md, "How far to trust a verdict"
        for windows, percent in ((2, 0), (5, 0), (6, 3.1), (8, 0.8), (12, 3.9), (16, 2.1), (24, 2.3), (32, 2.0)):
            self.assertAlmostEqual(100 * self.evaluate(f"page.results.chanceOf({windows})"), percent, delta=0.05)

    def test_ticks(self):
        self.open(("results", "sample", "results-one.json"))
        ticks = "page.scale.numberTicks({{ asked: {{ scale: {} }}, low: {}, high: {} }}, 6).map((t) => t.label)"
        for scale, low, high, labels in (
            ("linear", -1.05, 0.6, ["\u22121.0", "\u22120.5", "0", "0.5"]),
            ("linear", 0, 100, ["0", "20", "40", "60", "80", "100"]),
            ("log10", -2.1, 2.1, ["100", "10", "1", "10\u207b\u00b9", "10\u207b\u00b2"]),
            ("log2", 3.9, 6.2, ["64", "32", "16"]),
        ):
            self.assertEqual(self.evaluate(ticks.format(json.dumps(scale), low, high)), labels)

    def test_table_sorts_and_holds_every_row(self):
        self.open(("results", "sample", "results-whole.json"))
        results = self.read("results-whole.json")
        task = results["rows"][0]["task"]
        protocol = results["settings"][0]["protocol"]
        asked = results["rows"][0]["query_aware"]
        wanted = [r for r in results["rows"] if r["task"] == task and r["query_aware"] == asked
                  and results["settings"][r["setting"]]["protocol"] == protocol]
        losses = self.evaluate("""{
            const table = [...document.querySelectorAll("#evaluation figure.table")].pop(), head = [...table.querySelectorAll("th")];
            const at = head.findIndex((th) => th.title === "loss");
            head[at].querySelector("button").click();
            [...table.querySelectorAll("tbody tr")].map((tr) => tr.children[at].dataset.exact);
        }""")
        known = sorted((r["loss"] for r in wanted if r["loss"] is not None), reverse=True)
        self.assertEqual([float(x) for x in losses if x], known)
        self.assertEqual(len(losses), len(wanted))


class Charts(PageTest):
    def test_keys_read_values(self):
        self.open(("results", "sample", "results-whole.json"))
        self.evaluate('document.querySelector(".chart-plot").focus()')
        for key in ("Home", "ArrowRight", "ArrowDown", "ArrowUp", "PageDown", "End"):
            self.browser.press(key)
            self.assertIn("cache, MiB", self.said(), key)
            self.assertFalse(self.evaluate('document.querySelector(".chart-readout").hidden'))
        self.browser.press("Escape")
        self.assertTrue(self.evaluate('document.querySelector(".chart-readout").hidden'))

    def test_pointer_reads_values(self):
        self.open(("results", "sample", "results-whole.json"))
        x, y = self.evaluate("""{
            const sign = document.querySelector(".chart-plot .series circle, .chart-plot .series path");
            sign.scrollIntoView({ block: "center" });
            const box = sign.getBoundingClientRect();
            [box.x + box.width / 2, box.y + box.height / 2];
        }""")
        self.browser.move(x, y)
        self.assertIn("MiB", self.evaluate('document.querySelector(".chart-readout:not([hidden])")?.textContent ?? ""'))

    def test_saved_pictures_stand_alone(self):
        self.open(("results", "sample", "results-whole.json"), theme="dark")
        saved = self.evaluate("""{
            const saved = [], download = page.download;
            page.download = (name, type, text) => saved.push([name, text]);
            for (const chart of document.querySelectorAll(".chart")) chart.querySelectorAll(".tools > button").forEach((b) => b.click());
            page.download = download;
            saved;
        }""")
        pictures = [text for name, text in saved if name.endswith(".svg")]
        self.assertGreater(len(pictures), 1)
        for text in pictures:
            root = xml.etree.ElementTree.fromstring(text)
            self.assertTrue(root.find("{http://www.w3.org/2000/svg}title").text)
            for word in ("var(", "light-dark(", "color-mix(", "href"):
                self.assertNotIn(word, text)
        for name, text in saved:
            if name.endswith(".csv"):
                self.assertGreater(len(text.splitlines()), 1, name)

    def test_choices(self):
        self.open(("results", "sample", "results-whole.json"))
        self.assertTrue(self.titles()[0].startswith("natural: loss"))
        self.choose("Number", "kl")
        self.assertTrue(self.titles()[0].startswith("natural: KL"))
        self.choose("Task", "recall")
        self.assertTrue(self.titles()[0].startswith("recall: answered exactly"))
        self.assertTrue(any("where they stand" in title for title in self.titles()))
        panels = 'new Set([...document.querySelectorAll(".chart")[0].querySelectorAll("table tbody tr")].map((tr) => tr.children[0].textContent))'
        open_table = 'document.querySelectorAll(".chart")[0].querySelector("details").open = true'
        self.choose("A panel per", "true")
        self.evaluate(open_table)
        self.browser.settle()
        methods = {s["method"] for s in self.read("results-whole.json")["settings"]} - {"full"}
        self.assertLessEqual(set(self.evaluate(f"Array.from({panels})")), methods)


    def test_lengths(self):
        results = self.read("results-whole.json")
        lists = results["model"]["n_layers"] * results["model"]["n_kv_heads"]
        full = {i for i, setting in enumerate(results["settings"]) if setting["method"] == "full"}
        for cell in results["cells"]:
            if cell["setting"] in full:
                cell["entries"] = lists * (512 if cell["window"] % 2 else 1024)
        self.open(("results", "lengths", self.write("lengths.json", results)))
        self.choose("Task", "recall")
        self.assertTrue(any("by the length of the context" in title for title in self.titles()))
        self.choose("Context", "512")
        self.assertTrue(any("where they stand" in title for title in self.titles()))


class Hostile(PageTest):
    def hostile(self):
        results = self.read("results-whole.json")
        results["text"] = results["model"]["name"] = HOSTILE
        results["windows"] = [HOSTILE + name for name in results["windows"]]
        for setting in results["settings"]:
            if setting["method"] != "full":
                setting["method"] += HOSTILE + "\u202e\n"
        for cell in results["cells"]:
            cell["text"] = HOSTILE
        return results

    def test_names_are_text(self):
        self.open(("results", HOSTILE, self.write("hostile.json", self.hostile())), ("results", "two", "results-one.json"), title=HOSTILE)
        self.assertEqual(self.evaluate("[document.images.length, window.entered ?? null]"), [0, None])
        self.assertIn("</script>", self.text("#evaluation"))
        self.assertNotIn("\u202e", self.text("#evaluation svg"))

    def test_what_is_not_known(self):
        results = self.read("results-whole.json")
        for row in results["rows"]:
            for name, value in row.items():
                if isinstance(value, float) or name.startswith("against"):
                    row[name] = None
        del results["seed"], results["text"]
        results["seed"] = "18446744073709551615"
        without = {**results, "rows": [], "cells": []}
        self.open(("results", "nulls", self.write("nulls.json", results)), ("results", "none", self.write("none.json", without)),
                  ("results", "empty", "results-none.json"), ("results", "one", "results-one.json"))
        self.assertIn("no values to show", self.text("#evaluation"))


class Looks(PageTest):
    def test_widths_and_themes(self):
        self.looks("evaluation", ("results", "sample", "results-whole.json"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
