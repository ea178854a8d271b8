"""`rankkv analyze` and what follows it, on the tiny model: the files, the tables, the examples of --help."""
import json
import re
import shlex
import unittest

from support import PROMPT, TINY_CONTEXT, TINY_LAYERS, CliTest, on_terminal, without_device

DOCUMENTS = ["analysis.json", "budget.json", "ranks.csv"]


class Analyze(CliTest):
    def test_documents(self):
        result = self.run_well("analyze", "prompt.txt")
        self.assertEqual(self.names("rankkv-out"), [f"prompt/{name}" for name in DOCUMENTS])
        analysis = self.load("rankkv-out/prompt/analysis.json")
        budget = self.load("rankkv-out/prompt/budget.json")
        self.assertEqual(len(analysis["effective_rank"]), TINY_LAYERS)
        self.assertEqual(analysis["prompt"]["name"], "prompt")
        self.assertEqual(analysis["layer_rank"]["aggregate"], "mean")
        self.assertEqual(sum(budget["layers"]), budget["total"])
        self.assertEqual(analysis["budget"]["layers"], budget["layers"])
        for layer, entries in enumerate(budget["layers"]):
            self.assertRegex(result.stdout, rf"(?m)^ +{layer} .* {entries} ")
        self.assertIn("Rank is a measure of locality", " ".join(result.stdout.split()))
        self.assertEqual(without_device(result.stderr), "")

    def test_json_is_all_there_is_on_stdout(self):
        (self.folder / "other.txt").write_text("Another prompt, for company.")
        result = self.run_well("analyze", "prompt.txt", "other.txt", "--json")
        document = json.loads(result.stdout)
        self.assertEqual((document["schema"], document["schema_version"]), ("rankkv-analyses", 1))
        self.assertEqual([a["prompt"]["name"] for a in document["analyses"]], ["prompt", "other"])
        self.assertEqual(document["analyses"][0], self.load("rankkv-out/prompt/analysis.json"))

    def test_text_is_taken_as_it_is(self):
        """No trimming: the newline at the end is a token more."""
        counts = []
        for name, text in (("a", "one two"), ("b", "one two\n"), ("c", "one\0two")):
            (self.folder / f"{name}.txt").write_bytes(text.encode())
            self.run_well("analyze", f"{name}.txt")
            counts.append(self.load(f"rankkv-out/{name}/analysis.json")["prompt"]["n_tokens"])
        self.assertEqual(counts[1], counts[0] + 1)
        self.assertIn("\\x00", self.load("rankkv-out/c/analysis.json")["prompt"]["token_text"])

    def test_the_same_however_it_comes(self):
        ways = [("prompt", ["prompt.txt"], {}), ("text", ["--text", PROMPT], {}),
                ("stdin", ["-"], {"input": PROMPT.encode()})]
        ids = []
        for name, arguments, options in ways:
            self.run_well("analyze", *arguments, **options)
            ids.append(self.load(f"rankkv-out/{name}/analysis.json")["prompt"]["token_ids"])
        self.assertEqual(ids[0], ids[1])
        self.assertEqual(ids[0], ids[2])

    def test_tokens(self):
        self.run_well("analyze", "prompt.txt", "--tokens", "12")
        self.assertEqual(self.load("rankkv-out/prompt/analysis.json")["prompt"]["n_tokens"], 12)
        result = self.run_well("analyze", "prompt.txt", "--tokens", TINY_CONTEXT, "--force")
        self.assertRegex(result.stderr, rf"note: prompt: has \d+ tokens, fewer than --tokens {TINY_CONTEXT}")
        result = self.run_well("analyze", "prompt.txt", "--tokens", TINY_CONTEXT, "--force", "--quiet")
        self.assertEqual(result.stderr, "")

    def test_options_of_a_page_that_is_not_written(self):
        short = ["analyze", "prompt.txt", "--tokens", "8", "--device", "cpu", "--force"]
        default = re.search(r"\[default:\s+(streaming-llm\S+)\]", self.run_well("analyze", "--help").stdout)[1]
        given = {"--kept": default, "--kept-policies": "uniform", "--memory": "64"}
        for name, value in given.items():
            result = self.run_well(*short, name, value)
            self.assertEqual(result.stderr, f"rankkv analyze: note: {name} is about the page of --html; no page is written\n")
            self.assertEqual(self.run_well(*short, name, value, "--quiet").stderr, "")
        self.assertNotIn("no page", self.run_well(*short, "--html", *sum(given.items(), ())).stderr)
        self.assertEqual(self.run_well(*short).stderr, "")

    def test_dry_run_writes_nothing(self):
        before = self.names()
        result = self.run_well("analyze", "prompt.txt", "--dry-run", "--device", "cpu", "--tokens", "5")
        self.assertEqual(result.stdout, "prompt: 5 tokens; memory is foretold for a model on a GPU alone\n")
        result = self.run_well("analyze", "prompt.txt", "--dry-run", "--device", "cpu", "--tokens", "5", "--json")
        document = json.loads(result.stdout)
        self.assertEqual(document["device"], "cpu")
        self.assertEqual(document["prompts"], [{"name": "prompt", "n_tokens": 5}])
        self.assert_valid(self.validator("dry_run"), document)
        self.assertEqual(self.names(), before)

    def test_prompts_of_one_name(self):
        (self.folder / "sub").mkdir()
        for name in ("sub/prompt.txt", "prompt-2.txt"):
            (self.folder / name).write_text(PROMPT)
        result = self.run_well("analyze", "prompt.txt", "sub/prompt.txt", "prompt-2.txt")
        self.assertIn("the second is written as prompt-2", result.stderr)
        folders = sorted(p.name for p in (self.folder / "rankkv-out").iterdir())
        self.assertEqual(folders, ["prompt", "prompt-2", "prompt-2-2"])

    def test_malformed_utf8(self):
        (self.folder / "latin1.txt").write_bytes(b"caf\xe9 au lait")
        result = self.run_well("analyze", "latin1.txt")
        self.assertIn("byte 3 is not UTF-8", result.stderr)

    def test_aggregate_and_signal(self):
        self.run_well("analyze", "prompt.txt", "--aggregate", "head-mean-matrix", "--signal", "local_32")
        self.assertEqual(self.load("rankkv-out/prompt/analysis.json")["layer_rank"]["aggregate"], "head-mean-matrix")
        self.assertEqual(self.load("rankkv-out/prompt/budget.json")["signal"], "local_32")

    def test_dash_is_standard_output(self):
        self.run_well("analyze", "prompt.txt", "-o", "out")
        budget = self.run_well("budget", "out/prompt/analysis.json", "-o", "-")
        self.assertEqual(budget.stdout, self.run_well("budget", "out/prompt/analysis.json", "--json").stdout)
        export = self.run_well("export", "out/prompt/budget.json", "--to", "csv", "-o", "-")
        self.assertEqual(export.stdout, self.run_well("export", "out/prompt/budget.json", "--to", "csv").stdout)
        self.assertFalse((self.folder / "-").exists())

    def test_samples(self):
        result = self.run_program("analyze", "--tokens", "32")
        if result.returncode == 66 and "sample prompts are not installed" in result.stderr:
            self.skipTest("no samples beside this build")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"note: no prompt given: analysing the \d+ sample prompts")
        self.assertGreaterEqual(len(list((self.folder / "rankkv-out").iterdir())), 2)

    def test_solvers_agree(self):
        ranks = []
        for solver in ("gram", "svd"):
            output = self.run_well("analyze", "prompt.txt", "--solver", solver, "--json", "--force").stdout
            ranks.append(sum(json.loads(output)["analyses"][0]["effective_rank"], []))
        for gram, svd in zip(*ranks):
            self.assertAlmostEqual(gram / svd, 1, delta=2e-6)

    def test_pictures(self):
        result = self.run_well("analyze", "prompt.txt", "--heatmaps", "--tokens", "24")
        pictures = ["contact_sheet.png", "effective_rank.png", "layer_00.png", "layer_01.png"]
        self.assertEqual(self.names("rankkv-out/prompt"), sorted(DOCUMENTS + pictures))
        for name in pictures:
            self.assertEqual((self.folder / "rankkv-out/prompt" / name).read_bytes()[:4], b"\x89PNG")
        self.assertIn("layer_*.png", result.stdout)


class Trace(CliTest):
    def setUp(self):
        super().setUp()
        result = self.run_well("analyze", "prompt.txt", "--save-attention", "--dtype", "float32")
        self.assertIn("the attention to save is", result.stderr)
        self.trace = "rankkv-out/prompt/trace.h5"

    def test_a_trace_says_what_its_prompt_said(self):
        first = self.load("rankkv-out/prompt/analysis.json")
        self.run_well("analyze", self.trace, "-o", "again")  # named after its folder, not "trace"
        again = self.load("again/prompt/analysis.json")
        for a, b in zip(sum(first["effective_rank"], []), sum(again["effective_rank"], [])):
            self.assertAlmostEqual(a / b, 1, delta=1e-5)
        self.assertEqual(first["prompt"]["token_ids"], again["prompt"]["token_ids"])

    def test_a_trace_analysed_in_place_stays(self):
        before = (self.folder / self.trace).read_bytes()
        self.assert_fails(73, "is there already", "analyze", self.trace)
        self.run_well("analyze", self.trace, "--force", "--policy", "uniform")
        self.assertEqual((self.folder / self.trace).read_bytes(), before)
        self.assertEqual(self.load("rankkv-out/prompt/budget.json")["policy"], "uniform")

    def test_options_for_prompts(self):
        for option in (["--tokens", "4"], ["--save-attention"], ["--bos"]):
            self.assert_fails(2, f"{option[0]} is for prompts", "analyze", self.trace, *option, "-o", "again")

    def test_budget_from_a_trace(self):
        wanted = self.load("rankkv-out/prompt/budget.json")["layers"]
        for options in ([], ["--aggregate", "mean"]):
            budget = json.loads(self.run_well("budget", self.trace, "--json", *options).stdout)
            self.assertEqual(budget["layers"], wanted)
        budget = json.loads(self.run_well("budget", self.trace, "--json", "--signal", "local_32").stdout)
        self.assertEqual(budget["signal"], "local_32")

    def test_info(self):
        document = json.loads(self.run_well("info", self.trace, "--json").stdout)
        self.assertEqual((document["kind"], document["dtype"], document["n_layers"]), ("trace", "float32", TINY_LAYERS))

    def test_heatmaps(self):
        def draw(*options):
            self.run_well("heatmap", self.trace, "-o", "pictures", *options)
            names = self.names("pictures")
            for name in names:
                (self.folder / "pictures" / name).unlink()
            return names

        grids = ["layer_00.png", "layer_01.png"]
        heads = [f"layer_01_head_{h:02}.png" for h in range(4)]
        self.assertEqual(draw(), grids)
        self.assertEqual(draw("--layer", "1", "--head", "all"), sorted(["layer_01.png"] + heads))
        self.assertEqual(draw("--layer=1", "--head=0,3"), [heads[0], heads[3]])
        self.assertEqual(draw("--layer", "0", "--sheet", "--plain"), ["contact_sheet.png", "layer_00.png"])

    def test_heatmaps_that_are_not_there(self):
        for options, words in ((["--layer", "2"], "--layer 2: 2 is beyond the last, 1"),
                               (["--head", "x"], "--head x: not 'all' or indices"),
                               (["--head", "1,"], "--head 1,: not 'all' or indices")):
            self.assert_fails(2, words, "heatmap", self.trace, "-o", "pictures", *options)
            self.assertFalse((self.folder / "pictures").exists())


class Examples(CliTest):
    def write_keys_and_values(self):
        """kv.h5, of one's own; False where h5py is missing."""
        try:
            import h5py
        except ImportError:
            return False
        with h5py.File(self.folder / "kv.h5", "w") as file:
            for name in ("keys", "values"):
                numbers = [[[[(7 * i + 3 * j) % 11 - 5 for j in range(16)] for i in range(300)]]]
                file.create_dataset(name, data=numbers, dtype="f4")
        return True

    def names_of(self, word):
        """What a shell makes of a word."""
        found = sorted(str(path.relative_to(self.folder)) for path in self.folder.glob(word)) if "*" in word else []
        return found or [word]

    def test_examples_run_as_written(self):
        """In a folder with prompt.txt, novel.txt, analysis.json, budget.json, trace.h5, profile.json, kv.h5 and results, every
        example of --help works."""
        self.run_well("analyze", "prompt.txt", "--save-attention", "--tokens", "16", "-o", "results")
        self.run_well("probe", "-o", "profile.json")
        for name in ("budget.json", "trace.h5"):
            (self.folder / "results/prompt" / name).rename(self.folder / name)
        (self.folder / "novel.txt").write_text("".join(f"{i}. {PROMPT} " for i in range(40)))
        has_kv_file = self.write_keys_and_values()
        ran = 0
        overview = self.run_well("help").stdout.split("Commands:\n")[1]
        for command in re.findall(r"^  (\w+) ", overview, re.M):
            text = self.run_well(command, "--help").stdout
            lines = re.findall(r"^  rankkv (.*)\n      \S", text, re.M)
            self.assertEqual(len(lines), len(re.findall("^  rankkv ", text, re.M)), "an example is too long")
            for line in lines:
                if line in ("analyze", "run", "bench", "eval") and self.run_program(
                        "analyze", "--tokens", "8", "--force", "-o", "tried").returncode == 66:
                    continue  # no samples beside this build
                if "kv.h5" in line and not has_kv_file:
                    continue
                if line in ("analyze", "run"):
                    line += " --tokens 8"  # a sample is longer than the tiny model's context
                if line.split()[0] in ("eval", "calibrate"):  # the tiny model's context is short, and the samples are long for it
                    line += " -c 60 -n 12" if line == "eval" else " -c 200 -n 20 --windows 1"
                    line += " --test-windows 1" if line.startswith("calibrate") else ""
                if "tokens=512" in line:
                    line = line.replace("tokens=512", "tokens=64")  # the sanitizers take half a minute for them
                if "heatmap" in line:
                    line = line.replace("--layer 3", "--layer 1")  # the tiny model has two layers
                with self.subTest(line):
                    arguments = shlex.split(line.split(">")[0])
                    arguments = [path for word in arguments for path in self.names_of(word)]
                    result = self.run_program(*arguments, errors="replace")
                    self.assertEqual(result.returncode, 0, result.stderr)
                    ran += 1
        self.assertGreaterEqual(ran, 15)


class Terminal(CliTest):
    def test_bar_and_colour(self):
        text = on_terminal(self, "analyze", "prompt.txt", "--force")
        self.assertIn("\r\033[K", text)
        self.assertIn("100 %", text)
        self.assertIn("\033[1m", text)

    def test_names_cannot_act_on_the_terminal(self):
        name = "\033]0;owned\a\033[2J.txt"
        (self.folder / name).write_text(PROMPT)
        text = on_terminal(self, "analyze", name, "--force", NO_COLOR="1")
        self.assertNotIn("\033]0;", text)
        self.assertNotIn("\033[2J", text)
        self.assertIn("\\x1B]0;owned", text)

    def test_quiet_and_no_color(self):
        text = on_terminal(self, "analyze", "prompt.txt", "--quiet", "--force", NO_COLOR="1")
        self.assertNotIn("\033", text)
        text = on_terminal(self, "analyze", "prompt.txt", "--quiet", "--force", TERM="dumb")
        self.assertNotIn("\033", text)

    def test_nothing_of_it_in_a_pipe(self):
        result = self.run_well("analyze", "prompt.txt", "--force")
        self.assertNotIn("\033", result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
