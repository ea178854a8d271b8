"""The keyboard's way through a page: nothing is left out, nothing holds it, and it is seen where it is."""
import unittest

import pages
from browsing import AUDIT, NARROW, WIDE, PageTest

# Numbers what the Tab key is to reach, and names it. A roving group is one stop, which is its only element of tabindex 0.
STOPS = """const stops = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
        .filter((e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({ visibilityProperty: true }));
    return stops.map((e, i) => (e.dataset.stop = i, `${e.localName}.${e.className} ${e.ariaLabel ?? e.innerText ?? ""}`.slice(0, 60)))"""

# Where the focus is, and how it is seen: its number, the outline, how much of it is in the window and
# on top.
HERE = """const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
    if (e === document.body || e === document.documentElement) return null;
    const left = Math.max(box.left, 0), right = Math.min(box.right, innerWidth), top = Math.max(box.top, 0), bottom = Math.min(box.bottom, innerHeight);
    const spots = [0.1, 0.5, 0.9].flatMap((x) => [0.1, 0.5, 0.9].map((y) => document.elementFromPoint(left + x * (right - left), top + y * (bottom - top))));
    return { at: Number(e.dataset.stop ?? -1), what: `${e.localName}.${e.className} ${e.ariaLabel ?? e.innerText ?? ""}`.slice(0, 60),
             outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth), colour: style.outlineColor, paper: getComputedStyle(document.body).backgroundColor,
             seen: right > left && bottom > top && spots.some((s) => s && (e.contains(s) || s.contains(e))) }"""


def luminance(colour):
    channels = [int(c) / 255 for c in colour[colour.index("(") + 1:-1].split(",")[:3]]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


class Focus(PageTest):
    def walk(self):
        """What the Tab key comes by, from the top of the page to its end."""
        self.run_js("document.activeElement.blur(); scrollTo(0, 0)")
        came = []
        while len(came) < 400:
            self.browser.press("Tab")
            here = self.run_js(HERE)
            if here is None or (came and here["at"] == came[0]["at"]):
                return came
            came.append(here)
        self.fail("the Tab key comes to no end")

    def check_page(self, page, theme, size):
        self.open(page, theme, size)
        stops, came = self.run_js(STOPS), self.walk()
        places = [here["at"] for here in came]
        self.assertEqual([here["what"] for here in came if here["at"] < 0], [], "no place to stop")
        self.assertEqual([what for at, what in enumerate(stops) if at not in places], [], "not reached")
        self.assertEqual(places, sorted(places), "the order of the document")
        for here in came:
            self.assertTrue(here["seen"], f"not in sight, or covered: {here['what']}")
            self.assertGreaterEqual(here["outline"], 2, here["what"])
            self.assertGreaterEqual(contrast(here["colour"], here["paper"]), 3, here["what"])

    def test_of_a_prompt(self):
        for theme, size in (("light", WIDE), ("dark", NARROW)):
            with self.subTest(theme=theme, width=size[0]):
                self.check_page(pages.of_prompt().page, theme, size)

    def test_of_every_other_section(self):
        self.check_page(pages.of_documents(), "light", WIDE)

    def test_the_first_stop_leads_to_the_content(self):
        self.open(pages.of_prompt().page)
        self.browser.press("Tab")
        self.assertEqual(self.run_js("return document.activeElement.textContent"), "Skip to the content")
        self.browser.press("Enter", "Tab")
        self.assertTrue(self.run_js("return document.activeElement.closest('main') !== null"))

    def test_the_contents_lead_to_the_sections(self):
        self.open(pages.of_prompt().page)
        n = self.run_js("return document.querySelectorAll('main > section').length")
        for i in range(n):
            self.run_js("scrollTo(0, 0)")
            self.focus(f"#contents li:nth-child({i + 1}) a")
            self.browser.press("Enter")
            self.settle()
            top = self.run_js("return document.querySelector(`main > section:nth-of-type(${args[0] + 1}) h2`).getBoundingClientRect().top", i)
            self.assertGreaterEqual(top, self.run_js("return document.getElementById('contents').getBoundingClientRect().bottom"))
            self.assertLess(top, WIDE[1])

    def test_the_theme_is_chosen_by_keyboard(self):
        self.open(pages.of_prompt().page)
        self.addCleanup(self.run_js, "try { localStorage.clear() } catch { }")
        self.tab_to("button.theme")
        for paper in ("rgb(21, 24, 29)", "rgb(255, 255, 255)"):
            name = self.run_js("return document.activeElement.ariaLabel")
            self.browser.press("Enter")
            self.settle()
            self.assertEqual(self.run_js("return getComputedStyle(document.body).backgroundColor"), paper)
            self.assertNotEqual(self.run_js("return document.activeElement.ariaLabel"), name)
            self.assertEqual({kind: found for kind, found in self.browser.run(AUDIT).items() if found}, {})


if __name__ == "__main__":
    unittest.main()
