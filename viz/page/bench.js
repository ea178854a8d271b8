/* bench.js: the section of `rankkv bench`: times and memory of methods, and of representations of keys and values. */
{
    const MIB = 1 / 1048576;

    /* What a panel shows of a row: a member in a unit, or a unit over it: cli/bench_charts.c and more. */
    const TTFT = { title: "time to the first token (TTFT)", axis: "seconds", member: "ttft_s", unit: 1 };
    const TPOT = { title: "time per token after it (TPOT)", axis: "milliseconds", member: "tpot_s", unit: 1000 };
    const SPEED = { title: "decoding speed", axis: "tokens per second", member: "tpot_s", unit: 1, inverse: true };
    const CACHE = { title: "cache after the prompt", axis: "MiB", member: "cache_bytes", unit: MIB };
    const MEMORY = [CACHE, { title: "cache at most", axis: "MiB", member: "cache_peak_bytes", unit: MIB },
        { title: "process at most", axis: "MiB", member: "peak_bytes", unit: MIB }];

    const BARS = "Bars: medians over rounds; lines: from the least to the most. Each case and round is a process of its own.";

    /* ---- on a model ---- */

    /* [median, least, most] of a quantity; null where it was not measured. */
    function spread(row, q) {
        const s = row?.[q.member] ?? {};
        const of = (value) => {
            if (!page.isNumber(value) || (q.inverse && value <= 0)) return null;
            return q.inverse ? q.unit / value : value * q.unit;
        };
        return q.inverse ? [s.median, s.most, s.least].map(of) : [s.median, s.least, s.most].map(of);
    }

    /* One round has no spread. */
    function seriesOf(series, rows, q) {
        const values = rows.map((row) => spread(row, q)), several = (i) => rows[i]?.n_samples > 1;
        const told = (k) => values.map((v, i) => (several(i) ? v[k] : null));
        return { ...series, y: values.map((v) => v[0]), low: told(1), high: told(2),
                 detail: (i) => rows[i] && page.joined(page.count(rows[i].n_samples, "round"), rows[i].policy) };
    }

    class Bench {
        constructor(json) {
            const unique = (values) => Array.from(new Set(values));
            this.json = json;
            this.rows = json.results ?? [];
            this.methods = unique(this.rows.map((row) => row.method));
            this.contexts = unique(this.rows.filter((row) => row.n_samples > 0).map((row) => row.context)).sort((a, b) => a - b);
        }

        row(method, context) {
            return this.rows.find((row) => row.method === method && row.context === context);
        }

        get subtitle() {
            const { model, options, text } = this.json, type = model.file_type ? ` (${model.file_type})` : "";
            return `${model.name ?? "model"}${type}, ${page.count(options.new_tokens, "new token")} after ${text.name}, `
                + page.count(options.repeats, "round");
        }

        /* Methods beside one another, a bar for each context; of many methods, one below the other. */
        byMethod(quantities, options) {
            const { methods, contexts } = this, x = methods.map((_, i) => i);
            const panel = (q) => ({
                title: q.title, flip: methods.length > 6, x: { labels: methods }, y: { title: q.axis, fromZero: true },
                series: contexts.map((context, look) => seriesOf({ name: page.count(context, "token"), look, mark: "bar", x },
                    methods.map((method) => this.row(method, context)), q)),
            });
            return page.chart({ ...options, subtitle: this.subtitle, sameY: false, columns: quantities.length,
                                panels: quantities.map(panel) });
        }

        byContext() {
            const { methods, contexts } = this;
            const panel = (q) => ({
                title: q.title, x: { title: "tokens of the prompt", scale: "log2", ticks: contexts }, y: { title: q.axis, fromZero: true },
                series: methods.map((name, look) => seriesOf({ name, look, mark: "line", x: contexts },
                    contexts.map((context) => this.row(name, context)), q)),
            });
            return page.chart({ title: "Along the context", file: "bench-contexts", subtitle: this.subtitle, sameY: false, columns: 2,
                note: "Medians over rounds, from the least to the most. The cache: bytes allocated after the prompt.",
                panels: [SPEED, TPOT, TTFT, CACHE].map(panel) });
        }

        get charts() {
            const n = this.contexts.length;
            const memory = "The cache: what its allocator held; the process: resident memory, the model included.";
            return [
                n > 0 && this.byMethod([TTFT, TPOT], { title: "Time to the first token and per token", file: "bench-times", note: BARS }),
                n > 0 && this.byMethod(MEMORY, { title: "Memory", file: "bench-memory", note: `${BARS} ${memory}` }),
                n > 1 && this.byContext(),
            ];
        }
    }

    function failures(rows) {
        const text = (row) => `${row.method} at ${row.context} tokens, round ${row.n_samples + 1}: ${row.failure}`;
        const failed = rows.filter((row) => row.failure);
        return failed.length > 0 && page.el("ul", { class: "note" },
            failed.map((row) => page.el("li", { dir: "auto" }, page.look.printable(text(row)))));
    }

    /* Columns [name, value of a row] as in bench.csv: what varies is its median, with the least and the most where there
     * were several rounds. */
    function columnsOf(rows) {
        const varies = (value) => value && typeof value === "object" && "median" in value;
        const names = new Set(rows.flatMap((row) => Object.keys(row).filter((name) => varies(row[name]))));
        const several = rows.some((row) => row.n_samples > 1), plain = (name) => [name, (row) => row[name]];
        const columns = ["method", "context", "policy", "hold", "n_samples"].map(plain);
        for (const name of names) {
            columns.push([name, (row) => row[name]?.median]);
            if (several) columns.push([`${name}_least`, (row) => row[name]?.least], [`${name}_most`, (row) => row[name]?.most]);
        }
        columns.push(...["tokens_per_s", "failure"].map(plain));
        return columns.filter(([, of]) => rows.some((row) => (of(row) ?? null) !== null));
    }

    function tableOf(file, rows, columns) {
        return page.table({ caption: "All numbers", file, columns: columns.map(([name]) => ({ name })),
                            rows: rows.map((row) => columns.map(([, of]) => of(row) ?? null)) });
    }

    function onModel(json) {
        const bench = new Bench(json), { machine, text, options } = json;
        return [
            page.knownFacts({ Device: json.device, Processor: machine?.cpu, Threads: machine?.threads, Text: text.name,
                              Rounds: options.repeats, "New tokens": options.new_tokens, Policy: options.policy, Date: json.date }),
            json.stopped && page.note("The measurement was stopped: what is here is what was measured until then."),
            text.repeated && page.note("The text began anew where a context was longer."),
            ...(bench.rows.length === 0 ? [page.note("Nothing was measured.")]
                : [failures(bench.rows), ...bench.charts, page.paperNote(), tableOf("bench", bench.rows, columnsOf(bench.rows))]),
        ];
    }

    /* ---- of keys and values ---- */

    const KV = [{ title: "times smaller", member: "ratio" }, { title: "relative error of keys", member: "key_error" },
        { title: "relative error of values", member: "value_error" }, { title: "compressed, GB/s", member: "compress_gb_s" },
        { title: "restored, GB/s", member: "restore_gb_s" }];

    function onKv({ kv, repeats, results }) {
        const labels = results.map((row) => row.method), x = labels.map((_, i) => i);
        const shape = `batch ${kv.batch}, ${kv.heads} heads, ${kv.tokens} tokens, ${kv.dim} wide, ${kv.dtype}`;
        const chart = page.chart({
            title: "Keys and values: size, error and speed", subtitle: `${shape}; ${kv.file ?? "random numbers"}`, file: "bench-kv",
            sameY: false, columns: 3,
            note: `The best of ${page.count(repeats, "time")}. Errors: ||restored \u2212 original|| / ||original|| over the entries kept.`,
            panels: KV.map(({ title, member }) => ({ title, flip: true, x: { labels }, y: { fromZero: true },
                series: [{ mark: "bar", x, y: results.map((row) => row[member] ?? null) }] })),
        });
        const columns = Object.keys(results[0] ?? {}).map((name) => [name, (row) => row[name]]);
        return [chart, page.paperNote(), tableOf("bench-kv", results, columns)];
    }

    /* ---- the section ---- */

    function fill(body) {
        const documents = page.documents("bench");
        for (const { name, json } of documents) {
            const parts = json.mode === "kv" ? onKv(json) : onModel(json);
            body.append(page.partName(name, documents.length > 1), ...parts.filter(Boolean));
        }
    }

    page.section({ id: "bench", order: 70, title: "Speed and memory", when: () => page.documents("bench").length > 0, fill });
}
