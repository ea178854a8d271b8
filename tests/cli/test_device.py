"""--device: the CPU where there is no GPU, and the reason; a GPU that was asked for and is not there."""
import json
import re
import subprocess
import unittest

from support import PROGRAM, CliTest, without_device

NOTE = re.compile(r"rankkv (\w+): note: computing on the CPU: (.+)\n")

BENCH = ["prompt.txt", "-c", "16", "-M", "window", "--repeats", "1", "-N", "2"]


def has_gpu():
    return subprocess.run([PROGRAM, "info", "--device", "cuda"], capture_output=True).returncode == 0


@unittest.skipIf(has_gpu(), "this machine has a GPU")
class WithoutGpu(CliTest):
    def test_automatic_choice_says_why(self):
        """One line, whether auto was typed or not; the CPU is not asked why it is the CPU."""
        for arguments in (["--device", "auto"], []):
            result = self.run_well("analyze", "prompt.txt", "--force", *arguments)
            match = NOTE.fullmatch(result.stderr)
            self.assertIsNotNone(match, result.stderr)
            self.assertEqual(match[1], "analyze")
            self.assertEqual(self.load("rankkv-out/prompt/analysis.json")["device"], "cpu")
        self.assertEqual(self.run_well("analyze", "prompt.txt", "--force", "--quiet").stderr, "")
        self.assertEqual(self.run_well("analyze", "prompt.txt", "--force", "--device", "cpu").stderr, "")

    def test_traces_and_probes_say_so_too(self):
        self.run_well("analyze", "prompt.txt", "--save-attention", "--quiet")
        result = self.run_well("analyze", "rankkv-out/prompt/trace.h5", "-o", "again")
        self.assertRegex(result.stderr, NOTE)
        self.assertRegex(self.run_well("probe", "-n", "16", "--seeds", "1").stderr, NOTE)
        self.assertRegex(self.run_well("info").stderr, NOTE)
        self.assertRegex(self.run_well("run", "prompt.txt", "--new-tokens", "2").stderr, NOTE)
        self.assertRegex(self.run_well("bench", *BENCH, "-o", "bench").stderr, NOTE)

    def test_a_device_that_is_not_there(self):
        """Exit code 69 and the driver's own words, at once; nothing is written."""
        for device in ("cuda", "cuda:0", "cuda:3"):
            for command in (["analyze", "prompt.txt"], ["probe"], ["info"], ["run", "prompt.txt", "--method", "full"],
                            ["bench", *BENCH], ["eval", "-t", "prompt.txt"],
                            ["calibrate", "-t", "prompt.txt"]):
                result = self.assert_fails(69, f"device {device}: ", *command, "--device", device)
                words = result.stderr.split(f"device {device}: ", 1)[1]
                self.assertRegex(words, r"no CUDA device: \S+|no module for cuda|\.so")
        self.assertEqual(self.names(), ["analysis.json", "prompt.txt"])

    def test_precision_belongs_to_gpus(self):
        self.assert_fails(69, "precision tf32: cpu computes in float32 alone", "analyze", "prompt.txt", "--precision", "tf32")
        self.assert_fails(69, "precision tf32: cpu computes in float32 alone", "probe", "-n", "16", "--precision", "tf32")
        self.run_well("analyze", "prompt.txt", "--precision", "float32")


class Names(CliTest):
    def test_no_such_name(self):
        self.assert_fails(2, "device 'cuda:x'", "analyze", "prompt.txt", "--device", "cuda:x")
        self.assert_fails(2, "device 'tpu' is unknown", "info", "--device", "tpu")
        self.assert_fails(2, "device 'cuda:0,0': 0 is named twice", "analyze", "prompt.txt", "--device", "cuda:0,0")

    def test_several_are_for_analyze_and_probe(self):
        for command in (["run", "prompt.txt", "--method", "full"], ["eval", "--text-file", "prompt.txt"]):
            self.assert_fails(2, "--device cuda:0,1: one device computes here", *command, "--device", "cuda:0,1")

    def test_cpu(self):
        result = self.run_well("info", "--device", "cpu", "--json")
        self.assertTrue(json.loads(result.stdout)["device"].startswith("cpu: "))
        self.assertEqual(result.stderr, "")


@unittest.skipUnless(has_gpu(), "this machine has no GPU")
class WithGpu(CliTest):
    def test_same_ranks(self):
        """Of the same prompt, on both devices; what is less than float32 is said."""
        ranks = {}
        for device in ("cpu", "cuda", "auto"):
            self.assertEqual(without_device(self.run_well("analyze", "prompt.txt", "--device", device, "-o", device).stderr), "")
            ranks[device] = self.load(f"{device}/prompt/analysis.json")["effective_rank"]
        self.assertEqual(ranks["cuda"], ranks["auto"])
        for ours, theirs in zip(sum(ranks["cpu"], []), sum(ranks["cuda"], [])):
            self.assertAlmostEqual(ours / theirs, 1, delta=1e-5)
        texts = {self.run_well("run", "prompt.txt", "--method", "window", "--budget", "16", "--new-tokens", "8", "--quiet",
                               "--device", device).stdout for device in ("cpu", "cuda")}
        self.assertEqual(len(texts), 1)
        self.run_well("analyze", "prompt.txt", "--precision", "tf32", "-o", "tf32")
        self.assertRegex(self.load("tf32/prompt/analysis.json")["device"], r"^cuda:0 .*, tf32$")

    def test_dry_run(self):
        result = self.run_well("analyze", "prompt.txt", "--dry-run", "--json", "--device", "cuda")
        document = json.loads(result.stdout)
        self.assert_valid(self.validator("dry_run"), document)
        prompt = document["prompts"][0]
        parts = ("held_bytes", "weights_bytes", "attention_bytes", "activations_bytes", "workspace_bytes")
        self.assertEqual(prompt["needed_bytes"], sum(prompt[part] for part in parts))
        self.assertLess(prompt["needed_bytes"], prompt["free_bytes"])
        self.assertIn(f"({prompt['needed_bytes']} bytes)", self.run_well("analyze", "prompt.txt", "--dry-run").stdout)


if __name__ == "__main__":
    unittest.main()
