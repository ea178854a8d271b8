/* head.js: one head: what it is called and why, its attention, its spectrum, its metrics. */
{
    const LEAST = 1e-6; /* of the largest singular value: what is smaller would flatten the rest */

    const spectrumChart = (heads, array, layer, head, values) => {
        const index = array.attributes.index ?? Array.from(values.keys()), rank = heads.value("effective_rank", layer, head);
        const shown = Array.from(values, (v) => (v > LEAST * values[0] ? v : null));
        return page.chart({
            title: "Singular values", file: `spectrum-layer-${layer}-head-${head}`, legend: false, height: 220,
            x: { title: "index, from the largest" }, y: { title: "singular value", scale: "log10" },
            series: [{ name: `layer ${layer}, head ${head}`, x: index.map((i) => i + 1), y: shown }],
            note: shown.includes(null) ? "Those below a millionth of the largest are left out." : "",
            rules: Number.isFinite(rank) ? [{ value: rank, axis: "x", name: `effective rank ${page.format(rank)}` }] : [],
        });
    };

    const nearby = (attention) => {
        const [own, previous] = [attention?.diagonal(0), attention?.diagonal(1)];
        if (typeof own !== "number" || typeof previous !== "number") return "";
        return ` On the average a query gives ${page.format(previous, 2)} to the token before it, ${page.format(own, 2)} to its own.`;
    };

    const SHORT = `With fewer than ${page.shortPrompt} tokens every head rests on the first and the last ones: kinds of head are not told.`;

    const kindText = (heads, attention, layer, head) => {
        const kind = page.kind(heads, layer, head);
        if (!kind) return [SHORT];
        const swatch = page.swatch(`var(--series-${kind.index % 12})`, page.el("b", {}, kind.name));
        return [swatch, `: ${kind.says}. `, kind.why && `It is called so because its ${kind.why}.`, nearby(attention)];
    };

    const metricFacts = (heads, layer, head) => page.facts(heads.measures.map((m) => {
        const value = m.values[layer * heads.H + head];
        return [m.label, { text: page.measured(m, value), exact: page.exact(value) }];
    }));

    /* One head: elements, and open(layer, head) that fills them: whether no other was opened meanwhile. */
    page.head = (heads) => {
        const { document } = heads, arrays = { attention: document.array("attention"), spectrum: document.array("spectrum") };
        const attention = arrays.attention && page.attention(heads, arrays.attention);
        const title = page.el("h3", {}), kind = page.el("p", { class: "kind" });
        const spectrum = page.el("div", { class: "spectrum" }), metrics = page.el("div", { class: "metrics" });
        const missing = !attention && page.el("p", { class: "note" }, "The page holds no attention: it was made without it.");
        const element = page.el("div", { class: "head" }, title, kind, attention ? attention.element : missing);

        let opened = null;
        const open = async (layer, head) => {
            const mine = (opened = {}); /* it is replaced when another is opened */
            const kv = heads.G === heads.H ? "" : ` · KV head ${heads.kvHead(head)}`;
            title.textContent = `Layer ${layer}, head ${head}${kv}`;
            await attention?.open(layer, head);
            if (opened !== mine) return false;
            metrics.replaceChildren(metricFacts(heads, layer, head));
            kind.replaceChildren(...kindText(heads, attention, layer, head).filter(Boolean));
            if (!arrays.spectrum) return true;
            const part = await arrays.spectrum.part(layer), n = arrays.spectrum.partShape[1];
            if (opened !== mine) return false;
            spectrum.replaceChildren(spectrumChart(heads, arrays.spectrum, layer, head, part.slice(head * n, (head + 1) * n)));
            return true;
        };
        return { element, spectrum, metrics, open };
    };
}
