"""Writes a report.html as docs/FORMATS.md has it, from the files of viz/page: pages that the program would not make, and
pages without a build. The program's own come from `rankkv analyze --html` and `rankkv report`."""
import base64
import hashlib
import html
import json
import os
import pathlib
import struct
import zlib

FOLDER = pathlib.Path(os.environ.get("RANKKV_PAGE", pathlib.Path(__file__).resolve().parents[2] / "viz/page"))
FORMATS = {"u8": "B", "i32": "i", "f32": "f"}


def page_text(suffix):
    """All style sheets, or all scripts, in the order of FILES."""
    names = (FOLDER / "FILES").read_text().split()
    return b"".join((FOLDER / name).read_bytes() for name in names if name.endswith(suffix)).decode()


def hashed(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def json_block(kind, document):
    text = document if isinstance(document, str) else json.dumps(document)
    return f'<script type="application/json" id="{kind}">{text.replace("<", chr(92) + "u003c")}</script>\n'


class ReportPage:
    def __init__(self, title):
        self.title, self.documents, self.arrays = title, [], []

    def document(self, kind, name, document):
        """A document as an object or as JSON's text."""
        self.documents.append((kind, name, document))
        return self

    def array(self, name, kind, shape, part_dims, values, **attributes):
        """An array of the document added last; values is flat."""
        parts = 1
        for n in shape[:part_dims]:
            parts *= n
        size = len(values) // parts
        packed = [struct.pack(f"<{size}{FORMATS[kind]}", *values[i * size:(i + 1) * size]) for i in range(parts)]
        row = {"document": len(self.documents) - 1, "name": name, "type": kind, "shape": list(shape),
               "part_dims": part_dims, "attributes": attributes}
        self.arrays.append((row, "".join(base64.b64encode(zlib.compress(p, 6)).decode() + "\n" for p in packed)))
        return self

    def data(self):
        manifest = {
            "schema": "rankkv-report", "schema_version": 1, "creator": "rankkv 0.0.0", "title": self.title,
            "documents": [{"kind": kind, "name": name} for kind, name, _ in self.documents],
            "arrays": [row for row, _ in self.arrays],
        }
        blocks = [json_block("manifest", manifest)]
        blocks += [json_block(f"document-{i}", document) for i, (_, _, document) in enumerate(self.documents)]
        blocks += [f'<script type="application/octet-stream" id="array-{i}">{lines}</script>\n'
                   for i, (_, lines) in enumerate(self.arrays)]
        return "".join(blocks)

    def save(self, path):
        style, script = page_text(".css"), page_text(".js")
        policy = (f"default-src 'none'; script-src 'sha256-{hashed(script)}'; style-src 'sha256-{hashed(style)}'; "
                  "img-src data: blob:; base-uri 'none'; form-action 'none'")
        page = (FOLDER / "page.html").read_text()
        for mark, text in {
            "policy": f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            "title": html.escape(self.title), "style": f"<style>{style}</style>", "data": self.data(),
            "script": f"<script>{script}</script>",
        }.items():
            page = page.replace(f"<!--{mark}-->", text)
        pathlib.Path(path).write_text(page)
        return pathlib.Path(path)
