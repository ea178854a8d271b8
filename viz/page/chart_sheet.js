/* chart_sheet.js: a whole chart as one SVG of a given width: legend and panels in a grid; in a file, heading and
 * note, too. viz/chart.c once more. */
{
    const { EM, LINE, SMALL, makePlot, planAxis } = page.plot;
    const { MUTED, fit, lookAt, printable, textWidth, wrap } = page.look;
    const { node, swatch } = page.marks;
    const { aboveOf, addPanel, belowOf, label, leftOf, level, rightOf, upright } = page.panel;

    const GAP = EM / 2, LEAST_PLOT = 11 * EM, MARGIN = 20;

    /* ---- names ---- */

    /* The looks of all series by their names, the same in every panel, in the order in which they come; a series may
     * ask for one (`look`), to be the same in other charts. */
    function namesOf(spec) {
        const names = new Map();
        let free = 0;
        for (const panel of spec.panels)
            for (const series of panel.series) {
                const key = (series.muted ? "muted " : "shown ") + (series.name ?? "");
                if (names.has(key)) continue;
                const look = series.muted ? MUTED : lookAt(series.look ?? free++);
                names.set(key, { name: series.name, look, mark: series.mark });
            }
        return names;
    }

    function looksOf(names, panel) {
        return panel.series.map((s) => names.get((s.muted ? "muted " : "shown ") + (s.name ?? "")).look);
    }

    /* ---- measures ---- */

    function shareRange(plots, name) {
        const first = plots[0][name].asked, alike = plots.every((plot) => {
            const { asked } = plot[name];
            return asked.scale === first.scale && asked.labels === first.labels;
        });
        const known = plots.filter((plot) => plot.any);
        if (!alike || known.length === 0) return alike;
        const low = Math.min(...known.map((plot) => plot[name].low)), high = Math.max(...known.map((plot) => plot[name].high));
        for (const plot of plots) plot[name].low = low, plot[name].high = high;
        return true;
    }

    function same(plots, of) {
        return plots.every((plot) => JSON.stringify(of(plot.panel) ?? null) === JSON.stringify(of(plots[0].panel) ?? null));
    }

    /* What is the same in all panels is written once: beside the first of each row, below the last of each column,
     * and rules beside the last of each row. */
    function shareText(sheet, sharedUpright) {
        const { plots, columns } = sheet, flip = plots[0].flip;
        const below = (plot) => (plot.flip ? plot.y : plot.x), beside = (plot) => (plot.flip ? plot.x : plot.y);
        const belowSame = same(plots, (panel) => (flip ? panel.y : panel.x).title);
        const besideSame = same(plots, (panel) => (flip ? panel.x : panel.y).title);
        const rules = sharedUpright && same(plots, (panel) => panel.rules);
        plots.forEach((plot, i) => {
            const first = i % columns === 0, last = i + columns >= plots.length;
            below(plot).titled = !belowSame || last;
            beside(plot).titled = !besideSame || first;
            beside(plot).labelled = !sharedUpright || first;
            below(plot).labelled = true;
            plot.namesRules = !rules || i % columns === columns - 1 || i === plots.length - 1;
        });
    }

    function heightOf(sheet, plot) {
        if (plot.flip && plot.panel.x.labels) {
            const slots = Math.max(1, plot.slots.most.point, plot.slots.most.bar, plot.slots.most.line);
            const row = Math.max(1.5 * LINE, slots * 11, Math.min(plot.slots.most.muted * 2, 40));
            return Math.max(plot.panel.x.labels.length * row, 3 * LINE);
        }
        if (sheet.spec.height) return sheet.spec.height;
        const ratio = sheet.columns === 1 ? 0.42 : sheet.columns === 2 ? 0.62 : 0.75;
        return Math.min(Math.max((ratio * sheet.inner) / sheet.columns, 14 * EM), 24 * EM);
    }

    /* How wide a plot must be for its categories and bars. */
    function neededBy(plot) {
        if (plot.flip) return 1.4 * LEAST_PLOT;
        const labels = plot.panel.x.labels ? 1.1 * LINE * plot.panel.x.labels.length : 0;
        return Math.min(Math.max(LEAST_PLOT, labels, 4 * plot.slots.places * plot.slots.most.bar), 40 * EM);
    }

    function widest(sheet, column, side) {
        return Math.max(...sheet.plots.filter((_, i) => i % sheet.columns === column).map(side));
    }

    /* Plans all axes for so many columns; returns how wide a plot is. */
    function planColumns(sheet, columns, sharedUpright) {
        const { plots, theme } = sheet;
        sheet.columns = columns;
        shareText(sheet, sharedUpright);
        const room = Math.min(0.42 * (sheet.inner / (sharedUpright ? 1 : columns)), 24 * EM);
        for (const plot of plots) plot.box.height = heightOf(sheet, plot), planAxis(upright(plot), plot.box.height, room, theme);
        let sides = (columns - 1) * 1.5 * EM;
        for (let c = 0; c < columns; c++)
            sides += widest(sheet, c, leftOf) + widest(sheet, c, (plot) => rightOf(sheet, plot));
        return (sheet.inner - sides) / columns;
    }

    function plan(sheet) {
        const { spec, plots, theme } = sheet, flip = plots[0].flip;
        const shared = { x: spec.sameX && shareRange(plots, "x"), y: spec.sameY && shareRange(plots, "y") };
        const sharedUpright = (flip ? shared.x : shared.y) && plots.every((plot) => plot.flip === flip);
        const needed = Math.max(...plots.map(neededBy)), n = plots.length;
        let columns = Math.min(n, spec.columns || (n <= 4 ? n : n === 5 || n === 6 || n === 9 ? 3 : 4)), width;
        while ((width = planColumns(sheet, columns, sharedUpright)) < needed && columns > 1) columns--;
        for (const plot of plots) {
            plot.box.width = Math.max(width, 4 * EM);
            planAxis(level(plot), plot.box.width, 0, theme);
            plot.titleLines = plot.panel.title ? wrap(printable(plot.panel.title), EM, plot.box.width, 3, theme) : [];
        }
    }

    /* Adds text as lines from y on; returns the bottom. */
    function paragraph(sheet, text, y, most, style) {
        if (!text) return y;
        const size = style.size || SMALL;
        for (const line of wrap(printable(text, 4000), size, sheet.inner, most, sheet.theme)) {
            sheet.svg.append(label(sheet, sheet.left, y + size, line, style));
            y += 1.35 * size;
        }
        return y;
    }

    /* ---- the sheet ---- */

    /* Adds the legend from y on; returns the bottom. One series needs none, unless it is named. */
    function addLegend(sheet, y) {
        const named = Array.from(sheet.names.values()).filter((entry) => entry.name && entry.name !== "");
        if (named.length === 0 || sheet.spec.legend === false) return y;
        let x = sheet.left;
        for (const entry of named) {
            const text = fit(printable(entry.name, 120), SMALL, Math.min(30 * EM, sheet.inner - 40), sheet.theme);
            const width = 34 + textWidth(text, SMALL, sheet.theme);
            if (x > sheet.left && x + width > sheet.left + sheet.inner) x = sheet.left, y += 1.7 * LINE;
            const group = node("g", { class: "entry" }, swatch(sheet.theme, entry.look, entry.mark, x + 13, y + LINE / 2),
                label(sheet, x + 33, y + LINE / 2 + 0.36 * SMALL, text));
            /* so that it can be pointed at as a whole */
            group.prepend(node("rect", { x, y: y - 2, width: width + 4, height: LINE + 4, fill: "transparent" }));
            sheet.entries.push({ name: entry.name, node: group });
            sheet.svg.append(group);
            x += width + 1.4 * EM;
        }
        return y + 1.7 * LINE;
    }

    function addRows(sheet, y) {
        const { plots, columns } = sheet;
        for (let first = 0; first < plots.length; first += columns) {
            const row = plots.slice(first, first + columns);
            const above = Math.max(...row.map(aboveOf));
            let x = sheet.left, bottom = y;
            row.forEach((plot, c) => {
                x += widest(sheet, c, leftOf);
                plot.box.x = x, plot.box.y = y + above;
                addPanel(sheet, plot);
                x += plot.box.width + widest(sheet, c, (p) => rightOf(sheet, p)) + 1.5 * EM;
                bottom = Math.max(bottom, plot.box.y + plot.box.height + belowOf(plot));
            });
            y = bottom + EM;
        }
        return y - EM / 2;
    }

    /* Draws spec (chart.js) `width` px wide. A file has heading, note and margins of its own. */
    function drawSheet(spec, width, theme) {
        const file = theme === page.look.paper, left = file ? MARGIN : 2, right = file ? MARGIN : 6;
        const sheet = { spec, theme, left, inner: width - left - right, entries: [], narrow: width < 560, names: namesOf(spec) };
        sheet.plots = spec.panels.map((panel) => makePlot(panel, looksOf(sheet.names, panel)));
        sheet.svg = node("svg", { xmlns: "http://www.w3.org/2000/svg", "font-family": file ? theme.font : undefined,
                                  "stroke-linejoin": "round" });
        plan(sheet);
        let y = file ? MARGIN : 4;
        if (file) {
            sheet.svg.append(node("title", {}, printable(spec.title, 1000)),
                node("desc", {}, printable(`${spec.subtitle} ${spec.note}`, 4000)),
                node("rect", { x: 0, y: 0, width: "100%", height: "100%", fill: theme.colour("paper") }));
            y = paragraph(sheet, spec.title, y, 3, { size: 1.3 * EM, bold: true });
            y = paragraph(sheet, spec.subtitle, y, 12, { size: EM, colour: "muted" }) + GAP;
        }
        y = addRows(sheet, addLegend(sheet, y));
        if (file) y = paragraph(sheet, spec.note, y + EM, 12, { colour: "muted" }) + MARGIN;
        sheet.height = Math.ceil(y);
        for (const [key, value] of Object.entries({ viewBox: `0 0 ${width} ${sheet.height}`, width, height: sheet.height }))
            sheet.svg.setAttribute(key, value);
        return sheet;
    }

    page.drawSheet = drawSheet;
}
