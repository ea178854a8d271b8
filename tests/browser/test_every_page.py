"""What holds on every page of pages.PAGES: it opens, asks no network, fits, and can be used by everybody."""
import unittest

from browsing import NARROW, WIDE, PageTest
from pages import PAGES

OPEN_DETAILS = "for (const d of document.querySelectorAll('details')) d.open = true"

# Attention maps whose future is dark: the right end of a map's second row of pixels but some.
DARK_CORNERS = """return [...document.querySelectorAll(".attention canvas[role]")].filter((canvas) => {
    const [red] = canvas.getContext("2d").getImageData(canvas.width - 12, 12, 1, 1).data;
    return red < 128;
}).map((canvas) => canvas.ariaLabel)"""


class EveryPage(PageTest):
    def on_every_page(self, check):
        for name, make in PAGES.items():
            with self.subTest(page=name):
                page = make()
                check(name, page)
                self.assert_quiet()

    def test_opens_light_and_dark_wide_and_narrow(self):
        def check(name, page):
            self.open(page)
            self.keep_picture(f"{name}-light-{WIDE[0]}")
            self.assert_fits()
            for theme, size in (("light", NARROW), ("dark", NARROW), ("dark", WIDE)):
                self.browser.media(prefers_color_scheme=theme)
                self.browser.resize(*size)
                self.settle()
                self.assert_fits()
                self.keep_picture(f"{name}-{theme}-{size[0]}")
        self.on_every_page(check)

    def test_opens_narrow_and_dark_at_once(self):
        def check(_name, page):
            self.open(page, "dark", NARROW)
            self.assert_fits()
            self.assertEqual(self.run_js("return getComputedStyle(document.documentElement).colorScheme"), "light dark")
            self.assertTrue(self.run_js("return page.dark()"))
        self.on_every_page(check)

    def test_is_accessible(self):
        def check(_name, page):
            self.open(page)
            self.assert_accessible()
            self.run_js(OPEN_DETAILS)
            self.settle()
            self.assert_accessible()
            self.browser.media(prefers_color_scheme="dark")
            self.settle()
            self.assert_accessible()
            self.assert_fits()
            self.browser.resize(*NARROW)
            self.settle()
            self.assert_fits()
        self.on_every_page(check)

    def test_has_no_element_that_a_document_brought(self):
        def check(_name, page):
            self.open(page)
            self.run_js(OPEN_DETAILS)
            self.settle()
            self.assertEqual(self.run_js("""return [window.owned ?? null, document.querySelectorAll("img, iframe, object, embed, form").length,
                document.scripts.length - document.querySelectorAll("script[type^='application/']").length,
                document.querySelectorAll("style, link").length,
                [...document.querySelectorAll("*")].flatMap((e) => e.getAttributeNames()).filter((n) => n.startsWith("on"))]"""), [None, 0, 1, 1, []])
        self.on_every_page(check)

    def test_prints(self):
        def check(name, page):
            self.open(page, "dark")
            before = self.run_js("return document.querySelectorAll('.token').length")
            self.browser.media("print", prefers_color_scheme="dark")
            self.settle()
            shown = self.run_js("""return {
                tokens: [...document.querySelectorAll(".token")].filter((e) => e.checkVisibility()).length,
                headings: [...document.querySelectorAll("main h2")].every((e) => e.checkVisibility()),
                controls: [...document.querySelectorAll("main button:not(th button), nav")].filter((e) => e.checkVisibility()).length,
                paper: getComputedStyle(document.body).backgroundColor }""")
            self.assertEqual(shown, {"tokens": before, "headings": True, "controls": 0, "paper": "rgb(255, 255, 255)"})
            self.assertEqual(self.run_js(DARK_CORNERS), [], "pictures in the colours of the screen")
            self.keep_picture(f"{name}-print")
        self.on_every_page(check)


if __name__ == "__main__":
    unittest.main()
