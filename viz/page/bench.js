/* bench.js: the section of `rankkv bench`: times and memory of methods, and of representations of keys and values. */
{
    const MIB = 1 / 1048576;

    /* What a panel shows of a row: a member in a unit, or a unit over it: cli/bench_charts.c and more. */
    const TIMES = [{ title: "time to the first token (TTFT)", axis: "seconds", member: "ttft_s", unit: 1 },
                   { title: "time per token after it (TPOT)", axis: "milliseconds", member: "tpot_s", unit: 1000 }];
    const MEMORY = [{ title: "cache after the prompt", axis: "MiB", member: "cache_bytes", unit: MIB },
                    { title: "cache at most", axis: "MiB", member: "cache_peak_bytes", unit: MIB },
                    { title: "process at most", axis: "MiB", member: "peak_bytes", unit: MIB }];
    const CONTEXTS = [{ title: "decoding speed", axis: "tokens per second", member: "tpot_s", unit: 1, inverse: true }, TIMES[1], TIMES[0], MEMORY[0]];

    const unique = (values) => Array.from(new Set(values));
    const known = (value) => typeof value === "number" && Number.isFinite(value);

    function fact(value) {
        return { text: typeof value === "number" ? page.format(value) : page.look.printable(value), exact: value };
    }

    /* [median, least, most] of a quantity; null where it was not measured. */
    function spread(row, q) {
        const s = row?.[q.member] ?? {}, of = (value) => (!known(value) ? null : q.inverse ? (value > 0 ? q.unit / value : null) : value * q.unit);
        return q.inverse ? [of(s.median), of(s.most), of(s.least)] : [of(s.median), of(s.least), of(s.most)];
    }

    function seriesOf(name, look, mark, xs, rows, q) {
        const values = rows.map((row) => spread(row, q)), several = rows.map((row) => row?.n_samples > 1);
        return { name, look, mark, x: xs, y: values.map((v) => v[0]), low: values.map((v, i) => (several[i] ? v[1] : null)), high: values.map((v, i) => (several[i] ? v[2] : null)),
                 detail: (i) => rows[i] && `${rows[i].n_samples} round${rows[i].n_samples === 1 ? "" : "s"}${rows[i].policy ? `, ${rows[i].policy}` : ""}` };
    }

    /* ---- on a model ---- */

    class Bench {
        constructor(json) {
            this.json = json;
            this.rows = json.results ?? [];
            this.methods = unique(this.rows.map((row) => row.method));
            this.contexts = unique(this.rows.filter((row) => row.n_samples > 0).map((row) => row.context)).sort((a, b) => a - b);
        }

        row(method, context) {
            return this.rows.find((row) => row.method === method && row.context === context);
        }

        get subtitle() {
            const { model, options, text } = this.json, rounds = options.repeats;
            return `${model.name ?? "model"}${model.file_type ? ` (${model.file_type})` : ""}, ${options.new_tokens} new tokens after ${text.name}, ${rounds} round${rounds === 1 ? "" : "s"}`;
        }

        /* Methods beside one another, a bar for each context; of many methods, one below the other. */
        byMethod(title, file, quantities, note) {
            const { methods, contexts } = this, flip = methods.length > 6, places = methods.map((_, i) => i);
            return page.chart({ title, file, subtitle: this.subtitle, note, sameY: false, columns: quantities.length,
                panels: quantities.map((q) => ({ title: q.title, flip, x: { labels: methods }, y: { title: q.axis, fromZero: true },
                    series: contexts.map((context, c) => seriesOf(`${context} tokens`, c, "bar", places, methods.map((method) => this.row(method, context)), q)) })) });
        }

        byContext() {
            const { methods, contexts } = this;
            return page.chart({ title: "Along the context", file: "bench-contexts", subtitle: this.subtitle, sameY: false, columns: 2,
                note: "Medians over rounds, from the least to the most. The cache: bytes allocated after the prompt.",
                panels: CONTEXTS.map((q) => ({ title: q.title, x: { title: "tokens of the prompt", scale: "log2", ticks: contexts }, y: { title: q.axis, fromZero: true },
                    series: methods.map((method, m) => seriesOf(method, m, "line", contexts, contexts.map((context) => this.row(method, context)), q)) })) });
        }
    }

    const BARS = "Bars: medians over rounds; lines: from the least to the most. Each case and round is a process of its own.";

    function failures(rows) {
        const failed = rows.filter((row) => row.failure);
        return failed.length > 0 && page.el("ul", { class: "note" }, failed.map((row) =>
            page.el("li", { dir: "auto" }, page.look.printable(`${row.method} at ${row.context} tokens, round ${row.n_samples + 1}: ${row.failure}`))));
    }

    /* A row of bench.csv: what varies as its median, with the least and the most where there were several rounds. */
    function table(rows) {
        const varies = unique(rows.flatMap((row) => Object.keys(row).filter((name) => row[name] && typeof row[name] === "object" && "median" in row[name])));
        const several = rows.some((row) => row.n_samples > 1);
        const columns = ["method", "context", "policy", "hold", "n_samples"].map((name) => [name, (row) => row[name]]);
        for (const name of varies) {
            columns.push([name, (row) => row[name]?.median]);
            if (several) columns.push([`${name}_least`, (row) => row[name]?.least], [`${name}_most`, (row) => row[name]?.most]);
        }
        columns.push(["tokens_per_s", (row) => row.tokens_per_s], ["failure", (row) => row.failure]);
        const used = columns.filter(([, of]) => rows.some((row) => (of(row) ?? null) !== null));
        return page.table({ caption: "All numbers", file: "bench", columns: used.map(([name]) => ({ name })), rows: rows.map((row) => used.map(([, of]) => of(row) ?? null)) });
    }

    function onModel(json) {
        const bench = new Bench(json), { machine, text, options, date, device, stopped } = json;
        const parts = [page.facts([device && ["Device", fact(device)], machine?.cpu && ["Processor", fact(machine.cpu)], known(machine?.threads) && ["Threads", fact(machine.threads)],
            ["Text", fact(text.name)], ["Rounds", fact(options.repeats)], ["New tokens", fact(options.new_tokens)], options.policy && ["Policy", fact(options.policy)], date && ["Date", fact(date)]])];
        if (stopped) parts.push(page.el("p", { class: "note" }, "The measurement was stopped: what is here is what was measured until then."));
        if (text.repeated) parts.push(page.el("p", { class: "note" }, "The text began anew where a context was longer."));
        parts.push(failures(bench.rows) || "");
        if (bench.contexts.length) {
            parts.push(bench.byMethod("Time to the first token and per token", "bench-times", TIMES, BARS));
            parts.push(bench.byMethod("Memory", "bench-memory", MEMORY, `${BARS} The cache: bytes that its allocator held; the process: resident memory, the model included.`));
        }
        if (bench.contexts.length > 1) parts.push(bench.byContext());
        return parts.concat(table(bench.rows));
    }

    /* ---- of keys and values ---- */

    const KV = [{ title: "times smaller", member: "ratio" }, { title: "relative error of keys", member: "key_error" }, { title: "relative error of values", member: "value_error" },
                { title: "compressed, GB/s", member: "compress_gb_s" }, { title: "restored, GB/s", member: "restore_gb_s" }];

    function onKv({ kv, repeats, results }) {
        const methods = results.map((row) => row.method), places = methods.map((_, i) => i);
        const shape = `batch ${kv.batch}, ${kv.heads} heads, ${kv.tokens} tokens, ${kv.dim} wide, ${kv.dtype}`;
        const chart = page.chart({ title: "Keys and values: size, error and speed", subtitle: `${shape}; ${kv.file ?? "random numbers"}`, file: "bench-kv", sameY: false, columns: 3,
            note: `The best of ${repeats} time${repeats === 1 ? "" : "s"}. Errors: ||restored \u2212 original|| / ||original|| over the entries that are kept.`,
            panels: KV.map((q) => ({ title: q.title, flip: true, x: { labels: methods }, y: { fromZero: true },
                series: [{ mark: "bar", x: places, y: results.map((row) => row[q.member] ?? null) }] })) });
        const names = Object.keys(results[0] ?? {});
        return [chart, page.table({ caption: "All numbers", file: "bench-kv", columns: names.map((name) => ({ name })), rows: results.map((row) => names.map((name) => row[name] ?? null)) })];
    }

    page.section({ id: "bench", order: 70, title: "Speed and memory", when: () => page.documents("bench").length > 0,
        fill: (body) => {
            for (const { name, json } of page.documents("bench")) {
                if (page.documents("bench").length > 1) body.append(page.el("h3", { dir: "auto" }, page.look.printable(name)));
                body.append(...(json.mode === "kv" ? onKv(json) : onModel(json)));
            }
        } });
}
