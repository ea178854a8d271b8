"""What goes wrong is told in one line, ends with the right exit code, and leaves no half-written output."""
import contextlib
import os
import resource
import signal
import subprocess
import time
import unittest

from support import PROGRAM, TINY_CONTEXT, CliTest

DOCUMENTS = ["analysis.json", "budget.json", "ranks.csv"]


class Inputs(CliTest):
    def tearDown(self):
        self.assertFalse((self.folder / "rankkv-out").exists(), "a failure left an output folder")

    def test_missing_prompt(self):
        self.assert_fails(66, "missing.txt: cannot open", "analyze", "missing.txt")

    def test_second_prompt_missing_is_told_before_the_first_is_analysed(self):
        self.assert_fails(66, "missing.txt", "analyze", "prompt.txt", "missing.txt")

    def test_folder_as_prompt(self):
        self.assert_fails(66, "is a folder", "analyze", ".")

    def test_empty_prompt(self):
        (self.folder / "empty.txt").write_text("")
        self.assert_fails(65, "empty.txt: the prompt is empty", "analyze", "empty.txt")
        self.assert_fails(65, "standard input: the prompt is empty", "analyze", "-")
        self.assert_fails(65, "the prompt is empty", "analyze", "--text", "")

    def test_prompt_longer_than_context(self):
        (self.folder / "long.txt").write_text("x1 " * TINY_CONTEXT)
        result = self.assert_fails(65, f"--tokens {TINY_CONTEXT} takes the first", "analyze", "long.txt")
        self.assertRegex(result.stderr, rf"long: its \d+ tokens are more than the {TINY_CONTEXT} ")

    def test_more_tokens_than_context(self):
        self.assert_fails(2, f"--tokens {TINY_CONTEXT + 1} is more than the {TINY_CONTEXT} tokens", "analyze",
                          "prompt.txt", "--tokens", TINY_CONTEXT + 1)

    def test_huge_prompt(self):
        with open(self.folder / "huge.txt", "wb") as file:
            file.truncate((64 << 20) + 1)
        self.assert_fails(65, "larger than the 64 MiB", "analyze", "huge.txt")

    def test_model(self):
        self.assert_fails(66, "missing.gguf", "analyze", "prompt.txt", "--model", "missing.gguf")
        (self.folder / "bad.gguf").write_bytes(b"GGUF" + b"\xff" * 60)
        self.assert_fails(65, "bad.gguf", "analyze", "prompt.txt", "--model", "bad.gguf")
        self.assert_fails(65, "is a model, not a prompt", "analyze", "bad.gguf")
        self.env["XDG_DATA_HOME"] = str(self.folder)
        self.assert_fails(66, "the default model is not there", "analyze", "prompt.txt")

    def test_trace(self):
        (self.folder / "bad.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 100)
        self.assert_fails(65, "bad.h5", "analyze", "bad.h5")
        self.assert_fails(65, "bad.h5", "info", "bad.h5")
        self.assert_fails(65, "bad.h5", "budget", "bad.h5")
        self.assert_fails(65, "bad.h5", "heatmap", "bad.h5", "-o", "pictures")
        self.assertFalse((self.folder / "pictures").exists())
        self.assert_fails(66, "missing.h5", "analyze", "missing.h5")

    def test_documents(self):
        (self.folder / "bad.json").write_text('{"schema": "rankkv-analysis", "schema_version": 1')
        self.assert_fails(65, "bad.json", "budget", "bad.json")
        self.assert_fails(66, "missing.json", "budget", "missing.json")
        self.assert_fails(66, "missing.json", "export", "missing.json", "--to", "csv")

    def test_budget_that_cannot_be_met_is_told_before_the_work(self):
        self.assert_fails(2, "budget", "analyze", "prompt.txt", "--budget", "8", "--min-budget", "9")

    def test_device(self):
        self.assert_fails(69, "cuda:99", "analyze", "prompt.txt", "--device", "cuda:99")
        self.assert_fails(2, "abacus", "analyze", "prompt.txt", "--device", "abacus")


class Outputs(CliTest):
    def test_destination_that_is_a_file(self):
        self.assert_fails(73, "prompt.txt", "analyze", "prompt.txt", "-o", "prompt.txt/out")
        self.assertEqual(self.names(), ["analysis.json", "prompt.txt"])

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_folder_without_permission(self):
        (self.folder / "locked").mkdir(mode=0o500)
        self.assert_fails(73, "locked", "analyze", "prompt.txt", "-o", "locked")

    def test_folder_without_a_name(self):
        self.assert_fails(2, "empty name", "analyze", "prompt.txt", "-o", "")

    def test_prompt_named_like_a_parent_folder(self):
        (self.folder / "...txt").write_text("a cat")
        self.run_well("analyze", "...txt", "-o", "sub/out")
        self.assertTrue((self.folder / "sub/out/prompt/analysis.json").exists())
        self.assertEqual([path.name for path in (self.folder / "sub").iterdir()], ["out"])

    def test_pipe_is_not_replaced(self):
        os.mkfifo(self.folder / "pipe")
        self.run_well("analyze", "prompt.txt", "-o", "out")
        self.assert_fails(73, "no regular file", "budget", "out/prompt/analysis.json", "-o",
                          "pipe")
        self.assertTrue((self.folder / "pipe").is_fifo())

    def test_folder_is_taken(self):
        out = self.folder / "out" / "prompt"
        out.mkdir(parents=True)
        self.run_well("analyze", "prompt.txt", "-o", "out")  # an empty folder is not in the way
        before = {name: (out / name).stat().st_mtime_ns for name in DOCUMENTS}
        self.assert_fails(73, "out/prompt: is there already", "analyze", "prompt.txt", "-o", "out")
        self.assertEqual(before, {name: (out / name).stat().st_mtime_ns for name in DOCUMENTS})

    def test_force_replaces_ours_and_keeps_the_rest(self):
        out = self.folder / "out" / "prompt"
        out.mkdir(parents=True)
        for name in ("analysis.json", "layer_07.png", "notes.md", "layer_07.png.txt"):
            (out / name).write_text("old")
        self.run_well("analyze", "prompt.txt", "-o", "out", "--force")
        self.assertEqual(self.names("out/prompt"), sorted(DOCUMENTS + ["notes.md", "layer_07.png.txt"]))
        self.assertNotEqual((out / "analysis.json").read_text(), "old")
        self.assertEqual((out / "notes.md").read_text(), "old")

    def test_full_stdout(self):
        for arguments in (["methods"], ["--help"], ["analyze", "--help"], ["budget", "analysis.json"],
                          ["analyze", "prompt.txt"], ["analyze", "prompt.txt", "--json", "--force"]):
            with self.subTest(arguments), open("/dev/full", "wb") as full:
                self.assert_fails(74, "standard output: cannot write: No space left on device", *arguments, stdout=full)

    def test_closed_stdout(self):
        closed = {"preexec_fn": lambda: os.close(1)}
        self.assert_fails(74, "standard output: cannot write", "methods", **closed)
        self.run_well("budget", "analysis.json", "-o", "budget.json", **closed)  # prints nothing: no failure
        self.assertEqual(len(self.load("budget.json")["layers"]), 4)

    def test_closed_stderr_does_not_reach_a_file(self):
        self.run_program("analyze", "prompt.txt", preexec_fn=lambda: os.close(2))
        for name in DOCUMENTS:
            self.assertNotIn("note:", (self.folder / "rankkv-out/prompt" / name).read_text())

    def test_file_size_limit(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        result = self.assert_fails(74, "File too large", "analyze", "prompt.txt", preexec_fn=limit)
        self.assertIn("analysis.json", result.stderr)
        self.assertFalse((self.folder / "rankkv-out").exists())
        self.assert_fails(74, "File too large", "budget", "analysis.json", "-o", "budget.json", preexec_fn=limit)
        self.assertEqual(self.names(), ["analysis.json", "prompt.txt"])

    @contextlib.contextmanager
    def small_disk(self, size):
        path = self.folder / "disk"
        path.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest("a tmpfs cannot be mounted here: " + mounted.stderr.strip())
        try:
            yield path
        finally:
            subprocess.run(["umount", str(path)], check=True)

    @unittest.skipUnless(os.geteuid() == 0, "only root may mount a tmpfs")
    def test_full_disk(self):
        with self.small_disk("4k") as disk:
            self.assert_fails(74, "No space left on device", "analyze", "prompt.txt", "-o", "disk/out")
            self.assertEqual(list(disk.iterdir()), [])

    @unittest.skipUnless(os.geteuid() == 0, "only root may mount a tmpfs")
    def test_disk_too_small_for_a_trace(self):
        with self.small_disk("64k") as disk:
            self.assert_fails(73, "trace.h5", "analyze", "prompt.txt", "--save-attention", "-o", "disk/out")
            self.assertEqual(list(disk.iterdir()), [])


class Signals(CliTest):
    def start(self, *arguments, **options):
        program = subprocess.Popen([PROGRAM, *arguments], cwd=self.folder, env=self.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, **options)
        self.addCleanup(program.kill)
        return program

    def wait_for(self, condition):
        deadline = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), deadline, "the program does not get there")
            time.sleep(0.002)

    def check_stopped(self, program, number):
        out, err = program.communicate(timeout=60)
        self.assertEqual(program.returncode, 128 + number, out + err)
        lines = [line for line in err.splitlines() if ": note: " not in line]
        self.assertEqual(lines, ["rankkv analyze: stopped by a signal; nothing half-written stays"])

    def test_while_reading(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                program = self.start("analyze", "-", stdin=subprocess.PIPE)
                status = f"/proc/{program.pid}/wchan"
                self.wait_for(lambda: os.access(status, os.R_OK) and self.catches(program.pid, number))
                time.sleep(0.2)  # from the handler's installation to the blocking read
                program.send_signal(number)
                self.check_stopped(program, number)
                self.assertFalse((self.folder / "rankkv-out").exists())

    @staticmethod
    def catches(pid, number):
        """True once the process has a handler for the signal."""
        with open(f"/proc/{pid}/status") as file:
            caught = next(line for line in file if line.startswith("SigCgt"))
        return int(caught.split()[1], 16) >> (number - 1) & 1

    def test_during_the_work(self):
        """Many prompts, so that it is stopped somewhere in them: whole folders are there, and nothing else."""
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                out = f"out-{number}"
                program = self.start("analyze", *["prompt.txt"] * 400, "-o", out, "--solver", "svd")
                self.wait_for((self.folder / out / "prompt-3").exists)
                program.send_signal(number)
                self.check_stopped(program, number)
                folders = sorted((self.folder / out).iterdir())
                self.assertGreaterEqual(len(folders), 3)
                self.assertLess(len(folders), 400)
                for folder in folders:
                    self.assertEqual(sorted(p.name for p in folder.iterdir()), DOCUMENTS)


if __name__ == "__main__":
    unittest.main()
