/* runs.js: the section of `rankkv run`: the text beside that of the full cache, what each took, what heads hold, and the
 * cache over the steps. */
{
    function methodOf({ options }) {
        const size = options?.ratio ? `${page.percent(options.ratio)} kept` : options?.budget ? `${options.budget} entries` : null;
        return [options?.adaptive ?? options?.method ?? "full", size].filter(Boolean).join(", ");
    }

    const isFull = (json) => methodOf(json) === "full";

    /* ---- texts ---- */

    /* Texts of runs, the full cache's first and each of them once. */
    function textsOf(runs) {
        const items = [], full = new Set();
        for (const { name, json } of runs) {
            const text = json.full?.text;
            if (text !== undefined && !full.has(text)) items.unshift({ name: "full cache", text });
            full.add(text);
            items.push({ name: runs.length > 1 ? `${name}: ${methodOf(json)}` : methodOf(json), text: json.text ?? "" });
        }
        return page.texts(items);
    }

    /* ---- numbers ---- */

    const ROWS = [
        ["New tokens", (run) => run.token_ids?.length],
        ["Time to the first token, s", (run) => run.seconds?.first_token],
        ["Decoding, s", (run) => run.seconds?.decode],
        ["Compressing, s", (run) => run.seconds?.compress],
        ["Entries at the end", (run) => run.cache?.n_entries],
        ["Longest list", (run) => run.cache?.longest],
        ["Bytes held", (run) => run.cache?.allocated_bytes],
        ["Of keys and values", (run) => run.cache?.kv_bytes],
        ["Most bytes", (run) => run.cache?.peak_bytes],
        ["All tokens at 16 bits, bytes", (run) => run.cache?.full_bytes_16],
    ];

    function numbers(json) {
        const runs = [[isFull(json) ? "full cache" : methodOf(json), json], ...(json.full ? [["full cache", json.full]] : [])];
        const rows = ROWS.map(([label, of]) => [label, ...runs.map(([, run]) => of(run) ?? null)]);
        return page.table({ caption: "What it took", file: "run", rows: rows.filter((row) => row[1] !== null),
                            columns: [{ name: "number", label: "Number" }, ...runs.map(([name]) => ({ name }))] });
    }

    /* What each list holds at the end, by layer. */
    function heldChart(json) {
        const { heads } = json, x = heads.map((_, layer) => layer);
        const told = ({ budget, bytes, note }) =>
            page.joined(page.isNumber(budget) && `budget ${budget}`, page.isNumber(bytes) && page.bytes(bytes), note);
        const series = Array.from(heads[0] ?? [], (_, g) => ({
            name: `KV head ${g}`, mark: heads.length > 1 ? "step" : "point", x,
            y: heads.map((layer) => layer[g]?.entries ?? null), detail: (layer) => told(heads[layer][g]),
        }));
        return page.chart({ title: "Entries of each KV head at the end", subtitle: page.joined(page.modelName(json.model), methodOf(json)),
            file: "run-entries", x: { title: "layer", whole: true }, y: { title: "entries", fromZero: true, whole: true }, series });
    }

    /* ---- the cache ---- */

    /* The text of a run's token, where an analysis of the same prompt is on the page. */
    function tokensOf(run) {
        const ids = run.prompt?.token_ids ?? [];
        const begins = ({ prompt }) => prompt.token_text && ids.length > 0 && ids.every((id, i) => id === prompt.token_ids?.[i]);
        const found = page.documents("analysis").map((document) => document.json).find(begins);
        return (at) => (found && at < ids.length ? found.prompt.token_text[at] : null);
    }

    /* The trace of a run has its name, or there is one of each. */
    function cacheOf(run, caches, runs) {
        return caches.find((cache) => cache.name === run.name) ?? (runs.length === 1 && caches.length === 1 ? caches[0] : null);
    }

    function partsOf({ name, json }, cache) {
        return [
            page.knownFacts({ Method: methodOf(json), Prompt: json.prompt?.name, "Its tokens": json.prompt?.n_tokens, Device: json.device,
                              "Tokens as with the full cache": json.same_tokens }),
            json.stopped && page.note("The run was stopped: the text is what was made until then."),
            json.text !== undefined && textsOf([{ name, json }]), numbers(json), json.heads?.length > 0 && heldChart(json),
            cache && page.cache(cache.json, tokensOf(json)),
        ].filter(Boolean);
    }

    /* ---- the section ---- */

    function fill(body) {
        const runs = page.documents("run"), caches = page.documents("cache"), several = runs.length > 1;
        if (several) body.append(page.el("h3", {}, "All texts"), textsOf(runs));
        const used = runs.map((run) => cacheOf(run, caches, runs));
        /* One alone has its name, too: texts are a level below. */
        runs.forEach((run, i) => body.append(page.partName(run.name, true), ...partsOf(run, used[i])));
        for (const { name, json } of caches.filter((cache) => !used.includes(cache)))
            body.append(page.partName(name, true), page.cache(json, () => null));
    }

    page.section({ id: "runs", order: 75, title: "Generated text",
                   when: () => page.documents("run").length + page.documents("cache").length > 0, fill });
}
