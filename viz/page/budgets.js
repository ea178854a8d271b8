/* budgets.js: how many tokens each layer, and each KV head, keeps under each policy, side by side. */
{
    const optionsOf = ({ options = {} }) => Object.entries(options)
        .filter(([name, value]) => !["ratio", "total", "mean"].includes(name) && value !== false && value !== null)
        .map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`).join(", ");

    const sameRule = (a, b) => a.policy === b.policy && a.signal === b.signal && a.granularity === b.granularity;

    const samePrompt = (a, b) => (a.source ?? "") === (b.source ?? "");

    /* By what a policy went, as its name in charts: two of one policy differ in their signal, or go by their files. */
    const nameOf = (document, group) => {
        const { policy = document.name, signal, granularity } = document.json;
        const full = policy + (signal && signal !== "erank" ? ` of ${signal}` : "") + (granularity === "head" ? ", by head" : "");
        const twins = group.filter((d) => sameRule(d.json, document.json));
        return twins.length > 1 ? `${full} (${document.name})` : full;
    };

    /* Policies that spend the same on the same prompt, largest groups first. */
    const groupsOf = (documents) => {
        const groups = new Map();
        for (const d of documents) {
            const { source, total, n_tokens: T, layers } = d.json, key = JSON.stringify([source ?? "", total, T, layers.length]);
            if (!groups.has(key)) groups.set(key, []);
            groups.get(key).push(d);
        }
        return [...groups.values()].sort((a, b) => b.length - a.length);
    };

    const MANY = 6; /* of lines in one panel: then controls, which do not follow what they know, get their own */

    const layerChart = (group, names) => {
        const { total, n_tokens: T, layers } = group[0].json, control = (d) => !d.json.signal || d.json.policy === "shuffled";
        const panel = (title, holds) => ({
            title, x: { title: "layer" }, y: { title: "tokens kept", fromZero: true },
            rules: [{ value: total / layers.length, name: "mean", axis: "y" }],
            series: group.map((d, i) => ({ d, name: names[i], y: d.json.layers, look: i })).filter(({ d }) => holds(d)),
        });
        const apart = group.length > MANY && group.some(control) && !group.every(control);
        const share = page.format((100 * total) / (T * layers.length), 3);
        return page.chart({
            title: "Tokens kept per layer", file: "budgets-by-layer",
            subtitle: `${group.length > 1 ? "The same total for each policy: " : ""}${total} entries over ${layers.length} layers, per KV head; ` +
                `${share} % of ${T} tokens.`,
            panels: apart ? [panel("By a signal", (d) => !control(d)), panel("Controls", control)] : [panel("", () => true)],
        });
    };

    const headGrid = (document, title, most) => {
        const { heads, layers } = document.json, G = heads[0].length;
        const grid = page.grid({
            label: `Tokens kept per KV head: ${title}`, rows: layers.length, columns: G, values: Float64Array.from(heads.flat()),
            describe: (l, g) => `Layer ${l}, KV head ${g}: ${heads[l][g]} tokens`,
            tools: [page.saveButton(title, () => page.saveCanvas(grid.canvas, title, title))],
        });
        grid.show(grid.values, { range: [0, most] });
        return page.el("div", {}, page.el("h4", {}, title), grid.element);
    };

    const headGrids = (group, names) => {
        const byHead = group.filter((d) => d.json.heads?.length);
        if (!byHead.length) return null;
        const most = Math.max(...byHead.flatMap((d) => d.json.heads.flat()));
        return [page.el("h3", {}, "Tokens kept per KV head"),
                page.el("p", { class: "muted small" }, "A row for each layer, a column for each KV head; one scale for all."),
                page.el("div", { class: "grids" }, byHead.map((d) => headGrid(d, names[group.indexOf(d)], most)))];
    };

    const policyTable = (group, names) => page.table({
        caption: "Policies", file: "policies",
        columns: [{ name: "policy", label: "Policy" }, { name: "total", label: "Total" }, { name: "least", label: "Least of a layer" },
                  { name: "most", label: "Most of a layer" }, { name: "options", label: "Options" }],
        rows: group.map(({ json: b }, i) => [names[i], b.total, Math.min(...b.layers), Math.max(...b.layers), optionsOf(b)]),
    });

    const headTable = (document, title) => page.table({
        caption: `Tokens kept per KV head: ${title}`, file: `budgets-${title}`,
        columns: [{ name: "layer" }, { name: "kv_head", label: "KV head" }, { name: "budget", label: "tokens" }],
        rows: document.json.heads.flatMap((row, l) => row.map((kept, g) => [l, g, kept])),
    });

    const show = (documents) => {
        const names = documents.map((d) => nameOf(d, documents));
        const tables = documents.map((d, i) => d.json.heads?.length && page.details(`Table: ${names[i]}`, () => headTable(d, names[i])));
        return [policyTable(documents, names), layerChart(documents, names), headGrids(documents, names), tables];
    };

    /* Budgets stand in documents of their own; an analysis brings its own where those lack it. */
    const documentsOf = () => {
        const own = page.documents("budget");
        const brought = page.documents("analysis").filter((d) => d.json.budget).map((d) => ({ name: d.name, json: d.json.budget }));
        const known = (b) => own.some((d) => sameRule(d.json, b.json) && samePrompt(d.json, b.json) && d.json.total === b.json.total);
        return [...own, ...brought.filter((b) => !known(b))];
    };

    const fill = async (body) => {
        const groups = groupsOf(documentsOf());
        for (const documents of groups) {
            const { total, n_tokens: T, source } = documents[0].json;
            if (groups.length > 1)
                body.append(page.el("h3", {}, source ? [page.el("bdi", {}, source), ": "] : "", `${total} entries, ${T} tokens`));
            body.append(...show(documents).flat(Infinity).filter(Boolean));
            await page.pause();
        }
    };

    page.section({ id: "budgets", order: 20, title: "Budgets", when: () => documentsOf().length > 0, fill });
}
