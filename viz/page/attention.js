/* attention.js: the attention of one head as a picture that zooms, pans and tells what lies under the cursor. */
{
    const LEFT = 44, BOTTOM = 26, EDGE = 6;
    const SIDE = 620;          /* px at most, without margins */
    const CLOSEST = 8;         /* cells that fill the picture at the highest zoom */
    const STEP = 1.5;          /* of a zoom */

    const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

    /* A number of the round steps 1, 2, 5, 10, ... that makes at most `most` ticks. */
    const roundStep = (span, most) => {
        for (let power = 1; ; power *= 10)
            for (const round of [1, 2, 5]) if (span / (round * power) <= most) return round * power;
    };

    /* What codes mean (docs/FORMATS.md, the array `attention`). */
    class Codes {
        constructor({ cells, block, per_octave: perOctave, floor }) {
            Object.assign(this, { cells, block, perOctave, floor });
            /* What is below a tenth of an even share is one colour, however much of it is stored. */
            this.darkest = Math.max(floor, 0.1 / (cells * block));
            this.lowest = 255 + perOctave * Math.log2(this.darkest);
        }
        value(code) { return 2 ** ((code - 255) / this.perOctave); }
        share(code) { return code ? clamp((code - this.lowest) / (255 - this.lowest), 0, 1) : 0; }
        /* A value is within this part of the true one: codes are rounded. */
        get error() { return 2 ** (0.5 / this.perOctave) - 1; }
    }

    class Attention {
        constructor(heads, array) {
            Object.assign(this, { heads, array, codes: new Codes(array.attributes), part: null });
            Object.assign(this, { width: 0, pressed: null, pointed: false, focused: false });
            this.map = page.colormap("viridis");
            this.picture = page.el("canvas", { width: this.codes.cells, height: this.codes.cells });
            this.cursor = { q: this.codes.cells - 1, k: 0 };
            this.build();
            this.whole();
            this.listen();
            page.onTheme(this.element, () => { this.paint(); this.draw(); });
            page.onWidth(this.canvas.parentElement, (width) => {
                this.width = Math.min(width, SIDE + LEFT + EDGE);
                this.draw();
            });
        }

        build() {
            const { block, darkest, error } = this.codes;
            const help = page.el("p", { class: "unseen", id: page.newId("help") },
                "Arrow keys move from cell to cell, with Shift by ten; plus and minus zoom, 0 shows everything, C copies the value.");
            this.canvas = page.el("canvas", { tabindex: "0", role: "application", "aria-roledescription": "attention map", "aria-describedby": help.id });
            this.readout = page.el("p", { class: "readout" });
            const tools = page.el("p", { class: "tools" }, this.buttons(), page.ramp(this.map, `${page.format(darkest, 2)} or less`, "1"),
                page.swatch("var(--masked)", "the future"),
                page.saveButton("attention", () => page.saveCanvas(this.canvas, this.title, this.title)));
            const about = page.el("p", { class: "muted small" },
                `Logarithmic colours; values are stored in steps of ${page.format(200 * error, 2)} %. `,
                block > 1 ? `A cell is the largest of ${block} × ${block} tokens. ` : "",
                "Click the picture, then the wheel or + and − zoom; drag or use the arrow keys to move; C copies the value.");
            this.element = page.el("div", { class: "attention" }, page.el("div", { class: "plot" }, this.canvas), help, this.readout, tools, about);
        }

        buttons() {
            return [page.button("+", () => this.zoom(STEP), { "aria-label": "Zoom in" }),
                    page.button("−", () => this.zoom(1 / STEP), { "aria-label": "Zoom out" }),
                    page.button("Whole", () => this.whole(), { "aria-label": "Show the whole head" })];
        }

        get title() { return `Attention of layer ${this.layer}, head ${this.head}`; }

        async open(layer, head) {
            Object.assign(this, { layer, head });
            const part = await this.array.part(layer * this.heads.H + head);
            if (this.layer !== layer || this.head !== head) return; /* another was opened meanwhile */
            this.part = part;
            this.canvas.setAttribute("aria-label", this.title);
            this.paint();
            this.draw();
            this.read(false);
        }

        /* ---- drawing ---- */

        /* All cells, a pixel each; the future has the colour of no cell. */
        paint() {
            if (!this.part) return;
            const { cells } = this.codes, context = this.picture.getContext("2d"), image = context.createImageData(cells, cells);
            const pixels = new Uint32Array(image.data.buffer), colours = this.pixelColours();
            for (let q = 0, at = 0; q < cells; q++)
                for (let k = 0; k <= q; k++) pixels[q * cells + k] = colours[this.part[at++]];
            context.putImageData(image, 0, 0);
        }

        pixelColours() {
            const bytes = new Uint8ClampedArray(4 * 256);
            for (let code = 0; code < 256; code++) {
                const i = 3 * Math.round(255 * this.codes.share(code));
                bytes.set([this.map.rgb[i], this.map.rgb[i + 1], this.map.rgb[i + 2], 255], 4 * code);
            }
            return new Uint32Array(bytes.buffer);
        }

        draw() {
            if (!this.width || !this.part) return;
            const side = (this.side = this.width - LEFT - EDGE), { x, y, n } = this.view;
            const context = page.sharp(this.canvas, this.width, side + BOTTOM + EDGE);
            context.fillStyle = page.colour("--masked");
            context.fillRect(LEFT, EDGE, side, side);
            context.imageSmoothingEnabled = n > side * (window.devicePixelRatio || 1);
            context.imageSmoothingQuality = "high";
            context.drawImage(this.picture, x, y, n, n, LEFT, EDGE, side, side);
            this.drawCursor(context);
            this.drawTicks(context);
        }

        drawTicks(context) {
            const { x, y, n } = this.view, { block } = this.codes, step = roundStep(n * block, 6);
            context.fillStyle = page.colour("--muted");
            context.font = page.canvasFont(11);
            context.textBaseline = "middle";
            for (let token = Math.ceil((x * block) / step) * step; token < (x + n) * block; token += step) {
                context.textAlign = "center";
                context.fillText(token, LEFT + this.pixel(token / block - x), EDGE + this.side + 10);
            }
            for (let token = Math.ceil((y * block) / step) * step; token < (y + n) * block; token += step) {
                context.textAlign = "right";
                context.fillText(token, LEFT - 6, EDGE + this.pixel(token / block - y));
            }
            context.textAlign = "right";
            context.fillText("key →", LEFT + this.side, EDGE + this.side + 21);
            context.textAlign = "left";
            context.fillText("↓ query", 0, EDGE + this.side + 21);
        }

        /* The middle of a cell, counted from the first that is shown. */
        pixel(cells) { return ((cells + 0.5) * this.side) / this.view.n; }

        drawCursor(context) {
            const { q, k } = this.cursor, { x, y, n } = this.view, size = this.side / n;
            if (!this.focused && !this.pointed) return;
            context.save();
            context.beginPath();
            context.rect(LEFT, EDGE, this.side, this.side);
            context.clip();
            const left = LEFT + (k - x) * size, top = EDGE + (q - y) * size;
            for (const [name, line] of [["--paper", 4], ["--mark", 2]]) {
                context.strokeStyle = page.colour(name);
                context.lineWidth = line;
                context.strokeRect(left - 1, top - 1, Math.max(size, 3) + 2, Math.max(size, 3) + 2);
            }
            context.restore();
        }

        /* ---- the part that is shown: n x n cells from key x and query y ---- */

        whole() {
            this.view = { x: 0, y: 0, n: this.codes.cells };
            this.draw();
        }

        set(x, y, n) {
            const { cells } = this.codes, shown = clamp(n, Math.min(CLOSEST, cells), cells);
            this.view = { x: clamp(x, 0, cells - shown), y: clamp(y, 0, cells - shown), n: shown };
            this.draw();
        }

        /* About a cell: the cursor's when there is none. */
        zoom(factor, k = this.cursor.k + 0.5, q = this.cursor.q + 0.5) {
            const { x, y, n } = this.view, { cells } = this.codes, shown = clamp(n / factor, Math.min(CLOSEST, cells), cells);
            this.set(k - ((k - x) * shown) / n, q - ((q - y) * shown) / n, shown);
        }

        move(dk, dq) {
            const { cells } = this.codes, { x, y, n } = this.view;
            const q = clamp(this.cursor.q + dq, 0, cells - 1), k = clamp(this.cursor.k + dk, 0, cells - 1);
            this.cursor = { q, k };
            this.set(clamp(x, k + 1 - n, k), clamp(y, q + 1 - n, q), n); /* the picture follows the cursor */
            this.read(true);
        }

        /* ---- reading ---- */

        tokens(cell) {
            const { block } = this.codes, last = Math.min((cell + 1) * block, this.heads.T) - 1, first = cell * block;
            if (block > 1 || !this.heads.tokens) return [last > first ? `${first} to ${last}` : `${first}`];
            return [`${first} `, page.el("bdi", { class: "said" }, page.look.printable(this.heads.tokens[first], 60))];
        }

        /* Of a cell: its code, or null in the future. */
        codeAt(q, k) { return k > q ? null : this.part[(q * (q + 1)) / 2 + k]; }

        value(q, k) {
            const code = this.codeAt(q, k), { block, error } = this.codes, most = block > 1 ? "at most " : "";
            if (code === null) return [page.el("b", {}, "masked: the future")];
            if (code === 0) return [page.el("b", {}, `less than ${page.format(this.codes.floor, 2)}`)];
            const value = this.codes.value(code), shown = page.el("b", { class: "number", "data-exact": value }, page.format(value, 3));
            return [most, shown, ` (±${page.format(100 * error, 2)} %)`];
        }

        read(aloud) {
            if (!this.part) return;
            const { q, k } = this.cursor;
            this.readout.replaceChildren(`Layer ${this.layer}, head ${this.head} · query `, ...this.tokens(q), " → key ", ...this.tokens(k),
                                         " · ", ...this.value(q, k));
            if (aloud) page.say(this.readout.textContent);
        }

        /* Of a cell that holds less than the smallest code, or nothing: 0. */
        copy() {
            const code = this.codeAt(this.cursor.q, this.cursor.k);
            return page.copy(page.exact(code ? this.codes.value(code) : 0), this.readout);
        }

        /* ---- pointer and keys ---- */

        under(event) {
            const box = this.canvas.getBoundingClientRect(), { x, y, n } = this.view;
            const at = (place, edge) => ((place - edge) / this.side) * n;
            return { k: x + at(event.clientX - box.left, LEFT), q: y + at(event.clientY - box.top, EDGE) };
        }

        onPointer(event) {
            if (!this.part) return;
            const { k, q } = this.under(event), { cells } = this.codes;
            if (this.pressed) {
                this.set(this.view.x + this.pressed.k - k, this.view.y + this.pressed.q - q, this.view.n);
                return;
            }
            if (k < 0 || q < 0 || k >= cells || q >= cells) return;
            this.pointed = true;
            this.cursor = { k: Math.floor(k), q: Math.floor(q) };
            this.read(false);
            this.draw();
        }

        onKey(event) {
            if (!this.part || event.altKey || event.ctrlKey || event.metaKey) return;
            const far = event.shiftKey ? 10 : 1, { cells } = this.codes;
            const act = { ArrowLeft: () => this.move(-far, 0), ArrowRight: () => this.move(far, 0),
                          ArrowUp: () => this.move(0, -far), ArrowDown: () => this.move(0, far),
                          Home: () => this.move(-cells, 0), End: () => this.move(this.cursor.q - this.cursor.k, 0),
                          "+": () => this.zoom(STEP), "=": () => this.zoom(STEP), "-": () => this.zoom(1 / STEP),
                          0: () => this.whole(), c: () => this.copy() }[event.key];
            if (!act) return;
            act();
            event.preventDefault();
        }

        listen() {
            const { canvas } = this;
            canvas.addEventListener("pointermove", (event) => this.onPointer(event));
            canvas.addEventListener("pointerdown", (event) => {
                if (event.button !== 0 || !this.part || this.view.n >= this.codes.cells) return;
                this.pressed = this.under(event);
                canvas.setPointerCapture(event.pointerId);
            });
            for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { this.pressed = null; });
            canvas.addEventListener("pointerleave", () => { this.pointed = false; this.draw(); });
            canvas.addEventListener("wheel", (event) => {
                /* the page scrolls until the picture is chosen */
                if (!this.part || (!event.ctrlKey && document.activeElement !== canvas)) return;
                const { k, q } = this.under(event);
                this.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, k, q);
                event.preventDefault();
            }, { passive: false });
            canvas.addEventListener("keydown", (event) => this.onKey(event));
            for (const [name, now] of [["focus", true], ["blur", false]])
                canvas.addEventListener(name, () => { this.focused = now; this.draw(); });
        }

        /* The mean attention on the token `back` places before the query, or null where cells are blocks. */
        diagonal(back) {
            const { cells, block } = this.codes;
            if (block > 1 || cells <= back || !this.part) return null;
            let sum = 0;
            for (let q = back; q < cells; q++) sum += this.codeAt(q, q - back) ? this.codes.value(this.codeAt(q, q - back)) : 0;
            return sum / (cells - back);
        }
    }

    page.attention = (heads, array) => new Attention(heads, array);
}
