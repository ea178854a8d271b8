"""What the tests in a browser share: one browser for all of them, and the checks that every page must pass."""
import atexit
import json
import os
import pathlib
import tempfile
import unittest
import urllib.parse

from webdriver import Browser, BrowserError

HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = pathlib.Path(os.environ.get("RANKKV_BROWSER_OUTPUT", HERE.parents[1] / "build/browser"))
AUDIT = (HERE / "audit.js").read_text()
WIDE, NARROW = (1440, 900), (420, 900)
UNNAMED = ("RootWebArea", "main", "generic", "cell")  # roles: what the skip link leads to, and text, which is read as it stands
WITHIN = ("data", "blob")  # addresses of what a page itself holds

_scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
_browser = None


def scratch(name):
    """A folder that is gone when the tests have ended."""
    folder = pathlib.Path(_scratch.name) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def the_browser():
    global _browser
    if not _browser:
        _browser = Browser(scratch("browser"))
        atexit.register(_browser.close)
    return _browser


def requested(entries):
    """Addresses that were asked for, of the performance log's entries."""
    messages = [json.loads(entry["message"])["message"] for entry in entries]
    return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"] + [
        m["params"]["url"] for m in messages if m["method"] == "Network.webSocketCreated"]


class PageTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.browser = the_browser()
        self.browser.resize(*WIDE)
        self.browser.media(prefers_color_scheme="light")
        self.drain()

    def tearDown(self):
        self.assert_quiet()

    # ---- logs ----

    def drain(self):
        """(what the console says, addresses beside the page's own that were asked for) since the last time."""
        said = [f"{e['level']}: {e['message']}" for e in self.browser.log("browser")]
        opened = set(map(urllib.parse.unquote, self.browser.opened))
        away = [a for a in requested(self.browser.log("performance"))
                if urllib.parse.urlsplit(a).scheme not in WITHIN and urllib.parse.unquote(a) not in opened]
        return said, away

    def assert_quiet(self):
        said, away = self.drain()
        self.assertEqual(said, [], "the console")
        self.assertEqual(away, [], "requests to a network, or for other files")

    # ---- pages ----

    def open(self, page, theme="light", size=WIDE):
        """Opens a page in the theme of the system, and waits until all of it is drawn."""
        self.browser.resize(*size)
        self.browser.media(prefers_color_scheme=theme)
        self.browser.go(page)
        try:
            self.browser.wait("return document.documentElement.dataset.ready === 'true'", what=f"{page} is drawn")
        except BrowserError as error:
            self.fail(f"{error}; the console: {self.drain()[0]}")
        self.settle()

    def settle(self):
        """Until two frames are painted: what follows a size or a key is drawn then."""
        self.run_js("await new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(r, 0))))")

    def run_js(self, script, *arguments):
        return self.browser.run(f"return (async (...args) => {{ {script} }})(...arguments)", *arguments)

    def text(self, selector):
        return self.run_js("return document.querySelector(args[0])?.innerText ?? null", selector)

    def focus(self, selector):
        """By script, where how one gets there is not what is tested."""
        found = self.run_js("const e = document.querySelector(args[0]); e?.focus(); return document.activeElement === e", selector)
        self.assertTrue(found, f"{selector} takes the focus")

    def tab_to(self, selector, most=80):
        """With the Tab key alone."""
        for _ in range(most):
            self.browser.press("Tab")
            if self.run_js("return document.activeElement?.matches(args[0]) ?? false", selector):
                return
        self.fail(f"{selector} is not reached within {most} tabs")

    def keep_picture(self, name):
        OUTPUT.mkdir(parents=True, exist_ok=True)
        self.browser.picture(OUTPUT / f"{name}.png")

    # ---- what holds on every page ----

    def assert_fits(self):
        """The page itself never scrolls sideways; tables and maps may, in their own boxes."""
        wide = self.run_js("""const root = document.documentElement;
            if (root.scrollWidth <= root.clientWidth) return [];
            return [`${root.scrollWidth} of ${root.clientWidth}`, ...[...document.body.querySelectorAll("*")].filter((e) =>
                e.getBoundingClientRect().right > root.clientWidth + 1 && !e.closest(".scroll")).slice(0, 8).map((e) => `${e.localName}#${e.id}.${e.className}`)];""")
        self.assertEqual(wide, [], "elements wider than the page")

    def nameless(self):
        """Roles of what takes the focus and has no name, as the browser tells assistive technology."""
        def focusable(node):
            return any(p["name"] == "focusable" and p["value"].get("value") for p in node.get("properties", []))
        nodes = [n for n in self.browser.tell("Accessibility.getFullAXTree")["nodes"] if not n.get("ignored") and focusable(n)]
        roles = [n["role"]["value"] for n in nodes if not n.get("name", {}).get("value")]
        return [role for role in roles if role not in UNNAMED]

    def assert_accessible(self):
        self.assertEqual(self.nameless(), [], "without a name")
        self.assertEqual({kind: found for kind, found in self.browser.run(AUDIT).items() if found}, {})
