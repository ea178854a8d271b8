"""`rankkv probe` and `profile` on the tiny model, and budgets that follow a profile."""
import json
import pathlib
import unittest

from support import TINY_CONTEXT, TINY_LAYERS, CliTest, data_home

TINY_HEADS = 4
SIGNALS = ["retr", "retr_duplicate", "retr_induction", "retr_spread"]


class ProbeTest(CliTest):
    def probe(self, *arguments):
        return self.run_well("probe", "--random-tokens", "16", "--seeds", "2", *arguments)

    def analyse(self, *names):
        for name in names:
            (self.folder / f"{name}.txt").write_text(f"the {name}, the {name} and the {name} again")
        self.run_well("analyze", *(f"{name}.txt" for name in names), "-o", "out", "-q")
        return [f"out/{name}/analysis.json" for name in names]


class Probe(ProbeTest):
    def test_the_model_is_an_argument_or_an_option(self):
        model = str(next(pathlib.Path(data_home()).glob("rankkv/*.gguf")))
        named = self.run_well("probe", model, "--json", "-q", "--random-tokens", "16").stdout
        self.assertEqual(named, self.run_well("probe", "-m", model, "--json", "-q", "--random-tokens", "16").stdout)
        self.assert_fails(2, "one model is probed", "probe", model, "-m", model)

    def test_table_profile_and_picture(self):
        result = self.probe("-o", "profile.json", "--heatmap", "retr.png", "--heads", "3", "-q")
        self.assertEqual(self.names(), ["analysis.json", "profile.json", "prompt.txt", "retr.png"])
        self.assertTrue((self.folder / "retr.png").read_bytes().startswith(b"\x89PNG"))
        rows = [line.split() for line in result.stdout.splitlines()[3:]]
        values = self.load("profile.json")["signals"]["retr"]["values"]
        flat = sorted(((value, layer, head) for layer, row in enumerate(values) for head, value in enumerate(row)),
                      reverse=True)
        self.assertEqual([(int(row[0]), int(row[1]), row[2]) for row in rows],
                         [(layer, head, f"{value:.3f}") for value, layer, head in flat[:3]])
        self.assertEqual(result.stderr, "")

    def test_json_is_the_file(self):
        document = self.probe("--json", "-o", "profile.json", "-q").stdout
        self.assertEqual(document, (self.folder / "profile.json").read_text())
        self.assertEqual(document, self.probe("-o", "-", "-q").stdout)
        profile = json.loads(document)
        self.assertEqual(profile["schema"], "rankkv-profile")
        self.assertEqual(list(profile["signals"]), SIGNALS)
        for signal in profile["signals"].values():
            self.assertEqual((len(signal["values"]), len(signal["values"][0])), (TINY_LAYERS, TINY_HEADS))
        self.assertIn("2 sequences of 2 x 16 random tokens, from seed 0", document)

    def test_seeds(self):
        first, again, other = (self.probe("--json", "--seed", seed).stdout for seed in (5, 5, 6))
        self.assertEqual(first, again)
        self.assertNotEqual(json.loads(first)["signals"]["retr"], json.loads(other)["signals"]["retr"])

    def test_beside_an_analysis(self):
        analysis, = self.analyse("fox")
        result = self.probe("--analysis", analysis, "--heads", "99")
        lines = result.stdout.splitlines()
        self.assertEqual(lines[2].split(), ["layer", "head", "retr", "spread", "duplicate", "induction", "erank",
                                            "sink_4", "local_32"])
        self.assertEqual(len(lines[3:lines.index("", 3)]), TINY_LAYERS * TINY_HEADS)
        layer, head, erank = (lines[3].split()[i] for i in (0, 1, 6))
        self.assertEqual(f"{self.load(analysis)['effective_rank'][int(layer)][int(head)]:.1f}", erank)
        self.assertIn("Spearman", result.stdout)
        self.assertIn("-o profile.json keeps this", result.stderr)
        self.assert_of_another_model("probe", "--random-tokens", "16", "--analysis", "analysis.json")

    def assert_of_another_model(self, *arguments):
        result = self.run_program(*arguments)
        self.assertEqual(result.returncode, 65, result.stderr)
        self.assertIn("the profile is of", result.stderr)

    def test_refusals(self):
        self.assert_fails(66, "missing.json", "probe", "--analysis", "missing.json")
        self.assert_fails(73, "no/profile.json", "probe", "--random-tokens", "16", "-o", "no/profile.json")
        self.assert_fails(2, "the profile has no signal oerr", "probe", "--random-tokens", "16", "--heatmap", "a.png",
                          "--signal", "oerr")
        self.assert_fails(2, f"context of {TINY_CONTEXT}", "probe", "--random-tokens", "4000")


class OutputError(ProbeTest):
    def test_table_and_signals(self):
        result = self.probe("--oerr", "window", "--text-file", "prompt.txt", "--text-tokens", "40", "-o", "profile.json",
                            "--heatmap", "oerr.png", "--signal", "oerr", "-q")
        signals = self.load("profile.json")["signals"]
        self.assertEqual(list(signals), SIGNALS + ["oerr", "oerr_layer"])
        self.assertEqual(signals["oerr"]["origin"], "window at 0.1 of the tokens, 1 text")
        rows = [line.split() for line in result.stdout.splitlines()[-TINY_LAYERS:]]
        for layer, row in enumerate(rows):
            self.assertEqual(row[:2], [str(layer), f"{signals['oerr_layer']['values'][layer][0]:.4f}"])
            self.assertEqual(row[-2:], [f"{value:.4f}" for value in signals["oerr"]["values"][layer]])
        self.assertTrue((self.folder / "oerr.png").exists())

    def test_nothing_is_lost_to_the_full_cache(self):
        arguments = ["--oerr", "full", "--text-file", "prompt.txt", "--text-file", "prompt.txt", "--json", "-q"]
        signals = json.loads(self.probe(*arguments).stdout)["signals"]
        self.assertEqual({value for row in signals["oerr"]["values"] for value in row}, {0})
        self.assertIn("2 texts", signals["oerr"]["origin"])

    def test_refusals(self):
        self.assert_fails(2, "--oerr needs a text", "probe", "--oerr", "window")
        self.assert_fails(2, "--text-file is for --oerr", "probe", "--text-file", "prompt.txt")
        self.assert_fails(2, "windw", "probe", "--oerr", "windw", "--text-file", "prompt.txt")
        self.assert_fails(66, "missing.txt", "probe", "--oerr", "window", "--text-file", "missing.txt")
        (self.folder / "short.txt").write_text("a")
        self.assert_fails(65, "fewer than 2 tokens", "probe", "--oerr", "window", "--text-file", "short.txt")


class Profile(ProbeTest):
    def test_averages(self):
        paths = self.analyse("fox", "bear")
        table = self.run_well("profile", *paths, "-o", "profile.json").stdout
        profile, analyses = self.load("profile.json"), [self.load(path) for path in paths]
        for layer in range(TINY_LAYERS):
            for head in range(TINY_HEADS):
                mean = sum(a["effective_rank"][layer][head] for a in analyses) / 2
                self.assertAlmostEqual(profile["signals"]["erank"]["values"][layer][head], mean, 12)
        self.assertEqual(profile["signals"]["erank_k"]["per"], "kv_head")
        self.assertIn("mean over 2 prompts", table)

    def test_merging(self):
        analysis, = self.analyse("fox")
        self.probe("-o", "probe.json", "-q")
        self.run_well("profile", analysis, "--merge", "probe.json", "-o", "both.json", "-q")
        signals = self.load("both.json")["signals"]
        self.assertEqual(list(signals)[:2], ["erank", "row_perplexity"])
        self.assertEqual(list(signals)[-4:], SIGNALS)
        self.assertEqual(self.run_well("profile", "--merge", "both.json", "--json").stdout,
                         (self.folder / "both.json").read_text())
        result = self.run_well("info", "both.json", "--json")
        self.assertEqual(json.loads(result.stdout)["signals"].split(), list(signals))

    def test_refusals(self):
        self.probe("-o", "probe.json", "-q")
        self.assert_fails(65, "probe.json: the profile is of", "profile", "analysis.json", "--merge", "probe.json")
        self.assert_fails(65, "schema", "profile", "probe.json")
        self.assert_fails(65, "is a profile, not an analysis", "budget", "probe.json")
        self.assert_fails(65, "is a profile, not a prompt", "analyze", "probe.json")


class Budgets(ProbeTest):
    def setUp(self):
        super().setUp()
        self.analysis, = self.analyse("fox")
        self.probe("-o", "profile.json", "-q")

    def calibrate(self, budget):
        profile = self.load("profile.json")
        profile["calibration"] = {"budget": budget}
        (self.folder / "profile.json").write_text(json.dumps(profile))

    def budget(self, *arguments, source=None):
        return json.loads(self.run_well("budget", source or self.analysis, "--json", "-P", "profile.json",
                                        *arguments).stdout)

    def test_signals_of_the_profile(self):
        budget = self.budget("-s", "retr", "-g", "head")
        self.assertEqual(budget["signal"], "retr")
        self.assertTrue(budget["options"]["from_profile"])
        self.assertNotIn("from_profile", self.budget("-s", "sink_4")["options"])
        self.assert_fails(2, "unknown signal 'ret' (did you mean 'retr'?)", "budget", self.analysis, "-P",
                          "profile.json", "-s", "ret")
        self.assert_fails(65, "the profile is of", "budget", "analysis.json", "-P", "profile.json", "-s", "retr")

    def test_calibrated(self):
        self.assert_fails(2, "no calibration", "budget", self.analysis, "-P", "profile.json", "-p", "calibrated")
        self.calibrate("power:signal=retr,exponent=2,by=head")
        calibrated = self.budget("-p", "calibrated", "--ratio", "0.25")
        self.assertEqual(calibrated, self.budget("-p", "power", "-s", "retr", "--exponent", "2", "-g", "head",
                                                 "--ratio", "0.25"))
        self.calibrate("power:exponent=x")
        self.assert_fails(65, "calibration of the profile: power: exponent", "budget", self.analysis, "-P",
                          "profile.json", "-p", "calibrated")

    def test_a_trace_is_not_analysed_when_the_profile_has_it_all(self):
        self.run_well("analyze", "fox.txt", "-o", "traced", "-q", "--save-attention")
        self.calibrate("power:signal=retr,aggregate=max")
        with_trace = self.budget("-p", "calibrated", source="traced/fox/trace.h5")
        self.assertEqual(with_trace["layers"], self.budget("-p", "calibrated")["layers"])
        self.calibrate("power:signal=ind1")  # of the prompt: the attention is looked at after all
        with_trace = self.budget("-p", "calibrated", source="traced/fox/trace.h5")
        self.assertEqual(with_trace["layers"], self.budget("-p", "calibrated")["layers"])

    def test_analyze_takes_a_profile(self):
        self.calibrate("power:signal=retr,aggregate=max")
        self.run_well("analyze", "fox.txt", "-o", "again", "-q", "-P", "profile.json", "-p", "calibrated")
        budget, analysis = self.load("again/fox/budget.json"), self.load("again/fox/analysis.json")
        self.assertEqual(budget["layers"], self.budget("-p", "calibrated")["layers"])
        self.assertEqual(budget["options"]["aggregate"], "max")
        self.assertEqual(analysis["layer_rank"]["aggregate"], "mean")  # how it was made is its own matter
        self.run_well("analyze", "fox.txt", "-o", "third", "-q", "-P", "profile.json", "-s", "retr", "-a", "max")
        self.assertEqual(self.load("third/fox/analysis.json")["layer_rank"]["aggregate"], "max")
        self.assertEqual(self.load("third/fox/budget.json")["layers"],
                         self.budget("-s", "retr", "-a", "max")["layers"])

    def test_compare_follows_the_profile(self):
        document = json.loads(self.run_well("budget", self.analysis, "--compare", "--json", "-P", "profile.json", "-s",
                                            "retr", "--top-k", "1").stdout)
        self.assertEqual({b["signal"] for b in document["budgets"]}, {"retr", ""})


if __name__ == "__main__":
    unittest.main()
