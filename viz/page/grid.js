/* grid.js: a matrix of values as coloured cells, read and walked by keyboard or pointer. */
{
    const LEFT = 36, TOP = 22;                     /* room for labels */
    const TEXT_WIDTH = 34, TEXT_HEIGHT = 14;       /* of a cell that has its value written in it */
    const TALL = 760;                              /* px that many rows share */

    const rangeOf = (values) => {
        const known = Array.from(values).filter(Number.isFinite);
        return known.length ? [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))] : [0, 1];
    };

    const shortText = (value) => {
        const size = Math.abs(value);
        if (Number.isInteger(value) || size >= 100) return value.toFixed(0);
        if (size >= 10) return value.toFixed(1);
        return size < 0.001 ? value.toExponential(0) : String(Number(value.toPrecision(2)));
    };

    const colourOfKind = (i) => `--series-${i % 12}`;

    class Grid {
        constructor(options) {
            Object.assign(this, { cursor: 0, selected: -1, width: 0, focused: false, order: null, names: null, sorted: false });
            Object.assign(this, options);
            this.map = page.colormap("viridis");
            this.rowHeight ??= this.rows <= 40 ? 20 : Math.max(5, Math.floor(TALL / this.rows));
            const help = page.el("p", { class: "unseen", id: page.newId("help") },
                `Arrow keys move over the cells${this.open ? ", Enter opens one" : ""}, Home and End go to the ends of a row, C copies the value.`);
            this.canvas = page.el("canvas", { tabindex: "0", role: "application", "aria-roledescription": "map of values",
                                              "aria-label": this.label, "aria-describedby": help.id });
            this.readout = page.el("p", { class: "readout" });
            this.legend = page.el("p", { class: "tools" });
            const plot = page.el("div", { class: "plot" }, this.canvas);
            this.element = page.el("div", { class: "grid" }, plot, help, this.readout, this.legend);
            this.listen();
            this.update();
            page.onTheme(this.element, () => this.update());
            page.onWidth(plot, (width) => { this.width = width; this.draw(); });
        }

        /* What is drawn at a place, and where a cell is drawn: they differ when cells are sorted. */
        cellAt(place) { return this.order ? this.order[place] : place; }
        placeOf(cell) { return this.order ? this.order.indexOf(cell) : cell; }
        where(cell) { return [Math.floor(cell / this.columns), cell % this.columns]; }
        get columnWidth() { return (this.width - LEFT) / this.columns; }

        show(values, { names = null, sorted = false, range = null } = {}) {
            Object.assign(this, { values, names, sorted, range });
            this.update();
        }

        select(row, column) {
            this.selected = row * this.columns + column;
            this.cursor = this.placeOf(this.selected);
            this.draw();
            this.read(this.cursor, false);
        }

        update() {
            const { values, names } = this, known = (v) => (Number.isNaN(v) ? -Infinity : v);
            const before = (a, b) => (names ? values[a] - values[b] : known(values[b]) - known(values[a])) || a - b;
            this.order = this.sorted ? Array.from(values.keys()).sort(before) : null;
            this.span = this.range ?? rangeOf(values);
            if (this.selected >= 0) this.cursor = this.placeOf(this.selected);
            this.draw();
            const scale = () => [page.ramp(this.map, ...this.span.map((v) => page.format(v, 3)))];
            const kinds = () => names.map((name, i) => page.swatch(`var(${colourOfKind(i)})`, name));
            this.legend.replaceChildren(...(names ? kinds() : scale()), ...(this.tools ?? []));
            this.read(this.cursor, false);
        }

        /* ---- drawing ---- */

        draw() {
            if (!this.width) return;
            const height = this.rowHeight, width = this.columnWidth;
            const context = page.sharp(this.canvas, this.width, TOP + this.rows * height + 2);
            this.drawLabels(context);
            const paint = this.painter(context);
            for (let place = 0; place < this.rows * this.columns; place++) {
                const [row, column] = this.where(place);
                paint(this.cellAt(place), LEFT + column * width, TOP + row * height);
            }
            if (this.selected >= 0) this.outline(context, this.placeOf(this.selected), "--mark", 2.5);
            if (this.focused) this.outline(context, this.cursor, "--ink", 2);
        }

        /* Every k-th row and column has its number; sorted cells have their rank. */
        drawLabels(context) {
            const { rowHeight, columnWidth, rows, columns } = this;
            context.fillStyle = page.colour("--muted");
            context.font = page.canvasFont(11);
            context.textBaseline = "middle";
            context.textAlign = "right";
            for (let r = 0; r < rows; r += Math.ceil(13 / rowHeight))
                context.fillText(this.order ? `${r * columns + 1}.` : r, LEFT - 7, TOP + (r + 0.5) * rowHeight);
            context.textAlign = "center";
            const step = Math.ceil(18 / columnWidth), last = columnWidth < 18 ? columns - 1 : columns; /* it may not fit */
            for (let c = 0; c < last && !this.order; c += step) context.fillText(c, LEFT + (c + 0.5) * columnWidth, TOP - 9);
        }

        painter(context) {
            const { map, values, names, rowHeight: height, columnWidth: width, span: [low, high] } = this;
            const gap = width > 6 && height > 6 ? 1 : 0, written = !names && width >= TEXT_WIDTH && height >= TEXT_HEIGHT;
            const kinds = names?.map((_, i) => page.colour(colourOfKind(i))), missing = `rgb(${map.missing.join(", ")})`;
            context.textAlign = "center";
            context.font = page.canvasFont(11);
            return (cell, x, y) => {
                const value = values[cell], share = high > low ? (value - low) / (high - low) : 0;
                context.fillStyle = Number.isNaN(value) ? missing : kinds ? kinds[value] : map.at(share);
                context.fillRect(x, y, width - gap, height - gap);
                if (!written || Number.isNaN(value)) return;
                context.fillStyle = map.ink(share);
                context.fillText(this.order ? this.where(cell).join("·") : shortText(value), x + width / 2, y + height / 2 + 0.5);
            };
        }

        /* Two lines, so that it is seen on any colour. */
        outline(context, place, colour, thickness) {
            const [row, column] = this.where(place), { rowHeight: height, columnWidth: width } = this;
            for (const [name, line] of [["--paper", thickness + 2], [colour, thickness]]) {
                context.strokeStyle = page.colour(name);
                context.lineWidth = line;
                context.strokeRect(LEFT + column * width - 0.5, TOP + row * height - 0.5, width, height);
            }
        }

        /* ---- reading ---- */

        read(place, aloud) {
            const text = this.describe(...this.where(this.cellAt(place)));
            this.readout.textContent = text;
            if (aloud) page.say(text);
        }

        placeUnder(event) {
            const box = this.canvas.getBoundingClientRect();
            const column = Math.floor((event.clientX - box.left - LEFT) / this.columnWidth);
            const row = Math.floor((event.clientY - box.top - TOP) / this.rowHeight);
            const inside = column >= 0 && column < this.columns && row >= 0 && row < this.rows;
            return inside ? row * this.columns + column : -1;
        }

        placeBy(key) {
            const { cursor, columns, rows } = this, row = Math.floor(cursor / columns);
            return { ArrowLeft: Math.max(cursor - 1, 0), ArrowRight: Math.min(cursor + 1, rows * columns - 1),
                     ArrowUp: row > 0 ? cursor - columns : cursor, ArrowDown: row < rows - 1 ? cursor + columns : cursor,
                     Home: row * columns, End: (row + 1) * columns - 1 }[key];
        }

        copy() {
            const value = this.values[this.cellAt(this.cursor)];
            return page.copy(this.names ? this.names[value] : page.exact(value), this.readout);
        }

        openAt(place) {
            if (this.open) page.attempt(this.canvas, () => this.open(...this.where(this.cellAt(place))));
        }

        onKey(event) {
            if (event.altKey || event.ctrlKey || event.metaKey) return;
            const to = this.placeBy(event.key);
            if (to !== undefined) {
                this.cursor = to;
                this.draw();
                this.read(to, true);
            } else if (event.key === "c") this.copy();
            else if (this.open && (event.key === "Enter" || event.key === " ")) {
                this.openAt(this.cursor);
            } else return;
            event.preventDefault();
        }

        listen() {
            const { canvas } = this;
            canvas.addEventListener("keydown", (event) => this.onKey(event));
            canvas.addEventListener("pointermove", (event) => {
                const place = this.placeUnder(event);
                canvas.style.cursor = place >= 0 && this.open ? "pointer" : "default";
                if (place >= 0) this.read(place, false);
            });
            canvas.addEventListener("pointerleave", () => this.read(this.cursor, false));
            canvas.addEventListener("click", (event) => {
                const place = this.placeUnder(event);
                if (place < 0) return;
                this.cursor = place;
                this.openAt(place);
                this.draw();
            });
            for (const [name, now] of [["focus", true], ["blur", false]])
                canvas.addEventListener(name, () => { this.focused = now && canvas.matches(":focus-visible"); this.draw(); });
        }
    }

    /* {label, rows, columns, values [rows * columns] (NaN: not known), describe(row, column): the text of a cell,
     * open(row, column): on Enter and a click, tools: [elements beneath], rowHeight}. show(values, {names, sorted, range})
     * changes what it shows: with `names` the values are indices of kinds. */
    page.grid = (options) => new Grid(options);
}
