"""Which tokens caches keep of a prompt: what the text shows is what the page's bits say, and those fit the budgets."""
import unittest

import pages
from browsing import PageTest

# Of every setting: its method, budget and ratio, and how many of all lists hold each token.
SETTINGS = """const document = page.documents("selection")[0], array = document.array("kept"), [, L, G, bytes] = array.shape, T = document.json.n_tokens;
    return Promise.all(document.json.settings.map(async (setting, i) => {
        const part = await array.part(i), counts = new Array(T).fill(0);
        for (let list = 0; list < L * G; list++)
            for (let t = 0; t < T; t++) counts[t] += (part[list * bytes + (t >> 3)] >> (t & 7)) & 1;
        return { ...setting, counts };
    }))"""
SLIDER = "#kept input[type=range]"
LISTS = pages.TINY["layers"] * pages.TINY["kv_heads"]


class Kept(PageTest):
    def setUp(self):
        super().setUp()
        self.made = pages.of_prompt()
        self.n_tokens = self.made.analysis["prompt"]["n_tokens"]
        self.open(self.made.page)

    def test_budgets_are_spent(self):
        settings = self.run_js(SETTINGS)
        self.assertGreater(len(settings), 4)
        for setting in settings:
            about = {name: setting[name] for name in ("method", "budget", "ratio")}
            kept = sum(setting["counts"]) / LISTS
            # A share of the tokens is rounded in each layer, and no head goes below what its method always keeps.
            least = setting["ratio"] * self.n_tokens if setting["ratio"] else setting["entries"]
            self.assertGreaterEqual(kept, least - 1, about)
            self.assertLessEqual(kept, max(least, 4) + 1, about)
            if setting["method"] == "streaming-llm":
                self.assertEqual(setting["counts"][0], LISTS, about)
                self.assertEqual(setting["counts"][-1], LISTS, about)

    def test_the_slider_by_keyboard(self):
        """From the least to the most that is kept: the text, the line above it and the slider say the same."""
        settings = self.run_js(SETTINGS)
        first = settings[0]
        steps = sorted((s for s in settings if (s["method"], s["budget"]) == (first["method"], first["budget"])),
                       key=lambda s: s["ratio"] or s["entries"])
        self.tab_to(SLIDER, most=120)
        self.browser.press("Home")
        for i, step in enumerate(steps):
            if i:
                self.browser.press("ArrowRight")
            self.settle()
            self.assertEqual(self.run_js("return document.activeElement.valueAsNumber"), i)
            shown = self.run_js("return [...document.querySelectorAll('#kept .token')].map((e) => !e.classList.contains('out'))")
            self.assertEqual(shown, [count > 0 for count in step["counts"]])
            self.assertIn(f"of {self.n_tokens} tokens are kept", self.text("#kept .readout"))
            self.assertEqual(float(self.text("#kept .readout").split()[0]), float(f"{sum(step['counts']) / LISTS:.4g}"))
            said = self.run_js("return document.activeElement.getAttribute('aria-valuetext')")
            self.assertIn(f"{100 * step['ratio']:.3g} %", said)

    def test_choosing_keeps_the_focus(self):
        n = self.run_js("return document.querySelectorAll('#kept select').length")
        names = set()
        for i in range(n):
            names.add(self.run_js("const select = document.querySelectorAll('#kept select')[args[0]]; select.focus(); return select.closest('label').innerText", i))
            self.browser.press("ArrowDown")
            self.settle()
            self.assertEqual(self.run_js("return [...document.querySelectorAll('#kept select')].indexOf(document.activeElement)"), i)
        self.assertGreater(len(names), 2)

    def test_what_cannot_be_read_is_said(self):
        """Until something else is asked for."""
        self.run_js("""const array = page.documents("selection")[0].array("kept"), part = array.part;
            array.part = async (i) => { if (!window.mended) throw new Error("lost"); return part.call(array, i) };
            document.querySelector("#kept select").focus()""")
        self.browser.press("ArrowDown")
        self.settle()
        self.assertIn("This section cannot be shown: lost.", self.text("#kept"))
        self.assertIn("lost", self.text("#said"))
        self.drain()
        self.run_js("window.mended = true")
        self.browser.press("ArrowUp")
        self.settle()
        self.assertNotIn("cannot be shown", self.text("#kept"))


class Budgets(PageTest):
    def test_choosing_one_keeps_the_focus(self):
        self.open(pages.of_documents())
        budget = "[...document.querySelectorAll('#kept select')].find((s) => s.closest('label').firstChild.textContent === 'Budget')"
        self.run_js(f"{budget}.focus()")
        self.browser.press("ArrowDown")
        self.settle()
        self.assertEqual(self.run_js(f"return [document.activeElement === {budget}, document.activeElement.selectedIndex]"), [True, 1])


if __name__ == "__main__":
    unittest.main()
