"""rankkv eval and calibrate: files, runs that are stopped and gone on with, and what is refused. Losses of the tiny model mean
nothing: what they are made from is tested in tests/test_eval_run.c."""
import csv
import json
import pathlib
import signal
import subprocess
import time
import unittest

from support import PROGRAM, CliTest

SENTENCES = "The quick brown fox jumps over the lazy dog. It was seen by nobody. Rain fell on the old town all day long. "
GRID = ["-c", "60", "-n", "12", "--windows", "3", "-M", "streaming-llm,knorm", "-r", "0.5", "-p", "uniform,inverse"]


class EvalTest(CliTest):
    def setUp(self):
        super().setUp()
        (self.folder / "text.txt").write_text("".join(f"{i}. {SENTENCES}" for i in range(12)))

    def eval(self, *arguments, folder="out"):
        result = self.run_well("eval", "-t", "text.txt", "-o", folder, "--json", "--quiet", *arguments)
        self.assertEqual(result.stderr, "")
        self.assertEqual(result.stdout, (self.folder / folder / "results.json").read_text())
        return json.loads(result.stdout)


class Outputs(EvalTest):
    def test_files_table_and_document(self):
        result = self.run_well("eval", "-t", "text.txt", "-o", "out", *GRID)
        names = {name.split("/")[0] for name in self.names("out")}
        self.assertTrue({"analyses", "cells.csv", "cells.jsonl", "results.json", "rows.csv", "windows.json"} <= names, names)
        if "no charts" not in result.stderr:
            charts = self.names("out/charts")
            for task in ("natural", "copy"):
                self.assertIn(f"loss-by-bytes-{task}.svg", charts)
        document = self.load("out/results.json")
        self.assert_valid(self.validator("results"), document)
        self.assertEqual(len(document["settings"]), 1 + 2 * 2)
        self.assertEqual(len(document["cells"]), 5 * 3 * 2)
        for cell in document["cells"]:
            if cell["setting"] == 0:
                self.assertEqual((cell["kl"], cell["agreement"]), (0, 1))
        for word in ("natural", "copy", "streaming-llm", "inverse", "too few", "comparisons"):
            self.assertIn(word, result.stdout)
        with open(self.folder / "out/cells.csv", newline="") as file:
            self.assertEqual(len(list(csv.DictReader(file))), len(document["cells"]))
        with open(self.folder / "out/rows.csv", newline="") as file:
            self.assertEqual(len(list(csv.DictReader(file))), len(document["rows"]))

    def test_windows_of_a_run_can_be_run_again(self):
        first = self.eval(*GRID)
        for folder, tasks in (("again", []), ("natural", ["-T", "natural"])):
            result = self.run_well("eval", "-w", "out/windows.json", *tasks, "-o", folder, "--json", "--quiet", *GRID[6:])
            again = json.loads(result.stdout)
            losses = [[cell["loss"] for cell in document["cells"]] for document in (first, again)]
            self.assertEqual(*losses)  # both questions stand in the file, and none is asked twice

    def test_folders_are_made(self):
        self.eval(*GRID, folder="new/folder")
        result = self.run_program("eval", "-t", "text.txt", "-o", "", *GRID)
        self.assertEqual(result.returncode, 2)
        self.assertIn("empty name", result.stderr)
        result = self.run_program("eval", "-t", "text.txt", "-o", "text.txt", *GRID)
        self.assertEqual(result.returncode, 73)
        self.assertIn("text.txt: cannot create folder", result.stderr)

    def test_ready_windows_are_asked_for_a_passage_that_fits(self):
        ids = list(range(10, 40))
        (self.folder / "ready.json").write_text(json.dumps([{"book": "x", "token_ids": ids}, {"book": "y", "token_ids": ids[:14]}]))
        self.run_well("eval", "-w", "ready.json", "-n", "12", "-o", "out", "--quiet", *GRID[6:], "-M", "knorm")
        windows = self.load("out/windows.json")
        self.assertEqual([[q["ids"] for q in w["questions"] if q["task"] == "copy"] for w in windows], [[ids[:12]], [ids[:2]]])

    def test_as_many_windows_of_sample_prompts_as_asked_for(self):
        for given, n in (([], 1), (["--windows", "2"], 2), (["--windows", "8"], 8)):
            self.run_well("eval", "-c", "20", "-n", "4", *given, *GRID[6:], "-o", "out", "--force", "--quiet", "--no-charts")
            names = [window["name"].rsplit(" ", 1) for window in self.load("out/windows.json")]
            self.assertEqual(max(int(number) for _, number in names), n)

    def test_streaming_retrieval_and_generation(self):
        document = self.eval("-c", "200", "-n", "12", "--windows", "1", "-T", "natural,passkey,recall", "--depths", "0.2,0.8",
                             "--pairs", "2", "-M", "h2o", "-e", "40", "-p", "none", "--protocols", "prefill,streaming", "-N", "4",
                             "--no-charts")
        tasks = {cell["task"] for cell in document["cells"]}
        self.assertEqual(tasks, {"natural", "passkey", "recall"})
        self.assertEqual({setting["protocol"] for setting in document["settings"]}, {"prefill", "streaming"})
        self.assertEqual({cell["depth"] for cell in document["cells"] if cell["task"] == "passkey"}, {0.2, 0.8})
        self.assertTrue(any(cell.get("text") for cell in document["cells"]))
        self.assertNotIn("charts", self.names("out"))

    def test_texts_side_by_side(self):
        result = self.run_well("eval", "-t", "text.txt", "-o", "out", "-N", "8", "--no-charts", "-T", "natural", *GRID)
        self.assertIn("texts after window text 1", result.stdout)
        self.assertRegex(result.stdout, "(?m)^full +\u2502 knorm, inverse, 50 %$")
        self.assertTrue("\u25b6" in result.stdout or "The texts are the same." in result.stdout)

    def test_profile(self):
        self.run_well("probe", "--random-tokens", "32", "--seeds", "1", "-o", "profile.json", "--quiet")
        document = self.eval(*GRID[:-1], "uniform,power:signal=retr,by=head", "--profile", "profile.json")
        self.assertEqual(document["settings"][2]["budget"], "power:signal=retr,by=head")
        self.assertEqual(self.names("out/analyses"), [])  # nothing had to be ranked


class Resuming(EvalTest):
    def journal(self, folder):
        path = self.folder / folder / "cells.jsonl"
        return path.read_bytes().splitlines(keepends=True) if path.exists() else []

    def stop_after(self, folder, lines, how):
        """Starts a run and stops it once its journal has so many lines: its exit status."""
        process = subprocess.Popen([PROGRAM, "eval", "-t", "text.txt", "-o", folder, "--quiet", *GRID], cwd=self.folder,
                                   env=self.env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while len(self.journal(folder)) < lines and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(how)
        return process.wait()

    def test_killed_and_resumed(self):
        self.eval(*GRID, folder="whole")
        wanted = (self.folder / "whole/results.json").read_bytes()
        for lines in (1, 5, 12):
            folder = f"killed-{lines}"
            self.stop_after(folder, lines, signal.SIGKILL)
            self.eval(*GRID, "--resume", folder=folder)
            self.assertEqual((self.folder / folder / "results.json").read_bytes(), wanted)

    def test_seeds_of_64_bits(self):
        seed = ["-s", str(2**64 - 1)]
        document = self.eval(*GRID, *seed)
        self.assertEqual(int(document["seed"]), 2**64 - 1)
        self.assertEqual(self.eval(*GRID, *seed, "--resume"), document)

    def test_half_a_line(self):
        self.eval(*GRID)
        wanted = (self.folder / "out/results.json").read_bytes()
        lines = self.journal("out")
        (self.folder / "out/cells.jsonl").write_bytes(b"".join(lines[:7]) + lines[7][:20])
        self.eval(*GRID, "--resume")
        self.assertEqual((self.folder / "out/results.json").read_bytes(), wanted)

    def test_a_cell_that_the_run_has_not(self):
        self.eval(*GRID)
        for member in ("setting", "window", "question"):
            lines = self.journal("out")
            cell = json.loads(lines[3])
            lines[3] = json.dumps({**cell, member: 999}).encode() + b"\n"
            (self.folder / "out/cells.jsonl").write_bytes(b"".join(lines[:8]))
            result = self.run_program("eval", "-t", "text.txt", "-o", "out", *GRID, "--resume")
            self.assertEqual(result.returncode, 65)
            self.assertIn(f"{member} 999", result.stderr)
            self.assertEqual(len(self.journal("out")), 8)  # nothing was measured
            self.eval(*GRID, "--force")

    def test_interrupt_leaves_what_is_done(self):
        status = self.stop_after("out", 4, signal.SIGINT)
        if status == 0:
            self.skipTest("the run was over before it could be interrupted")
        self.assertEqual(status, 130)
        self.assertGreaterEqual(len(self.journal("out")), 4)
        self.assertNotIn("results.json", self.names("out"))

    def test_another_run_is_not_gone_on_with(self):
        self.eval(*GRID)
        kept = ["out/cells.jsonl", "out/windows.json"]
        before = [(self.folder / name).read_bytes() for name in kept]
        taken = self.run_program("eval", "-t", "text.txt", "-o", "out", *GRID)
        self.assertEqual(taken.returncode, 73)
        self.assertIn("--resume goes on with it, --force replaces it", taken.stderr)
        other = self.run_program("eval", "-t", "text.txt", "-o", "out", *GRID[:-1], "uniform,pyramid", "--resume")
        self.assertEqual(other.returncode, 65)
        self.assertIn("settings", other.stderr)
        other = self.run_program("eval", "-t", "text.txt", "-o", "out", *GRID, "-c", "50", "--resume")
        self.assertEqual(other.returncode, 65)
        self.assertIn("windows", other.stderr)
        self.assertEqual([(self.folder / name).read_bytes() for name in kept], before)


    def head(self, change):
        """Writes the journal anew with another first line: `change` is given its run."""
        path = self.folder / "out/cells.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        head = json.loads(lines[0])
        change(head["run"])
        path.write_bytes(b"".join([json.dumps(head).encode() + b"\n", *lines[1:]]))
        return path.read_bytes()

    def test_another_device_or_version_does_not_go_on(self):
        document = self.eval(*GRID, "--device", "cpu")
        self.assertEqual(document["device"], "cpu")
        self.assertEqual(document["creator"], f"rankkv {document['version']}")
        results = (self.folder / "out/results.json").read_bytes()
        for member, other in (("device", "cuda NVIDIA H200, tf32"), ("version", "0.0.9")):
            kept = document[member]
            before = self.head(lambda run: run.update({member: other}))
            result = self.run_program("eval", "-t", "text.txt", "-o", "out", "--device", "cpu", *GRID, "--resume")
            self.assertEqual(result.returncode, 65)
            self.assertIn(f'out/cells.jsonl: line 1: it is of another run: {member} is "{other}" there, "{kept}" now '
                          "(--force replaces it, another --output leaves it)", result.stderr)
            self.assertEqual((self.folder / "out/cells.jsonl").read_bytes(), before)
            self.assertEqual((self.folder / "out/results.json").read_bytes(), results)
            self.head(lambda run: run.update({member: kept}))
        self.assertEqual(self.eval(*GRID, "--device", "cpu", "--resume"), document)

    def test_a_journal_from_before_devices_were_told(self):
        wanted = self.eval(*GRID)
        path = self.folder / "out/cells.jsonl"
        self.head(lambda run: [run.pop(member) for member in ("device", "version")])
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:7]))
        document = self.eval(*GRID, "--resume")
        self.assert_valid(self.validator("results"), document)
        self.assertEqual(document, {**wanted, "device": None, "version": None})  # nobody knows what measured the first half


class Replacing(EvalTest):
    def test_force_removes_what_the_run_before_made(self):
        foreign = ["charts/mine.svg", "charts/loss-by-bytes-natural.pdf", "analyses/window-01.json", "notes.txt"]
        recall = ["-T", "natural,recall", "--pairs", "2", "-c", "200", "-n", "12", "--windows", "2", *GRID[6:]]
        self.eval(*recall, "--html")
        charts = "charts/retrieval-by-depth-recall.svg" in self.names("out")
        for name in foreign:
            (self.folder / "out" / name).parent.mkdir(exist_ok=True)
            (self.folder / "out" / name).write_text("mine")
        self.eval(*GRID[:5], "1", *GRID[6:], "--force", "-T", "copy")
        names = self.names("out")
        self.assertEqual([name for name in names if name.startswith("analyses")], ["analyses/window-0.json", "analyses/window-01.json"])
        self.assertNotIn("report.html", names)
        self.assertFalse([name for name in names if name.startswith("charts") and "copy" not in name and name not in foreign])
        self.assertEqual("charts/loss-by-bytes-copy.png" in names, charts)
        self.assertLessEqual({*foreign, "cells.csv", "rows.csv", "results.json", "cells.jsonl", "windows.json"}, set(names))
        self.eval(*GRID, "--force", "--no-charts")
        self.assertFalse([name for name in self.names("out") if name.startswith("charts") and name not in foreign])

    def test_a_folder_of_charts_that_is_empty_goes(self):
        self.eval(*GRID)
        self.eval(*GRID, "--force", "--no-charts")
        self.assertFalse((self.folder / "out/charts").exists())

    def test_what_is_refused_removes_nothing(self):
        self.eval(*GRID)
        before = self.names("out")
        result = self.run_program("eval", "-t", "text.txt", "-o", "out", *GRID, "-M", "knorm:no-such=1", "--force")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(self.names("out"), before)

    def test_a_folder_without_a_run_keeps_what_is_there(self):
        (self.folder / "out").mkdir()
        (self.folder / "out/report.html").write_text("another's")
        self.eval(*GRID, "--force")
        self.assertEqual((self.folder / "out/report.html").read_text(), "another's")

    def test_resuming_removes_nothing(self):
        self.eval(*GRID, "--html")
        before = self.names("out")
        self.eval(*GRID, "--resume", "--no-charts")
        self.assertEqual(self.names("out"), before)

    def test_what_cannot_be_removed_is_named(self):
        self.eval(*GRID, "--no-charts")
        (self.folder / "out/report.html").mkdir()
        result = self.run_program("eval", "-t", "text.txt", "-o", "out", *GRID, "--force", "--no-charts")
        self.assertEqual(result.returncode, 73)
        self.assertIn("out/report.html: cannot remove: ", result.stderr)


class Refused(EvalTest):
    def refuse(self, code, word, *arguments):
        result = self.run_program("eval", "-o", "out", "--quiet", *arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(word, result.stderr)
        self.assertFalse((self.folder / "out/results.json").exists())

    def test_wrong_use(self):
        text = ["-t", "text.txt", *GRID]
        self.refuse(2, "no-such", *text[:-1], "no-such")
        self.refuse(2, "no-such", *text, "-M", "no-such")
        self.refuse(2, "needle", *text, "-T", "needle")
        self.refuse(2, "1.5", *text, "-r", "1.5")
        self.refuse(2, "half", *text, "-r", "half")
        self.refuse(2, "empty part", *text, "-r", "0.5,,0.25")
        self.refuse(2, "batch", *text, "--protocols", "batch")
        self.refuse(2, "not both", *text, "-w", "text.txt")
        self.refuse(2, "not both", *text, "--resume", "--force")
        self.refuse(2, "--windows-file ask what they ask", "-w", "text.txt", *GRID, "-T", "passkey")
        self.refuse(2, "retr", *text, "-p", "power:signal=retr")
        self.refuse(2, "calibrat", *text, "-p", "calibrated")
        self.refuse(2, "tokens", *text, "-c", "100000")
        self.refuse(2, "at most 4096 settings", *text, "-r", ",".join(f"0.{i:04d}" for i in range(1, 4100)))

    def test_wrong_files(self):
        self.refuse(66, "missing.txt", "-t", "missing.txt", *GRID)
        (self.folder / "bad.jsonl").write_text('{"text": "one"}\n{"words": 2}\n')
        self.refuse(65, "line 2", "-t", "bad.jsonl", *GRID)
        (self.folder / "windows.json").write_text('[{"book": "x", "token_ids": [1, 2, 3, 99999999]}]')
        self.refuse(65, "99999999", "-w", "windows.json", "-n", "2")
        (self.folder / "profile.json").write_text("{}")
        self.refuse(65, "profile.json", "-t", "text.txt", *GRID, "--profile", "profile.json")


class DryRun(EvalTest):
    def foretold(self, *arguments):
        document = json.loads(self.run_well("eval", "-t", "text.txt", *arguments, "--dry-run", "--json", "--device", "cpu").stdout)
        self.assertEqual((document["schema"], document["device"]), ("rankkv-dry-run", "cpu"))
        self.assert_valid(self.validator("dry_run"), document)
        return document["evaluations"][0]

    def test_the_grid_and_its_memory(self):
        before = self.names()
        one = self.foretold(*GRID, "--memory", "1")
        self.assertEqual(self.names(), before)
        self.assertEqual([one[key] for key in ("windows", "settings", "cells")], [3, 5, 5 * 3 * 2])
        parts = ("held_bytes", "weights_bytes", "cache_bytes", "activations_bytes", "workspace_bytes")
        self.assertEqual(one["needed_bytes"], sum(one[part] for part in parts))
        self.assertEqual(one["caches_limit_bytes"], 1 << 20)
        self.assertEqual(one["largest"], {"protocol": "prefill", "method": "full", "budget": None, "ratio": 1})
        self.assertGreater(one["cache"]["peak_bytes"], 0)
        streamed = self.foretold(*GRID, "--protocols", "streaming")
        self.assertEqual((one["caches_at_once"], streamed["caches_at_once"]), (5, 10))  # of two questions one each
        self.assertGreater(streamed["cache_bytes"], one["cache_bytes"])

    def test_in_words(self):
        result = self.run_well("eval", "-t", "text.txt", *GRID, "--dry-run", "--device", "cpu")
        self.assertRegex(result.stdout, r"^evaluation: 3 windows under 5 settings, 30 cells, need .* bytes\) of cpu")
        self.assertRegex(result.stdout, r"5 caches are held at once, within .* \(--memory\); the largest, .*, under full at ratio 1")

    def test_refuses_what_an_evaluation_would(self):
        self.assert_fails(2, "snapkv", "eval", "-t", "text.txt", "-c", "60", "-n", "12", "-M", "snapkv:window=32", "-r", "0.1",
                          "-p", "none", "--dry-run")
        self.assert_fails(66, "missing.json", "eval", "-w", "missing.json", "--dry-run")


class Calibration(EvalTest):
    OPTIONS = ["-t", "text.txt", "-c", "60", "-n", "12", "--windows", "2", "--test-windows", "2", "-M", "knorm", "-r", "0.5", "-s",
               "retr,oerr,erank", "--exponents=-1,1", "--floors", "0.05", "--shares", "0.25", "--shuffles", "3"]

    def test_choice_judgement_and_use(self):
        result = self.run_well("calibrate", *self.OPTIONS, "--json", "--quiet")
        document = json.loads(result.stdout)
        self.assert_valid(self.validator("calibration"), document)
        losses = {row["budget"]: row["loss"] for row in document["candidates"]}
        self.assertEqual(len(losses), 1 + 3 * (2 * 2 + 1))  # one of two layers cannot be whole at a half
        self.assertEqual(document["loss"], min(losses.values()))
        self.assertEqual(losses[document["budget"]], document["loss"])
        self.assertEqual(losses["uniform"], document["uniform_loss"])
        self.assertEqual((document["against_uniform"]["n"], document["n_shuffles"]), (2, 3 if document["budget"] != "uniform" else 0))
        profile = self.load("rankkv-calibration/profile.json")
        self.assert_valid(self.validator("profile"), profile)
        self.assertEqual(profile["calibration"]["budget"], document["budget"])
        self.assertEqual(profile["calibration"]["text"], "text.txt; 2 windows of 60 tokens, 12 to predict")
        self.assertLessEqual({"retr", "oerr", "erank"}, set(profile["signals"]))
        chosen = self.load("rankkv-calibration/candidates/windows.json")
        judged = self.load("rankkv-calibration/test/windows.json")
        self.assertFalse({str(w["context"]) for w in chosen} & {str(w["context"]) for w in judged})
        self.run_well("analyze", "--text", SENTENCES, "-o", "analysis", "--policy", "calibrated", "--profile",
                      "rankkv-calibration/profile.json")
        self.eval(*GRID[:-1], "uniform,calibrated", "--profile", "rankkv-calibration/profile.json")

    def test_table_and_resume(self):
        result = self.run_well("calibrate", *self.OPTIONS)
        for words in ("best of 16 budgets", "judged on 2 other windows", "to uniform", "shuffles of itself"):
            self.assertIn(words, result.stdout)
        again = self.run_well("calibrate", *self.OPTIONS, "--resume")
        self.assertEqual(again.stdout, result.stdout)

    def test_adakv_has_the_options_and_stages_of_the_method(self):
        self.run_well("calibrate", *self.OPTIONS, "-M", "snapkv:window=8+int8", "-s", "retr", "--quiet")
        methods = [setting["method"] for setting in self.load("rankkv-calibration/test/results.json")["settings"]]
        self.assertEqual(methods[-1], "ada-snapkv:window=8+int8")

    def test_one_window_has_no_interval(self):
        result = self.run_well("calibrate", *self.OPTIONS, "--windows", "1", "--test-windows", "1", "-s", "retr")
        self.assertNotIn("nan", result.stdout)
        self.assertIn("judged on 1 other window\n", result.stdout)

    def test_what_is_there_is_refused_before_signals_are_measured(self):
        self.run_well("calibrate", *self.OPTIONS, "-s", "retr", "--quiet")
        result = self.run_program("calibrate", *self.OPTIONS, "-s", "no-such")
        self.assertEqual(result.returncode, 73)
        self.assertIn("candidates/cells.jsonl: is there already", result.stderr)

    def test_dry_run(self):
        """Both evaluations, with as many settings as they have; nothing is measured or written."""
        before = self.names()
        dry = [*self.OPTIONS, "--dry-run", "--device", "cpu"]
        document = json.loads(self.run_well("calibrate", *dry, "--json").stdout)
        self.assert_valid(self.validator("dry_run"), document)
        stages = {stage["name"]: stage for stage in document["evaluations"]}
        self.assertEqual(stages["candidates"]["settings"], 1 + 1 + 3 * (2 * 2 + 1))
        self.assertEqual(stages["judgement"]["settings"], 1 + 2 + 3)
        for stage in stages.values():
            self.assertEqual(stage["caches_at_once"], stage["settings"])
            self.assertGreater(stage["needed_bytes"], stage["cache_bytes"])
        result = self.run_well("calibrate", *dry)
        self.assertRegex(result.stdout, r"(?m)^candidates: 2 windows under 17 settings, 68 cells, need .* of cpu")
        self.assertRegex(result.stdout, r"(?m)^judgement: 2 windows under 6 settings, 24 cells, need .* of cpu")
        self.assertEqual(self.names(), before)
        for name in ("no-such", "retrieval"):
            self.assert_fails(2, f'"{name}" is no metric', "calibrate", *dry, "-s", name)

    def test_a_dry_run_knows_the_signals(self):
        """Those that a calibration measures are those that its rehearsal takes as measured."""
        names = "retr_duplicate,retr_induction,retr_spread,oerr_layer,erank"
        small = [*self.OPTIONS, "--exponents=1", "--shuffles", "1", "-s", names]
        self.run_well("calibrate", *small, "--dry-run")
        self.run_well("calibrate", *small)
        self.assertLessEqual(set(names.split(",")), set(self.load("rankkv-calibration/profile.json")["signals"]))

    def test_refused(self):
        (self.folder / "again").symlink_to("text.txt")
        for word, arguments in (("--test-file again", ["--test-file", "again"]),("natural and copy alone", ["-T", "natural,passkey"]), ("no-such", ["-M", "no-such"]), ("no-such", ["-s", "no-such"]),
                                ("--windows 0", ["--windows", "0"]), ("oerr is measured at a tenth", ["-M", "snapkv:window=8"])):
            result = self.run_program("calibrate", *self.OPTIONS, *arguments)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(word, result.stderr)


if __name__ == "__main__":
    unittest.main()
