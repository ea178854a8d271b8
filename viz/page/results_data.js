/* results_data.js: what results.json says, by its own words: settings and rows by name, and the intervals of what
 * the file has no rows for: evaluation/drawing.c and evaluation/statistics.c once more. */
{
    const RESAMPLES = 10000;

    /* ---- the percentile bootstrap ---- */

    /* The high half of a product of two words. */
    function high32(a, b) {
        const al = a & 0xFFFF, ah = a >>> 16, bl = b & 0xFFFF, bh = b >>> 16;
        const middle = ah * bl + ((al * bl) >>> 16), other = al * bh + (middle & 0xFFFF);
        return (ah * bh + Math.floor(middle / 65536) + Math.floor(other / 65536)) >>> 0;
    }

    /* SplitMix64 as in core/random.h, in halves: draws of 0 .. n-1. Its correction of a bias of n / 2^64 is left out. */
    function draws(seed, n, count) {
        let high = Number(BigInt(seed) >> 32n), low = Number(BigInt(seed) & 0xFFFFFFFFn);
        const drawn = new Uint32Array(count);
        const times = (h, l, bh, bl) => [(high32(l, bl) + Math.imul(l, bh) + Math.imul(h, bl)) >>> 0, Math.imul(l, bl) >>> 0];
        const mix = (h, l, by) => [(h ^ (h >>> by)) >>> 0, (l ^ ((l >>> by) | (h << (32 - by)))) >>> 0];
        for (let i = 0; i < count; i++) {
            low += 0x7F4A7C15;
            high = (high + 0x9E3779B9 + (low > 0xFFFFFFFF ? 1 : 0)) >>> 0;
            low >>>= 0;
            let [h, l] = mix(high, low, 30);
            [h, l] = times(h, l, 0xBF58476D, 0x1CE4E5B9);
            [h, l] = mix(h, l, 27);
            [h, l] = times(h, l, 0x94D049BB, 0x133111EB);
            [h, l] = mix(h, l, 31);
            drawn[i] = Math.floor((h * n + high32(l, n)) / 4294967296);
        }
        return drawn;
    }

    const tables = new Map();

    /* The same seed and number of values draw the same windows. */
    function drawsOf(seed, n) {
        const key = `${seed} ${n}`;
        if (!tables.has(key)) tables.set(key, draws(seed, n, RESAMPLES * n));
        return tables.get(key);
    }

    function quantile(sorted, share) {
        const place = share * (sorted.length - 1), i = Math.floor(place);
        return i + 1 >= sorted.length ? sorted[sorted.length - 1] : sorted[i] + (sorted[i + 1] - sorted[i]) * (place - i);
    }

    /* The mean of values and its 95 % interval; of one value there is none, of more than 2000 it takes too long. */
    function bootstrap(values, seed) {
        const n = values.length, mean = values.reduce((a, b) => a + b, 0) / n;
        if (n < 2 || n > 2000) return { mean: n ? mean : null, low: null, high: null };
        const table = drawsOf(seed, n), means = new Float64Array(RESAMPLES);
        for (let r = 0, k = 0; r < RESAMPLES; r++) {
            let sum = 0;
            for (let i = 0; i < n; i++) sum += values[table[k++]];
            means[r] = sum / n;
        }
        means.sort();
        return { mean, low: quantile(means, 0.025), high: quantile(means, 0.975) };
    }

    /* ---- the sign test ---- */

    /* The chance that so many windows get a verdict although neither is better (rkv_paired_chance). */
    function chanceOf(n) {
        let chance = 0, p = 0, log = (1 - n) * Math.LN2; /* a term itself may be less than any number */
        for (let k = 0; 2 * k < n; k++) {
            p += Math.exp(log);
            if (p > 0.05) break;
            chance = p;
            log += Math.log((n - k) / (k + 1));
        }
        return chance;
    }

    /* ---- names ---- */

    const isFull = (setting) => setting.method === "full";
    const isUnsized = (setting) => setting.budget === null && !setting.entries && setting.ratio >= 1;
    const policyOf = (budget) => (budget ?? "").split(":", 1)[0];

    function sizeOf(setting) {
        return setting.entries ? `${setting.entries} entries` : `${page.format(100 * setting.ratio)} % kept`;
    }

    function budgetOf(setting) {
        return setting.budget ?? "the method's own budget";
    }

    /* What a control was drawn of: { of, kind }, or null: shuffled:policy=power,by=head,seed=1 of power:by=head;
     * random:by=head,seed=1 of random:by=head. */
    function controlOf(budget) {
        const kind = policyOf(budget);
        if (kind !== "shuffled" && kind !== "random") return null;
        const options = budget.slice(kind.length + 1).split(",").filter((o) => o && !o.startsWith("seed="));
        const policy = options.find((o) => o.startsWith("policy="));
        const name = kind === "random" ? "random" : policy ? policy.slice("policy=".length) : "shuffled";
        const rest = options.filter((o) => o !== policy).join(",");
        return { kind, of: rest ? `${name}:${rest}` : name };
    }

    /* The budget of a setting; of a control, the one that it was drawn of. */
    function originOf(setting) {
        return controlOf(setting.budget)?.of ?? budgetOf(setting);
    }

    /* ---- a file ---- */

    class Results {
        constructor(document) {
            const { json } = document;
            Object.assign(this, { name: document.name, json, seed: json.seed, windows: json.windows, cells: json.cells });
            this.settings = json.settings.map((s, index) => ({ ratio: 0, entries: 0, ...s, budget: s.budget ?? null, index }));
            this.rows = (json.rows ?? []).map((row) => ({ ...row, setting: this.settings[row.setting] })).filter((row) => row.setting);
            this.tasks = unique(this.rows.map((row) => row.task));
            this.protocols = unique(this.settings.map((setting) => setting.protocol));
            this.methods = unique(this.settings.filter((s) => !isFull(s)).map((s) => s.method));
            const own = this.settings.filter((s) => !isFull(s) && !controlOf(s.budget)).map(budgetOf);
            const controls = this.settings.map((s) => controlOf(s.budget)?.of).filter(Boolean);
            this.budgets = unique(own.concat(controls));
            this.sizes = unique(this.settings.filter((s) => !isFull(s) && !isUnsized(s)).map(sizeOf));
        }

        get about() {
            return page.joined(page.modelName(this.json.model), this.json.text);
        }

        /* The tokens of each window's context, which the full cache holds all; null where no setting says so. */
        get lengths() {
            if (this.known) return this.known;
            this.known = this.windows.map(() => null);
            const { n_layers: layers, n_kv_heads: heads } = this.json.model;
            for (const cell of this.cells)
                if (isFull(this.settings[cell.setting] ?? {})) this.known[cell.window] = cell.entries / (layers * heads);
            return this.known;
        }

        cellsOf(row) {
            this.bySetting ??= groupBy(this.cells, (cell) => cell.setting);
            const cells = this.bySetting.get(row.setting.index) ?? [];
            return cells.filter((cell) => cell.task === row.task && cell.query_aware === row.query_aware);
        }
    }

    function unique(values) {
        return Array.from(new Set(values));
    }

    function groupBy(values, keyOf) {
        const groups = new Map();
        for (const value of values) {
            const key = keyOf(value);
            if (!groups.has(key)) groups.set(key, []);
            groups.get(key).push(value);
        }
        return groups;
    }

    /* The values of all, each the mean of its group: questions of a window count as one. */
    function meansBy(cells, keyOf, valueOf) {
        return Array.from(groupBy(cells, keyOf).values(), (group) => group.reduce((sum, c) => sum + valueOf(c), 0) / group.length);
    }

    page.results = { Results, bootstrap, budgetOf, chanceOf, controlOf, groupBy, isFull, isUnsized, meansBy, originOf, sizeOf, unique };
}
