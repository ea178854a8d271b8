"""report.html: of an analysis, an evaluation and a folder of files; what it holds, and what is refused."""
import base64
import hashlib
import json
import os
import re
import unittest
import zlib

from support import TINY_LAYERS, CliTest

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028&amp;<!--"
H, G = 4, 2  # of the tiny model


class Page:
    """What a browser would find in a page."""

    def __init__(self, path):
        self.text = path.read_text()
        self.manifest = self.json("manifest")
        self.documents = [(d["kind"], d["name"], self.json(f"document-{i}")) for i, d in enumerate(self.manifest["documents"])]

    def element(self, name):
        return re.search(rf"<script type=\"[^\"]*\" id=\"{name}\">(.*?)</script>", self.text, re.S)[1]

    def json(self, name):
        return json.loads(self.element(name))

    def kinds(self):
        return [kind for kind, _, _ in self.documents]

    def of(self, kind):
        return [document for found, _, document in self.documents if found == kind]

    def array(self, name, document=None):
        """(row of the manifest, bytes of each part)"""
        for i, row in enumerate(self.manifest["arrays"]):
            if row["name"] == name and document in (None, row["document"]):
                lines = self.element(f"array-{i}").split("\n")
                return row, [zlib.decompress(base64.b64decode(line)) for line in lines if line]
        raise KeyError(name)


class ReportTest(CliTest):
    def page(self, path):
        page = Page(self.folder / path)
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page.text)[1]
        for tag in ("style", "script"):
            (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page.text, re.S)
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            self.assertIn(f"{tag}-src 'sha256-{digest}'", policy)
        self.assertIn("default-src 'none'", policy)
        n = len(page.manifest["documents"]) + len(page.manifest["arrays"]) + 1
        self.assertEqual(page.text.count("<script type="), n)
        self.assertEqual(page.text.count("<script>"), 1)
        self.assertEqual(page.text.lower().count("</script"), n + 1)
        self.assertNotIn("<img", page.text)
        return page

    def analyze(self, *arguments, path="prompt.txt", folder="out"):
        return self.run_well("analyze", path, "--html", "-o", folder, "--quiet", *arguments)


class OfAnAnalysis(ReportTest):
    def test_what_it_holds(self):
        result = self.analyze("--tokens", 40, "-p", "inverse", "--kept", "streaming-llm,knorm", "--ratio", "0.5")
        self.assertIn("report.html", result.stdout)
        page = self.page("out/prompt/report.html")
        analysis = page.of("analysis")[0]
        self.assertEqual(analysis, self.load("out/prompt/analysis.json"))
        budgets = page.of("budget")
        self.assertIn("uniform", [b["policy"] for b in budgets])
        self.assertEqual(len({b["policy"] for b in budgets}), len(budgets))
        self.assertEqual({b["total"] for b in budgets}, {self.load("out/prompt/budget.json")["total"]})
        for name, shape in (("attention", [TINY_LAYERS, H, 40 * 41 // 2]), ("spectrum", [TINY_LAYERS, H, 40]),
                            ("received", [TINY_LAYERS, H, 40])):
            row, parts = page.array(name, 0)
            self.assertEqual(row["shape"], shape)
            width = 1 if row["type"] == "u8" else 4
            self.assertEqual(sum(map(len, parts)), shape[0] * shape[1] * shape[2] * width)
        self.assertEqual(page.kinds()[-1], "made")

    def test_how_it_was_made(self):
        self.analyze("--kept", "none")
        made = self.page("out/prompt/report.html").of("made")[0]
        self.assertEqual(made["command"], ["rankkv", "analyze", "prompt.txt", "--html", "-o", "out", "--quiet", "--kept", "none"])
        self.assertEqual(made["device"], "cpu")
        self.assertRegex(made["date"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        files = {f["name"]: f for f in made["files"]}
        prompt = (self.folder / "prompt.txt").read_bytes()
        self.assertEqual(files["prompt.txt"]["sha256"], hashlib.sha256(prompt).hexdigest())
        self.assertEqual(files["prompt.txt"]["bytes"], len(prompt))
        self.assertEqual(len(files), 2)  # the other is the model
        self.assertNotIn(str(self.folder), json.dumps(made["files"]) + made["host"])

    def test_caches(self):
        self.analyze("--tokens", 50, "-p", "inverse", "--kept", "streaming-llm,knorm")
        page = self.page("out/prompt/report.html")
        selection = page.of("selection")[0]
        self.assert_valid(self.validator("selection"), selection)
        self.assertEqual({s["budget"] for s in selection["settings"]}, {"uniform", "inverse"})
        self.assertEqual({s["method"] for s in selection["settings"]}, {"streaming-llm", "knorm"})
        row, parts = page.array("kept")
        self.assertEqual(row["shape"], [len(selection["settings"]), TINY_LAYERS, G, 7])
        for setting, bits in zip(selection["settings"], parts):
            self.assertEqual(sum(bin(byte).count("1") for byte in bits), setting["entries"])
            self.assertAlmostEqual(setting["entries"] / (TINY_LAYERS * G * 50), setting["ratio"], delta=0.03)

    def test_policies_of_caches(self):
        self.analyze("--tokens", 50, "--kept", "knorm", "--kept-policies", "power:signal=sink_4,by=head")
        settings = self.page("out/prompt/report.html").of("selection")[0]["settings"]
        self.assertEqual({s["budget"] for s in settings}, {"power:signal=sink_4,by=head"})
        self.assertEqual(sorted(s["ratio"] for s in settings), [round(0.1 * i, 1) for i in range(1, 10)])

    def test_profile(self):
        self.run_well("probe", "--random-tokens", "32", "--seeds", "1", "-o", "profile.json", "--quiet")
        self.analyze("--tokens", 40, "--profile", "profile.json", "--kept", "none")
        self.assertEqual(self.page("out/prompt/report.html").of("profile"), [self.load("profile.json")])

    def test_one_token(self):
        self.analyze("--tokens", 1, "--policy", "uniform", "--ratio", 1)
        page = self.page("out/prompt/report.html")
        self.assertEqual(page.array("attention")[1], [b"\xff"] * TINY_LAYERS * H)
        _, parts = page.array("kept")
        self.assertEqual(set(parts), {b"\x01" * TINY_LAYERS * G})  # all that can be kept of it

    def test_hostile_words(self):
        name = HOSTILE.replace("/", "\u2044") + ".txt"
        (self.folder / name).write_text(HOSTILE)
        self.run_well("analyze", name, "--html", "-o", "out", "-q", "--kept", "knorm")
        (folder,) = (self.folder / "out").iterdir()
        page = self.page(f"out/{folder.name}/report.html")
        analysis = page.of("analysis")[0]
        self.assertIn("<", "".join(analysis["prompt"]["token_text"]))
        self.assertEqual(page.manifest["title"], name[:-4])
        self.run_well("analyze", "--text", HOSTILE, "--html", "-o", "out", "-q", "--kept", "none")
        self.assertIn(HOSTILE, self.page("out/text/report.html").of("made")[0]["command"])

    def test_a_trace(self):
        self.analyze("--save-attention", "--dtype", "float32", "--tokens", 30, "--kept", "none")
        self.analyze(path="out/prompt/trace.h5", folder="traced")
        pages = [self.page("out/prompt/report.html"), self.page("traced/prompt/report.html")]
        for name in ("attention", "received"):
            first, second = (page.array(name, 0)[1] for page in pages)
            self.assertEqual(first, second)
        self.assertNotIn("selection", pages[1].kinds())

    def test_refusals_come_before_the_work(self):
        for words, arguments in (
            ("snappkv", ["--kept", "snapkv,snappkv"]),
            ("no policy is called", ["--kept-policies", "uniform,fair"]),
            ("--kept: ", ["--kept", "snapkv,"]),
        ):
            self.assert_fails(2, words, "analyze", "prompt.txt", "--html", *arguments)
        self.assertFalse((self.folder / "rankkv-out").exists())

    def test_force_takes_an_old_page_away(self):
        self.analyze("--kept", "none")
        self.run_well("analyze", "prompt.txt", "-o", "out", "--force", "--quiet")
        self.assertNotIn("report.html", self.names("out/prompt"))


class OfAnEvaluation(ReportTest):
    def test_what_it_holds(self):
        sentences = "The quick brown fox jumps over the lazy dog. It was seen by nobody. Rain fell on the town. "
        (self.folder / "text.txt").write_text("".join(f"{i}. {sentences}" for i in range(12)))
        self.run_well("eval", "-t", "text.txt", "-o", "out", "--quiet", "-c", "60", "-n", "12", "--windows", "2", "-M", "knorm",
                      "-r", "0.5", "-p", "uniform", "-N", "5", "--no-charts", "--html")
        page = self.page("out/report.html")
        self.assertEqual(page.kinds(), ["results", "made"])
        self.assertEqual(page.of("results")[0], self.load("out/results.json"))
        self.assertTrue(any(cell.get("text") for cell in page.of("results")[0]["cells"]))
        self.assertEqual({f["name"] for f in page.of("made")[0]["files"]} & {"text.txt"}, {"text.txt"})


class OfAFolder(ReportTest):
    def setUp(self):
        super().setUp()
        self.run_well("analyze", "prompt.txt", "-o", "all", "--quiet", "--tokens", 30, "--save-attention")
        (self.folder / "other.txt").write_text("Nothing else is as it seems to be.")
        self.run_well("analyze", "other.txt", "-o", "all", "--quiet")
        run = self.run_well("run", "prompt.txt", "--method", "knorm", "--budget", 20, "--new-tokens", 4, "--json",
                            "--trace-cache", "all/knorm.jsonl")
        (self.folder / "all/knorm.json").write_text(run.stdout)
        (self.folder / "all/notes.txt").write_text("nothing")

    def report(self, *arguments):
        return self.run_well("report", "all", *arguments)

    def test_everything_is_found(self):
        result = self.report("-v", "-t", "All of it " + HOSTILE)
        self.assertIn("all/notes.txt: nothing that a page shows", result.stderr)
        self.assertIn("all/report.html", result.stdout)
        page = self.page("all/report.html")
        self.assertEqual(page.manifest["title"], "All of it " + HOSTILE)
        found = {(kind, name) for kind, name, _ in page.documents}
        self.assertEqual(found, {("analysis", "prompt"), ("analysis", "other"), ("budget", "prompt/budget"),
                                 ("budget", "other/budget"), ("run", "knorm"), ("cache", "knorm"), ("made", "made")})
        names = [f["name"] for f in page.of("made")[0]["files"]]
        self.assertEqual(sorted(names), sorted(["analysis.json"] * 2 + ["budget.json"] * 2 + ["trace.h5", "knorm.json", "knorm.jsonl"]))
        events = [json.loads(line) for line in (self.folder / "all/knorm.jsonl").read_text().splitlines()]
        self.assertEqual(page.of("cache")[0], events)
        for kind, name, document in page.documents:
            if kind == "analysis":
                self.assertEqual(document, self.load(f"all/{name}/analysis.json"))

    def test_arrays_belong_to_the_prompt_with_a_trace(self):
        self.report()
        page = self.page("all/report.html")
        owners = {page.documents[row["document"]][1] for row in page.manifest["arrays"]}
        self.assertEqual(owners, {"prompt"})
        self.assertEqual({row["name"] for row in page.manifest["arrays"]}, {"attention", "spectrum", "received"})

    def test_a_trace_alone(self):
        (self.folder / "all/prompt/analysis.json").unlink()
        self.report("-o", "page.html")
        page = self.page("page.html")
        (analysis,) = [d for kind, name, d in page.documents if (kind, name) == ("analysis", "prompt")]
        self.assertEqual(analysis["prompt"]["n_tokens"], 30)

    def test_a_page_that_is_there_stays(self):
        self.report()
        self.assert_fails(73, "all/report.html: is there already; --force replaces it", "report", "all")
        self.report("--force")

    def test_nothing_of_ours(self):
        (self.folder / "empty").mkdir()
        self.assert_fails(66, "nothing of ours", "report", "empty")
        self.assert_fails(66, "cannot read the folder", "report", "missing")
        self.assert_fails(66, "cannot read the folder", "report", "prompt.txt")

    def test_broken_files_are_named(self):
        analysis = (self.folder / "all/other/analysis.json").read_text()
        for path, content in (
            ("all/other/analysis.json", analysis[: len(analysis) // 2]),
            ("all/other/analysis.json", ""),
            ("all/other/budget.json", '{"schema": "rankkv-budget", "schema_version": 1}'),
            ("all/results.json", '{"schema": "rankkv-results", "schema_version": 1}'),
            ("all/bench.json", '{"schema": "rankkv-bench", "schema_version": 1, }'),
            ("all/again.json", '{"schema": "rankkv-run"'),
            ("all/cut.jsonl", '{"step":0,"layer":0}\n{"step":0,'),
            ("all/prompt/trace.h5", "\x89HDF"),
            ("all/made.h5", "\x89HDF\r\n\x1a\n" + "\0" * 100),
        ):
            with self.subTest(path=path, content=content[:20]):
                file = self.folder / path
                before = file.read_bytes() if file.exists() else None
                file.write_bytes(content.encode("latin-1"))
                self.assert_fails(65, path, "report", "all", "--quiet")
                self.assertFalse((self.folder / "all/report.html").exists())
                file.unlink()
                if before is not None:
                    file.write_bytes(before)

    def test_a_trace_that_is_too_long_is_left_out(self):
        event = '{"step":0,"layer":0,"head":0,"before":1,"after":1,"bytes":4,"evicted":[]}\n'
        (self.folder / "all/long.jsonl").write_text(event * 130001)
        self.assertIn("long.jsonl: 130001 events", self.run_well("report", "all").stderr)

    def test_links_do_not_lead_in_circles(self):
        os.symlink("..", self.folder / "all/prompt/up")
        self.report()

    def test_where_it_cannot_be_written(self):
        self.assert_fails(73, "no/such/page.html", "report", "all", "-o", "no/such/page.html", "--quiet")
        if os.path.exists("/dev/full"):
            self.assertNotEqual(self.run_program("report", "all", "-o", "/dev/full", "--quiet").returncode, 0)


if __name__ == "__main__":
    unittest.main()
