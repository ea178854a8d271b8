/* chart_marks.js: the marks of a chart as SVG: signs, lines, steps, bars, intervals: viz/plot_series.c once more. */
{
    const { EM, at, barPx, shows, showsInterval } = page.plot;

    /* Lines of more points show their intervals as a band, and signs on some of their points. */
    const WHISKER_POINTS = 24, SIGN_COUNT = 9;
    const LINE_PX = 1.5, MUTED_LINE_PX = 0.8, SIGN_PX = 3.6, MUTED_SIGN_PX = 2.3, CAP_PX = 2.6;
    const BAND_OPACITY = 0.16, MUTED_OPACITY = 0.55;

    const XMLNS = "http://www.w3.org/2000/svg";

    function node(name, attributes = {}, ...children) {
        const made = document.createElementNS(XMLNS, name);
        for (const [key, value] of Object.entries(attributes))
            if (value !== undefined && value !== null)
                made.setAttribute(key, typeof value === "number" ? String(Math.round(value * 100) / 100) : value);
        made.append(...children);
        return made;
    }

    function pathOf(points, closed) {
        const round = (v) => Math.round(v * 100) / 100;
        return points.map(([x, y], i) => `${i ? "L" : "M"}${round(x)} ${round(y)}`).join("") + (closed ? "Z" : "");
    }

    function dashes(look, width) {
        return look.dash.length ? look.dash.map((length) => length * width).join(" ") : undefined;
    }

    /* A look's sign; size is about half of its height. An edge of the paper keeps signs apart where they meet. */
    function sign(theme, look, [x, y], size) {
        const full = look.filling >= 1, points = page.look.SIGNS[look.sign];
        const pen = {
            fill: theme.tint(look.colour, look.filling),
            "fill-opacity": look.muted ? 0.6 : undefined,
            stroke: look.muted ? "none" : full ? theme.colour("paper") : theme.colour(look.colour),
            "stroke-width": full ? 0.16 * size : 0.34 * size,
        };
        if (!points) return node("circle", { cx: x, cy: y, r: size, ...pen });
        const corners = [];
        for (let i = 0; i < points.length; i += 2) corners.push([x + size * points[i], y + size * points[i + 1]]);
        return node("path", { d: pathOf(corners, true), ...pen });
    }

    /* A swatch of the legend, 26 px wide about the middle x, y. */
    function swatch(theme, look, mark, x, y) {
        const group = node("g");
        if (mark === "bar") {
            group.append(node("rect", { x: x - 6, y: y - 6, width: 12, height: 12,
                fill: look.muted ? theme.colour("rule") : theme.tint(look.colour, look.filling),
                stroke: theme.colour(look.colour), "stroke-width": look.filling < 1 ? 1 : 0 }));
            return group;
        }
        if (mark !== "point" && !look.muted)
            group.append(node("path", { d: pathOf([[x - 13, y], [x + 13, y]]), fill: "none", "stroke-width": LINE_PX,
                stroke: theme.colour(look.colour), "stroke-dasharray": dashes(look, LINE_PX) }));
        group.append(sign(theme, look, [x, y], look.muted ? 1.4 * MUTED_SIGN_PX : SIGN_PX));
        return group;
    }

    /* ---- a series ---- */

    /* The runs of points for which holds(i): [first, past the last]. */
    function runs(n, holds) {
        const found = [];
        for (let i = 0; i < n; i++) {
            const first = i;
            while (i < n && holds(i)) i++;
            if (i > first) found.push([first, i]);
        }
        return found;
    }

    /* The points first .. past of a series along values; a step goes across before it goes up or down. */
    function trace(plot, s, values, [first, past]) {
        const points = [], step = plot.panel.series[s].mark === "step";
        for (let i = first; i < past; i++) {
            const p = at(plot, s, i, values[i]), before = points[points.length - 1];
            if (step && before) points.push(plot.flip ? [before[0], p[1]] : [p[0], before[1]]);
            points.push(p);
        }
        return points;
    }

    function hasBand(series) {
        return series.low && (series.mark === "step" || (series.mark === "line" && series.y.length > WHISKER_POINTS));
    }

    function bands(d) {
        const { plot, s, series, look, theme } = d;
        return runs(series.y.length, (i) => showsInterval(plot.panel, series, i)).filter(([a, b]) => b - a > 1).map((run) =>
            node("path", { d: pathOf(trace(plot, s, series.high, run).concat(trace(plot, s, series.low, run).reverse()), true),
                fill: theme.colour(look.colour), "fill-opacity": BAND_OPACITY }));
    }

    function whiskers(d) {
        const { plot, s, series, look, theme } = d, bars = series.mark === "bar", lines = [];
        const half = bars ? Math.min(CAP_PX, 0.35 * barPx(plot)) : CAP_PX;
        const across = ([x, y]) => pathOf(plot.flip ? [[x, y - half], [x, y + half]] : [[x - half, y], [x + half, y]]);
        for (let i = 0; i < series.y.length; i++) {
            if (!showsInterval(plot.panel, series, i)) continue;
            const low = at(plot, s, i, series.low[i]), high = at(plot, s, i, series.high[i]);
            lines.push(pathOf([low, high]), across(high));
            if (page.scale.holds(plot.panel.y, series.low[i])) lines.push(across(low));
        }
        return lines.length === 0 ? [] : [node("path", { d: lines.join(""), fill: "none",
            stroke: theme.colour(bars ? "ink" : look.colour), "stroke-width": look.muted ? MUTED_LINE_PX : 0.75 * LINE_PX,
            "stroke-opacity": look.muted ? MUTED_OPACITY : series.mark === "line" ? 0.6 : 1 })];
    }

    /* A value that is not shown breaks the line: what lies between is not known. */
    function lines(d) {
        const { plot, s, series, look, theme } = d, width = look.muted ? MUTED_LINE_PX : LINE_PX;
        return runs(series.y.length, (i) => shows(plot.panel, series, i)).filter(([a, b]) => b - a > 1).map((run) =>
            node("path", { d: pathOf(trace(plot, s, series.y, run)), fill: "none", "stroke-width": width,
                stroke: theme.colour(look.colour), "stroke-opacity": look.muted ? MUTED_OPACITY : 1,
                "stroke-dasharray": dashes(look, width) }));
    }

    /* Signs on every point, on a long line on some, staggered so that lines on each other are seen; a point
     * between two gaps has its sign in any case. */
    function signs(d) {
        const { plot, s, series, look, theme } = d, { panel } = plot, n = series.y.length;
        if (look.muted && series.mark !== "point" && n > 1) return [];
        const most = series.mark === "step" ? SIGN_COUNT : plot.box.width / (1.2 * EM);
        const stride = series.mark === "point" || n <= most ? 1 : Math.floor(n / SIGN_COUNT);
        const offset = Math.floor((look.index * stride) / 12) % stride;
        const size = (look.muted ? MUTED_SIGN_PX : SIGN_PX) * (stride > 1 ? 0.85 : 1), made = [];
        for (let i = 0; i < n; i++) {
            if (!shows(panel, series, i)) continue;
            const alone = !(i > 0 && shows(panel, series, i - 1)) && !(i + 1 < n && shows(panel, series, i + 1));
            const own = series.hollow?.(i) ? { ...look, filling: 0 } : look;
            if (i % stride === offset || alone) made.push(sign(theme, own, at(plot, s, i, series.y[i]), size));
        }
        return made;
    }

    function bars(d) {
        const { plot, s, series, look, theme } = d, width = barPx(plot), edge = look.filling < 1 ? Math.min(1, 0.2 * width) : 0;
        const made = [];
        for (let i = 0; i < series.y.length; i++) {
            if (!shows(plot.panel, series, i)) continue;
            const [x, y] = at(plot, s, i, series.y[i]), [x0, y0] = at(plot, s, i, 0), half = 0.5 * (width - edge);
            const box = plot.flip ? { x: Math.min(x, x0), y: y - half, width: Math.abs(x - x0), height: 2 * half }
                                  : { x: x - half, y: Math.min(y, y0), width: 2 * half, height: Math.abs(y - y0) };
            made.push(node("rect", { ...box, fill: look.muted ? theme.colour("rule") : theme.tint(look.colour, look.filling),
                stroke: edge ? theme.colour(look.colour) : undefined, "stroke-width": edge || undefined }));
        }
        return made;
    }

    /* What a series shows, as a group; { back } lies behind the rules. */
    function seriesOf(theme, plot, s) {
        const series = plot.panel.series[s], look = plot.looks[s], d = { theme, plot, s, series, look };
        /* on the screen a reader shows it, and a title would be a second one */
        const titled = series.name && theme === page.look.paper;
        const title = titled ? [node("title", {}, page.look.printable(series.name, 200))] : [];
        const back = node("g", { class: "band" }), front = node("g", { class: "series" }, ...title);
        if (hasBand(series)) back.append(...bands(d));
        if (series.mark === "bar") front.append(...bars(d));
        if (series.mark === "line" || series.mark === "step") front.append(...lines(d));
        if (!hasBand(series)) front.append(...whiskers(d));
        if (series.mark !== "bar") front.append(...signs(d));
        return { name: series.name, back, front, behind: look.muted || series.mark === "bar" };
    }

    page.marks = { node, pathOf, seriesOf, sign, swatch };
}
