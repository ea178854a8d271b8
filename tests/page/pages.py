"""What the tests of pages share: a browser, a folder with the sample documents, and pages made of them."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import browser

MAKE_PAGE = os.environ.get("RANKKV_MAKE_PAGE", "make_page")
WRITE_SAMPLES = os.environ.get("RANKKV_WRITE_SAMPLES", "write_samples")
PICTURES = os.environ.get("RANKKV_PAGE_PICTURES")
HOSTILE = "</script><img src=x onerror=\"window.entered = true\"><!--"


class PageTest(unittest.TestCase):
    """A page may neither complain nor ask for anything."""

    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = pathlib.Path(scratch.name)
        subprocess.run([WRITE_SAMPLES, str(cls.folder)], check=True)

    def tearDown(self):
        self.assertEqual(self.browser.complaints(), [])
        self.assertEqual(self.browser.requests(), [])

    # ---- documents ----

    def read(self, name):
        return json.loads((self.folder / name).read_text())

    def write(self, name, document):
        (self.folder / name).write_text(json.dumps(document))
        return name

    def open(self, *documents, title="A page", **options):
        """Opens a page of (kind, name, file)."""
        arguments = [str(self.folder / part) if i == 2 else part for document in documents for i, part in enumerate(document)]
        page = self.folder / "page.html"
        subprocess.run([MAKE_PAGE, str(page), title, *arguments], check=True)
        self.browser.open(page, **options)

    # ---- the reader ----

    def evaluate(self, expression):
        return self.browser.evaluate(expression)

    def text(self, selector):
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.textContent ?? null")

    def choose(self, label, value):
        """Takes an option of a choice as a reader does, and lets the page draw."""
        self.evaluate(f"""{{
            const choices = [...document.querySelectorAll("label.choice")];
            const select = choices.find((l) => l.firstChild.textContent === {json.dumps(label)}).querySelector("select");
            select.value = {json.dumps(value)};
            select.dispatchEvent(new Event("change"));
        }}""")
        self.browser.settle()

    def titles(self):
        return self.evaluate('[...document.querySelectorAll(".chart-title")].map((t) => t.textContent)')

    def said(self):
        return self.text("#said")

    def looks(self, name, *documents):
        """Pages fit their width, name what can be gone to, and are kept as pictures."""
        for width in (1440, 420):
            for theme in ("light", "dark"):
                self.open(*documents, width=width, theme=theme)
                self.assertLessEqual(self.evaluate("document.documentElement.scrollWidth"), width)
                self.assertEqual(self.browser.unnamed(), [])
                if PICTURES:
                    pathlib.Path(PICTURES).mkdir(parents=True, exist_ok=True)
                    self.browser.picture(f"{PICTURES}/{name}-{width}-{theme}.png")
