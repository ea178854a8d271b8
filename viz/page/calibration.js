/* calibration.js: the budget that a profile stands for: what it was chosen on, and how it was judged on windows that it
 * was not chosen on, beside shuffles of itself. */
{
    const { Results, controlOf, groupBy, isFull } = page.results;

    /* The mean loss of each window under a setting: questions first, of all tasks. */
    function windowLosses(results, setting) {
        const groups = groupBy(results.cells.filter((cell) => cell.setting === setting.index), (cell) => cell.window);
        return new Map(Array.from(groups, ([window, cells]) => [window, cells.reduce((sum, cell) => sum + cell.loss, 0) / cells.length]));
    }

    function difference(a, b) {
        const both = Array.from(a.keys()).filter((window) => b.has(window));
        return both.reduce((sum, window) => sum + a.get(window) - b.get(window), 0) / both.length;
    }

    /* The shuffles that the profile was judged beside, where the page holds that evaluation: it is known by the same
     * difference. Null: it is not here. */
    function shufflesIn(document, calibration) {
        const results = new Results(document), ofMethod = results.settings.filter((s) => s.method === calibration.method && !isFull(s) && s.ratio === calibration.ratio);
        const chosen = ofMethod.find((s) => s.budget === calibration.budget), uniform = ofMethod.find((s) => /^uniform(:|$)/.test(s.budget ?? ""));
        if (!chosen || !uniform) return null;
        const base = windowLosses(results, uniform);
        if (Math.abs(difference(windowLosses(results, chosen), base) - calibration.difference) > 1e-6) return null;
        const shuffles = ofMethod.filter((s) => controlOf(s.budget)?.kind === "shuffled" && controlOf(s.budget).of === calibration.budget);
        return shuffles.map((s) => difference(windowLosses(results, s), base));
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
        const judged = c.high < 0 ? "the whole interval lies below 0" : c.low > 0 ? "the whole interval lies above 0" : "within noise: the interval holds 0";
        const parts = [`On ${c.n_judged} windows that it was not chosen on, its loss is ${page.format(Math.abs(c.difference))} nats ${c.difference <= 0 ? "lower" : "higher"} than that of uniform budgets `
            + `[${page.format(c.low)}, ${page.format(c.high)}]; ${judged}.`];
        if (c.n_shuffles) parts.push(`It is lower than ${c.n_beaten} of ${c.n_shuffles} shuffles of itself: the same budgets, dealt out to other layers or heads.`);
        return page.el("p", {}, parts.join(" "));
    }

    function chart(c, model) {
        const shuffles = shufflesOf(c), series = [{ name: "shuffled", muted: true, mark: "point", x: shuffles.map(() => 0), y: shuffles }];
        series.push({ name: "chosen budget", mark: "point", x: [0], y: [c.difference], low: [c.low], high: [c.high], detail: () => `${c.n_judged} windows` });
        return page.chart({
            title: "Loss less that of uniform budgets of the same size", subtitle: [model, c.method, c.ratio && `${page.format(100 * c.ratio)} % kept`].filter(Boolean).join(" \u00B7 "),
            flip: true, x: { labels: [c.budget] }, y: { title: "difference, nats per token" }, rules: [{ value: 0, name: "uniform" }],
            series: series.filter((s) => s.y.length), file: "calibration",
            note: `Mean over windows with its bootstrap 95 % interval; left of 0 is better than uniform.${shuffles.length ? " Grey: the budgets of each shuffle." : ""}`,
        });
    }

    function fact(value) {
        return { text: typeof value === "number" ? page.format(value) : page.look.printable(value), exact: value };
    }

    function facts(c) {
        return page.facts([["Budget", fact(c.budget)], c.method && ["For method", fact(c.method)], typeof c.ratio === "number" && ["Of tokens kept", fact(c.ratio)],
            c.text && ["Chosen on", fact(c.text)], typeof c.n_windows === "number" && ["Windows", fact(c.n_windows)], typeof c.loss === "number" && ["Its loss there", fact(c.loss)],
            typeof c.uniform_loss === "number" && ["Loss of uniform", fact(c.uniform_loss)]]);
    }

    /* ---- the section ---- */

    const calibrated = () => page.documents("profile").filter((document) => document.json.calibration);

    page.section({ id: "calibration", order: 65, title: "Calibration", when: () => calibrated().length > 0,
        fill: (body) => {
            for (const { name, json } of calibrated()) {
                const { calibration: c, model } = json;
                if (calibrated().length > 1) body.append(page.el("h3", { dir: "auto" }, page.look.printable(name)));
                body.append(facts(c));
                if (typeof c.difference === "number") body.append(words(c), chart(c, [model?.name, model?.file_type].filter(Boolean).join(" ")));
                else body.append(page.el("p", { class: "note" }, "It was not judged on windows other than those that it was chosen on."));
            }
        } });
}
