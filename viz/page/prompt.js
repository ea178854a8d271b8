/* prompt.js: the section of a prompt: model, map of heads, the open head, the text. */
{
    /* What is not known is null, empty, or 0 in counts: it is left out. */
    const fact = (name, value, text) => (value ? [name, { text: text ?? String(value), exact: String(value) }] : null);

    const SOLVERS = { gram: "Gram matrix, float64", svd: "SVD, float64" };

    const factsOf = ({ model: m, prompt, perplexity, solver, device, seconds, layer_rank: layers }) => page.facts([
        fact("Model", m.name), fact("Architecture", m.architecture), fact("Weights", m.file_type),
        fact("Parameters", m.n_parameters, m.n_parameters && `${page.format(m.n_parameters / 1e6, 4)} M`),
        fact("Layers", m.n_layers), fact("Heads, KV heads", `${m.n_heads}, ${m.n_kv_heads}`), fact("Head size", m.head_dim),
        fact("Prompt", prompt.name), fact("Tokens", prompt.n_tokens), fact("Perplexity", perplexity, page.format(perplexity)),
        fact("Layer rank", layers?.aggregate, layers && `${layers.aggregate} of its heads`),
        fact("Solver", SOLVERS[solver] ?? solver), fact("Device", device), fact("Analysis took", seconds?.total, page.seconds(seconds?.total)),
    ]);

    const describer = (heads, shown) => (layer, head) => {
        const measure = shown(), value = measure.values[layer * heads.H + head];
        const kind = page.kind(heads, layer, head);
        const number = Number.isNaN(value) ? "not known" : page.measured(measure, value);
        const said = measure.names ? measure.names[value] : `${measure.label.toLowerCase()} ${number}`;
        return [`Layer ${layer}, head ${head}: ${said}`, !measure.names && kind && kind.name].filter(Boolean).join(" · ");
    };

    /* The map of heads with its choices; open(layer, head) is called when one is opened. */
    const mapOf = (heads, kinds, open) => {
        const measures = [...heads.measures, kinds].filter(Boolean), about = page.el("p", { class: "muted small" });
        let measure = measures[0], sorted = false;
        const title = () => `${measure.label} of ${heads.document.name}`;
        const save = page.saveButton("map of heads", () => page.saveCanvas(map.canvas, title(), title()));
        const map = page.grid({
            label: "Map of heads: a row for each layer, a column for each head", rows: heads.L, columns: heads.H, values: measure.values,
            describe: describer(heads, () => measure), open, tools: [save],
        });
        const show = () => {
            about.textContent = `${measure.label}: ${measure.about || "a signal of the profile"}.`;
            map.show(measure.values, { names: measure.names, sorted });
        };
        show();
        const which = page.choice("Show", measures.map((m) => [m.name, m.label]), measure.name, (name) => {
            measure = measures.find((m) => m.name === name);
            show();
        });
        const order = page.choice("Order", [["layer", "layer × head"], ["value", "by value"]], "layer", (value) => {
            sorted = value === "value";
            show();
        });
        const choices = page.el("p", { class: "tools" }, which, order);
        return { map, element: page.el("div", { class: "map" }, page.el("h3", {}, "Heads"), choices, map.element, about) };
    };

    const columnOf = (measure) => ({ name: measure.name, label: measure.label, title: measure.about, text: (v) => page.measured(measure, v) });

    const rowOf = (heads, layer, head) =>
        [layer, head, page.kind(heads, layer, head)?.name ?? "", ...heads.measures.map((m) => m.values[layer * heads.H + head])];

    const tableOf = (heads) => page.table({
        caption: `All ${heads.L * heads.H} heads`, file: `${heads.document.name}-heads`, limit: 90,
        columns: [{ name: "layer" }, { name: "head" }, { name: "kind" }, ...heads.measures.map(columnOf)],
        rows: Array.from({ length: heads.L * heads.H }, (_, i) => rowOf(heads, Math.floor(i / heads.H), i % heads.H)),
    });

    const layerChart = ({ analysis, layerRank, document }) => page.chart({
        title: `Rank of the layers: ${analysis.layer_rank.aggregate} of their heads`, file: `${document.name}-layer-rank`,
        x: { title: "layer" }, y: { title: "effective rank", fromZero: true },
        series: [{ name: "layer rank", y: layerRank, mark: "bar" }], legend: false, height: 260,
    });

    /* The head that is shown first: of the highest rank. */
    const first = (heads) => {
        const { values } = heads.measures[0];
        return values.reduce((best, v, i) => (v > values[best] || Number.isNaN(values[best]) ? i : best), 0);
    };

    const fillPrompt = async (body, document) => {
        const heads = page.heads(document), kinds = page.kinds(heads), panel = page.head(heads), received = page.received(heads);
        const open = async (layer, head) => {
            map.map.select(layer, head);
            if (!(await panel.open(layer, head))) return false;
            await page.pause(); /* the picture first, then the text */
            return received.head(layer, head);
        };
        const map = mapOf(heads, kinds, async (layer, head) => {
            if (await open(layer, head)) page.say(`Layer ${layer}, head ${head} is open`);
        });
        body.replaceChildren(factsOf(heads.analysis),
            page.el("div", { class: "heads" }, page.el("div", {}, map.element, panel.spectrum), page.el("div", {}, panel.element, panel.metrics)),
            kinds ? page.kindsTable(heads, kinds) : "", page.details("Every head in a table", () => tableOf(heads)),
            heads.layerRank ? page.details("The rank of each layer", () => layerChart(heads)) : "",
            page.el("h3", {}, "The text"), received.element);
        const at = first(heads);
        await open(Math.floor(at / heads.H), at % heads.H);
    };

    const fill = async (body) => {
        const documents = page.documents("analysis"), part = page.el("div", {});
        const choice = page.choice("Prompt", documents.map((d, i) => [i, d.name]), 0, (i) => fillPrompt(part, documents[i]));
        if (documents.length > 1) body.append(page.el("p", { class: "tools" }, choice));
        body.append(part);
        await fillPrompt(part, documents[0]);
    };

    page.section({ id: "prompt", order: 10, title: "Prompt", when: () => page.documents("analysis").length > 0, fill });
}
