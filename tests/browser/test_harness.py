"""The checks themselves: on a page that does everything wrong, each of them says so."""
import unittest

from browsing import AUDIT, NARROW, PageTest, scratch

BAD = """<!doctype html>
<html><head><meta charset="utf-8"><title></title></head><body>
<h1>One</h1><h3>Skips a level</h3><h1>Another</h1>
<button></button><button aria-label="Close">Save it</button><input><canvas></canvas><span tabindex="3">x</span>
<div aria-hidden="true"><a href="#nowhere">Hidden</a></div>
<p id="twice">a</p><p id="twice">b</p><p aria-describedby="nothing">c</p>
<table><tr><th>No scope</th></tr></table>
<p id="pale" style="color: #999">Pale</p><p style="color: #000; opacity: 0.3">Faint</p><svg aria-hidden="true"><text fill="#ddd" y="20">Pale, too</text></svg>
<p style="width: 600px">Wide</p><button id="unseen" style="outline: none">Focus</button>
<img src="http://127.0.0.1:9/x.png" alt=""><img src="beside.png" alt="">
<script>console.error("complaint"); console.log("remark"); document.documentElement.dataset.ready = "true";</script>
</body></html>
"""
GOOD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Good</title></head><body style="background: #fff; color: #222">
<h1>One</h1><h2>Two</h2><button>Save</button><button aria-label="Close">×</button><label><span>Name</span><input></label>
<p style="background: rgb(0 0 0 / 0.9); color: #eee">On dark</p>
<script>document.documentElement.dataset.ready = "true";</script>
</body></html>
"""


class Harness(PageTest):
    def page(self, name, text):
        path = scratch("harness") / f"{name}.html"
        path.write_text(text)
        return path

    def test_what_is_wrong_is_found(self):
        self.open(self.page("bad", BAD), size=NARROW)
        said, away = self.drain()
        for word in ("complaint", "remark"):
            self.assertTrue(any(word in line for line in said), said)
        self.assertEqual(sorted(away), [(scratch("harness") / "beside.png").as_uri(), "http://127.0.0.1:9/x.png"])
        self.assertRaises(AssertionError, self.assert_fits)
        self.assertEqual(self.nameless(), ["button", "textbox"])
        found = self.browser.run(AUDIT)
        for kind, words in {
            "names": ["button: has no name", "input: has no name", "canvas: a picture", "hidden from assistive", "tabindex of 3",
                      '"save it" is not in its name'],
            "headings": ["exactly one h1", "h1 is followed by h3"],
            "references": ["#twice is there 2 times", "aria-describedby names #nothing", "leads to #nowhere"],
            "tables": ["no caption", "no scope"],
            "contrast": ['"Pale"', '"Faint"', '"Pale, too"'],
            "language": ["no lang", "no title"],
        }.items():
            for word in words:
                self.assertTrue(any(word in line for line in found[kind]), f"{kind}: {word}: {found[kind]}")

    def test_what_is_right_is_not(self):
        self.open(self.page("good", GOOD), size=NARROW)
        self.assert_fits()
        self.assert_accessible()


if __name__ == "__main__":
    unittest.main()
