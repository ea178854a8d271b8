/* cache.js: what became of the cache over the steps: how long its lists were, and when which token was evicted. */
{
    const KEPT = -1, ROW_PX = 16, SMALL_ROW_PX = 4, ALL_PX = 480, LEFT = 62, BELOW = 34;

    const MOST_CELLS = 5e7; /* a token of a list each: what a tab can hold */

    const counts = (value) => Number.isInteger(value) && value >= 0;

    /* ---- events ---- */

    class Trace {
        constructor(events) {
            this.events = events.filter((e) => e && counts(e.layer) && counts(e.head) && counts(e.step));
            const most = (name) => this.events.reduce((n, e) => Math.max(n, e[name] + 1), 0);
            const before = this.events.find((e) => e.step === 0)?.before;
            [this.L, this.G, this.steps] = [most("layer"), most("head"), most("step")];
            this.prompt = counts(before) ? before : 0;
            this.tokens = this.prompt + Math.max(this.steps - 1, 0);
            const lists = this.L * this.G;
            if (!(lists * this.steps <= 1000 + 4 * this.events.length) || !(lists * this.tokens <= MOST_CELLS))
                throw new Error("the trace names more lists or tokens than it has events for");
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

        /* The lists of a layer, or of all. */
        rows(layer) {
            const all = Array.from({ length: this.L * this.G }, (_, i) => i);
            return layer === "all" ? all : all.slice(layer * this.G, (layer + 1) * this.G);
        }

        nameOf(row) {
            return `layer ${Math.floor(row / this.G)}, KV head ${row % this.G}`;
        }
    }

    /* ---- lengths ---- */

    /* The mean of lists, from the least to the most, step by step. */
    function meanOf(lists, steps) {
        const each = Array.from({ length: steps }, (_, step) => lists.map((list) => list[step]).filter((v) => v !== null));
        const of = (number) => each.map((values) => (values.length ? number(values) : null));
        return { y: of((v) => v.reduce((a, b) => a + b, 0) / v.length), low: of((v) => Math.min(...v)), high: of((v) => Math.max(...v)) };
    }

    const NUMBERS = {
        after: { name: "Entries", title: "entries per KV head", unit: 1 },
        bytes: { name: "Bytes", title: "KiB per KV head", unit: 1 / 1024 },
    };

    function lengthChart(trace, view) {
        const { name, title, unit } = NUMBERS[view.number], rows = trace.rows(view.layer), series = [];
        const lists = trace.over(view.number).map((list) => list.map((v) => (v === null ? null : v * unit)));
        if (view.layer === "all") series.push({ name: "mean, least to most", ...meanOf(lists, trace.steps) });
        else for (const row of rows) series.push({ name: `KV head ${row % trace.G}`, y: lists[row] });
        if (view.number === "after")
            series.push({ name: "full cache", look: 10, y: Array.from({ length: trace.steps }, (_, step) => trace.prompt + step) });
        const where = view.layer === "all" ? "all layers" : `layer ${view.layer}`;
        return page.chart({
            title: `${name} of the cache over the steps, ${where}`, file: `cache-${name.toLowerCase()}-${where}`,
            x: { title: "step (0: the prompt)", whole: true }, y: { title, fromZero: true },
            series: series.map((s) => ({ ...s, mark: "step" })), note: "After each step, when its evictions are done.",
        });
    }

    /* ---- what was evicted ---- */

    const MOVES = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1], Home: [-Infinity, 0], End: [Infinity, 0] };
    const TITLE = "When each token was evicted";

    /* A picture with a row per KV head and a column per token, read by pointer and keys. */
    class Evictions {
        constructor(trace, tokenOf) {
            Object.assign(this, { trace, tokenOf, layer: "all", row: 0, at: 0, width: 0 });
            this.map = page.colormap("viridis");
            const help = page.el("p", { id: page.newId("help"), class: "unseen" }, "Arrow keys move over heads and tokens.");
            this.canvas = page.el("canvas", { tabindex: "0", role: "application", "aria-roledescription": "map of evictions",
                "aria-label": TITLE, "aria-describedby": help.id });
            this.readout = page.el("p", { class: "readout" });
            const box = page.el("div", { class: "plot" }, this.canvas);
            this.element = page.el("figure", { class: "chart" }, page.el("figcaption", {}, page.el("p", { class: "chart-title" }, TITLE)),
                box, help, this.readout, this.legend());
            this.canvas.addEventListener("pointermove", (event) => this.point(event));
            this.canvas.addEventListener("keydown", (event) => this.key(event));
            page.onTheme(this.element, () => this.draw());
            page.onWidth(box, (width) => { this.width = width; this.draw(); });
        }

        legend() {
            return page.el("p", { class: "tools" },
                page.ramp(this.map, "evicted with the prompt", `in step ${Math.max(this.trace.steps - 1, 0)}`),
                page.swatch("var(--kept)", "kept to the end"),
                page.saveButton(TITLE, () => page.saveCanvas(this.canvas, TITLE, "evictions")));
        }

        show(layer) {
            Object.assign(this, { layer, row: 0 });
            this.draw();
        }

        get rows() { return this.trace.rows(this.layer); }
        get rowPx() {
            const fitting = Math.floor(ALL_PX / this.rows.length);
            return this.layer === "all" ? Math.max(SMALL_ROW_PX, Math.min(ROW_PX, fitting)) : ROW_PX;
        }
        get scale() { return (this.width - LEFT - 4) / Math.max(this.trace.tokens, 1); }

        draw() {
            if (!this.width) return;
            const height = this.rows.length * this.rowPx, context = page.sharp(this.canvas, this.width, height + BELOW);
            this.paint(context);
            context.font = page.canvasFont(11);
            context.fillStyle = page.colour("--muted");
            this.names(context);
            this.ticks(context, height);
        }

        /* One pixel of an image per token, then stretched. */
        paint(context) {
            const { trace, rows } = this, { tokens, evictions } = trace, last = Math.max(trace.steps - 1, 1);
            const image = new ImageData(Math.max(tokens, 1), Math.max(rows.length, 1));
            const kept = page.colour("--kept").match(/[\d.]+/g).slice(0, 3).map(Number);
            rows.forEach((row, r) => {
                for (let t = 0; t < tokens; t++) {
                    const step = evictions[row * tokens + t], at = 4 * (r * tokens + t), i = 3 * Math.round((255 * step) / last);
                    image.data.set(step === KEPT ? kept : this.map.rgb.subarray(i, i + 3), at);
                    image.data[at + 3] = 255;
                }
            });
            const small = page.el("canvas", { width: image.width, height: image.height });
            small.getContext("2d").putImageData(image, 0, 0);
            context.imageSmoothingEnabled = false;
            context.drawImage(small, LEFT, 0, this.scale * tokens, rows.length * this.rowPx);
        }

        /* Of all layers, those names that have room. */
        names(context) {
            const { trace, rows, rowPx } = this, every = Math.max(1, Math.ceil(14 / (rowPx * trace.G)));
            context.textAlign = "right";
            rows.forEach((row, i) => {
                const layer = Math.floor(row / trace.G), first = row % trace.G === 0 && layer % every === 0;
                if (this.layer !== "all") context.fillText(`KV head ${row % trace.G}`, LEFT - 6, (i + 0.75) * rowPx);
                else if (first) context.fillText(`layer ${layer}`, LEFT - 6, i * rowPx + 10);
            });
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
            const { trace, at } = this, row = this.rows[this.row], token = this.tokenOf(at);
            const step = trace.evictions[row * trace.tokens + at];
            const fate = step === KEPT ? "kept to the end" : step === 0 ? "evicted with the prompt" : `evicted in step ${step}`;
            const text = `${trace.nameOf(row)}, position ${at}${token ? ` (${page.look.printable(token, 40)})` : ""}: ${fate}`;
            this.readout.textContent = text;
            if (spoken) page.say(text);
        }

        point(event) {
            const box = this.canvas.getBoundingClientRect(), row = Math.floor((event.clientY - box.top) / this.rowPx);
            const at = Math.floor((event.clientX - box.left - LEFT) / this.scale);
            if (at < 0 || at >= this.trace.tokens || row < 0 || row >= this.rows.length) return;
            Object.assign(this, { at, row });
            this.read(false);
        }

        key(event) {
            const step = MOVES[event.key];
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
        if (trace.events.length === 0) return page.note("The trace has no events.");
        const evictions = new Evictions(trace, tokenOf);
        const draw = () => lengths.replaceChildren(lengthChart(trace, view));
        const layers = [["all", "all"], ...Array.from({ length: trace.L }, (_, l) => [l, String(l)])];
        const choices = page.el("div", { class: "tools" },
            page.choice("Layer", layers, view.layer, (value) => {
                view.layer = value === "all" ? value : Number(value);
                draw();
                evictions.show(view.layer);
            }),
            page.choice("Number", [["after", "entries"], ["bytes", "bytes"]], view.number, (value) => {
                view.number = value;
                draw();
            }));
        draw();
        return page.el("div", {}, choices, lengths, evictions.element);
    };
}
