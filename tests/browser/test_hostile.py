"""Whatever a prompt, a name or a document holds is text."""
import math
import re
import unittest
import xml.etree.ElementTree

import pages
from browsing import PageTest


def shown(text):
    """As the page writes it: signs that would hide or reorder others as their numbers."""
    return re.sub("[\x00-\x1f\u2028\u2029\u202a-\u202e\u2066-\u2069]", lambda m: f"\\u{{{ord(m[0]):X}}}", text)


class TextTest(PageTest):
    def tokens(self):
        return self.run_js("return [...document.querySelectorAll('#prompt .token')].map((e) => e.textContent)")


class Hostile(TextTest):
    def test_a_prompt(self):
        made = pages.of_hostile()
        self.open(made.page)
        texts = self.tokens()
        self.assertEqual(texts, [shown(t) for t in made.analysis["prompt"]["token_text"]])
        self.assertIn('</script><img src=x onerror="window.owned = 1">', "".join(texts))
        self.assertIn("<img src=x onerror=window.owned=1>", self.text("#prompt .facts"))
        self.assertIn("<img src=x onerror=window.owned=1>", self.text("h1") + self.run_js("return document.title"))

    def test_documents(self):
        self.open(pages.of_documents())
        self.assertEqual(self.run_js("return document.title"), pages.HOSTILE)
        self.assertEqual(self.run_js("return document.querySelector('#prompt .token').textContent"), shown(pages.HOSTILE))
        self.assertIn("</script><img src=x", self.text("#made"))
        self.assertIn("</script><img src=x", self.text("#budgets"))
        self.assertNotIn("This section cannot be shown", self.text("main"))

    def test_every_choice_of_every_section(self):
        """With hostile names in all of them, each leads to something."""
        self.open(pages.of_documents())
        n = self.run_js("return document.querySelectorAll('select').length")
        self.assertGreater(n, 3)
        self.run_js("""for (let i = 0; i < document.querySelectorAll("select").length; i++)
            for (let o = 0; o < document.querySelectorAll("select")[i].options.length; o++) {
                const select = document.querySelectorAll("select")[i];
                select.selectedIndex = o;
                select.dispatchEvent(new Event("change"));
                await page.pause();
            }""")
        self.settle()
        self.assertIsNone(self.run_js("return window.owned ?? null"))
        self.assert_accessible()

    def test_names_of_what_is_saved(self):
        """No folder, no hidden file, no sign that a shell or a file system takes for its own."""
        find = """const saving = [...document.querySelectorAll("button")].filter((b) => /save/i.test(b.ariaLabel ?? "") && b.checkVisibility());
            saving[args[0]]?.focus();
            return saving.length"""
        self.open(pages.of_documents())
        n = self.run_js(find, 0)
        self.assertGreater(n, 5)
        for i in range(n):
            self.open(pages.of_documents())  # a page may save ten files, then the browser asks whether it may go on
            self.run_js(find, i)
            name, data = self.browser.downloaded(lambda: self.browser.press("Enter"))
            self.assertRegex(name, r"^[\w][\w .()-]*\.(csv|svg)$")
            self.assertGreater(len(data), 0)
            if name.endswith(".svg"):
                self.assertTrue(xml.etree.ElementTree.fromstring(data).find("{http://www.w3.org/2000/svg}title").text)


class Scripts(TextTest):
    def test_right_to_left(self):
        made = pages.of_trace("right-to-left")
        self.open(made.page)
        self.assertEqual(self.run_js("return getComputedStyle(document.querySelector('#prompt .tokens')).direction"), "rtl")
        self.assertEqual(self.tokens(), [shown(t) for t in made.analysis["prompt"]["token_text"]])
        self.assertIn("\\u{202E}", self.tokens())  # what would turn the rest of the page round
        self.assertEqual(self.run_js("return getComputedStyle(document.body).direction"), "ltr")

    def test_chinese(self):
        made = pages.of_trace("chinese")
        self.open(made.page)
        self.assertEqual(made.analysis["prompt"]["token_text"], pages.CHINESE * 6)
        self.assertEqual(self.tokens(), pages.CHINESE * 6)


class Extremes(TextTest):
    def test_one_token(self):
        self.open(pages.of_one_token().page)
        self.assertEqual(len(self.tokens()), 1)
        self.assertIn("query 0", self.text(".attention .readout"))
        self.assertNotIn("cannot be shown", self.text("main"))

    def test_many_tokens_share_cells(self):
        """2048 tokens: a cell is the largest of 4 x 4."""
        made = pages.of_many_tokens()
        self.open(made.page)
        self.assertEqual(len(self.tokens()), 2048)
        attributes = self.run_js("return page.documents('analysis')[0].array('attention').attributes")
        self.assertEqual((attributes["cells"], attributes["block"]), (512, 4))
        self.assertIn("the largest of 4 × 4 tokens", self.text(".attention"))
        try:
            import h5py
        except ImportError as error:
            self.skipTest(f"{error} (Debian: python3-h5py)")
        codes = self.run_js("return [...(await page.documents('analysis')[0].array('attention').part(3)).subarray(511 * 512 / 2)]")
        with h5py.File(made.trace) as file:
            rows = file["attention"][0, 3, 2044:2048]
        largest = rows.reshape(4, 512, 4).max(axis=(0, 2))
        for code, value in zip(codes, map(float, largest)):
            exact = 255 + attributes["per_octave"] * math.log2(value) if value > 0 else 0
            self.assertLessEqual(abs(code - exact), 0.50001) if code else self.assertLess(value, attributes["floor"] * (1 + 1e-6))

    def test_a_trace_with_nothing_but_attention(self):
        made = pages.of_trace("attention-alone")
        self.open(made.page)
        self.assertNotIn("token_text", made.analysis["prompt"])
        self.assertEqual(self.tokens()[0], "0 ")
        self.assertIn("Layer", self.text(".attention .readout"))
        self.assertNotIn("cannot be shown", self.text("main"))

    def test_a_broken_document(self):
        """Its sections say what is wrong; the others are there."""
        model = {"name": "Sample", "file_type": "F32"}
        for broken in ("{", "null", {"model": model}, {"prompt": {}}):
            with self.subTest(broken):
                self.open(pages.page_of(("analysis", "broken", broken), ("results", "one", pages.documents.results("one"))))
                self.assertIn("cannot be shown", self.text("#prompt"))
                self.assertNotIn("cannot be shown", self.text("#evaluation"))
                self.assertIn("Written by", self.text("#made"))
                self.drain()

    def test_budgets_of_several_prompts(self):
        """Of the same size, and by the same rule: each prompt's stand by themselves, with what its analysis brings."""
        budget = pages.budget_document("power", False)
        files = [("budget", name, budget | {"source": name}) for name in ("one", "two")]
        brought = [("analysis", name, pages.analysis_document(70) | {"budget": budget | {"source": name}}) for name in ("two", "three")]
        self.open(pages.page_of(*files, *brought))
        self.assertEqual(self.run_js("return [...document.querySelectorAll('#budgets h3 bdi')].map((e) => e.textContent)"), ["one", "two", "three"])

    def test_what_the_page_is_of(self):
        one = pages.analysis_document(1) | {"model": {"name": "Sample", "file_type": "F32", "n_layers": 2, "n_heads": 4, "n_kv_heads": 2}}
        self.open(pages.page_of(("analysis", "one", one)))
        self.assertEqual(self.text("#subtitle"), "Sample \u00b7 F32 \u00b7 1 token")
        self.open(pages.page_of(("analysis", "one", one), ("analysis", "two", pages.analysis_document(2))))
        self.assertEqual(self.text("#subtitle"), "")

    def test_nothing(self):
        self.open(pages.empty())
        self.assertEqual(self.run_js("return [...document.querySelectorAll('main h2')].map((e) => e.textContent)"), ["How it was made"])


if __name__ == "__main__":
    unittest.main()
