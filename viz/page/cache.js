/* cache.js: what became of the cache over the steps: how long its lists were, and when which token was evicted. */
{
    const KEPT = -1, ROW_PX = 16, SMALL_ROW_PX = 4, LEFT = 62, BELOW = 34;

    /* ---- events ---- */

    class Trace {
        constructor(events) {
            this.events = events.filter((e) => e && Number.isInteger(e.layer) && Number.isInteger(e.head) && Number.isInteger(e.step));
            const most = (name) => this.events.reduce((n, e) => Math.max(n, e[name] + 1), 0);
            [this.L, this.G, this.steps] = [most("layer"), most("head"), most("step")];
            this.prompt = this.events.find((e) => e.step === 0)?.before ?? 0;
            this.tokens = this.prompt + Math.max(this.steps - 1, 0);
        }

        /* A number of every list over the steps: [layer * G + head][step]; what is not told is null. */
        over(name) {
            const lists = Array.from({ length: this.L * this.G }, () => new Array(this.steps).fill(null));
            for (const e of this.events) lists[e.layer * this.G + e.head][e.step] = e[name] ?? null;
            return lists;
        }

        /* The step in which each token of each list was evicted [list * tokens + position], or KEPT. */
        get evictions() {
            if (this.evicted) return this.evicted;
            this.evicted = new Int32Array(this.L * this.G * this.tokens).fill(KEPT);
            for (const { step, layer, head, evicted } of this.events)
                for (const at of evicted ?? []) if (at < this.tokens) this.evicted[(layer * this.G + head) * this.tokens + at] = step;
            return this.evicted;
        }

        /* Whether a token had been read by then. */
        rows(layer) {
            const all = Array.from({ length: this.L * this.G }, (_, i) => i);
            return layer === "all" ? all : all.slice(layer * this.G, (layer + 1) * this.G);
        }

        nameOf(row) {
            return `layer ${Math.floor(row / this.G)}, KV head ${row % this.G}`;
        }
    }

    /* ---- lengths ---- */

    function meanOf(lists, steps) {
        const at = (step) => lists.map((list) => list[step]).filter((v) => v !== null);
        const each = Array.from({ length: steps }, (_, step) => at(step));
        return { y: each.map((v) => (v.length ? v.reduce((a, b) => a + b, 0) / v.length : null)), low: each.map((v) => (v.length ? Math.min(...v) : null)),
                 high: each.map((v) => (v.length ? Math.max(...v) : null)) };
    }

    function lengthChart(trace, view) {
        const lists = trace.over(view.number), unit = view.number === "bytes" ? 1 / 1024 : 1, scaled = (list) => list.map((v) => (v === null ? null : v * unit));
        const rows = trace.rows(view.layer), series = [];
        if (view.layer === "all") series.push({ name: "mean, least to most", mark: "step", ...meanOf(rows.map((row) => scaled(lists[row])), trace.steps) });
        else for (const row of rows) series.push({ name: `KV head ${row % trace.G}`, mark: "step", y: scaled(lists[row]) });
        if (view.number === "after")
            series.push({ name: "full cache", mark: "step", look: 10, y: Array.from({ length: trace.steps }, (_, step) => trace.prompt + step) });
        const where = view.layer === "all" ? "all layers" : `layer ${view.layer}`, what = view.number === "after" ? "Entries" : "Bytes";
        return page.chart({ title: `${what} of the cache over the steps, ${where}`, file: `cache-${view.number === "after" ? "entries" : "bytes"}-${where}`,
            x: { title: "step (0: the prompt)", whole: true }, y: { title: view.number === "after" ? "entries per KV head" : "KiB per KV head", fromZero: true }, series,
            note: "After each step, when its evictions are done." });
    }

    /* ---- what was evicted ---- */

    /* A picture with a row per KV head and a column per token, read by pointer and keys. */
    class Evictions {
        constructor(trace, tokenOf) {
            Object.assign(this, { trace, tokenOf, layer: "all", row: 0, at: 0, width: 0 });
            this.map = page.colormap("viridis");
            const keys = page.newId("keys");
            this.canvas = page.el("canvas", { tabindex: "0", role: "application", "aria-roledescription": "map of evictions", "aria-label": "When each token was evicted", "aria-describedby": keys });
            this.readout = page.el("p", { class: "readout" });
            const box = page.el("div", { class: "plot" }, this.canvas), legend = page.el("p", { class: "tools" });
            legend.append(page.ramp(this.map, "evicted with the prompt", `in step ${Math.max(trace.steps - 1, 0)}`), page.swatch("var(--kept)", "kept to the end"),
                page.button("SVG", () => page.saveCanvas(this.canvas, "When each token was evicted", "evictions"), { class: "quiet", "aria-label": "Save as SVG: when each token was evicted" }));
            this.element = page.el("figure", { class: "chart" }, page.el("figcaption", {}, page.el("p", { class: "chart-title" }, "When each token was evicted")), box,
                page.el("p", { id: keys, class: "unseen" }, "Arrow keys move over heads and tokens."), this.readout, legend);
            this.canvas.addEventListener("pointermove", (event) => this.point(event));
            this.canvas.addEventListener("keydown", (event) => this.key(event));
            page.onTheme(() => this.draw());
            page.onWidth(box, (width) => { this.width = width; this.draw(); });
        }

        show(layer) {
            Object.assign(this, { layer, row: 0 });
            this.draw();
        }

        get rows() { return this.trace.rows(this.layer); }
        get rowPx() { return this.layer === "all" ? Math.max(SMALL_ROW_PX, Math.min(ROW_PX, Math.floor(480 / this.rows.length))) : ROW_PX; }
        get scale() { return (this.width - LEFT - 4) / Math.max(this.trace.tokens, 1); }

        draw() {
            if (!this.width) return;
            const { trace, rows, rowPx } = this, height = rows.length * rowPx, context = page.sharp(this.canvas, this.width, height + BELOW);
            this.paint(context, rows, rowPx);
            context.font = page.canvasFont(11);
            context.fillStyle = page.colour("--muted");
            context.textAlign = "right";
            const every = this.layer === "all" ? Math.max(1, Math.ceil(14 / (rowPx * trace.G))) : 1;
            rows.forEach((row, i) => {
                if (this.layer !== "all") context.fillText(`KV head ${row % trace.G}`, LEFT - 6, (i + 0.75) * rowPx);
                else if (row % trace.G === 0 && (row / trace.G) % every === 0) context.fillText(`layer ${row / trace.G}`, LEFT - 6, i * rowPx + 10);
            });
            this.ticks(context, height);
        }

        /* One pixel of an image per token, then stretched. */
        paint(context, rows, rowPx) {
            const { trace } = this, { tokens, evictions } = trace, image = new ImageData(Math.max(tokens, 1), Math.max(rows.length, 1)), last = Math.max(trace.steps - 1, 1);
            const kept = page.colour("--kept").match(/[\d.]+/g).map(Number);
            rows.forEach((row, r) => {
                for (let t = 0; t < tokens; t++) {
                    const step = evictions[row * tokens + t], at = 4 * (r * tokens + t), i = 3 * Math.round((255 * step) / last);
                    image.data.set(step === KEPT ? kept.slice(0, 3) : this.map.rgb.subarray(i, i + 3), at);
                    image.data[at + 3] = 255;
                }
            });
            const small = page.el("canvas", { width: image.width, height: image.height });
            small.getContext("2d").putImageData(image, 0, 0);
            context.imageSmoothingEnabled = false;
            context.drawImage(small, LEFT, 0, this.scale * tokens, rows.length * rowPx);
        }

        ticks(context, height) {
            context.textAlign = "center";
            const axis = { asked: { whole: true }, low: 0, high: this.trace.tokens };
            for (const { value, label } of page.scale.numberTicks(axis, Math.max(2, Math.floor(this.width / 90))))
                context.fillText(label, Math.min(LEFT + value * this.scale, this.width - 14), height + 13);
            context.fillText("position in the text", LEFT + (this.width - LEFT) / 2, height + 28);
            if (this.trace.steps < 2) return;
            const x = LEFT + this.trace.prompt * this.scale; /* where the new tokens begin */
            context.strokeStyle = page.colour("--ink");
            context.setLineDash([4, 3]);
            context.beginPath(), context.moveTo(x, 0), context.lineTo(x, height), context.stroke();
            context.setLineDash([]);
        }

        /* ---- reading ---- */

        read(spoken) {
            const { trace, at, rows } = this, row = rows[this.row], step = trace.evictions[row * trace.tokens + at], token = this.tokenOf(at);
            const fate = step === KEPT ? "kept to the end" : step === 0 ? "evicted with the prompt" : `evicted in step ${step}`;
            const text = `${trace.nameOf(row)}, position ${at}${token ? ` (${page.look.printable(token, 40)})` : ""}: ${fate}`;
            this.readout.textContent = text;
            if (spoken) page.say(text);
        }

        point(event) {
            const box = this.canvas.getBoundingClientRect(), at = Math.floor((event.clientX - box.left - LEFT) / this.scale), row = Math.floor((event.clientY - box.top) / this.rowPx);
            if (at < 0 || at >= this.trace.tokens || row < 0 || row >= this.rows.length) return;
            Object.assign(this, { at, row });
            this.read(false);
        }

        key(event) {
            const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1], Home: [-Infinity, 0], End: [Infinity, 0] }[event.key];
            if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
            event.preventDefault();
            const within = (value, n) => Math.min(Math.max(value, 0), n - 1);
            this.at = within(this.at + step[0], this.trace.tokens);
            this.row = within(this.row + step[1], this.rows.length);
            this.read(true);
        }
    }

    /* ---- together ---- */

    /* The cache of a document of kind `cache`; tokenOf(position) is a token's text, or null. */
    page.cache = (events, tokenOf) => {
        const trace = new Trace(events), view = { layer: "all", number: "after" }, lengths = page.el("div", {});
        if (trace.events.length === 0) return page.el("p", { class: "note" }, "The trace has no events.");
        const evictions = new Evictions(trace, tokenOf), draw = () => lengths.replaceChildren(lengthChart(trace, view));
        const layers = [["all", "all"], ...Array.from({ length: trace.L }, (_, l) => [l, String(l)])];
        const choices = page.el("div", { class: "tools" },
            page.choice("Layer", layers, view.layer, (value) => { view.layer = value === "all" ? value : Number(value); draw(); evictions.show(view.layer); }),
            page.choice("Number", [["after", "entries"], ["bytes", "bytes"]], view.number, (value) => { view.number = value; draw(); }));
        draw();
        return page.el("div", {}, choices, lengths, evictions.element);
    };
}
