/* chart_panel.js: one panel of a chart as SVG: its grid, labels, titles, rules and series: viz/plot_panel.c once more. */
{
    const { EM, LINE, SMALL, acrossAxis } = page.plot;
    const { holds, measure } = page.scale;
    const { fit, printable, textWidth } = page.look;
    const { node, pathOf, seriesOf } = page.marks;

    const GAP = EM / 2;

    /* ---- what it takes around its plot ---- */

    const upright = (plot) => (plot.flip ? plot.x : plot.y);
    const level = (plot) => (plot.flip ? plot.y : plot.x);

    function leftOf(plot) {
        const axis = upright(plot);
        return (axis.titled && axis.asked.title ? LINE + GAP : 0) + (axis.labelled ? axis.extent + GAP : 0);
    }

    /* Rules are named beside the plot, or in it where there is no room; beside the last of all there is. */
    function rightOf(sheet, plot) {
        const i = sheet.plots.indexOf(plot), alone = i === sheet.plots.length - 1 && i % sheet.columns < sheet.columns - 1;
        if (sheet.narrow || plot.flip || !plot.namesRules || alone) return 0;
        const names = plot.panel.rules.filter((rule) => rule.axis !== "x" && holds(plot.panel.y, rule.value));
        return names.length ? GAP + Math.min(11 * EM, Math.max(...names.map((r) => textWidth(r.name, SMALL, sheet.theme)))) : 0;
    }

    function belowOf(plot) {
        const axis = level(plot);
        return GAP + (axis.turned ? axis.extent : LINE) + (axis.titled && axis.asked.title ? LINE + GAP / 2 : 0);
    }

    function aboveOf(plot) {
        const upwards = plot.panel.rules.some((rule) => (rule.axis === "x") !== plot.flip);
        return plot.titleLines.length * 1.35 * EM + (plot.titleLines.length ? GAP : 0) + (upwards ? 1.2 : 0.5) * LINE;
    }

    /* ---- text ---- */

    function label(sheet, x, y, text, { size = SMALL, colour = "ink", anchor = "start", bold, turned } = {}) {
        const place = turned ? { transform: `translate(${Math.round(x)} ${Math.round(y)}) rotate(-90)` } : { x, y };
        return node("text", { ...place, "font-size": size, "font-weight": bold ? "bold" : undefined, "text-anchor": anchor,
                              fill: sheet.theme.colour(colour) }, text);
    }

    /* ---- axes ---- */

    function addUpright(sheet, plot) {
        const axis = upright(plot), { box } = plot, grid = [], group = node("g");
        for (const tick of axis.ticks) {
            const y = acrossAxis(plot, axis, measure(axis.asked, tick.value));
            if (!axis.asked.labels) grid.push(pathOf([[box.x, y], [box.x + box.width, y]]));
            else if (tick.value > 0 && axis.step === 1) { /* between two rows */
                const edge = acrossAxis(plot, axis, tick.value - 0.5);
                grid.push(pathOf([[box.x, edge], [box.x + box.width, edge]]));
            }
            if (!axis.labelled) continue;
            tick.lines.forEach((line, i) => group.append(label(sheet, box.x - GAP,
                y + 0.36 * SMALL + (i - (tick.lines.length - 1) / 2) * LINE, line, { anchor: "end" })));
        }
        if (axis.titled && axis.asked.title)
            group.append(label(sheet, box.x - leftOf(plot) + 0.8 * SMALL, box.y + box.height / 2,
                fit(printable(axis.asked.title), SMALL, box.height + 2 * EM, sheet.theme),
                { anchor: "middle", colour: "muted", turned: true }));
        return [grid, group];
    }

    /* A label below the axis hardly leaves the box, so that it meets neither the next panel's nor the page's end. */
    function keptInside(box, middle, width) {
        const over = 0.4 * EM;
        return Math.max(Math.min(middle, box.x + box.width + over - width / 2), box.x - over + width / 2);
    }

    function addLevel(sheet, plot) {
        const axis = level(plot), { box } = plot, bottom = box.y + box.height, grid = [], group = node("g");
        for (const { value, lines } of axis.ticks) {
            const x = acrossAxis(plot, axis, measure(axis.asked, value)), text = lines[0];
            if (plot.flip) grid.push(pathOf([[x, box.y], [x, bottom]]));
            if (!axis.asked.labels && !plot.flip)
                group.append(node("path", { d: pathOf([[x, bottom], [x, bottom + 3]]), stroke: sheet.theme.colour("muted") }));
            if (axis.turned) group.append(label(sheet, x + 0.36 * SMALL, bottom + GAP, text, { anchor: "end", turned: true }));
            else group.append(label(sheet, keptInside(box, x, textWidth(text, SMALL, sheet.theme)), bottom + GAP + SMALL, text,
                                    { anchor: "middle" }));
        }
        if (axis.titled && axis.asked.title)
            group.append(label(sheet, box.x + box.width / 2, bottom + belowOf(plot) - 0.2 * SMALL,
                fit(printable(axis.asked.title), SMALL, box.width + 2 * EM, sheet.theme), { anchor: "middle", colour: "muted" }));
        return [grid, group];
    }

    /* The line of an axis, and 0 where it lies within. */
    function addBase(sheet, plot) {
        const { box, y } = plot, bottom = box.y + box.height, group = node("g");
        const base = plot.flip ? [[box.x, box.y], [box.x, bottom]] : [[box.x, bottom], [box.x + box.width, bottom]];
        const pen = { stroke: sheet.theme.colour("muted"), fill: "none" };
        if (!plot.flip || !(y.low < 0 && y.high > 0)) group.append(node("path", { d: pathOf(base), ...pen }));
        if (page.scale.isLinear(y.asked) && !y.asked.labels && y.low < 0 && y.high > 0) {
            const zero = acrossAxis(plot, y, 0);
            group.append(node("path", { ...pen, d: pathOf(plot.flip ? [[zero, box.y], [zero, bottom]]
                                                                    : [[box.x, zero], [box.x + box.width, zero]]) }));
        }
        return group;
    }

    /* Names that would meet are moved down; those for which no room is left are left out. */
    function addRules(sheet, plot) {
        const { box, panel } = plot, group = node("g"), inside = sheet.narrow || plot.flip;
        let free = box.y - LINE;
        const rules = panel.rules.filter((rule) => holds(rule.axis === "x" ? panel.x : panel.y, rule.value));
        const standing = (rule) => (rule.axis === "x") !== plot.flip;
        for (const rule of rules.slice().sort((a, b) => b.value - a.value)) {
            const axis = rule.axis === "x" ? plot.x : plot.y, upwards = standing(rule);
            const p = acrossAxis(plot, axis, measure(axis.asked, rule.value)), name = printable(rule.name, 48);
            const line = upwards ? [[p, box.y], [p, box.y + box.height]] : [[box.x, p], [box.x + box.width, p]];
            group.append(node("path", { d: pathOf(line), stroke: sheet.theme.colour("muted"), "stroke-dasharray": "5 2.5",
                                        fill: "none" }));
            if (!name || (!upwards && !plot.namesRules)) continue;
            const halo = { stroke: sheet.theme.colour("paper"), "stroke-width": 3, "paint-order": "stroke" };
            let made;
            if (upwards) {
                const right = p + GAP + textWidth(name, SMALL, sheet.theme) < box.x + box.width;
                made = label(sheet, p + (right ? -2 : 2), box.y - 4, name, { anchor: right ? "start" : "end", colour: "muted" });
            } else if (inside) made = label(sheet, box.x + box.width, p - 4, name, { anchor: "end", colour: "muted" });
            else {
                const y = Math.max(p + 0.36 * SMALL, free + LINE);
                if (y > box.y + box.height + SMALL) continue;
                free = y;
                made = label(sheet, box.x + box.width + GAP, y, fit(name, SMALL, 11 * EM, sheet.theme), { colour: "muted" });
            }
            if (!upwards && inside) for (const [key, value] of Object.entries(halo)) made.setAttribute(key, value);
            group.append(made);
        }
        return group;
    }

    function addPanel(sheet, plot) {
        const { box } = plot, panel = node("g", { class: "panel" });
        const [rows, beside] = addUpright(sheet, plot), [columns, below] = addLevel(sheet, plot);
        const grid = node("path", { d: rows.concat(columns).join(""), stroke: sheet.theme.colour("grid"), fill: "none" });
        panel.append(grid, beside, below, ...plot.titleLines.map((line, i) =>
            label(sheet, box.x, box.y - aboveOf(plot) + EM + i * 1.35 * EM, line, { size: EM })));
        plot.groups = plot.panel.series.map((_, s) => seriesOf(sheet.theme, plot, s));
        panel.append(...plot.groups.map((g) => g.back), ...plot.groups.filter((g) => g.behind).map((g) => g.front),
            addBase(sheet, plot), addRules(sheet, plot), ...plot.groups.filter((g) => !g.behind).map((g) => g.front));
        if (!plot.any)
            panel.append(label(sheet, box.x + box.width / 2, box.y + box.height / 2, "no values to show",
                { anchor: "middle", colour: "muted" }));
        sheet.svg.append(panel);
    }

    page.panel = { aboveOf, addPanel, belowOf, label, leftOf, level, rightOf, upright };
}
