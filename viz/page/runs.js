/* runs.js: the section of `rankkv run`: the text beside that of the full cache, what each took, what heads hold, and the
 * cache over the steps. */
{
    const printable = page.look.printable;

    function fact(value, text = typeof value === "number" ? page.format(value) : printable(value)) {
        return { text, exact: value };
    }

    function methodOf({ options }) {
        return [options?.adaptive ?? options?.method ?? "full", options?.ratio ? `${page.format(100 * options.ratio)} % kept` : options?.budget ? `${options.budget} entries` : null]
            .filter(Boolean).join(", ");
    }

    /* ---- texts ---- */

    /* Texts of all runs of one prompt, the full cache's first. */
    function textsOf(runs) {
        const items = [];
        for (const { name, json } of runs) {
            const label = runs.length > 1 ? `${name}: ${methodOf(json)}` : methodOf(json);
            if (json.full && !items.some((item) => item.text === json.full.text && item.full)) items.unshift({ name: "full cache", text: json.full.text ?? "", full: true });
            items.push({ name: label, text: json.text ?? "" });
        }
        return page.texts(items);
    }

    /* ---- numbers ---- */

    const ROWS = [["New tokens", (run) => run.token_ids?.length], ["Time to the first token, s", (run) => run.seconds?.first_token], ["Decoding, s", (run) => run.seconds?.decode],
        ["Compressing, s", (run) => run.seconds?.compress], ["Entries at the end", (run) => run.cache?.n_entries], ["Longest list", (run) => run.cache?.longest],
        ["Bytes held", (run) => run.cache?.allocated_bytes], ["Of keys and values", (run) => run.cache?.kv_bytes], ["Most bytes", (run) => run.cache?.peak_bytes],
        ["All tokens at 16 bits, bytes", (run) => run.cache?.full_bytes_16]];

    function numbers(json) {
        const columns = [{ name: "number", label: "Number" }, { name: methodOf(json) === "full" ? "full cache" : methodOf(json) }, ...(json.full ? [{ name: "full cache" }] : [])];
        return page.table({ caption: "What it took", file: "run", columns,
            rows: ROWS.map(([label, of]) => [label, of(json) ?? null, ...(json.full ? [of(json.full) ?? null] : [])]).filter((row) => row[1] !== null) });
    }

    /* What each list holds at the end, by layer; budgets beside them where there are any. */
    function heldChart(json) {
        const heads = json.heads, G = heads[0]?.length ?? 0, all = (name) => heads.map((layer) => layer.map((head) => head[name] ?? null));
        const entries = all("entries"), budgets = all("budget"), layers = heads.map((_, l) => l);
        const series = Array.from({ length: G }, (_, g) => ({ name: `KV head ${g}`, mark: heads.length > 1 ? "step" : "point", x: layers, y: entries.map((layer) => layer[g]),
            detail: (l) => [budgets[l][g] === null ? "" : `budget ${budgets[l][g]}`, page.bytes(heads[l][g].bytes ?? NaN), heads[l][g].note].filter(Boolean).join(" \u00B7 ") }));
        return page.chart({ title: "Entries of each KV head at the end", subtitle: `${json.model?.name ?? ""} \u00B7 ${methodOf(json)}`, file: "run-entries",
            x: { title: "layer", whole: true }, y: { title: "entries", fromZero: true, whole: true }, series });
    }

    /* ---- the cache ---- */

    /* Texts of a run's tokens where an analysis of the same prompt is on the page. */
    function tokensOf(run) {
        const ids = run?.prompt?.token_ids, same = (json) => json.prompt.token_text && ids?.length && json.prompt.token_ids?.length >= ids.length
            && ids.every((id, i) => id === json.prompt.token_ids[i]);
        const found = page.documents("analysis").map((document) => document.json).find(same);
        return (at) => (found && at < ids.length ? found.prompt.token_text[at] : null);
    }

    function cacheOf(run, caches, runs) {
        return caches.find((cache) => cache.name === run.name) ?? (runs.length === 1 && caches.length === 1 ? caches[0] : null);
    }

    function addRun(body, { name, json }, cache, several) {
        if (several) body.append(page.el("h3", { dir: "auto" }, printable(name)));
        body.append(page.facts([["Method", fact(methodOf(json))], json.prompt && ["Prompt", fact(json.prompt.name ?? "")], json.prompt && ["Its tokens", fact(json.prompt.n_tokens)],
            json.device && ["Device", fact(json.device)], typeof json.same_tokens === "number" && ["Tokens as with the full cache", fact(json.same_tokens)]]));
        if (json.stopped) body.append(page.el("p", { class: "note" }, "The run was stopped: the text is what was made until then."));
        if (json.text !== undefined) body.append(textsOf([{ name, json }]));
        body.append(numbers(json));
        if (json.heads?.length) body.append(heldChart(json));
        if (cache) body.append(page.cache(cache.json, tokensOf(json)));
    }

    page.section({ id: "runs", order: 75, title: "Generated text", when: () => page.documents("run").length + page.documents("cache").length > 0,
        fill: (body) => {
            const runs = page.documents("run"), caches = page.documents("cache"), several = runs.length > 1;
            if (several) body.append(page.el("h3", {}, "All texts"), textsOf(runs));
            const used = runs.map((run) => cacheOf(run, caches, runs));
            runs.forEach((run, i) => addRun(body, run, used[i], several));
            for (const cache of caches.filter((c) => !used.includes(c)))
                body.append(page.el("h3", { dir: "auto" }, printable(cache.name)), page.cache(cache.json, () => null));
        } });
}
