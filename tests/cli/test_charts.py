"""--chart of `rankkv budget` and `rankkv run`: what is drawn, and what is refused before there is any work."""
import json
import re
import signal
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

from support import PROGRAM, CliTest

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


class Run(ChartTest):
    ARGUMENTS = ["run", "prompt.txt", "--verify", "--ignore-end"]

    def draw(self, *arguments, chart="chart.svg"):
        self.run_well(*self.ARGUMENTS, *arguments, "--chart", chart, errors="replace")
        return self.svg(chart)

    def paths(self, group):
        """Points of the paths in a group."""
        return [[tuple(map(float, point.split())) for point in re.split("[ML]", path.get("d").rstrip("Z"))[1:]]
                for path in group.findall(f"{SVG}path") if path.get("stroke-width")]

    def test_what_the_trace_says(self):
        """The same lengths as --trace-cache writes, for methods whose lists are of one length and of many."""
        self.need_drawing()
        for method in (["-M", "window", "-b", "8"], ["-M", "fastgen:T=0.5"], ["--adaptive", "0:full,170:window", "-b", "9"],
                       ["-M", "streaming-llm", "-b", "12", "--interval", "4"]):
            with self.subTest(method):
                root = self.draw(*method, "-N", "20", "--trace-cache", "trace.jsonl")
                events = [json.loads(line) for line in (self.folder / "trace.jsonl").read_text().splitlines()]
                self.check_line(root, events)

    def check_line(self, root, events):
        kept = {}
        for event in events:
            kept.setdefault(event["step"], []).append(event["after"])
        wanted = [sum(lengths) / len(lengths) for _, lengths in sorted(kept.items())]
        line = self.paths(self.groups(root, "series")[0])[0]
        self.assertEqual(len(line), 2 * len(wanted) - 1)
        drawn = [y for _, y in line[::2]]
        low, high = wanted.index(min(wanted)), wanted.index(max(wanted))
        for at, mean in enumerate(wanted):
            if wanted[low] == wanted[high]:
                self.assertEqual(drawn[at], drawn[0])
            else:
                share = (mean - wanted[low]) / (wanted[high] - wanted[low])
                self.assertAlmostEqual(drawn[at], drawn[low] + share * (drawn[high] - drawn[low]), delta=0.2)
        many = any(min(lengths) < max(lengths) for lengths in kept.values())
        note = " ".join(self.texts(root))
        self.assertEqual("band: from the shortest to the longest" in note, many)
        self.assertEqual("lists (layers × KV heads) are equally long" in note, not many)

    def test_words_and_budget(self):
        self.need_drawing()
        root = self.draw("-M", "window", "-b", "10", "-N", "5")
        texts = self.texts(root)
        self.assertIn("Length of the cache, step by step", texts)
        self.assertRegex(" ".join(texts), r"Tiny random model \(F32\) · prompt, \d+ tokens, and 5 new · window · budget 10")
        self.assertIn("budget", texts)
        self.assertEqual(len(self.groups(root, "rule")), 1)

    def test_no_rule_where_the_budget_is_not_one_number_or_out_of_reach(self):
        self.need_drawing()
        self.assertEqual(self.groups(self.draw("-M", "int8", "-N", "5"), "rule"), [])
        self.assertEqual(self.groups(self.draw("-M", "window", "-b", "100000", "-N", "5"), "rule"), [])
        self.run_well("analyze", "prompt.txt", "-q", "--policy", "pyramid")
        root = self.draw("-M", "window", "-B", "rankkv-out/prompt/budget.json", "-N", "5")
        self.assertEqual(self.groups(root, "rule"), [])
        self.assertRegex(" ".join(self.texts(root)), r"budgets \d+ to \d+")

    def test_both_runs(self):
        self.need_drawing()
        for more in ([], ["--json"]):
            root = self.draw("-M", "h2o", "-b", "10", "-N", "5", "--compare", *more)
            self.assertEqual(self.series(root), ["h2o", "full"])
            self.assertEqual(len(self.groups(root, "entry")), 2)

    def test_one_token(self):
        self.need_drawing()
        self.assertEqual(len(self.groups(self.draw("-N", "1"), "series")), 1)

    def test_a_long_run_makes_no_larger_picture(self):
        self.need_drawing()
        sizes = []
        for steps, most in ((2000, 2048), (5000, 2048)):
            root = self.draw("-M", "window", "-b", "8", "-N", steps, "--interval", "3", "-q")
            line = self.paths(self.groups(root, "series")[0])[0]
            self.assertLessEqual(len(line), 2 * most)
            self.assertGreater(len(line), most)
            sizes.append((self.folder / "chart.svg").stat().st_size)
        self.assertLess(max(sizes), 300_000)
        self.assertIn("A point stands for 4 steps.", " ".join(self.texts(root)))

    def test_what_there_is_after_a_signal(self):
        self.need_drawing()
        program = subprocess.Popen([PROGRAM, *self.ARGUMENTS, "-M", "window", "-b", "8", "-N", "100000000", "--chart",
                                    "chart.svg"], cwd=self.folder, env=self.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.addCleanup(program.kill)
        program.stdout.read(50)
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=60)
        self.assertEqual(program.returncode, 128 + signal.SIGINT, err)
        self.assertEqual(len(self.groups(self.svg("chart.svg"), "series")), 1)

    def test_refused_before_the_work(self):
        for more in ([], ["--compare"], ["--trace-cache", "trace.jsonl"]):
            self.assert_refused([*self.ARGUMENTS, *more])

    def test_no_other_file_is_overwritten(self):
        (self.folder / "prompt.svg").write_text("a text of some tokens")
        self.assert_fails(2, "--chart: prompt.svg is an input of this run", "run", "prompt.svg", "--chart", "prompt.svg")
        self.assertEqual((self.folder / "prompt.svg").read_text(), "a text of some tokens")
        self.assert_fails(2, "--chart: out.svg is the file of --trace-cache", "run", "prompt.txt", "--trace-cache",
                          "out.svg", "--chart", "out.svg")


if __name__ == "__main__":
    unittest.main()
