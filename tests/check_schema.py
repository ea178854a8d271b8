#!/usr/bin/env python3
"""check_schema.py WRITE_SAMPLES SCHEMA_DIR: what the library writes is valid, and what is broken is not.

Exit 77 (skipped) without the package jsonschema.
"""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("skipped: the Python package jsonschema is missing (Debian: python3-jsonschema)")
    sys.exit(77)


def load_schemas(folder):
    schemas = {}
    for name in ("analysis", "budget", "profile", "windows"):
        schemas[name] = json.loads((folder / (name + ".schema.json")).read_text())
        jsonschema.Draft7Validator.check_schema(schemas[name])
    return schemas


def make_validators(schemas):
    """The analysis refers to the budget by its $id; how that is resolved changed with jsonschema 4.18."""
    try:
        from referencing import Registry, Resource

        registry = Registry().with_contents((s["$id"], s) for s in schemas.values())
        return {n: jsonschema.Draft7Validator(s, registry=registry) for n, s in schemas.items()}
    except ImportError:
        store = {s["$id"]: s for s in schemas.values()}
        return {
            n: jsonschema.Draft7Validator(s, resolver=jsonschema.RefResolver(s["$id"], s, store))
            for n, s in schemas.items()
        }


# Path of a member, and a value that makes the document invalid (DROP: without the member).
DROP = object()
BROKEN = {
    "analysis": [
        (("schema",), "rankkv-budget"),
        (("schema_version",), 2),
        (("model",), DROP),
        (("model", "n_layers"), 0),
        (("model", "sha256"), "ABC"),
        (("prompt", "n_tokens"), "20"),
        (("effective_rank",), [[1, "x"]]),
        (("effective_rank",), DROP),
        (("metric",), "erank"),
        (("layer_rank", "aggregate"), "average"),
        (("svd_heads",), [[1]]),
        (("budget", "total"), -1),
    ],
    "budget": [
        (("total",), 1.5),
        (("layers",), [1, -1]),
        (("layers",), DROP),
        (("granularity",), "token"),
        (("options",), []),
        (("heads",), DROP),
    ],
    "windows": [
        ((0, "name"), ""),
        ((0, "name"), DROP),
        ((0, "context"), []),
        ((0, "context"), [1, -1]),
        ((0, "query_aware"), 1),
        ((0, "questions"), DROP),
        ((0, "questions", 1, "task"), "needle"),
        ((0, "questions", 1, "ids"), [0.5]),
        ((0, "questions", 1, "ids"), DROP),
        ((0, "questions", 1, "first_scored"), -1),
        ((0, "questions", 1, "depth"), 1.5),
        ((0, "token_ids"), [1, 2]),
    ],
    "profile": [
        (("model",), DROP),
        (("signals",), []),
        (("signals", "two words"), {"per": "head", "values": [[1]]}),
        (("signals", "retr", "per"), "layer"),
        (("signals", "retr", "values"), DROP),
        (("signals", "retr", "values"), [[1, -1]]),
        (("signals", "retr", "values"), [[1, None]]),
        (("calibration",), {}),
        (("calibration", "ratio"), 0),
    ],
}
# Of every kind, the document with everything in it: that is broken.
WHOLE = {"analysis": "analysis-proportional-1.json", "budget": "budget-proportional-1.json", "profile": "profile-whole.json",
         "windows": "windows-1.json"}


def broken(document, path, value):
    document = copy.deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    if value is DROP:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


def main():
    validators = make_validators(load_schemas(pathlib.Path(sys.argv[2])))
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        for path in sorted(pathlib.Path(folder).iterdir()):
            kind = path.name.split("-")[0]
            document = json.loads(path.read_text())
            errors = list(validators[kind].iter_errors(document))
            for error in errors:
                print("%s: %s: %s" % (path.name, error.json_path, error.message))
            assert not errors
            count += 1
            if path.name != WHOLE[kind]:
                continue
            for where, value in BROKEN[kind]:
                assert not validators[kind].is_valid(broken(document, where, value)), (kind, where)
    assert count > 40, count
    print("%d documents are valid, %d broken ones are not" % (count, sum(map(len, BROKEN.values()))))


if __name__ == "__main__":
    main()
