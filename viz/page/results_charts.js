/* results_charts.js: the charts of an evaluation: loss by measured bytes, differences to uniform budgets, answers by
 * depth and by length. evaluation/chart_*.c have those of the PNG files. */
{
    const { bootstrap, budgetOf, controlOf, originOf, groupBy, isFull, isUnsized, meansBy, sizeOf, unique } = page.results;
    const MEANS = "Mean over windows with its bootstrap 95 % interval.";
    const DEPTHS = 12;

    /* What can be drawn of a row. */
    const NUMBERS = {
        loss: { label: "loss", title: "loss, nats per token", of: (r) => [r.loss, r.loss_low, r.loss_high] },
        perplexity: { label: "perplexity", title: "perplexity", of: (r) => [r.perplexity, exp(r.loss_low), exp(r.loss_high)] },
        exact: { label: "answered exactly", title: "questions without a wrong token", zero: true,
                 of: (r) => [r.exact, r.exact_low, r.exact_high] },
        accuracy: { label: "right tokens", title: "tokens that were the likeliest", of: (r) => [r.accuracy] },
        kl: { label: "KL to the full cache", title: "KL to the full cache, nats", zero: true, of: (r) => [r.kl] },
        agreement: { label: "agreement", title: "likeliest as with the full cache", of: (r) => [r.agreement] },
    };

    function exp(value) {
        return typeof value === "number" ? Math.exp(value) : null;
    }

    const mib = (bytes) => (typeof bytes === "number" ? bytes / 1048576 : null);

    function verdictOf(row) {
        const d = row.against_uniform;
        if (!d) return "";
        const word = row.verdict ? `${row.verdict}, ` : "", times = row.bytes_of_uniform;
        const bytes = times && Math.abs(times - 1) >= 0.005 ? `, with ${page.format(times, 3)} times its bytes` : "";
        return `loss against uniform: ${word}lower on ${d.n_below} of ${page.count(d.n, "window")}, p ${page.format(d.p, 2)}${bytes}`;
    }

    function detailOf(row) {
        const where = isUnsized(row.setting) ? "" : sizeOf(row.setting);
        return page.joined(where, page.count(row.n_windows, "window"), verdictOf(row));
    }

    /* ---- loss by bytes ---- */

    function lossSeries(view, rows, nameOf, lookOf, number) {
        return Array.from(groupBy(rows, (row) => nameOf(row.setting) + "\n" + (row.setting.budget ?? "")).values(), (group) => {
            group.sort((a, b) => a.bytes - b.bytes);
            const [first] = group, control = controlOf(first.setting.budget), cloud = control?.kind === "shuffled";
            const values = group.map((row) => number.of(row));
            const intervals = !cloud && values.some((v) => v.length > 1);
            return { name: cloud ? "shuffled" : nameOf(first.setting), look: lookOf(first.setting), muted: cloud,
                     x: group.map((row) => mib(row.bytes)), y: values.map((v) => v[0]),
                     low: intervals ? values.map((v) => v[1]) : null, high: intervals ? values.map((v) => v[2]) : null,
                     detail: (i) => detailOf(group[i]) };
        });
    }

    /* Panels of budgets with a line per method, or of methods with a line per budget. Methods without a size stand in
     * every panel of budgets. */
    function lossChart(view) {
        const { results, rows, byMethod } = view, number = NUMBERS[view.number];
        const panelOf = (s) => (byMethod ? s.method : originOf(s));
        const nameOf = (s) => (byMethod ? budgetOf(s) : s.method);
        const lookOf = (s) => (byMethod ? results.budgets.indexOf(originOf(s)) : results.methods.indexOf(s.method));
        const full = rows.find((row) => isFull(row.setting)), others = rows.filter((row) => row !== full);
        const everywhere = (row) => !byMethod && isUnsized(row.setting);
        const sized = others.filter((row) => !everywhere(row)), unsized = others.filter(everywhere);
        const groups = groupBy(sized, (row) => panelOf(row.setting));
        if (groups.size === 0 && unsized.length) groups.set("", []);
        if (groups.size === 0) return null;
        const rules = full ? [{ value: number.of(full)[0], name: "full cache" }] : [];
        const panels = Array.from(groups, ([title, group]) => ({
            title, rules, x: { title: "cache, MiB", scale: "log2" }, y: { title: number.title, fromZero: number.zero },
            series: lossSeries(view, group.concat(unsized), nameOf, lookOf, number),
        }));
        const intervals = panels.some((panel) => panel.series.some((series) => series.low));
        return page.chart({
            title: `${view.task}: ${number.label} by measured bytes of the cache`, subtitle: results.about, panels,
            file: `${view.number}-by-bytes-${view.task}`,
            note: `${intervals ? MEANS : "Mean over windows."} Bytes are all that the cache's allocator held when the question came.`,
        });
    }

    /* ---- differences to uniform ---- */

    /* Controls that stand behind others: all shuffles, and random budgets of several seeds. */
    function isCloud(results, row) {
        const control = controlOf(row.setting.budget);
        if (control?.kind !== "random") return Boolean(control);
        const draws = results.settings.filter((s) => s.method === row.setting.method && controlOf(s.budget)?.kind === "random"
            && controlOf(s.budget).of === control.of).map((s) => s.budget);
        return unique(draws).length > 1;
    }

    const certain = (row) => row.verdict === "better" || row.verdict === "worse";

    function differenceSeries(view, rows, labels) {
        const { results, byMethod } = view, placeOf = (row) => labels.indexOf(originOf(row.setting));
        const clouds = groupBy(rows.filter((row) => isCloud(results, row)), (row) => controlOf(row.setting.budget).kind);
        const nameOf = (row) => (byMethod ? sizeOf(row.setting) : row.setting.method), names = byMethod ? results.sizes : results.methods;
        const own = groupBy(rows.filter((row) => !isCloud(results, row)), nameOf);
        const series = Array.from(clouds, ([name, group]) => ({ name, muted: true, group }));
        for (const [name, group] of own)
            series.push({ name, group, look: names.indexOf(name), hollow: (i) => !certain(group[i]),
                          low: group.map((row) => row.against_uniform.low), high: group.map((row) => row.against_uniform.high) });
        const control = ({ setting }) => `${setting.method}, ${setting.budget}`;
        return series.map(({ group, ...s }) => ({
            ...s, mark: "point", x: group.map(placeOf), y: group.map((row) => row.against_uniform.mean),
            detail: (i) => page.joined(s.muted && control(group[i]), detailOf(group[i])),
        }));
    }

    function differenceChart(view) {
        const { results, byMethod } = view, rows = view.rows.filter((row) => row.against_uniform);
        if (rows.length === 0) return null;
        const names = new Set(rows.map((row) => originOf(row.setting))), labels = results.budgets.filter((budget) => names.has(budget));
        const panels = Array.from(groupBy(rows, (row) => (byMethod ? row.setting.method : sizeOf(row.setting))), ([title, group]) => ({
            title, flip: true, x: { labels }, y: { title: "difference, nats per token" },
            series: differenceSeries(view, group, labels),
        }));
        const clouds = rows.some((row) => isCloud(results, row));
        return page.chart({
            title: `${view.task}: loss less that of uniform budgets of the same size`, subtitle: results.about, panels, sameY: false,
            file: `difference-to-uniform-${view.task}`,
            note: `${MEANS} Left of 0 is better than uniform. Windows are paired. Filled: better or worse; an outline: within noise, `
                + `or too few windows to say.${clouds ? " Grey: budgets dealt out at random, the control that a budget has to beat." : ""}`,
        });
    }

    /* ---- answers by depth and length ---- */

    /* The depths of a task, or tenths where they are many: { labels, of(cell) }. */
    function depthsOf(cells) {
        const depths = unique(cells.map((cell) => cell.depth)).sort((a, b) => a - b);
        if (depths.length <= DEPTHS) return { labels: depths.map((d) => page.percent(d, 3)), of: (cell) => depths.indexOf(cell.depth) };
        const labels = Array.from({ length: 10 }, (_, i) => `${10 * i}\u2013${10 * i + 10} %`);
        return { labels, of: (cell) => Math.min(Math.floor(10 * cell.depth), 9) };
    }

    /* A series of the share of questions answered without a wrong token, over the places that placeOf(cell) gives. */
    function answeredSeries(results, row, cells, places, placeOf) {
        const at = groupBy(cells, placeOf), points = places.map((x, i) => {
            const shares = meansBy(at.get(i) ?? [], (cell) => cell.window, (cell) => Number(cell.n_right === cell.n_scored));
            return shares.length ? { x, n: shares.length, ...bootstrap(shares, results.seed) } : null;
        }).filter(Boolean);
        const full = isFull(row.setting);
        return { name: full ? "full cache" : row.setting.method, look: full ? 10 : results.methods.indexOf(row.setting.method),
                 x: points.map((p) => p.x), y: points.map((p) => p.mean),
                 low: points.map((p) => p.low), high: points.map((p) => p.high),
                 detail: (i) => page.count(points[i].n, "window") };
    }

    /* A panel for each size and budget, into which seriesOf(row) goes; what has neither goes into all. */
    function panelsOf(view, axis, seriesOf) {
        const rows = view.rows.filter((row) => controlOf(row.setting.budget)?.kind !== "shuffled");
        const titleOf = (s) => (s.budget === null ? sizeOf(s) : `${sizeOf(s)} \u00B7 ${s.budget}`);
        const groups = groupBy(rows.filter((row) => !isUnsized(row.setting)), (row) => titleOf(row.setting));
        const everywhere = rows.filter((row) => isUnsized(row.setting)).map(seriesOf);
        if (groups.size === 0) groups.set("", []);
        return Array.from(groups, ([title, group]) => ({
            title, x: axis, y: { title: "answered", fromZero: true }, series: everywhere.concat(group.map(seriesOf)),
        })).filter((panel) => panel.series.some((series) => series.y.length));
    }

    const ANSWERED = `${MEANS} Answered: the share of questions answered without a wrong token.`;

    function depthChart(view) {
        const { results } = view, inView = (cell) => view.length === "all" || results.lengths[cell.window] === Number(view.length);
        const known = (cell) => typeof cell.depth === "number" && inView(cell);
        const all = view.rows.flatMap((row) => results.cellsOf(row).filter(known));
        if (all.length === 0) return null;
        const { labels, of } = depthsOf(all), places = labels.map((_, i) => i);
        const panels = panelsOf(view, { title: "depth in the context", labels },
            (row) => answeredSeries(results, row, results.cellsOf(row).filter(known), places, of));
        return page.chart({ title: `${view.task}: answers by where they stand in the context`, subtitle: results.about, panels,
                            note: ANSWERED, file: `retrieval-by-depth-${view.task}` });
    }

    function lengthChart(view) {
        const { results } = view, lengths = unique(results.lengths.filter((n) => n !== null)).sort((a, b) => a - b);
        if (lengths.length < 2 || !view.retrieves) return null;
        const placeOf = (cell) => lengths.indexOf(results.lengths[cell.window]);
        const panels = panelsOf(view, { title: "context, tokens", scale: "log2", ticks: lengths },
            (row) => answeredSeries(results, row, results.cellsOf(row), lengths, placeOf));
        return page.chart({ title: `${view.task}: answers by the length of the context`, subtitle: results.about, panels,
                            note: ANSWERED, file: `retrieval-by-length-${view.task}` });
    }

    Object.assign(page.results, { NUMBERS, depthChart, differenceChart, lengthChart, lossChart });
}
