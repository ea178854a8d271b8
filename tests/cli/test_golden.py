"""What the program prints, held to files: RANKKV_UPDATE_GOLDEN=1 rewrites them, git diff shows what changed."""
import json
import os
import re
import shutil
import subprocess
import unittest

from support import HERE, CliTest, normalise

GOLDEN = HERE / "golden"

CASES = {
    "no_command": [],
    "help": ["--help"],
    "unknown_command": ["anlyze"],
    "unknown_command_far": ["xyzzy"],
    "unknown_option": ["analyze", "--polcy", "uniform"],
    "option_before_command": ["--json", "methods"],
    "unknown_choice": ["analyze", "--policy", "porportional"],
    "unknown_choice_far": ["budget", "analysis.json", "--aggregate=xyzzy"],
    "unknown_signal": ["budget", "analysis.json", "--signal=sink"],
    "calibrated_without_profile": ["budget", "analysis.json", "--policy", "calibrated"],
    "profile_of_nothing": ["profile"],
    "profile_of_budget": ["profile", "budget.json"],
    "probe_too_few": ["probe", "--random-tokens", "15"],
    "probe_too_many": ["probe", "--random-tokens", "129", "--device", "cpu"],
    "not_a_count": ["analyze", "--tokens", "-1"],
    "count_too_small": ["analyze", "--budget", "0"],
    "not_a_number": ["budget", "analysis.json", "--ratio", "half"],
    "number_out_of_range": ["budget", "analysis.json", "--ratio", "1.5"],
    "missing_argument": ["budget"],
    "too_many_arguments": ["budget", "analysis.json", "analysis.json"],
    "two_sizes": ["budget", "analysis.json", "--budget", "8", "--ratio", "0.5"],
    "within_layer_by_layer": ["budget", "analysis.json", "--within-layer"],
    "budget_below_minimum": ["budget", "analysis.json", "--budget", "8", "--min-budget", "9"],
    "budget_above_prompt": ["budget", "analysis.json", "--budget", "65"],
    "budget_min_above_max": ["budget", "analysis.json", "--min-budget", "9", "--max-budget", "8"],
    "budget_default": ["budget", "analysis.json"],
    "budget_inverse": ["budget", "analysis.json", "--policy", "inverse", "--budget", "16"],
    "budget_by_head": ["budget", "analysis.json", "--granularity", "head", "--total-budget", "60"],
    "budget_within_layer": ["budget", "analysis.json", "-g", "head", "--within-layer", "--ratio", "0.25"],
    "budget_compare": ["budget", "analysis.json", "--compare", "--ratio", "0.25"],
    "budget_compare_note": ["budget", "analysis.json", "--compare", "--top-k", "5", "--budget", "8"],
    "budget_json": ["budget", "analysis.json", "--json"],
    "budget_of_budget": ["budget", "budget.json"],
    "export_list": ["export", "--list"],
    "export_csv": ["export", "budget.json", "--to", "csv"],
    "export_without_analysis": ["export", "budget.json", "--to", "rank-analysis"],
    "export_without_format": ["export", "budget.json"],
    "info_analysis": ["info", "analysis.json"],
    "info_analysis_json": ["info", "analysis.json", "--json"],
    "info_budget": ["info", "budget.json"],
    "info_model": ["info", "model.gguf"],
    "info_text": ["info", "prompt.txt"],
    "info_missing": ["info", "missing.json"],
    "info_folder": ["info", "."],
    "methods": ["methods"],
    "methods_solvers": ["methods", "solvers"],
    "methods_unknown": ["methods", "polices"],
    "run_two_sizes": ["run", "prompt.txt", "--budget", "8", "--ratio", "0.5"],
    "run_unknown_method": ["run", "prompt.txt", "--method", "windw"],
    "run_unknown_option": ["run", "prompt.txt", "--method", "streaming-llm:sinks=4"],
    "run_below_least": ["run", "prompt.txt", "--method", "streaming-llm:n_sink=8", "--budget", "7", "--device", "cpu"],
    "bench_two_texts": ["bench", "prompt.txt", "--text-file", "prompt.txt"],
    "bench_kv_with_a_policy": ["bench", "--kv", "tokens=8", "--policy", "inverse"],
    "heatmap_without_folder": ["heatmap", "trace.h5"],
}


class Golden(CliTest):
    def setUp(self):
        super().setUp()
        self.run_well("budget", "analysis.json", "-o", "budget.json")
        shutil.copy(next((self.folder / self.env["XDG_DATA_HOME"]).rglob("*.gguf")), self.folder / "model.gguf")

    def commands(self):
        overview = self.run_well("help").stdout
        names = re.findall(r"^  (\w+) +\S", overview.split("Commands:\n")[1], re.M)
        self.assertIn("analyze", names)
        return names

    def check(self, name, arguments):
        result = self.run_program(*arguments)
        shown = " ".join(["rankkv", *arguments])
        text = normalise(f"$ {shown}\nexit code {result.returncode}\n--- stdout\n{result.stdout}"
                         f"--- stderr\n{result.stderr}")
        path = GOLDEN / f"{name}.txt"
        if os.environ.get("RANKKV_UPDATE_GOLDEN"):
            GOLDEN.mkdir(exist_ok=True)
            path.write_text(text)
        self.assertTrue(path.exists(), f"{path.name} is not there: RANKKV_UPDATE_GOLDEN=1 writes it")
        self.assertEqual(path.read_text(), text)

    def test_golden(self):
        cases = CASES | {f"help_{name}": [name, "--help"] for name in self.commands()}
        for name, arguments in cases.items():
            with self.subTest(name):
                self.check(name, arguments)
        self.assertEqual({path.stem for path in GOLDEN.glob("*.txt")}, set(cases), "golden files without a case")

    def test_help_is_the_same_each_way(self):
        for name in self.commands():
            with self.subTest(name):
                wanted = self.run_well(name, "--help").stdout
                self.assertEqual(self.run_well("help", name).stdout, wanted)
                self.assertEqual(self.run_well(name, "-h").stdout, wanted)
                self.assertEqual(self.run_well(name, "--version").stdout, self.run_well("--version").stdout)
                self.assertIn(f"rankkv {name}", self.run_well(name, "--usage").stdout)

    def test_help_fits_80_columns_and_names_every_policy(self):
        policies = [row["name"] for row in json.loads(self.run_well("methods", "--json").stdout)["policies"]]
        text = self.run_well("analyze", "--help").stdout
        for policy in policies:
            self.assertIn(policy, text)
        for name in self.commands():
            for line in self.run_well(name, "--help").stdout.splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_methods_json(self):
        document = json.loads(self.run_well("methods", "--json").stdout)
        self.assertEqual((document["schema"], document["schema_version"]), ("rankkv-methods", 1))
        for table in ("policies", "metrics", "aggregates", "solvers", "colormaps", "scales", "compressors", "exporters"):
            names = [row["name"] for row in document[table]]
            self.assertGreater(len(names), 1)
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual(list(json.loads(self.run_well("methods", table, "--json").stdout))[3:], [table])

    def test_methods_schema(self):
        validator = self.validator("methods")
        document = json.loads(self.run_well("methods", "--json").stdout)
        self.assert_valid(validator, document)
        self.assertFalse(validator.is_valid({k: document[k] for k in ("schema", "schema_version", "creator")}))
        for table in list(document)[3:]:
            self.assert_valid(validator, json.loads(self.run_well("methods", table, "--json").stdout))
            self.assertFalse(validator.is_valid(document | {table: []}), table)
            for row in document[table]:
                self.assertFalse(validator.is_valid(document | {table: [row | {"name": ""}]}), table)
        for row in document["compressors"]:
            for option in row["options"]:
                for member in option:
                    lacking = {k: v for k, v in option.items() if k != member}
                    changed = document | {"compressors": [row | {"options": [lacking]}]}
                    self.assertFalse(validator.is_valid(changed), (row["name"], option["name"], member))

    def test_every_policy_makes_a_budget(self):
        for row in json.loads(self.run_well("methods", "--json").stdout)["policies"]:
            if row["name"] == "calibrated":  # needs a profile
                continue
            with self.subTest(row["name"]):
                output = self.run_well("budget", "analysis.json", "--json", "--top-k", "1", "--policy", row["name"],
                                       "--total-budget", "101").stdout
                budget = json.loads(output)
                self.assertEqual(sum(budget["layers"]), 101)

    def test_every_export(self):
        for row in json.loads(self.run_well("methods", "--json").stdout)["exporters"]:
            with self.subTest(row["name"]):
                arguments = ["export", "budget.json", "--to", row["name"], "--analysis", "analysis.json"]
                text = self.run_well(*arguments).stdout
                self.run_well(*arguments, "-o", "exported")
                self.assertEqual((self.folder / "exported").read_text(), text)
                self.assertTrue(text)

    def test_compare_json(self):
        document = json.loads(self.run_well("budget", "analysis.json", "--compare", "--json", "--top-k", "1").stdout)
        policies = [row["name"] for row in json.loads(self.run_well("methods", "--json").stdout)["policies"]]
        policies.remove("calibrated")
        self.assertEqual([budget["policy"] for budget in document["budgets"]], policies)
        self.assertEqual(len({budget["total"] for budget in document["budgets"]}), 1)


class Manual(CliTest):
    @unittest.skipUnless(shutil.which("man"), "man is not installed")
    def test_man_page_has_everything_and_no_warnings(self):
        (self.folder / "rankkv.1").write_text(self.run_well("manual").stdout)
        shown = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "rankkv.1"], cwd=self.folder,
                               env=self.env | {"MANWIDTH": "200", "MANROFFOPT": "-c"}, capture_output=True, text=True)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertEqual(shown.stderr, "")
        text = re.sub(r".\x08|\x1b\[\d*m", "", shown.stdout)
        for name in ("analyze", "heatmap", "budget", "export", "run", "info", "methods"):
            self.assertIn(f"rankkv {name}", text)
        self.assertIn("--save-attention", text)
        self.assertIn("EXIT STATUS", text)
        for code in (0, 1, 2, 65, 66, 69, 71, 73, 74):
            self.assertRegex(text, rf"(?m)^ +{code} +\S")


class Completion(CliTest):
    def complete(self, line):
        """What bash would offer at the end of line."""
        script = ("source <(\"$PROGRAM\" completion bash)\n"
                  "COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _rankkv; printf '%s\\n' \"${COMPREPLY[@]}\"")
        words = line.split(" ")
        shown = subprocess.run(["bash", "-c", script, "bash", *words], cwd=self.folder, capture_output=True, text=True,
                               env=self.env | {"PROGRAM": os.environ.get("RANKKV_PROGRAM", "rankkv")})
        self.assertEqual(shown.stderr, "")
        return shown.stdout.split()

    def test_commands_options_and_choices(self):
        self.assertEqual(self.complete("rankkv ana"), ["analyze"])
        self.assertEqual(self.complete("rankkv help heat"), ["heatmap"])
        self.assertEqual(self.complete("rankkv analyze --save"), ["--save-attention"])
        self.assertEqual(self.complete("rankkv analyze --dtype "), ["float16", "float32"])
        self.assertEqual(self.complete("rankkv analyze --dtype = float3"), ["float32"])
        self.assertEqual(self.complete("rankkv budget -p prop"), ["proportional"])
        self.assertEqual(self.complete("rankkv analyze --text "), [])
        self.assertEqual(self.complete("rankkv run --method strea"), ["streaming-llm"])
        self.assertEqual(self.complete("rankkv run --hold "), ["always", "prompt"])
        self.assertEqual(self.complete("rankkv methods comp"), ["compressors"])

    def test_files(self):
        self.assertIn("prompt.txt", self.complete("rankkv analyze pro"))
        (self.folder / "pictures").mkdir()
        self.assertEqual(self.complete("rankkv analyze -o p"), ["pictures"])


if __name__ == "__main__":
    unittest.main()
