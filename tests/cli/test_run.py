"""`rankkv run` on the tiny model: the text, the figures, the JSON document, the trace of the cache, every method."""
import json
import os
import re
import resource
import signal
import subprocess
import time
import unittest

from support import PROGRAM, PROMPT, TINY_LAYERS, CliTest, on_terminal

TINY_KV_HEADS = 2


class RunTest(CliTest):
    """Everything here runs with --verify: the program recounts the cache after each step."""

    def generate(self, *arguments, **options):
        return self.run_well("run", "--verify", *arguments, errors="replace", **options)

    def document(self, *arguments):
        return json.loads(self.generate(*arguments, "--json").stdout)

    def methods(self):
        return json.loads(self.run_well("methods", "compressors", "--json").stdout)["compressors"]

    def trace(self, *arguments, prompt="prompt.txt"):
        """The lines of a trace, after a look at what must hold between them."""
        document = self.document(prompt, *arguments, "--trace-cache", "trace.jsonl")
        lines = [json.loads(line) for line in (self.folder / "trace.jsonl").read_text().splitlines()]
        self.check_trace(lines, document)
        return lines

    def check_trace(self, lines, document):
        steps = len(document["token_ids"])  # the last token is drawn, not read
        heads = [(layer, head) for layer in range(TINY_LAYERS) for head in range(TINY_KV_HEADS)]
        self.assertEqual([(line["step"], line["layer"], line["head"]) for line in lines],
                         [(step, *head) for step in range(steps) for head in heads])
        held = {head: [] for head in heads}
        for line in lines:
            here = held[line["layer"], line["head"]]
            seen = document["prompt"]["n_tokens"] + line["step"]
            here += [seen - 1] if line["step"] else range(seen)
            self.assertEqual(line["before"], len(here))
            self.assertEqual(line["evicted"], sorted(set(line["evicted"])))
            for position in line["evicted"]:
                here.remove(position)
            self.assertEqual(line["after"], len(here))
        for (layer, head), here in held.items():
            entry = document["heads"][layer][head]
            self.assertEqual(entry["entries"], len(here))
            self.assertEqual(entry["bytes"], [line["bytes"] for line in lines
                                              if (line["layer"], line["head"]) == (layer, head)][-1])


class Text(RunTest):
    def test_text_and_figures(self):
        result = self.generate("prompt.txt", "--method", "window", "--budget", "10", "--new-tokens", "20")
        document = self.document("prompt.txt", "--method", "window", "--budget", "10", "--new-tokens", "20")
        text = result.stdout[:-1] if result.stdout != document["text"] else result.stdout
        self.assertEqual(text, document["text"])
        self.assertEqual(result.stdout[-1], "\n")
        n = document["prompt"]["n_tokens"]
        self.assertRegex(result.stderr, r"(?m)^method   window$")
        self.assertRegex(result.stderr, rf"(?m)^prompt   {n} tokens, read in [\d.]+ s; first token after [\d.]+ s$")
        self.assertRegex(result.stderr, r"(?m)^text     20 new tokens, [\d.]+ per second$")
        self.assertRegex(result.stderr, rf"(?m)^entries  10.0 per head of {n + 19} tokens; budget 10$")
        self.assertRegex(result.stderr, r"(?m)^memory   \d.* allocated: .* keys and values, .* positions; .* at most$")
        self.assertRegex(result.stderr, r"(?m)^         every token takes .* at 16 bits, [\d.]+ times that; "
                                        r".* in float32, [\d.]+ times$")

    def test_the_same_however_it_comes(self):
        wanted = self.document("prompt.txt")
        for arguments, options in (["--text", PROMPT], {}), (["-"], {"input": PROMPT.encode()}):
            document = json.loads(self.generate(*arguments, "--json", **options).stdout)
            self.assertEqual(document["prompt"]["token_ids"], wanted["prompt"]["token_ids"])
            self.assertEqual(document["token_ids"], wanted["token_ids"])

    def test_sample_when_there_is_no_prompt(self):
        result = self.run_program("run", "--tokens", "8", "--verify", errors="replace")
        if result.returncode == 66 and "sample prompts are not installed" in result.stderr:
            self.skipTest("no samples beside this build")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("note: no prompt given: going on with ", result.stderr)

    def test_quiet(self):
        result = self.generate("prompt.txt", "--quiet", "--method", "fastgen", "--per-layer")
        self.assertEqual(result.stderr, "")
        self.assertTrue(result.stdout)

    def test_budget_without_effect(self):
        words = "note: --budget has no effect: nothing in the method {} takes it"
        for method, idle in (("full", True), ("int8", True), ("window", False), ("fastgen", False)):
            with self.subTest(method):
                result = self.generate("prompt.txt", "--method", method, "--budget", "9", "-N", "2", "--compare")
                self.assertEqual(words.format(method) in result.stderr, idle)
                heads = self.document("prompt.txt", "--method", method, "--budget", "9", "-N", "2")["heads"]
                self.assertEqual(heads[0][0]["budget"], None if idle else 9)

        result = self.generate("prompt.txt", "--adaptive", "0:full,170:window", "--budget", "9", "-N", "2")
        self.assertNotIn("no effect", result.stderr)

    def test_a_trace_takes_no_input_s_place(self):
        self.assert_fails(2, "prompt.txt is an input of this run", "run", "prompt.txt", "--trace-cache",
                          "./prompt.txt")
        self.assertEqual((self.folder / "prompt.txt").read_text(), PROMPT)

    def test_budgets_are_named(self):
        self.run_well("analyze", "prompt.txt", "-o", "out", "--quiet")
        path = self.folder / "out" / "prompt" / "budget.json"
        budget = json.loads(path.read_text())
        self.assert_fails(2, "budget.json: budget ", "run", "prompt.txt", "-M", "snapkv:window=999",
                          "--budgets", str(path))
        budget["model"]["sha256"] = 64 * "0"
        path.write_text(json.dumps(budget))
        self.assert_fails(65, "budget.json: the budgets were made for another model", "run", "prompt.txt", "-M", "h2o",
                          "--budgets", str(path))

    def test_seeds(self):
        def draw(seed):
            return self.document("prompt.txt", "--temperature", "1.5", "--top-k", "50", "--top-p", "0.95", "--seed",
                                 seed)["token_ids"]

        self.assertEqual(draw(1), draw(1))
        self.assertNotEqual(draw(1), draw(2))

    def test_end_of_text(self):
        """At a high temperature the end comes within the vocabulary's size, a few times over."""
        ending = ["prompt.txt", "--tokens", "4", "--temperature", "100", "--new-tokens", "2000", "--method", "window",
                  "--budget", "8"]
        document = self.document(*ending)
        self.assertTrue(document["ended"])
        last = document["token_ids"].pop()
        self.assertNotIn(last, document["token_ids"])
        again = self.document(*ending, "--ignore-end", "--seed", "0")
        self.assertFalse(again["ended"])
        self.assertEqual(len(again["token_ids"]), 2000)
        self.assertEqual(again["token_ids"][:len(document["token_ids"]) + 1], document["token_ids"] + [last])
        self.assertIn("ended by the model", self.generate(*ending).stderr)

    def test_past_the_context(self):
        result = self.generate("prompt.txt", "--new-tokens", "300", "--method", "window", "--budget", "8", "--ignore-end")
        self.assertIn("pass the 256 of the model's context", result.stderr)


class Figures(RunTest):
    def test_layers(self):
        result = self.generate("prompt.txt", "--method", "window", "--budget", "8", "--per-layer", "--new-tokens", "4")
        table = result.stderr[result.stderr.index("layer   entries    raw MB  compressed MB"):].splitlines()[1:]
        self.assertEqual([row.split()[0] for row in table], ["0", "1", "mean"])
        for row in table:
            entries, raw, compressed, ratio, half = map(float, row.split()[1:])
            self.assertEqual(entries, 8)
            self.assertGreater(raw, compressed)
            self.assertAlmostEqual(ratio / 2, half, delta=0.01)

    def test_what_a_method_says_of_each_head(self):
        result = self.generate("prompt.txt", "--method", "fastgen:T=0.5", "--new-tokens", "4")
        lines = re.findall(r"(?m)^layer (\d+) head (\d+) \[([a-z ]+)\] (\d+) -> (\d+)$", result.stderr)
        self.assertEqual([(line[0], line[1]) for line in lines], [(str(l), str(g)) for l in range(2) for g in range(2)])
        for line in lines:
            self.assertLessEqual(int(line[4]), int(line[3]))
        self.assertIn("compressed MB", result.stderr)

    def test_compare(self):
        same = self.generate("prompt.txt", "--method", "window", "--budget", "100000", "--compare", "--ignore-end")
        self.assertIn("The texts are the same: 64 tokens.", same.stdout)
        self.assertNotIn("▶", same.stdout)
        apart = self.generate("prompt.txt", "--method", "window", "--budget", "2", "--compare", "--ignore-end")
        self.assertRegex(apart.stdout, r"The texts part after \d+ tokens? \(of 64 and 64\), at ▶\.")
        self.assertEqual(apart.stdout.count("▶"), 3)
        for line in apart.stdout.splitlines()[:-2]:
            self.assertEqual(line.index("│"), apart.stdout.index("│"))
            self.assertLessEqual(len(line), 80)
        self.assertEqual(len(re.findall(r"(?m)^method ", apart.stderr)), 2)

    def test_compare_json(self):
        document = self.document("prompt.txt", "--method", "window", "--budget", "2", "--compare")
        full = self.document("prompt.txt")
        self.assertEqual(document["full"]["token_ids"], full["token_ids"])
        same = document["same_tokens"]
        self.assertEqual(document["token_ids"][:same], full["token_ids"][:same])
        self.assertNotEqual(document["token_ids"][same], full["token_ids"][same])


class Document(RunTest):
    def test_schema(self):
        validator = self.validator("run")
        self.run_well("budget", "analysis.json", "-o", "budget.json")
        for options in ([], ["--method", "streaming-llm", "--budget", "9"], ["--adaptive", "0:full,20:window+int8"],
                        ["--method", "fastgen", "--per-layer"], ["--ratio", "0.3", "--method", "knorm", "--compare"],
                        ["--temperature", "0.7", "--top-k", "5", "--hold", "prompt", "--positions", "cache"]):
            document = self.document("prompt.txt", *options)
            self.assert_valid(validator, document, options)
        broken = [("schema", "rankkv"), ("schema_version", 2), ("token_ids", [-1]), ("heads", [[{}]]), ("text", None),
                  ("cache", {}), ("seconds", {"prefill": -1}), ("ended", 0), ("same_tokens", 3)]
        document = self.document("prompt.txt")
        for member, value in broken:
            self.assertFalse(validator.is_valid(document | {member: value}), member)
        document["options"]["hold"] = "never"
        self.assertFalse(validator.is_valid(document))

    def test_schema_of_a_trace(self):
        validator = self.validator("cache_event")
        lines = self.trace("--method", "window", "--budget", "9", "-N", "3")
        for line in lines:
            self.assert_valid(validator, line)
            for member in line:
                self.assertFalse(validator.is_valid({k: v for k, v in line.items() if k != member}), member)
        for member, value in (("step", -1), ("bytes", 1.5), ("evicted", [1, 1]), ("evicted", [-1]), ("head", "0")):
            self.assertFalse(validator.is_valid(lines[0] | {member: value}), member)

    def test_what_must_hold_between_the_members(self):
        document = self.document("prompt.txt", "--method", "streaming-llm", "--budget", "9", "--new-tokens", "12")
        cache, heads = document["cache"], sum(document["heads"], [])
        self.assertEqual(cache["n_tokens"], document["prompt"]["n_tokens"] + 11)
        self.assertEqual(cache["n_entries"], sum(head["entries"] for head in heads))
        self.assertEqual({(head["entries"], head["budget"]) for head in heads}, {(9, 9)})
        self.assertEqual(cache["kv_bytes"], sum(head["kv_bytes"] for head in heads))
        self.assertLessEqual(sum(head["bytes"] for head in heads), cache["allocated_bytes"])
        self.assertLessEqual(cache["allocated_bytes"], cache["peak_bytes"])
        dim = document["model"]["head_dim"]
        self.assertEqual(cache["full_bytes_16"], cache["n_tokens"] * len(heads) * dim * 2 * 2)
        self.assertIsNone(self.document("prompt.txt")["heads"][0][0]["budget"])

    def test_options_as_resolved(self):
        (self.folder / "config.json").write_text('{"method": "fastgen", "T": 0.9, "r_f": 0.25, "r_l": 0.5}')
        options = self.document("prompt.txt", "--config", "config.json", "--seed", "7", "-N", "3")["options"]
        self.assertEqual(options["method"], "fastgen:T=0.9,r_f=0.25,r_l=0.5")
        self.assertEqual((options["seed"], options["new_tokens"], options["hold"]), (7, 3, "always"))
        self.assertIsNone(options["budget"])


class DryRun(RunTest):
    METHODS = (["--method", "full"], ["--method", "window", "--budget", "10"], ["--method", "h2o+int4", "--ratio", "0.25"],
               ["--method", "snapkv:window=8", "--budget", "16", "--hold", "prompt"],
               ["--adaptive", "0:full,40:streaming-llm+int8", "--budget", "12"])

    def foretold(self, *arguments):
        return json.loads(self.run_well("run", *arguments, "--dry-run", "--json", "--device", "cpu").stdout)

    def test_the_cache_that_a_run_has(self):
        for method in self.METHODS:
            with self.subTest(method):
                arguments = ["prompt.txt", *method, "--new-tokens", "9", "--ignore-end"]
                document = self.foretold(*arguments)
                self.assertEqual((document["schema"], document["device"]), ("rankkv-dry-run", "cpu"))
                run, done = document["runs"][0], self.document(*arguments, "--device", "cpu")
                self.assertEqual(run["cache"], done["cache"])
                self.assertEqual(run["n_tokens"], done["prompt"]["n_tokens"])
                self.assertEqual(run["new_tokens"], 9)
                parts = ("held_bytes", "weights_bytes", "cache_bytes", "activations_bytes", "workspace_bytes")
                self.assertEqual(run["needed_bytes"], sum(run[part] for part in parts))

    def test_in_words(self):
        result = self.run_well("run", "prompt.txt", "--method", "window", "--budget", "10", "--compare", "--dry-run", "--device", "cpu")
        for method in ("window", "full"):
            self.assertRegex(result.stdout, rf"(?m)^prompt: \d+ tokens and 64 new under {method} need .* bytes\) of cpu")
        self.assertRegex(result.stdout, r"the cache, at most: 10\.0 entries per head of \d+ tokens at the end")

    def test_schema(self):
        validator = self.validator("dry_run")
        document = self.foretold("prompt.txt", "--method", "window", "--budget", "10", "--compare")
        self.assertEqual([run["method"] for run in document["runs"]], ["window", "full"])
        self.assert_valid(validator, document)
        for member, value in (("schema", "rankkv-run"), ("schema_version", 2), ("runs", []), ("cases", []), ("device", None)):
            self.assertFalse(validator.is_valid(document | {member: value}), member)
        for member in set(document["runs"][0]) - {"free_bytes"}:
            run = {key: value for key, value in document["runs"][0].items() if key != member}
            self.assertFalse(validator.is_valid(document | {"runs": [run]}), member)

    def test_nothing_is_written(self):
        before = self.names()
        result = self.run_well("run", "prompt.txt", "--method", "window", "--budget", "10", "--trace-cache", "trace.jsonl",
                               "--chart", "chart.svg", "--dry-run")
        self.assertEqual(self.names(), before)
        self.assertNotIn("first token", result.stderr)

    def test_refuses_what_a_run_would(self):
        for code, words, arguments in ((2, "snapkv always keeps 16", ["--method", "snapkv:window=16", "--budget", "8"]),
                                       (2, "--method: ", ["--method", "windows"]),
                                       (66, "missing.json", ["--budgets", "missing.json"])):
            with self.subTest(arguments):
                self.assert_fails(code, words, "run", "prompt.txt", "--dry-run", *arguments)


class Trace(RunTest):
    def of_head(self, lines, member):
        heads = {}
        for line in lines:
            heads.setdefault((line["layer"], line["head"]), []).append(line[member])
        return list(heads.values())

    def test_grows_to_its_capacity_and_stays(self):
        lines = self.trace("--tokens", "7", "--method", "streaming-llm:n_sink=4", "--budget", "14", "--new-tokens", "101",
                           "--ignore-end")
        for after in self.of_head(lines, "after"):
            self.assertEqual(after, [min(7 + step, 14) for step in range(101)])
        for line in lines:  # the sinks never go
            self.assertFalse(set(line["evicted"]) & {0, 1, 2, 3})

    def test_a_prompt_longer_than_its_capacity(self):
        lines = self.trace("--tokens", "7", "--method", "window", "--budget", "3", "--new-tokens", "21", "--ignore-end")
        for before in self.of_head(lines, "before"):
            self.assertEqual(before, [7] + 20 * [4])
        for after in self.of_head(lines, "after"):
            self.assertEqual(after, 21 * [3])

    def test_hold_prompt_and_interval(self):
        lines = self.trace("--method", "window", "--budget", "5", "--hold", "prompt", "-N", "10", "--ignore-end")
        for after in self.of_head(lines, "after"):
            self.assertEqual(after, [5 + step for step in range(10)])
        lines = self.trace("--method", "window", "--budget", "5", "--interval", "4", "-N", "20", "--ignore-end")
        for after in self.of_head(lines, "after"):
            self.assertEqual((min(after), max(after)), (5, 8))

    def test_budgets_by_head(self):
        model = {"n_layers": 2, "n_heads": 4, "n_kv_heads": 2}
        budget = {"schema": "rankkv-budget", "schema_version": 1, "model": model, "n_tokens": 20, "granularity": "head",
                  "total": 20, "layers": [6, 14], "heads": [[5, 7], [8, 20]]}
        (self.folder / "budget.json").write_text(json.dumps(budget))
        lines = self.trace("--tokens", "20", "--method", "streaming-llm:n_sink=2", "--budgets", "budget.json", "-N", "9",
                           "--ignore-end")
        self.assertEqual([after[-1] for after in self.of_head(lines, "after")], [5, 7, 8, 20])

    def test_bytes_fall(self):
        def held(*method):
            return self.trace("--budget", "16", "-N", "4", *method)[-1]["bytes"]

        full, window, int8 = held(), held("--method", "window"), held("--method", "window+int8")
        self.assertLess(window, full / 2)
        self.assertLess(int8, window)

    def test_standard_output(self):
        result = self.generate("prompt.txt", "--trace-cache", "-", "-N", "3", "--method", "window", "--budget", "4")
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(len(lines), 3 * TINY_LAYERS * TINY_KV_HEADS)
        self.generate("prompt.txt", "--trace-cache", "same.jsonl", "-N", "3", "--method", "window", "--budget", "4")
        self.assertEqual((self.folder / "same.jsonl").read_text(), result.stdout)

    def test_an_old_file_is_replaced_as_a_whole(self):
        (self.folder / "trace.jsonl").write_text("old")
        self.assert_fails(2, "budget", "run", "prompt.txt", "--trace-cache", "trace.jsonl", "--method", "streaming-llm",
                          "--budget", "2")
        self.assertEqual((self.folder / "trace.jsonl").read_text(), "old")
        self.trace()
        self.assertEqual(self.names(), ["analysis.json", "prompt.txt", "trace.jsonl"])


class Methods(RunTest):
    def specs(self):
        """Every method, representations also behind a selection."""
        for row in self.methods():
            yield row["name"]
            if row["kind"] == "representation":
                yield "window+" + row["name"]

    def test_every_method_holds_its_budget(self):
        rows = {row["name"]: row for row in self.methods()}
        self.assertGreaterEqual(len(rows), 10)
        for name, row in rows.items():
            own = [option["name"] for option in row["options"] if not option["common"]]
            spec = f"{name}:window=8" if "window" in own else name
            with self.subTest(spec):
                lines = self.trace("--method", spec, "--budget", "24", "-N", "12", "--ignore-end")
                takes_budget = any(option["common"] for option in row["options"])
                if takes_budget and name != "fastgen":
                    total = sum(line["after"] for line in lines[-TINY_LAYERS * TINY_KV_HEADS:])
                    self.assertLessEqual(total, 24 * TINY_LAYERS * TINY_KV_HEADS)

    def test_a_budget_beyond_the_text_changes_nothing(self):
        full = self.document("prompt.txt", "-N", "8")["token_ids"]
        for row in self.methods():
            if row["kind"] == "selection" and row["name"] != "fastgen":  # which takes no budget
                with self.subTest(row["name"]):
                    document = self.document("prompt.txt", "-N", "8", "--method", row["name"], "--budget", "200")
                    self.assertEqual(document["token_ids"], full)

    def test_compositions_and_schedules(self):
        names = {row["name"] for row in self.methods()}
        for spec in ("window+int8", "window+int4", "knorm+f16", "streaming-llm:n_sink=2+int4", "window+lowrank:rank=4",
                     "int8+window"):
            with self.subTest(spec):
                if not set(re.findall(r"(?:^|\+)([a-z0-9-]+)", spec)) <= names:
                    continue
                self.trace("--method", spec, "--ratio", "0.5", "-N", "6", "--ignore-end")
        for positions in ("original", "cache"):
            lines = self.trace("--tokens", "10", "--adaptive", "0:full,14:window,20:window+int8", "--budget", "8", "-N",
                               "16", "--ignore-end", "--positions", positions)
            after = [line["after"] for line in lines[::TINY_LAYERS * TINY_KV_HEADS]]
            self.assertEqual(after[:4], [10, 11, 12, 13])
            self.assertEqual(after[-1], 8)

    def test_group_scores(self):
        for score in ("mean", "max"):
            self.trace("--method", "snapkv:window=4", "--budget", "12", "-N", "4", "--group-score", score)


class Config(RunTest):
    def write(self, text):
        (self.folder / "config.json").write_text(text)

    def test_options_and_method(self):
        self.write('{"n_sink": 2, "recent_size": 6}')
        options = self.document("prompt.txt", "-N", "2", "--method", "streaming-llm+int8", "--config", "config.json")
        self.assertEqual(options["options"]["method"], "streaming-llm:n_sink=2,recent_size=6+int8")
        self.write('{"method": "knorm", "skip_layers": "0-1", "ratio": 0.5}')
        options = self.document("prompt.txt", "-N", "2", "--config", "config.json")
        self.assertEqual(options["options"]["method"], "knorm:skip_layers=0-1,ratio=0.5")

    def test_yes_and_no(self):
        self.write('{"method": "expected-attention", "vnorm": false, "covariance": true}')
        arguments = ["prompt.txt", "-N", "3", "--budget", "9"]
        document = self.document(*arguments, "--config", "config.json")
        wanted = self.document(*arguments, "--method", "expected-attention:vnorm=no,covariance=yes")
        self.assertEqual(document["token_ids"], wanted["token_ids"])

    def test_refusals(self):
        cases = [("{", 65, "line 1"), ("[]", 65, "not an object"), ('{"T": 0.5}', 65, "method is missing"),
                 ('{"method": 3}', 65, "method is 3"), ('{"method": "fastgen", "T": [1]}', 65, "T is an array of 1"),
                 ('{"method": "fastgen", "T": "1,r_f=2"}', 65, 'T is "1,r_f=2"'),
                 ('{"method": "fastgen", "T": true}', 65, 'T is "true", not a number of 0 to 1'),
                 ('{"method": "fastgen", "T=1,r_f": 2}', 65, "named what no option is"),
                 ('{"method": "fastgen", "tau": 2}', 65, "tau"), ('{"method": "fastgen", "T": 2}', 65, "T"),
                 ('{"method": "slowgen"}', 65, "slowgen"), ('{"method": "a b"}', 65, "method")]
        for text, code, words in cases:
            with self.subTest(text):
                self.write(text)
                result = self.assert_fails(code, words, "run", "prompt.txt", "--config", "config.json")
                self.assertIn("config.json: ", result.stderr)
        self.write('{"method": "fastgen"}')
        self.assert_fails(2, "fastgen", "run", "prompt.txt", "--config", "config.json", "--method", "knorm")
        self.assert_fails(66, "missing.json", "run", "prompt.txt", "--config", "missing.json")


class Faults(RunTest):
    def fails(self, code, words, *arguments):
        return self.assert_fails(code, words, "run", "prompt.txt", *arguments)

    def test_options(self):
        for words, arguments in (
                ("one of --budget, --ratio and --budgets", ["--budget", "8", "--ratio", "0.5"]),
                ("--method or --adaptive", ["--method", "window", "--adaptive", "0:full"]),
                ("--config is for one method", ["--config", "config.json", "--adaptive", "0:full"]),
                ("a prompt file or --text", ["--text", "x"]),
                ("--trace-cache - takes standard output", ["--trace-cache", "-", "--json"]),
                ("--trace-cache - takes standard output", ["--trace-cache", "-", "--compare"]),
                ("--method: ", ["--method", "windows"]),
                ("--method: ", ["--method", "window:size=3"]),
                ("--method: ", ["--method", "streaming-llm:n_sink=-1"]),
                ("--method: ", ["--method", "int8+int4"]),
                ("", ["--adaptive", "10:full"]),
                ("", ["--adaptive", "0:full,0:window"]),
                ("budget", ["--method", "streaming-llm:n_sink=8", "--budget", "7"]),
                ("snapkv always keeps 16", ["--method", "snapkv:window=16", "--budget", "8"]),
                ("snapkv always keeps 16", ["--method", "snapkv:window=16", "--ratio", "0.01"]),
                ("--tokens 257 is more than", ["--tokens", "257"])):
            with self.subTest(arguments):
                self.fails(2, words, *arguments)

    def test_option_values(self):
        for option, value in (("--ratio", "1.5"), ("--ratio", "0"), ("--ratio", "nan"), ("--budget", "0"),
                              ("--temperature", "-1"), ("--top-p", "2"), ("--new-tokens", "0"), ("--hold", "never"),
                              ("--interval", "0"), ("--positions", "here"), ("--group-score", "min")):
            result = self.run_program("run", "prompt.txt", option, value)
            self.assertEqual(result.returncode, 2, option)
            self.assertIn(option, result.stderr)

    def test_inputs(self):
        self.assert_fails(66, "missing.txt: cannot open", "run", "missing.txt")
        self.assert_fails(66, "is a folder", "run", ".")
        (self.folder / "empty.txt").write_text("")
        self.assert_fails(65, "the prompt is empty", "run", "empty.txt")
        self.assert_fails(65, "the prompt is empty", "run", "--text", "")
        self.fails(66, "missing.gguf", "--model", "missing.gguf")
        self.fails(69, "cuda:99", "--device", "cuda:99")
        self.run_well("analyze", "prompt.txt", "--tokens", "8", "--save-attention")
        self.assert_fails(65, "is a trace, not a prompt", "run", "rankkv-out/prompt/trace.h5")

    def test_budgets(self):
        self.fails(66, "missing.json", "--budgets", "missing.json")
        (self.folder / "bad.json").write_text("{}")
        self.fails(65, "bad.json", "--budgets", "bad.json")
        self.run_well("budget", "analysis.json", "-o", "budget.json")  # of a model of four layers
        self.fails(65, "layers", "--budgets", "budget.json", "--method", "window")

    def test_budgets_of_this_model(self):
        self.run_well("analyze", "prompt.txt", "--tokens", "16")
        result = self.generate("prompt.txt", "--budgets", "rankkv-out/prompt/budget.json", "--method", "window")
        self.assertRegex(result.stderr, r"budget.json: was made for 16 tokens; this prompt has \d+")

    def test_full_disk(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        result = self.run_program("run", "prompt.txt", "-q", "--trace-cache", "trace.jsonl", "-N", "500", "--ignore-end",
                                  preexec_fn=limit, errors="replace")
        self.assertEqual(result.returncode, 74)
        self.assertEqual(result.stderr, "rankkv run: trace.jsonl: cannot write: File too large\n")
        self.assertEqual(self.names(), ["analysis.json", "prompt.txt"])

    def test_outputs(self):
        self.fails(73, "nowhere/trace.jsonl", "--trace-cache", "nowhere/trace.jsonl")
        os.mkfifo(self.folder / "pipe")
        self.fails(73, "no regular file", "--trace-cache", "pipe")
        for arguments in ([], ["--json"], ["--compare"], ["--trace-cache", "-"]):
            with self.subTest(arguments), open("/dev/full", "wb") as full:
                result = self.run_program("run", "prompt.txt", "--quiet", *arguments, stdout=full, errors="replace")
                self.assertEqual(result.returncode, 74, result.stderr)
                self.assertEqual(result.stderr.count("standard output: cannot write: No space left on device"), 1)


class Signals(RunTest):
    def stop(self, number, *arguments):
        """Stopped while it generates; what it had made by then, and what it said."""
        program = subprocess.Popen([PROGRAM, "run", "prompt.txt", "--verify", "--ignore-end", "-M", "window", "-b", "8",
                                    "-N", "100000000", *arguments], cwd=self.folder, env=self.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(program.kill)
        start = b"" if "--json" in arguments else program.stdout.read(50)
        time.sleep(1 if "--json" in arguments else 0)
        program.send_signal(number)
        out, err = program.communicate(timeout=60)
        self.assertEqual(program.returncode, 128 + number, err)
        self.assertIn("stopped by a signal", err.decode().splitlines()[-1])
        return (start + out).decode(errors="replace"), err.decode()

    def test_the_text_and_its_figures_stay(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                text, err = self.stop(number)
                self.assertGreater(len(text), 40)
                self.assertEqual(text[-1], "\n")
                self.assertRegex(err, r"(?m)^text     \d+ new tokens, [\d.]+ per second, stopped$")
                self.assertRegex(err, r"(?m)^entries  8.0 per head")

    def test_the_trace_has_whole_steps(self):
        _, err = self.stop(signal.SIGINT, "--trace-cache", "trace.jsonl")
        tokens = int(re.search(r"(?m)^text     (\d+) ", err)[1])
        lines = [json.loads(line) for line in (self.folder / "trace.jsonl").read_text().splitlines()]
        self.assertEqual(len(lines), tokens * TINY_LAYERS * TINY_KV_HEADS)
        self.assertEqual(self.names(), ["analysis.json", "prompt.txt", "trace.jsonl"])

    def test_the_document_says_so(self):
        out, _ = self.stop(signal.SIGINT, "--json")
        document = json.loads(out)
        self.assertTrue(document["stopped"])
        self.assertGreater(len(document["token_ids"]), 0)


def harmless(raw):
    """What a terminal is sent for these bytes."""
    text = re.sub(r"\\x([0-9a-f]{2})", lambda m: f"\\x{m[1].upper()}", raw.decode(errors="backslashreplace"))
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda m: f"\\x{ord(m[0]):02X}", text)


class Terminal(RunTest):
    def test_text_cannot_act_on_the_terminal(self):
        """The tiny model's bytes are anything: controls, halves of characters, characters of several tokens."""
        arguments = ["run", "prompt.txt", "--quiet", "-N", "2000", "-T", "100", "-M", "window", "-b", "4", "--ignore-end",
                     "--verify"]
        raw = self.run_well(*arguments, errors="replace").raw
        self.assertIn(b"\x1b", raw)
        shown = on_terminal(self, *arguments).replace("\r\n", "\n")
        self.assertNotIn("\033", shown)
        self.assertEqual(shown.rstrip("\n"), harmless(raw).rstrip("\n"))

    def test_figures_in_colour(self):
        shown = on_terminal(self, "run", "prompt.txt", "--verify", "-N", "5")
        self.assertIn("\033[1mmethod", shown)
        self.assertNotIn("\033", on_terminal(self, "run", "prompt.txt", "-q", NO_COLOR="1"))


if __name__ == "__main__":
    unittest.main()
