/* chart.js: charts that are read by pointer and by keyboard, and saved as SVG and CSV.
 *
 *     page.chart({ title, panels: [{ x: { title }, y: { title }, series: [{ name, x, y }] }] })    a <figure>
 *
 * The options are those of include/rankkv/chart.h, so that the page's charts are the PNG ones:
 *     title, subtitle, note    text; `file` is the name of what is saved (the title when missing)
 *     panels                   or, for one panel, its members among the options themselves
 *     columns, sameX, sameY    columns of panels (a good number when missing); all panels have one range
 *     height, legend           of a plot, in px (by its width when missing); false: no legend
 * a panel: title, x and y (axes), series, rules: [{ value, name, axis }] (dashed lines; axis "y", or "x" for an upright
 *     one), flip: true: x runs downwards, for categories with long names
 * an axis: title, with its unit; scale: "linear", "log10" or "log2"; fromZero; labels: [names] of x = 0, 1, ... for
 *     categories; ticks: [values] where labels stand; whole: none stand between integers; text(value): how a value is
 *     read out
 * a series: name; y, and x (0, 1, ... when missing); low and high; mark: "line" (when missing), "point", "step" or
 *     "bar"; muted: grey, a control or a cloud; look: which colour and sign, to be the same in several charts;
 *     detail(i): more text about point i; hollow(i): its sign is an outline
 * Values that are null or NaN are not known: they are left out, and break a line. */
{
    const { plot: { at, shows, showsInterval }, look: { MUTED, paper, printable, screen } } = page;
    const { node } = page.marks;
    const FILE_WIDTH = 860, NEAR_PX = 48, FAINT = 0.14;

    /* ---- options ---- */

    function completeSeries(series) {
        const y = series.y ?? [];
        return { mark: "line", ...series, y, x: series.x ?? Array.from(y, (_, i) => i) };
    }

    function completePanel(panel) {
        return { flip: false, ...panel, x: { scale: "linear", ...panel.x }, y: { scale: "linear", ...panel.y },
                 rules: panel.rules ?? [], series: (panel.series ?? []).map(completeSeries) };
    }

    function complete(options) {
        const spec = { title: "", subtitle: "", note: "", sameX: true, sameY: true, ...options };
        spec.panels = (options.panels ?? [options]).map(completePanel);
        if (!options.panels) spec.panels[0].title = undefined; /* it is the chart's */
        spec.file = page.fileName(options.file ?? (spec.title || "chart"));
        return spec;
    }

    /* ---- what a point says ---- */

    function textOn(axis, value) {
        if (axis.labels) return printable(axis.labels[value] ?? "");
        return axis.text ? axis.text(value) : page.format(value);
    }

    /* As [name, value] pairs; the first is the series and has no value. */
    function describe({ plot: { panel }, s, i }) {
        const series = panel.series[s], text = (value) => textOn(panel.y, value);
        const interval = showsInterval(panel, series, i) ? ` [${text(series.low[i])}, ${text(series.high[i])}]` : "";
        const lines = [[printable([series.name, panel.title].filter(Boolean).join(" \u00B7 ")), ""],
                       [panel.x.title ?? "", textOn(panel.x, series.x[i])], [panel.y.title ?? "", text(series.y[i]) + interval]];
        const detail = series.detail?.(i);
        if (detail) lines.push([printable(detail, 600), ""]);
        return lines.filter(([name, value]) => name || value);
    }

    /* ---- data ---- */

    function dataOf(spec) {
        const { x, y } = spec.panels[0], panels = spec.panels.length > 1;
        const any = (has) => spec.panels.some((panel) => panel.series.some(has));
        const intervals = any((series) => series.low), details = any((series) => series.detail);
        const names = [panels && "panel", "series", x.title || "x", y.title || "y",
                       intervals && "low", intervals && "high", details && "detail"];
        const rows = [];
        for (const panel of spec.panels)
            for (const series of panel.series)
                for (let i = 0; i < series.y.length; i++) {
                    const at = panel.x.labels ? panel.x.labels[series.x[i]] ?? null : series.x[i];
                    rows.push([panel.title ?? "", series.name ?? "", at, series.y[i],
                               series.low?.[i] ?? null, series.high?.[i] ?? null, series.detail?.(i) ?? ""].filter((_, c) => names[c]));
                }
        return { columns: names.filter(Boolean).map((name) => ({ name })), rows };
    }

    /* ---- the reader ---- */

    /* Reads out points of a drawn sheet: one is pointed at, or gone to by arrow keys. */
    class Reader {
        constructor(box) {
            this.box = box;
            this.readout = page.el("div", { class: "chart-readout", "aria-hidden": "true", hidden: true });
            this.pinned = null;
            box.append(this.readout);
            box.addEventListener("pointermove", (event) => this.point(event));
            box.addEventListener("pointerdown", (event) => this.point(event));
            box.addEventListener("pointerleave", () => this.leave());
            box.addEventListener("keydown", (event) => this.key(event));
            box.addEventListener("focus", () => box.matches(":focus-visible") && this.show(this.places[0], true));
            box.addEventListener("blur", () => this.leave());
            box.addEventListener("click", (event) => this.pin(event));
        }

        take(sheet, width) {
            this.sheet = sheet;
            this.width = width;
            this.places = [];
            for (const plot of sheet.plots)
                plot.panel.series.forEach((series, s) => {
                    for (let i = 0; i < series.y.length; i++)
                        if (shows(plot.panel, series, i)) {
                            const [x, y] = at(plot, s, i, series.y[i]);
                            this.places.push({ plot, s, i, x, y });
                        }
                });
            this.ring = node("circle", { r: 7, fill: "none", stroke: screen.colour("ink"), "stroke-width": 1.5, visibility: "hidden" });
            sheet.svg.append(this.ring);
            this.current = null;
            this.readout.hidden = true;
            this.highlight(this.pinned);
        }

        highlight(name) {
            const known = this.sheet.entries.length > 1 && this.sheet.entries.some((entry) => entry.name === name);
            const set = (element, own) =>
                known && own !== name ? element.setAttribute("opacity", FAINT) : element.removeAttribute("opacity");
            for (const plot of this.sheet.plots) for (const g of plot.groups) set(g.front, g.name), set(g.back, g.name);
            for (const entry of this.sheet.entries) set(entry.node, entry.name);
        }

        entryOf(event) {
            const group = event.target.closest?.(".entry");
            return group && this.sheet.entries.find((entry) => entry.node === group);
        }

        /* A click on the legend keeps a series apart from the others, another lets it go. */
        pin(event) {
            const entry = this.sheet && this.entryOf(event);
            if (!entry) return;
            this.pinned = this.pinned === entry.name ? null : entry.name;
            this.highlight(this.pinned);
        }

        point(event) {
            if (!this.sheet) return;
            const entry = this.entryOf(event);
            if (entry) return this.show(null), this.highlight(entry.name);
            const box = this.sheet.svg.getBoundingClientRect(), scale = this.width / box.width;
            const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
            let best = null, least = NEAR_PX;
            for (const place of this.places) {
                const muted = place.plot.looks[place.s] === MUTED ? 1.5 : 1; /* what is meant is rather the other */
                const away = muted * Math.hypot(place.x - x, place.y - y);
                if (away < least) [best, least] = [place, away];
            }
            this.show(best);
        }

        leave() {
            if (this.sheet) this.show(null);
        }

        show(place, spoken) {
            this.current = place ?? null;
            const { ring, readout } = this, series = place && place.plot.panel.series[place.s];
            ring.setAttribute("visibility", place ? "visible" : "hidden");
            readout.hidden = !place;
            this.highlight(series?.name || this.pinned);
            if (!place) return;
            ring.setAttribute("cx", place.x), ring.setAttribute("cy", place.y);
            const lines = describe(place);
            readout.replaceChildren(...lines.map(([name, value]) =>
                page.el("p", { dir: "auto" }, name, name && value ? ": " : "", value && page.el("b", {}, value))));
            this.set(place);
            if (spoken) page.say(lines.map(([name, value]) => [name, value].filter(Boolean).join(" ")).join("; "));
        }

        /* The readout stands beside its point, within the chart. */
        set(place) {
            const { readout, box } = this, scale = this.sheet.svg.getBoundingClientRect().width / this.width || 1;
            const x = place.x * scale, y = place.y * scale, width = readout.offsetWidth, height = readout.offsetHeight;
            const left = x + 14 + width <= box.clientWidth ? x + 14 : Math.max(0, x - 14 - width);
            readout.style.left = `${left}px`;
            readout.style.top = `${Math.max(0, y - height - 10 >= 0 ? y - height - 10 : y + 14)}px`;
        }

        /* ---- keys ---- */

        near(places) {
            const { x, y, plot } = this.current, along = (place) => Math.abs(plot.flip ? place.y - y : place.x - x);
            return places.reduce((best, place) => (best && along(best) <= along(place) ? best : place), null);
        }

        inSeries(step) {
            const { plot, s, i } = this.current, own = this.places.filter((p) => p.plot === plot && p.s === s);
            return own[own.findIndex((p) => p.i === i) + step];
        }

        otherSeries(step) {
            const { plot, s } = this.current;
            for (let t = s + step; plot.panel.series[t]; t += step) {
                const own = this.places.filter((p) => p.plot === plot && p.s === t);
                if (own.length) return this.near(own);
            }
            return null;
        }

        otherPanel(step) {
            const { plots } = this.sheet;
            for (let p = plots.indexOf(this.current.plot) + step; plots[p]; p += step) {
                const own = this.places.filter((place) => place.plot === plots[p]);
                if (own.length) return own[0];
            }
            return null;
        }

        key(event) {
            if (!this.sheet || event.target !== this.box || event.altKey || event.ctrlKey || event.metaKey) return;
            if (event.key === "Escape") return this.show(null);
            const moves = {
                ArrowRight: () => this.inSeries(1), ArrowLeft: () => this.inSeries(-1),
                ArrowDown: () => this.otherSeries(1), ArrowUp: () => this.otherSeries(-1),
                PageDown: () => this.otherPanel(1), PageUp: () => this.otherPanel(-1),
                Home: () => this.places[0], End: () => this.places[this.places.length - 1],
            };
            if (!moves[event.key]) return;
            event.preventDefault();
            const to = this.current ? moves[event.key]() : this.places[0];
            if (to) this.show(to, true);
        }
    }

    /* ---- the figure ---- */

    function saveSvg(spec) {
        const { svg } = page.drawSheet(spec, FILE_WIDTH, paper);
        page.download(`${spec.file}.svg`, "image/svg+xml", new XMLSerializer().serializeToString(svg) + "\n");
    }

    function saveCsv(spec) {
        const { columns, rows } = dataOf(spec);
        page.download(`${spec.file}.csv`, "text/csv", page.csv(columns.map((column) => column.name), rows));
    }

    function tools(spec) {
        const title = printable(spec.title || spec.file);
        const summary = page.el("summary", { "aria-label": `Data as a table: ${title}` }, "Data as a table");
        const details = page.el("details", {}, summary);
        details.addEventListener("toggle", () => {
            if (details.open && details.children.length === 1)
                details.append(page.table({ caption: title, file: spec.file, ...dataOf(spec) }));
        });
        return page.el("div", { class: "tools" },
            page.button("SVG", () => saveSvg(spec), { class: "quiet", "aria-label": `Save the chart as SVG: ${title}` }),
            page.button("CSV", () => saveCsv(spec), { class: "quiet", "aria-label": `Save the chart's numbers as CSV: ${title}` }),
            details);
    }

    /* Draws a spec into box whenever that is another width; what is not shown has none, and is not drawn. */
    function follow(spec, box) {
        const reader = new Reader(box);
        let drawn = 0;
        new ResizeObserver(() => {
            const width = Math.floor(box.clientWidth);
            if (width === 0 || width === drawn) return;
            drawn = width;
            const sheet = page.drawSheet(spec, width, screen);
            sheet.svg.setAttribute("aria-hidden", "true");
            box.querySelector("svg")?.remove();
            box.prepend(sheet.svg);
            reader.take(sheet, width);
        }).observe(box);
    }

    page.chart = (options) => {
        const spec = complete(options), keys = page.newId("keys");
        const text = (name, value) => value && page.el("p", { class: name, dir: "auto" }, printable(value, 4000));
        const box = page.el("div", { class: "chart-plot", tabindex: "0", role: "application", "aria-roledescription": "chart",
            "aria-label": printable(spec.title || spec.file), "aria-describedby": keys });
        follow(spec, box);
        return page.el("figure", { class: "chart" },
            page.el("figcaption", {}, text("chart-title", spec.title), text("chart-subtitle", spec.subtitle)), box,
            page.el("p", { id: keys, class: "unseen" }, "Arrow keys read values: left and right along a series, ",
                "up and down from series to series, Page Up and Page Down from panel to panel. ",
                "The same numbers stand in the table below."),
            text("chart-note", spec.note), tools(spec));
    };
}
