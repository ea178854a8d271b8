"""The section of a prompt, by keyboard and by pointer: heads, attention as it stands in trace.h5, tables, files."""
import csv
import io
import math
import re
import unittest
import xml.etree.ElementTree

import pages
from browsing import PageTest

MAP = "canvas[aria-roledescription='map of values']"
ATTENTION = "canvas[aria-roledescription='attention map']"
TABLE = "#prompt > .body > div > details"  # of all heads
SVG = "{http://www.w3.org/2000/svg}"


def attention_of(analysed):
    try:
        import h5py
    except ImportError as error:
        raise unittest.SkipTest(f"{error} (Debian: python3-h5py)") from None
    with h5py.File(analysed.trace) as file:
        return file["attention"][:]


def coded(value, attributes):
    """The code of a value (docs/FORMATS.md, the array `attention`), and the value that it stands for."""
    if value < attributes["floor"]:
        return 0, None
    code = round(255 + attributes["per_octave"] * math.log2(value))
    return code, 2 ** ((code - 255) / attributes["per_octave"])


class Prompt(PageTest):
    def setUp(self):
        super().setUp()
        self.made = pages.of_prompt()
        self.open(self.made.page)

    def attributes(self):
        return self.run_js("return page.documents('analysis')[0].array('attention').attributes")

    def open_head(self, layer, head):
        """From wherever the focus is, by keyboard alone."""
        self.tab_to(MAP)
        self.browser.press("Home", *["ArrowUp"] * 8, *["ArrowDown"] * layer, *["ArrowRight"] * head, "Enter")
        self.wait_for_head(layer, head)

    def wait_for_head(self, layer, head):
        self.browser.wait("return document.querySelector(arguments[0]).ariaLabel === arguments[1]", ATTENTION,
                          f"Attention of layer {layer}, head {head}")
        self.settle()

    def go_to(self, query, key):
        """The cursor of the attention map, which has the focus."""
        for axis, keys, at in (("query", ("ArrowDown", "ArrowUp"), query), ("key", ("ArrowRight", "ArrowLeft"), key)):
            for _ in range(400):
                now = self.read()[axis]
                if now == at:
                    break
                far = abs(at - now) >= 10
                self.browser.press(keys[at < now], shift=far)
        self.assertEqual((self.read()["query"], self.read()["key"]), (query, key))

    def read(self):
        """What the attention map tells of the cell under the cursor."""
        text = self.text(".attention .readout")
        found = re.match(r"Layer (\d+), head (\d+) · query (\d+) .*→ key (\d+) ", text, re.S)
        self.assertTrue(found, text)
        layer, head, query, key = map(int, found.groups())
        exact = self.run_js("return document.querySelector('.attention .readout .number')?.dataset.exact ?? null")
        return {"layer": layer, "head": head, "query": query, "key": key, "exact": exact and float(exact), "text": text}

    # ---- heads and their attention ----

    def test_a_head_by_keyboard_alone(self):
        for layer, head in ((1, 2), (0, 3), (1, 0)):
            self.open_head(layer, head)
            self.assertIn(f"Layer {layer}, head {head}", self.text(".head h3"))
            self.assertIn(f"layer {layer}, head {head}", self.run_js("return document.getElementById('said').textContent").lower())
            rank = self.made.analysis["effective_rank"][layer][head]
            facts = self.run_js("return [...document.querySelectorAll('.metrics .number')].map((e) => [e.ariaLabel.split(':')[0], e.dataset.exact])")
            self.assertEqual(float(dict(facts)["Effective rank"]), rank)
            self.run_js("document.activeElement.blur(); document.getElementById('main').focus()")

    def test_the_head_opened_last_is_shown(self):
        """Though what another needs comes later."""
        self.run_js("""const array = page.documents("analysis")[0].array("attention"), part = array.part;
            array.part = async (i) => {
                if (i === 1) await new Promise((resolve) => { window.release = resolve; });
                return part.call(array, i);
            };""")
        self.tab_to(MAP)
        self.browser.press("Home", *["ArrowUp"] * 8, "ArrowRight", "Enter", "ArrowDown", "ArrowRight", "Enter")
        self.wait_for_head(1, 2)
        self.run_js("release(); await new Promise((resolve) => setTimeout(resolve, 100))")
        self.assertIn("Layer 1, head 2", self.text(".head h3"))
        self.assertEqual(self.text("#said"), "Layer 1, head 2 is open")
        facts = self.run_js("return [...document.querySelectorAll('.metrics .number')].map((e) => [e.ariaLabel.split(':')[0], e.dataset.exact])")
        self.assertEqual(float(dict(facts)["Effective rank"]), self.made.analysis["effective_rank"][1][2])

    def test_maps_that_are_gone_are_not_drawn(self):
        """When the colours change: of what was on the page before another prompt was chosen nothing is drawn."""
        self.run_js("""const gone = document.createElement("p"), here = document.querySelector("#prompt p");
            window.told = [];
            page.onTheme(gone, () => told.push("gone"));
            page.onTheme(here, () => told.push("here"));""")
        self.browser.media(prefers_color_scheme="dark")
        self.settle()
        self.assertEqual(self.run_js("return told"), ["here"])

    def test_a_value_is_that_of_the_trace(self):
        attention, attributes = attention_of(self.made), self.attributes()
        tokens = self.made.analysis["prompt"]["token_text"]
        self.open_head(1, 2)
        self.tab_to(ATTENTION)
        for query, key in ((len(tokens) - 1, 3), (20, 20), (57, 11)):
            self.go_to(query, key)
            read, true = self.read(), float(attention[1, 2, query, key])
            code, value = coded(true, attributes)
            self.assertEqual((read["layer"], read["head"]), (1, 2))
            if code == 0:
                self.assertIn("less than", read["text"])
            else:
                self.assertAlmostEqual(read["exact"], value, delta=1e-12)
                self.assertLessEqual(abs(read["exact"] / true - 1), 2 ** (0.5 / attributes["per_octave"]) - 1 + 1e-6)
            for at in (query, key):
                self.assertIn(tokens[at].strip(), read["text"])

    def test_the_future_is_said_to_be_masked(self):
        self.tab_to(ATTENTION)
        self.go_to(10, 11)
        self.assertIn("masked: the future", self.read()["text"])

    def test_every_cell_is_that_of_the_trace(self):
        attention, attributes = attention_of(self.made), self.attributes()
        heads = self.run_js("""const array = page.documents("analysis")[0].array("attention");
            return Promise.all(Array.from({ length: array.parts }, async (_, i) => [...await array.part(i)]))""")
        layers, n_heads, n_tokens, _ = attention.shape
        self.assertEqual(len(heads), layers * n_heads)
        for i, codes in enumerate(heads):
            true = attention[i // n_heads, i % n_heads]
            triangle = [float(true[q, k]) for q in range(n_tokens) for k in range(q + 1)]
            self.assertEqual(len(codes), len(triangle))
            wrong = [(c, v) for c, v in zip(codes, triangle) if c != coded(v, attributes)[0]]
            # In between two codes the program's logarithm and ours may round either way.
            self.assertEqual([(c, v) for c, v in wrong if abs(c - (255 + attributes["per_octave"] * math.log2(v))) > 0.50001], [])

    def test_attention_that_tokens_receive(self):
        attention = attention_of(self.made).astype("float64")
        layers, heads, n, _ = attention.shape
        shown = self.run_js("""const array = page.documents("analysis")[0].array("received");
            return (await Promise.all(Array.from({ length: array.parts }, (_, i) => array.part(i)))).flatMap((p) => [...p])""")
        for i, value in enumerate(shown):
            true = attention[i // n // heads, i // n % heads, :, i % n].sum() / (n - i % n)
            self.assertAlmostEqual(value, true, delta=1e-6 * true + 1e-9)

    def test_the_spectrum_has_the_rank_that_is_marked(self):
        for layer in range(pages.TINY["layers"]):
            values = self.run_js("return [...await page.documents('analysis')[0].array('spectrum').part(args[0])]", layer)
            n = len(values) // pages.TINY["heads"]
            for head in range(pages.TINY["heads"]):
                sigma = values[head * n:(head + 1) * n]
                self.assertEqual(sigma, sorted(sigma, reverse=True))
                if n < self.made.analysis["prompt"]["n_tokens"]:
                    continue  # not all of them are in the page
                entropy = -sum(s / sum(sigma) * math.log(s / sum(sigma)) for s in sigma if s > 0)
                self.assertAlmostEqual(math.exp(entropy), self.made.analysis["effective_rank"][layer][head], delta=1e-3)

    def test_zoom_and_pointer_agree_with_the_keys(self):
        attention, attributes = attention_of(self.made), self.attributes()
        self.open_head(0, 1)
        self.tab_to(ATTENTION)
        self.go_to(60, 30)
        before = self.read()
        self.browser.press("+", "+", "+")
        self.assertEqual(self.read(), before)
        self.run_js("document.querySelector(args[0]).scrollIntoView({ block: 'center' })", ATTENTION)
        box = self.run_js("const b = document.querySelector(args[0]).getBoundingClientRect(); return [b.left, b.top, b.width, b.height]", ATTENTION)
        seen = {}
        for part in (0.2, 0.9):
            self.browser.point(box[0] + part * box[2], box[1] + 0.8 * box[3])
            read = seen[part] = self.read()
            if read["exact"] is not None:
                true = float(attention[0, 1, read["query"], read["key"]])
                self.assertAlmostEqual(read["exact"], coded(true, attributes)[1], delta=1e-12)
        self.assertEqual(seen[0.2]["query"], seen[0.9]["query"])
        cells = attributes["cells"] / 1.5 ** 3  # that are shown
        self.assertAlmostEqual(seen[0.9]["key"] - seen[0.2]["key"], 0.7 * cells, delta=0.15 * cells + 1)

    def test_a_click_opens_a_head(self):
        self.run_js("document.querySelector(args[0]).scrollIntoView({ block: 'center' })", MAP)
        box = self.run_js("const b = document.querySelector(args[0]).getBoundingClientRect(); return [b.left, b.top, b.width, b.height]", MAP)
        self.browser.point(box[0] + box[2] - 20, box[1] + box[3] - 8, click=True)
        self.wait_for_head(pages.TINY["layers"] - 1, pages.TINY["heads"] - 1)

    def test_maps_of_every_metric(self):
        """What is read of each cell is what the document has."""
        names = self.run_js("return [...document.querySelector('.map select').options].map((o) => o.value)")
        known = {"effective_rank": self.made.analysis["effective_rank"]} | self.made.analysis["metrics"]
        self.assertLessEqual(set(known), set(names))
        for name in known:
            self.run_js("const s = document.querySelector('.map select'); s.value = args[0]; s.dispatchEvent(new Event('change'))", name)
            self.focus(MAP)
            self.browser.press("Home", *["ArrowUp"] * 8, "ArrowDown", "ArrowRight")
            row = known[name][1]
            value = row[1 * len(row) // pages.TINY["heads"]]
            said = re.search(r"[-\d.e−∞]+(?= ·|$)", self.text(".map .readout").split(" · ")[0])[0]
            self.assertAlmostEqual(float(said.replace("−", "-")), value, delta=abs(value) * 1e-3 + 5e-4, msg=name)

    # ---- the text ----

    def test_the_text_is_the_prompts_own(self):
        self.assertEqual(self.run_js("return [...document.querySelectorAll('#prompt .token')].map((e) => e.textContent)"),
                         self.made.analysis["prompt"]["token_text"])
        self.tab_to("#prompt .token")
        self.browser.press("End")
        self.assertIn(f"Token {self.made.analysis['prompt']['n_tokens'] - 1} ", self.run_js("return document.getElementById('said').textContent"))

    # ---- tables ----

    def table(self):
        """Column names and rows of the table of heads, as shown."""
        return self.run_js("""const table = document.querySelector(args[0]);
            return [[...table.tHead.rows[0].cells].map((c) => c.innerText.trim()), [...table.tBodies[0].rows].map((r) => [...r.cells].map((c) => c.dataset.exact))]""", f"{TABLE} table")

    def open_table(self):
        self.tab_to(f"{TABLE} > summary")
        self.browser.press("Enter")
        self.browser.wait("return !!document.querySelector(arguments[0])", f"{TABLE} table")

    def test_a_table_is_sorted_by_keyboard(self):
        self.open_table()
        self.tab_to(f"{TABLE} th:nth-child(4) button")
        ranks = sorted(value for row in self.made.analysis["effective_rank"] for value in row)
        for order, expected in (("descending", ranks[::-1]), ("ascending", ranks)):
            self.browser.press("Enter")
            self.assertEqual(self.run_js("return document.activeElement.closest('th').ariaSort"), order)
            self.assertEqual([float(row[3]) for row in self.table()[1]], expected)
            self.assertIn(order, self.run_js("return document.getElementById('said').textContent"))
        self.assertEqual(self.run_js("return document.querySelectorAll(args[0]).length", f"{TABLE} [aria-sort]"), 1)

    def test_numbers_are_copied(self):
        self.open_table()
        self.tab_to(f"{TABLE} td")
        self.browser.press("ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight")
        exact = self.run_js("return document.activeElement.dataset.exact")
        self.assertEqual(float(exact), self.made.analysis["effective_rank"][0][1])
        self.browser.press("Enter")
        self.browser.wait("return document.getElementById('said').textContent === `Copied ${arguments[0]}`", exact)
        self.run_js("const area = document.createElement('textarea'); area.id = 'pasted'; document.body.append(area); area.focus()")
        self.browser.press("v", control=True)
        self.assertEqual(self.run_js("return document.getElementById('pasted').value"), exact)

    # ---- files ----

    def saved(self, selector):
        """The (name, text) of what a button saves."""
        self.focus(selector)
        name, data = self.browser.downloaded(lambda: self.browser.press("Enter"))
        return name, data.decode()

    def test_the_table_as_csv(self):
        self.open_table()
        name, text = self.saved(f"{TABLE} button[aria-label*='CSV']")
        self.assertEqual(name, "prompt-heads.csv")
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual(len(rows), pages.TINY["layers"] * pages.TINY["heads"])
        for row in rows:
            layer, head = int(row["layer"]), int(row["head"])
            self.assertEqual(float(row["effective_rank"]), self.made.analysis["effective_rank"][layer][head])
            kv_head = head * pages.TINY["kv_heads"] // pages.TINY["heads"]
            self.assertEqual(float(row["erank_k"]), self.made.analysis["metrics"]["erank_k"][layer][kv_head])

    def test_received_attention_as_csv(self):
        _, text = self.saved("#prompt button[aria-label='Save as CSV: attention that tokens receive']")
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual([row["text"] for row in rows], self.made.analysis["prompt"]["token_text"])
        self.assertTrue(all(0 <= float(row["received"]) <= 1 for row in rows))

    def test_charts_as_svg(self):
        buttons = self.run_js("return [...document.querySelectorAll(\"button[aria-label^='Save'][aria-label*='SVG']\")].map((e) => e.ariaLabel)")
        self.assertGreaterEqual(len(buttons), 3)  # the map, the attention, the spectrum
        for label in dict.fromkeys(buttons):
            name, text = self.saved(f'button[aria-label="{label}"]')
            root = xml.etree.ElementTree.fromstring(text)
            self.assertEqual(root.tag, f"{SVG}svg", name)
            self.assertTrue(name.endswith(".svg"))
            self.assertTrue(root.find(f"{SVG}title").text.strip(), name)
            self.assertEqual([e for e in root.iter() if e.tag in (f"{SVG}script", f"{SVG}foreignObject")], [])
            for element in root.iter(f"{SVG}image"):
                self.assertRegex(element.get("href"), r"^data:image/png;base64,", name)

    def test_charts_as_csv(self):
        labels = self.run_js("return [...document.querySelectorAll(\".chart button[aria-label^='Save']\")].map((e) => e.ariaLabel).filter((l) => l.includes('CSV'))")
        self.assertGreater(len(labels), 0)
        for label in labels:
            _, text = self.saved(f'button[aria-label="{label}"]')
            header, *rows = csv.reader(io.StringIO(text))
            self.assertGreater(len(rows), 0, label)
            self.assertEqual({len(row) for row in rows}, {len(header)}, label)


if __name__ == "__main__":
    unittest.main()
