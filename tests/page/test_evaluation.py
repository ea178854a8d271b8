"""The page of an evaluation in a browser: its numbers are the file's, its charts are read by keys and saved, its choices
choose, and names are text whatever they hold."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import browser

MAKE_PAGE = os.environ.get("RANKKV_MAKE_PAGE", "make_page")
WRITE_SAMPLES = os.environ.get("RANKKV_WRITE_SAMPLES", "write_samples")
PICTURES = os.environ.get("RANKKV_PAGE_PICTURES")
HOSTILE = "</script><img src=x onerror=\"window.entered = true\"><!--"


def setUpModule():
    global BROWSER, FOLDER, _folder
    BROWSER = browser.Browser()
    _folder = tempfile.TemporaryDirectory()
    FOLDER = pathlib.Path(_folder.name)
    subprocess.run([WRITE_SAMPLES, str(FOLDER)], check=True)


def tearDownModule():
    BROWSER.close()
    _folder.cleanup()


def read(name):
    return json.loads((FOLDER / name).read_text())


def write(name, document):
    (FOLDER / name).write_text(json.dumps(document))
    return name


def open_page(*documents, title="A page", **options):
    """Opens a page of (kind, name, file)."""
    arguments = [str(FOLDER / part) if i == 2 else part for document in documents for i, part in enumerate(document)]
    page = FOLDER / "page.html"
    subprocess.run([MAKE_PAGE, str(page), title, *arguments], check=True)
    BROWSER.open(page, **options)


def choose(label, value):
    """Takes an option of a choice as a reader does, and lets the page draw."""
    BROWSER.evaluate(f"""{{
        const select = [...document.querySelectorAll("label.choice")].find((l) => l.firstChild.textContent === {json.dumps(label)}).querySelector("select");
        select.value = {json.dumps(value)};
        select.dispatchEvent(new Event("change"));
    }}""")
    BROWSER.settle()


def titles():
    return BROWSER.evaluate('[...document.querySelectorAll(".chart-title")].map((t) => t.textContent)')


def said():
    return BROWSER.evaluate('document.getElementById("said").textContent')


class PageTest(unittest.TestCase):
    def tearDown(self):
        self.assertEqual(BROWSER.complaints(), [])
        self.assertEqual(BROWSER.requests(), [])


class Numbers(PageTest):
    def test_intervals_are_the_rows_own(self):
        open_page(("results", "sample", "results-whole.json"))
        worst, n = BROWSER.evaluate("""{
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
        open_page(("results", "sample", "results-one.json"))
        # docs/EVALUATION.md, "How far to trust a verdict"
        for windows, percent in ((2, 0), (5, 0), (6, 3.1), (8, 0.8), (12, 3.9), (16, 2.1), (24, 2.3), (32, 2.0)):
            self.assertAlmostEqual(100 * BROWSER.evaluate(f"page.results.chanceOf({windows})"), percent, delta=0.05)

    def test_ticks(self):
        open_page(("results", "sample", "results-one.json"))
        ticks = "page.scale.numberTicks({{ asked: {{ scale: {} }}, low: {}, high: {} }}, 6).map((t) => t.label)"
        for scale, low, high, labels in (
            ("linear", -1.05, 0.6, ["\u22121.0", "\u22120.5", "0", "0.5"]),
            ("linear", 0, 100, ["0", "20", "40", "60", "80", "100"]),
            ("log10", -2.1, 2.1, ["100", "10", "1", "10\u207b\u00b9", "10\u207b\u00b2"]),
            ("log2", 3.9, 6.2, ["64", "32", "16"]),
        ):
            self.assertEqual(BROWSER.evaluate(ticks.format(json.dumps(scale), low, high)), labels)

    def test_table_sorts_and_holds_every_row(self):
        open_page(("results", "sample", "results-whole.json"))
        results = read("results-whole.json")
        task = results["rows"][0]["task"]
        protocol = results["settings"][0]["protocol"]
        asked = results["rows"][0]["query_aware"]
        wanted = [r for r in results["rows"] if r["task"] == task and r["query_aware"] == asked
                  and results["settings"][r["setting"]]["protocol"] == protocol]
        losses = BROWSER.evaluate("""{
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
        open_page(("results", "sample", "results-whole.json"))
        BROWSER.evaluate('document.querySelector(".chart-plot").focus()')
        for key in ("Home", "ArrowRight", "ArrowDown", "ArrowUp", "PageDown", "End"):
            BROWSER.press(key)
            self.assertIn("cache, MiB", said(), key)
            self.assertFalse(BROWSER.evaluate('document.querySelector(".chart-readout").hidden'))
        BROWSER.press("Escape")
        self.assertTrue(BROWSER.evaluate('document.querySelector(".chart-readout").hidden'))

    def test_pointer_reads_values(self):
        open_page(("results", "sample", "results-whole.json"))
        x, y = BROWSER.evaluate("""{
            const sign = document.querySelector(".chart-plot .series circle, .chart-plot .series path");
            sign.scrollIntoView({ block: "center" });
            const box = sign.getBoundingClientRect();
            [box.x + box.width / 2, box.y + box.height / 2];
        }""")
        BROWSER.move(x, y)
        self.assertIn("MiB", BROWSER.evaluate('document.querySelector(".chart-readout:not([hidden])")?.textContent ?? ""'))

    def test_saved_pictures_stand_alone(self):
        open_page(("results", "sample", "results-whole.json"), theme="dark")
        saved = BROWSER.evaluate("""{
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
        open_page(("results", "sample", "results-whole.json"))
        self.assertTrue(titles()[0].startswith("natural: loss"))
        choose("Number", "kl")
        self.assertTrue(titles()[0].startswith("natural: KL"))
        choose("Task", "recall")
        self.assertTrue(titles()[0].startswith("recall: answered exactly"))
        self.assertTrue(any("where they stand" in title for title in titles()))
        panels = 'new Set([...document.querySelectorAll(".chart")[0].querySelectorAll("table tbody tr")].map((tr) => tr.children[0].textContent))'
        open_table = 'document.querySelectorAll(".chart")[0].querySelector("details").open = true'
        choose("A panel per", "true")
        BROWSER.evaluate(open_table)
        BROWSER.settle()
        methods = {s["method"] for s in read("results-whole.json")["settings"]} - {"full"}
        self.assertLessEqual(set(BROWSER.evaluate(f"Array.from({panels})")), methods)


class Hostile(PageTest):
    def hostile(self):
        results = read("results-whole.json")
        results["text"] = results["model"]["name"] = HOSTILE
        results["windows"] = [HOSTILE + name for name in results["windows"]]
        for setting in results["settings"]:
            if setting["method"] != "full":
                setting["method"] += HOSTILE + "\u202e\n"
        for cell in results["cells"]:
            cell["text"] = HOSTILE
        return results

    def test_names_are_text(self):
        open_page(("results", HOSTILE, write("hostile.json", self.hostile())), ("results", "two", "results-one.json"), title=HOSTILE)
        self.assertEqual(BROWSER.evaluate("[document.images.length, window.entered ?? null]"), [0, None])
        self.assertIn("</script>", BROWSER.evaluate('document.querySelector("#evaluation").textContent'))
        self.assertNotIn("\u202e", BROWSER.evaluate('document.querySelector("#evaluation svg").textContent'))

    def test_what_is_not_known(self):
        results = read("results-whole.json")
        for row in results["rows"]:
            for name, value in row.items():
                if isinstance(value, float) or name.startswith("against"):
                    row[name] = None
        del results["seed"], results["text"]
        results["seed"] = "18446744073709551615"
        without = {**results, "rows": [], "cells": []}
        open_page(("results", "nulls", write("nulls.json", results)), ("results", "none", write("none.json", without)),
                  ("results", "empty", "results-none.json"), ("results", "one", "results-one.json"))
        self.assertIn("no values to show", BROWSER.evaluate('document.querySelector("#evaluation").textContent'))


class Looks(PageTest):
    def test_widths_and_themes(self):
        for width in (1440, 420):
            for theme in ("light", "dark"):
                open_page(("results", "sample", "results-whole.json"), width=width, theme=theme)
                self.assertLessEqual(BROWSER.evaluate("document.documentElement.scrollWidth"), width)
                self.assertEqual(BROWSER.unnamed(), [])
                if PICTURES:
                    pathlib.Path(PICTURES).mkdir(parents=True, exist_ok=True)
                    BROWSER.picture(f"{PICTURES}/evaluation-{width}-{theme}.png")


if __name__ == "__main__":
    unittest.main(verbosity=2)
