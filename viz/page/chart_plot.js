/* chart_plot.js: one pair of axes of a chart: what it spans, where its points lie, what its labels need. A
 * flipped one has its x axis upright, so that long names of categories can be read. */
{
    const { holds, isLinear, measure, numberTicks, place, span } = page.scale;
    const { fit, printable, textWidth, wrap } = page.look;

    const EM = 13, SMALL = 12, LINE = 1.35 * SMALL;

    /* Parts of the gap between two places that bars, points, lines and controls take. */
    const SHARES = { bar: 0.8, point: 0.5, line: 0.4, muted: 0.44 };
    /* Rows of a flipped plot are made as high as what stands in them. */
    const FLIPPED_SHARE = 0.84;
    const WIDEST_BAR_PX = 72;
    const PITCHES = { bar: Infinity, point: 0.18, line: 0.05, muted: 0.1 };

    function shows(panel, series, i) {
        return holds(panel.x, series.x[i]) && holds(panel.y, series.y[i]);
    }

    function showsInterval(panel, series, i) {
        if (!series.low || !series.high || !shows(panel, series, i)) return false;
        const below = !isLinear(panel.y) && Number.isFinite(series.low[i]) && series.low[i] <= 0;
        return (below || holds(panel.y, series.low[i])) && holds(panel.y, series.high[i]);
    }

    /* ---- side by side ---- */

    /* What of a series is put side by side: points, and lines with intervals, only where x are categories, since
     * elsewhere x is a number. */
    function kindOf(panel, series) {
        if (series.mark === "bar") return "bar";
        if (!panel.x.labels || series.mark === "step") return null;
        if (series.mark === "line") return series.low && !series.muted ? "line" : null;
        return series.muted ? "muted" : "point";
    }

    function leastGap(panel, places) {
        if (panel.x.labels || places.length < 2) return 1;
        const at = places.map((x) => measure(panel.x, x)).sort((a, b) => a - b);
        let gap = Infinity;
        for (let i = 1; i < at.length; i++) if (at[i] > at[i - 1]) gap = Math.min(gap, at[i] - at[i - 1]);
        return Number.isFinite(gap) ? gap : 1;
    }

    /* Which of how many that meet at its x each point is; of a cloud, every point counts. */
    function slotsOf(panel) {
        const counts = {}, most = { bar: 0, point: 0, line: 0, muted: 0 }, places = new Set();
        const slot = panel.series.map((series, s) => {
            const kind = kindOf(panel, series);
            return Array.from({ length: kind ? series.y.length : 0 }, (_, i) => {
                if (!shows(panel, series, i)) return 0;
                const at = kind + " " + series.x[i], seen = (counts[at] = counts[at] || { n: 0, series: -1 });
                places.add(series.x[i]);
                if (kind === "muted" || seen.series !== s) seen.n++;
                seen.series = s;
                most[kind] = Math.max(most[kind], seen.n);
                return seen.n;
            });
        });
        return { slot, counts, most, gap: leastGap(panel, Array.from(places)), places: places.size };
    }

    function pitchOf(plot, kind, count) {
        const { most, gap } = plot.slots;
        if (kind === "bar") return (SHARES.bar * gap) / Math.max(most.bar, 1);
        const n = kind === "muted" ? count : most[kind];
        if (plot.flip) return FLIPPED_SHARE / Math.max(n, 2);
        return Math.min(SHARES[kind] / Math.max(n, 1), PITCHES[kind]);
    }

    function shift(plot, s, i) {
        const series = plot.panel.series[s], kind = kindOf(plot.panel, series), slot = kind && plot.slots.slot[s][i];
        if (!slot) return 0;
        const { n } = plot.slots.counts[kind + " " + series.x[i]];
        return (slot - 0.5 * (n + 1)) * pitchOf(plot, kind, n);
    }

    /* ---- ranges ---- */

    function measured(panel) {
        const extent = { x: [Infinity, -Infinity], y: [Infinity, -Infinity], any: false, bars: false };
        const extend = (axis, value) => {
            if (!holds(panel[axis], value)) return;
            const at = measure(panel[axis], value), range = extent[axis];
            range[0] = Math.min(range[0], at);
            range[1] = Math.max(range[1], at);
        };
        for (const series of panel.series) {
            if (series.mark === "bar") extent.bars = true;
            for (let i = 0; i < series.y.length; i++) {
                if (!shows(panel, series, i)) continue;
                extent.any = true;
                extend("x", series.x[i]), extend("y", series.y[i]);
                if (showsInterval(panel, series, i)) extend("y", series.low[i]), extend("y", series.high[i]);
            }
        }
        for (const rule of panel.rules) extend(rule.axis === "x" ? "x" : "y", rule.value);
        return extent;
    }

    function makePlot(panel, looks) {
        const plot = { panel, looks, flip: panel.flip, slots: slotsOf(panel), box: { x: 0, y: 0, width: 0, height: 0 } };
        const { x, y, any, bars } = measured(panel);
        if (bars && x[0] <= x[1]) x[0] -= 0.5 * plot.slots.gap, x[1] += 0.5 * plot.slots.gap;
        plot.any = any;
        plot.x = span(panel.x, x[0], x[1], false, bars ? 0 : 0.03);
        plot.y = span(panel.y, y[0], y[1], bars, 0.06);
        /* what is never below 0 has no room there */
        if (page.scale.isLinear(panel.y) && y[0] >= 0) plot.y.low = Math.max(plot.y.low, 0);
        plot.x.upright = plot.flip;
        plot.y.upright = !plot.flip;
        return plot;
    }

    /* ---- places ---- */

    function acrossAxis(plot, axis, measured) {
        const { x, y, width, height } = plot.box;
        if (!axis.upright) return place(axis, measured, x, x + width);
        return axis === plot.x ? place(axis, measured, y, y + height) : place(axis, measured, y + height, y);
    }

    /* The place of value at point i of series s. What a logarithmic axis does not reach lies on its end. */
    function at(plot, s, i, value) {
        const { panel } = plot, series = panel.series[s];
        const along = acrossAxis(plot, plot.x, measure(panel.x, series.x[i]) + shift(plot, s, i));
        const up = acrossAxis(plot, plot.y, holds(panel.y, value) ? measure(panel.y, value) : plot.y.low);
        return plot.flip ? [up, along] : [along, up];
    }

    /* How many pixels a bar is wide, without the space between bars; a few are no blocks. */
    function barPx(plot) {
        const length = plot.flip ? plot.box.height : plot.box.width;
        const width = (pitchOf(plot, "bar", 0) / (plot.x.high - plot.x.low)) * length;
        return Math.min(Math.max(width * (plot.slots.most.bar > 1 ? 0.92 : 1), 1), WIDEST_BAR_PX);
    }

    /* ---- labels of the axes ---- */

    /* Of the values that were asked for every k-th, so that they are at most `most`. */
    function chosenTicks({ asked }, most) {
        const known = asked.ticks.filter((value) => holds(asked, value)), every = Math.ceil(known.length / most);
        return known.filter((_, i) => (known.length - 1 - i) % every === 0).map((value) => ({ value, label: page.format(value) }));
    }

    /* As many numbers as do not meet. */
    function planNumbers(axis, length, theme) {
        let most = axis.upright ? Math.floor(length / (2 * LINE)) : 10;
        for (most = Math.min(Math.max(most, 2), 10); ; most--) {
            axis.ticks = axis.asked.ticks ? chosenTicks(axis, most) : numberTicks(axis, most);
            axis.extent = Math.max(0, ...axis.ticks.map((tick) => textWidth(tick.label, SMALL, theme)));
            const needed = axis.upright ? 1.5 * LINE : axis.extent + Math.max(axis.extent / 2, EM);
            const places = axis.ticks.map((tick) => place(axis, measure(axis.asked, tick.value), 0, length));
            const gaps = places.slice(1).map((x, i) => Math.abs(x - places[i]));
            if (most <= 2 || Math.min(Infinity, ...gaps) >= needed) return;
        }
    }

    function roundStep(least) {
        for (let power = 1; ; power *= 10)
            for (const round of [1, 2, 5]) if (power * round >= least) return power * round;
    }

    function planBeside(axis, length, room, theme) {
        const names = axis.asked.labels.map((label) => printable(label, 120)), pitch = length / Math.max(names.length, 1);
        const lines = Math.min(Math.max(Math.floor(pitch / LINE), 1), 3);
        axis.step = pitch < 0.8 * LINE ? roundStep((0.8 * LINE) / pitch) : 1;
        axis.lines = names.map((name) => wrap(name, SMALL, room, lines, theme));
        axis.extent = Math.max(0, ...axis.lines.flat().map((line) => textWidth(line, SMALL, theme)));
    }

    function planBelow(axis, length, theme) {
        const most = 12 * EM, names = axis.asked.labels.map((label) => fit(printable(label, 120), SMALL, most, theme));
        axis.extent = Math.max(0, ...names.map((name) => textWidth(name, SMALL, theme)));
        const pitch = length / Math.max(names.length, 1), across = axis.extent + 0.5 * EM;
        axis.turned = pitch < across && axis.extent > 3 * EM; /* numbers: every k-th, not turned */
        const least = axis.turned ? LINE : across;
        axis.step = pitch < least ? roundStep(least / pitch) : 1;
        axis.lines = names.map((name) => [name]);
    }

    /* The labels of an axis of `length` px; those beside it get `room`. */
    function planAxis(axis, length, room, theme) {
        if (!axis.asked.labels) planNumbers(axis, length, theme);
        else if (axis.upright) planBeside(axis, length, room, theme);
        else planBelow(axis, length, theme);
        axis.ticks = axis.asked.labels
            ? axis.lines.map((lines, i) => ({ value: i, lines })).filter((_, i) => i % axis.step === 0)
            : axis.ticks.map((tick) => ({ value: tick.value, lines: [tick.label] }));
    }

    page.plot = { EM, LINE, SMALL, acrossAxis, at, barPx, makePlot, planAxis, shows, showsInterval };
}
