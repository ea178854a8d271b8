"""What the tests of the command line share: running the program in a scratch folder with a tiny model in place."""
import json
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = os.environ.get("RANKKV_PROGRAM", "rankkv")
MAKE_TINY_MODEL = os.environ.get("RANKKV_MAKE_TINY_MODEL", "make_tiny_model")
DEFAULT_MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
TINY_CONTEXT = 256  # tokens, tests/support/tiny_model.h
TINY_LAYERS = 2
PROMPT = "The quick brown fox jumps over the lazy dog, and the lazy dog does not mind. " * 2

_models = tempfile.TemporaryDirectory()


def data_home():
    """A data folder in which the tiny model stands for the default one."""
    folder = pathlib.Path(_models.name) / "rankkv"
    if not folder.exists():
        folder.mkdir()
        subprocess.run([MAKE_TINY_MODEL, str(folder / DEFAULT_MODEL)], check=True)
    return _models.name


class CliTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        (self.folder / "prompt.txt").write_text(PROMPT)
        shutil.copy(HERE / "analysis.json", self.folder)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_DATA_HOME": data_home(),
            "OMP_NUM_THREADS": "1",
            "TERM": "xterm",
        }
        self.env["LSAN_OPTIONS"] = f"suppressions={HERE / 'lsan.supp'}:print_suppressions=0"
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def run_program(self, *arguments, **options):
        options = {"cwd": self.folder, "env": self.env, "stdin": subprocess.DEVNULL, "timeout": 120} | options
        if "input" in options:
            del options["stdin"]
        if "stdout" not in options:
            options["stdout"] = subprocess.PIPE
        errors = options.pop("errors", "strict")
        result = subprocess.run([PROGRAM, *map(str, arguments)], stderr=subprocess.PIPE, **options)
        result.raw = result.stdout or b""
        result.stdout = result.raw.decode(errors=errors)
        result.stderr = result.stderr.decode()
        return result

    def run_well(self, *arguments, **options):
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def assert_fails(self, code, words, *arguments, **options):
        """The exit code, one line on stderr that says `words`, and nothing on stdout."""
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        self.assertIn(words, result.stderr)
        lines = [line for line in result.stderr.splitlines() if ": note: " not in line]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertEqual(result.stdout, "")
        return result

    def names(self, path="."):
        """Every file below path."""
        root = self.folder / path
        return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())

    def validator(self, name):
        """Of share/rankkv/schema."""
        try:
            import jsonschema
        except ImportError:
            self.skipTest("the Python package jsonschema is missing (Debian: python3-jsonschema)")
        schema = json.loads((HERE.parents[1] / f"share/rankkv/schema/{name}.schema.json").read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        return jsonschema.Draft7Validator(schema)

    def assert_valid(self, validator, document, about=None):
        self.assertEqual([f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)], [], about)

    def load(self, path):
        return json.loads((self.folder / path).read_text())


def without_device(text):
    """What was said on stderr, but for the note that there is no GPU: some machines have one."""
    return re.sub(r"(?m)^rankkv \w+: note: computing on the CPU: .+\n", "", text)


def on_terminal(test, *arguments, **env):
    """What the program writes when both of its outputs are a terminal."""
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        test.skipTest(f"no terminal to be had: {error}")
    program = subprocess.Popen([PROGRAM, *arguments], cwd=test.folder, env=test.env | env, stdin=theirs, stdout=theirs,
                               stderr=theirs)
    os.close(theirs)
    text = b""
    while True:
        try:
            ready, _, _ = select.select([ours], [], [], 60)
            part = os.read(ours, 65536) if ready else b""
        except OSError:
            break  # the other end is closed
        if not part:
            break
        text += part
    os.close(ours)
    test.assertEqual(program.wait(timeout=60), 0, text)
    return text.decode()


def normalise(text):
    """Takes out what differs between builds and runs."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "SHA256", text)  # of the tiny model, whose weights come through libm
    return re.sub(r"rankkv \d+\.\d+\.\d+", "rankkv VERSION", text)
