/* calibration.js: the budget that a profile stands for: what it was chosen on, and how it was judged on windows that it
 * was not chosen on, beside shuffles of itself. */
{
    const { Results, controlOf, groupBy, isFull } = page.results;

    /* ---- shuffles ---- */

    /* The mean loss of each window under a setting: of its questions, whatever their task. */
    function windowLosses(results, setting) {
        const groups = groupBy(results.cells.filter((cell) => cell.setting === setting.index), (cell) => cell.window);
        const mean = (cells) => cells.reduce((sum, cell) => sum + cell.loss, 0) / cells.length;
        return new Map(Array.from(groups, ([window, cells]) => [window, mean(cells)]));
    }

    function difference(a, b) {
        const both = Array.from(a.keys()).filter((window) => b.has(window));
        return both.reduce((sum, window) => sum + a.get(window) - b.get(window), 0) / both.length;
    }

    /* The shuffles that the profile was judged beside, where the page holds that evaluation: it is known by the same
     * difference. Null: it is not here. */
    function shufflesIn(document, { method, ratio, budget, difference: judged }) {
        const results = new Results(document);
        const candidates = results.settings.filter((s) => s.method === method && s.ratio === ratio && !isFull(s));
        const chosen = candidates.find((s) => s.budget === budget);
        const uniform = candidates.find((s) => /^uniform(:|$)/.test(s.budget ?? ""));
        if (!chosen || !uniform) return null;
        const base = windowLosses(results, uniform);
        if (!(Math.abs(difference(windowLosses(results, chosen), base) - judged) < 1e-6)) return null;
        const isShuffle = (control) => control?.kind === "shuffled" && control.of === budget;
        return candidates.filter((s) => isShuffle(controlOf(s.budget))).map((s) => difference(windowLosses(results, s), base));
    }

    function shufflesOf(calibration) {
        if (Array.isArray(calibration.shuffles)) return calibration.shuffles;
        for (const document of page.documents("results")) {
            const found = shufflesIn(document, calibration);
            if (found?.length) return found;
        }
        return [];
    }

    /* ---- words and chart ---- */

    function words(c) {
        const side = c.difference <= 0 ? "lower" : "higher";
        const judged = c.high < 0 ? "the whole interval lies below 0"
                     : c.low > 0 ? "the whole interval lies above 0" : "within noise: the interval holds 0";
        const shuffles = c.n_shuffles > 0 && ` It is lower than ${c.n_beaten} of ${page.count(c.n_shuffles, "shuffle")} of itself: `
            + "the same budgets, dealt out to other layers or heads.";
        return page.el("p", {}, `On ${page.count(c.n_judged, "window")} that it was not chosen on, its loss is `,
            `${page.format(Math.abs(c.difference))} nats ${side} than that of uniform budgets `,
            `[${page.format(c.low)}, ${page.format(c.high)}]; ${judged}.`, shuffles);
    }

    function chart(c, model) {
        const shuffles = shufflesOf(c), grey = shuffles.length > 0;
        const series = [{ name: "shuffled", muted: true, mark: "point", x: shuffles.map(() => 0), y: shuffles },
            { name: "chosen budget", mark: "point", x: [0], y: [c.difference], low: [c.low], high: [c.high],
              detail: () => page.count(c.n_judged, "window") }];
        return page.chart({
            title: "Loss less that of uniform budgets of the same size", file: "calibration",
            subtitle: page.joined(page.modelName(model), c.method, page.isNumber(c.ratio) && `${page.percent(c.ratio)} kept`),
            flip: true, x: { labels: [c.budget] }, y: { title: "difference, nats per token" }, rules: [{ value: 0, name: "uniform" }],
            series: series.filter((s) => s.y.length),
            note: "Mean over windows with its bootstrap 95 % interval; left of 0 is better than uniform."
                + (grey ? " Grey: the budgets of each shuffle." : ""),
        });
    }

    /* ---- the section ---- */

    const calibrated = () => page.documents("profile").filter((document) => document.json.calibration);

    function fill(body) {
        for (const { name, json } of calibrated()) {
            const { calibration: c, model } = json;
            body.append(page.partName(name, calibrated().length > 1), page.knownFacts({
                Budget: c.budget, "For method": c.method, "Of tokens kept": c.ratio, "Chosen on": c.text, Windows: c.n_windows,
                "Its loss there": c.loss, "Loss of uniform": c.uniform_loss,
            }));
            if (page.isNumber(c.difference)) body.append(words(c), chart(c, model));
            else body.append(page.note("It was not judged on windows other than those that it was chosen on."));
        }
    }

    page.section({ id: "calibration", order: 65, title: "Calibration", when: () => calibrated().length > 0, fill });
}
