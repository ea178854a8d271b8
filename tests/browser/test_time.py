"""Opening a page and a head takes little time. The limits are wide, for machines that do other things; measure.py
has the ones that a page of the default model is held to."""
import unittest

import measure
import pages
from browsing import PageTest

WIDE = 10  # times what is demanded, that a busy machine may take


class Time(PageTest):
    def check(self, name, page):
        measure.prepare(self.browser)
        paints = [measure.first_paints(self.browser, page) for _ in range(3)]
        heads = measure.head_times(self.browser, 8)
        print(f"\n{name}", *measure.report(paints, heads), sep="\n")
        self.assertLess(min(p["first paint"] for p in paints), WIDE * measure.FIRST_PAINT_MS)
        self.assertGreater(len(heads), 3)
        self.assertLess(min(heads), WIDE * measure.HEAD_MS)

    def test_of_a_prompt(self):
        self.check("130 tokens, 8 heads", pages.of_prompt().page)

    def test_of_many_tokens(self):
        self.check("2048 tokens, 8 heads", pages.of_many_tokens().page)


if __name__ == "__main__":
    unittest.main()
