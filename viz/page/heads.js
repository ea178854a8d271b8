/* heads.js: what is known of each head of one prompt: metrics of the analysis, signals of profiles. */
{
    /* How the program's metrics are called on the page; others go by their names. */
    const METRICS = [
        { name: "effective_rank", label: "Effective rank",
          about: "exp of the entropy of the singular values: how many different patterns of attention the queries have" },
        { name: "row_perplexity", label: "Row perplexity", about: "keys that a query spreads its attention over" },
        { name: "keys_95", label: "Keys for 95 %",
          about: "the fewest keys that hold 95 % of a query's attention, mean over the queries" },
        { name: "sink_4", label: "On the first 4", phrase: "attention on the first 4 tokens", unit: "mass",
          about: "attention on the first four tokens (the sink), mean over the queries" },
        { name: "local_32", label: "On the last 32", phrase: "attention on the last 32 tokens", unit: "mass",
          about: "attention on the query and the 31 tokens before it, mean over the queries" },
        { name: "long_256", label: "Beyond 256", unit: "mass",
          about: "attention on tokens over 256 back, without the first four, mean over the queries" },
        { name: "stable_rank", label: "Stable rank",
          about: "the squared Frobenius norm over the largest squared singular value" },
        { name: "ind1", label: "Induction", unit: "mass",
          about: "over the queries whose token occurred before: attention on what followed it" },
        { name: "erank_k", label: "Rank of keys", about: "effective rank of the keys of the head's KV head" },
        { name: "erank_v", label: "Rank of values", about: "effective rank of the values of the head's KV head" },
    ];
    const SIGNALS = {
        retr: "Retrieval (probe)",
        oerr: "Output error (probe)",
    };

    const number = (x) => (typeof x === "number" ? x : NaN);

    /* Rows [L][H], or [L][G] of KV heads, as [L * H]; null when they are not of that form. */
    const spread = (rows, { L, H, G }) => {
        const columns = rows?.[0]?.length;
        if (rows?.length !== L || (columns !== H && columns !== G)) return null;
        const values = new Float64Array(L * H);
        for (let l = 0; l < L; l++)
            for (let h = 0; h < H; h++) values[l * H + h] = number(rows[l][columns === H ? h : Math.floor((h * G) / H)]);
        return values;
    };

    const metricsOf = (analysis, shape) => {
        const rows = { effective_rank: analysis.effective_rank, ...analysis.metrics };
        const known = METRICS.filter((m) => m.name in rows);
        const others = Object.keys(rows).filter((name) => !METRICS.some((m) => m.name === name));
        const all = [...known, ...others.map((name) => ({ name, label: name, about: "" }))];
        return all.map((m) => ({ ...m, values: spread(rows[m.name], shape) })).filter((m) => m.values);
    };

    const sameModel = (a, b) =>
        ["n_layers", "n_heads", "n_kv_heads"].every((n) => a[n] === b[n]) && (!a.sha256 || !b.sha256 || a.sha256 === b.sha256);

    const profilesOf = (analysis) => page.documents("profile").filter((d) => sameModel(d.json.model, analysis.model));

    const signalsOf = (analysis, shape) => profilesOf(analysis).flatMap((d) =>
        Object.entries(d.json.signals ?? {}).map(([name, signal]) => ({
            name, label: SIGNALS[name] ?? `${name} (profile)`, about: [signal.summary, signal.origin].filter(Boolean).join("; "),
            unit: signal.unit, values: spread(signal.values, shape), profile: d.name,
        }))).filter((m) => m.values);

    const layersOf = (analysis, shape) => {
        const values = analysis.layer_rank?.values;
        return values?.length === shape.L ? values.map(number) : null;
    };

    /* The heads of an analysis document. Measures have `values` [L * H]; a profile's signal of a metric's name has it
     * with the profile's name behind it. */
    page.heads = (document) => {
        const analysis = document.json, { model, prompt } = analysis;
        const shape = { L: model.n_layers, H: model.n_heads, G: model.n_kv_heads };
        const measures = metricsOf(analysis, shape);
        for (const signal of signalsOf(analysis, shape)) {
            if (measures.some((m) => m.name === signal.name)) signal.name += `@${signal.profile}`;
            if (!measures.some((m) => m.name === signal.name)) measures.push(signal);
        }
        const heads = {
            ...shape, document, analysis, measures, T: prompt.n_tokens, layerRank: layersOf(analysis, shape),
            tokens: prompt.token_text?.length === prompt.n_tokens ? prompt.token_text : null,
            measure: (name) => measures.find((m) => m.name === name) ?? null,
            value: (name, layer, head) => heads.measure(name)?.values[layer * shape.H + head] ?? NaN,
            kvHead: (head) => Math.floor((head * shape.G) / shape.H),
        };
        return heads;
    };

    /* A measure's value for reading: masses to three places, so that they align. */
    page.measured = (measure, value) => (measure.unit === "mass" && value >= 0.001 ? value.toFixed(3) : page.format(value));
}
