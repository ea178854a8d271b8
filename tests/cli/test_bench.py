"""rankkv bench: what methods make of keys and values without a model."""
import json
import re
import unittest

from support import CliTest

SHAPE = "batch=2,heads=3,tokens=64,dim=32"
BYTES = {"f32": 4, "f16": 2, "bf16": 2}


class Bench(CliTest):
    def results(self, *arguments):
        document = json.loads(self.run_well("bench", "--json", *arguments).stdout)
        self.assertEqual(document["schema"], "rankkv-bench")
        return document, {row["method"]: row for row in document["results"]}

    def test_every_dtype(self):
        for dtype, size in BYTES.items():
            document, rows = self.results("--kv", f"{SHAPE},dtype={dtype}")
            self.assertEqual(document["kv"]["dtype"], dtype)
            methods = json.loads(self.run_well("methods", "compressors", "--json").stdout)["compressors"]
            for method in methods:
                if method["kind"] == "representation":
                    self.assertIn(method["name"], rows)
            for name, row in rows.items():
                with self.subTest(dtype=dtype, method=name):
                    self.assertEqual(row["original_bytes"], 2 * 2 * 3 * 64 * 32 * size)
                    self.assertAlmostEqual(row["ratio"], row["original_bytes"] / row["compressed_bytes"])
                    self.assertEqual(row["kept"], 6 * (32 if "window" in name else 64))
                    self.assertGreater(row["compress_gb_s"], 0)
                    self.assertGreater(row["restore_gb_s"], 0)
                    self.assertLess(row["value_error"], 0.2)
            self.assertEqual(rows["window:ratio=0.5"]["key_error"], 0)
            self.assertLess(rows["int8"]["key_error"], rows["int4"]["key_error"])
            self.assertLess(rows["window:ratio=0.5+int4"]["compressed_bytes"], rows["int4"]["compressed_bytes"])

    def test_reference_points(self):
        """2, 4 and 8 times fewer bytes than 16 bits take, less scales and zero points."""
        _, rows = self.results("--kv", "batch=1,heads=2,tokens=512,dim=128,dtype=bf16", "-M", "int8:group=128", "-M",
                               "window:budget=256+int8:group=128", "-M", "window:budget=256+int4:group=128")
        for row, (whole, least) in zip(rows.values(), ((2, 1.93), (4, 3.8), (8, 7.3))):
            self.assertLess(row["ratio"], whole)
            self.assertGreater(row["ratio"], least)

    def test_table(self):
        text = self.run_well("bench", "--kv", SHAPE, "-M", "full", "-M", "knorm", "--budget", "16").stdout
        self.assertIn("keys and values [2, 3, 64, 32] bf16, standard normal; 4 channels", text)
        self.assertRegex(text, r"(?m)^full +64 +49152 +\d+ +0\.9\d+ +0 +0 +[\d.]+ +[\d.]+$")
        self.assertRegex(text, r"(?m)^knorm +16 +49152 +\d+ +3\.\d+ +0 +0 +[\d.]+ +[\d.]+$")

    def test_seeds(self):
        def errors(*arguments):
            _, rows = self.results("--kv", SHAPE, "-M", "int4", *arguments)
            return rows["int4"]["key_error"], rows["int4"]["value_error"]

        self.assertEqual(errors(), errors())
        self.assertNotEqual(errors(), errors("--seed", 1))
        self.assertNotEqual(errors(), errors("--outliers", 8))

    def test_schema(self):
        validator = self.validator("bench")
        document, _ = self.results("--kv", SHAPE)
        self.assert_valid(validator, document)
        for member, value in (("schema", "rankkv"), ("mode", "model"), ("results", []), ("repeats", 0), ("kv", {})):
            self.assertFalse(validator.is_valid(document | {member: value}), member)
        for member in document["kv"]:
            kv = {k: v for k, v in document["kv"].items() if k != member}
            self.assertFalse(validator.is_valid(document | {"kv": kv}), member)
        for member in document["results"][0]:
            rows = [{k: v for k, v in document["results"][0].items() if k != member}]
            self.assertFalse(validator.is_valid(document | {"results": rows}), member)

    def test_no_half_documents(self):
        """A later method that fails: nothing on stdout."""
        self.assert_fails(2, "window has no budget", "bench", "--json", "--kv", SHAPE, "-M", "int8", "-M", "window")

    def test_wrong_use(self):
        for words, arguments in (
            ("cannot be given together", ["--kv", SHAPE, "--kv-file", "x.h5"]),
            ("tokens is '0'", ["--kv", "tokens=0"]),
            ("dtype is 'f8'", ["--kv", "dtype=f8"]),
            ("there is no 'head'", ["--kv", "head=3"]),
            ("tokens is given twice", ["--kv", "tokens=64,tokens=32"]),
            ("dtype is given twice", ["--kv", "dtype=f16,dim=8,dtype=f16"]),
            ("is not NAME=VALUE", ["--kv", "64"]),
            ("no method is called", ["--kv", SHAPE, "-M", "int5"]),
            ("window has no budget", ["--kv", SHAPE, "-M", "window"]),
            ("looks at queries", ["--kv", SHAPE, "-M", "snapkv", "-b", "8"]),
            ("outlier channels of 2", ["--kv", "dim=2"]),
        ):
            with self.subTest(words):
                self.assert_fails(2, words, "bench", *arguments)
        self.assert_fails(66, "missing.h5: cannot open", "bench", "--kv-file", "missing.h5")
        self.assert_fails(65, "not an HDF5 file", "bench", "--kv-file", "prompt.txt")
        result = self.run_program("bench", "--kv", "batch=1000000,tokens=1000000")
        self.assertEqual(result.returncode, 71)
        self.assertRegex(result.stderr, re.compile(r"a tensor of 2048000000000000 bytes"))

    def test_file(self):
        try:
            import h5py
            import numpy
        except ImportError:
            self.skipTest("no h5py")
        keys = numpy.arange(2 * 1 * 8 * 4, dtype="<f2").reshape(2, 1, 8, 4)
        with h5py.File(self.folder / "kv.h5", "w") as f:
            f["keys"] = keys
            f["values"] = -keys
        document, rows = self.results("--kv-file", "kv.h5", "-M", "full")
        self.assertEqual(document["kv"], {"batch": 2, "heads": 1, "tokens": 8, "dim": 4, "dtype": "f16", "file": "kv.h5"})
        self.assertEqual(rows["full"]["key_error"], 0)
        self.assert_valid(self.validator("bench"), document)
        broken = keys.copy()
        broken[1, 0, 2, 3] = numpy.nan
        for words, values in (("kv.h5: values[1, 0, 2, 3] is not finite", broken),
                              ("kv.h5: dataset values [2, 1, 4, 4] differs from keys [2, 1, 8, 4]", keys[:, :, :4]),
                              ("kv.h5: dataset values is f32, keys are f16", keys.astype("<f4"))):
            with h5py.File(self.folder / "kv.h5", "w") as f:
                f["keys"] = keys
                f["values"] = values
            with self.subTest(words):
                self.assert_fails(65, words, "bench", "--kv-file", "kv.h5")


if __name__ == "__main__":
    unittest.main()
