"""--chart of `rankkv budget` and `rankkv run`: what is drawn, and what is refused before there is any work."""
import json
import unittest
import xml.etree.ElementTree as ElementTree

from support import CliTest

SVG = "{http://www.w3.org/2000/svg}"
NO_FONTS = '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig></fontconfig>'


class ChartTest(CliTest):
    def setUp(self):
        super().setUp()
        probe = self.run_program("budget", "analysis.json", "--chart", "probe.png")
        self.can_draw = probe.returncode == 0
        if self.can_draw:
            (self.folder / "probe.png").unlink()
        else:
            self.assertEqual(probe.returncode, 69, probe.stderr)

    def need_drawing(self):
        if not self.can_draw:
            self.skipTest("this build, or this machine, cannot draw charts")

    def svg(self, name):
        return ElementTree.parse(self.folder / name).getroot()

    def texts(self, root):
        return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]

    def groups(self, root, family):
        return [group for group in root.iter(f"{SVG}g") if group.get("class") == family]

    def series(self, root):
        """Names of the series, in the order of drawing; None of one without a name."""
        return [group.findtext(f"{SVG}title") for group in self.groups(root, "series")]

    def assert_refused(self, arguments):
        """Of a command that has not worked or written anything yet."""
        before = self.names()
        for name in ("chart.pdf", "chart", ".png", "folder.png/chart", "chart.png.gz", "-"):
            self.assert_fails(2, f"--chart {name}: a chart is a .png or a .svg file", *arguments, "--chart", name)
        self.env["FONTCONFIG_FILE"] = str(self.folder / "fonts.conf")
        (self.folder / "fonts.conf").write_text(NO_FONTS)
        result = self.assert_fails(69, "--chart chart.svg: labels need ", *arguments, "--chart", "chart.svg")
        self.assertRegex(result.stderr, "Cairo|font")
        del self.env["FONTCONFIG_FILE"]
        (self.folder / "fonts.conf").unlink()
        if self.can_draw:
            self.assert_fails(73, "nowhere/chart.png: cannot create: ", *arguments, "--chart", "nowhere/chart.png")
        self.assertEqual(self.names(), before)


class Budget(ChartTest):
    def test_one_policy(self):
        self.need_drawing()
        table = self.run_well("budget", "analysis.json", "-p", "inverse", "--total-budget", "101")
        drawn = self.run_well("budget", "analysis.json", "-p", "inverse", "--total-budget", "101", "--chart", "one.svg")
        self.assertEqual(drawn.stdout, table.stdout)
        root = self.svg("one.svg")
        texts = self.texts(root)
        self.assertIn("Cache budgets by layer: inverse", texts)
        self.assertIn("Golden (F32) · golden, 64 tokens · signal erank · total 101 of 256 entries (39.5\u00a0%)", texts)
        self.assertIn("even share", texts)
        self.assertEqual(self.series(root), [None])
        self.assertEqual(len(self.groups(root, "series")[0].findall(f"{SVG}path")), 4)  # a bar for each layer

    def test_a_control_has_no_signal(self):
        self.need_drawing()
        self.run_well("budget", "analysis.json", "-p", "uniform", "--chart", "one.svg")
        self.assertIn("Golden (F32) · golden, 64 tokens · total 128 of 256 entries (50\u00a0%)",
                      self.texts(self.svg("one.svg")))

    def test_by_head_with_the_span_of_heads(self):
        self.need_drawing()
        self.run_well("budget", "analysis.json", "-g", "head", "--chart", "heads.svg")
        series = self.groups(self.svg("heads.svg"), "series")[0]
        self.assertEqual(len(series.findall(f"{SVG}path")), 4 + 3 * 4)  # bars, and lines with both ends

    def test_every_policy(self):
        self.need_drawing()
        for unit in ("layer", "head"):
            arguments = ["budget", "analysis.json", "--compare", "--json", "--top-k", "1", "-g", unit]
            document = json.loads(self.run_well(*arguments, "--chart", "all.svg").stdout)
            root = self.svg("all.svg")
            self.assertEqual(len(self.groups(root, "panel")), 2)
            self.assertEqual(sorted(self.series(root)), sorted(b["policy"] for b in document["budgets"]))
            self.assertEqual(len(self.groups(root, "entry")), len(document["budgets"]))

    def test_a_policy_that_refuses_is_not_drawn(self):
        self.need_drawing()
        self.run_well("budget", "analysis.json", "--compare", "--top-k", "5", "--budget", "8", "--chart", "all.svg")
        self.assertNotIn("top-k", self.series(self.svg("all.svg")))

    def test_formats_by_ending(self):
        self.need_drawing()
        for name, start in (("a.png", b"\x89PNG"), ("b.PNG", b"\x89PNG"), ("c.v2.svg", b"<svg"), ("d.SVG", b"<svg")):
            self.run_well("budget", "analysis.json", "-o", "budget.json", "--chart", name)
            self.assertTrue((self.folder / name).read_bytes().startswith(start), name)
        self.assertEqual(self.names(), ["a.png", "analysis.json", "b.PNG", "budget.json", "c.v2.svg", "d.SVG", "prompt.txt"])

    def test_refused_before_the_work(self):
        for more in ([], ["--compare"], ["-o", "budget.json"]):
            self.assert_refused(["budget", "analysis.json", *more])


if __name__ == "__main__":
    unittest.main()
