/* data.js: what the page holds: the manifest, its documents, and arrays that are unpacked a part at a time.
 * docs/FORMATS.md, "report.html", has their form. Nothing is read before it is asked for. */
{
    const BYTES = { u8: 1, i32: 4, f32: 4 };
    const VIEW = { u8: Uint8Array, i32: Int32Array, f32: Float32Array };
    const PARTS_HELD = 96; /* of an array: more are unpacked anew */

    const textOf = (id) => document.getElementById(id)?.textContent ?? null;
    const count = (shape) => shape.reduce((a, b) => a * b, 1);

    /* Where each line of the text begins and ends; empty lines do not count. */
    const linesOf = (text) => {
        const lines = [];
        for (let at = 0; at < text.length; ) {
            let end = text.indexOf("\n", at);
            if (end < 0) end = text.length;
            if (end > at) lines.push([at, end]);
            at = end + 1;
        }
        return lines;
    };

    const bytesOf = (base64) => {
        if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
        const raw = atob(base64);
        const bytes = new Uint8Array(raw.length);
        for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
        return bytes;
    };

    const inflate = async (bytes, length) => {
        const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
        const unpacked = new Uint8Array(length);
        let used = 0;
        const reader = stream.getReader();
        for (;;) {
            const { done, value } = await reader.read();
            if (done) break;
            if (used + value.length > length) throw new Error("a part holds more than its shape");
            unpacked.set(value, used);
            used += value.length;
        }
        if (used !== length) throw new Error("a part holds less than its shape");
        return unpacked;
    };

    class PackedArray {
        constructor(row, index) {
            Object.assign(this, { name: row.name, type: row.type, shape: row.shape, attributes: row.attributes ?? {} });
            this.id = `array-${index}`;
            this.parts = count(row.shape.slice(0, row.part_dims));
            this.partShape = row.shape.slice(row.part_dims);
            this.held = new Map();
        }

        /* Values of part i, row-major in partShape: a promise of a typed array. */
        part(i) {
            if (this.held.has(i)) return this.held.get(i);
            if (this.held.size >= PARTS_HELD) this.held.delete(this.held.keys().next().value);
            const promise = this.unpack(i);
            this.held.set(i, promise);
            return promise;
        }

        async unpack(i) {
            this.text ??= textOf(this.id) ?? "";
            this.lines ??= linesOf(this.text);
            if (!(i in this.lines)) throw new Error(`the page lacks part ${i} of the array ${this.name}`);
            const [from, to] = this.lines[i];
            const n = count(this.partShape);
            const bytes = await inflate(bytesOf(this.text.slice(from, to)), n * BYTES[this.type]);
            return new VIEW[this.type](bytes.buffer, 0, n);
        }
    }

    class Document {
        constructor(row, index, arrays) {
            Object.assign(this, { kind: row.kind, name: row.name, index, arrays });
        }

        /* The document itself, parsed when first asked for. */
        get json() {
            return (this.parsed ??= JSON.parse(textOf(`document-${this.index}`)));
        }

        /* An array that belongs to it, or null. */
        array(name) {
            return this.arrays.find((a) => a.name === name) ?? null;
        }
    }

    const manifest = JSON.parse(textOf("manifest") ?? '{"documents": [], "arrays": []}');
    const arrays = manifest.arrays.map((row, i) => ({ document: row.document, array: new PackedArray(row, i) }));
    const documents = manifest.documents.map(
        (row, i) => new Document(row, i, arrays.filter((a) => a.document === i).map((a) => a.array)));

    page.manifest = manifest;
    page.documents = (kind) => documents.filter((d) => d.kind === kind);
}
