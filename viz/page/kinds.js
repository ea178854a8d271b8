/* kinds.js: what a head is called, and why: thresholds on its metrics, one table for the rule, the page and the
 * reader. The names are the field's (docs/METHODS.md has the metrics); the limits are ours, chosen on the default
 * model so that each name fits what the heads' pictures show, and are no more than that. */
{
    /* Under so many tokens every head rests on the first and the last ones. */
    const LEAST_TOKENS = 64;

    /* The first row of which a head meets all conditions of one of the `rules` is its kind. A limit counts tokens of
     * the prompt (`of: "T"`), keys that a query sees on the average (`of: "row"`), or stands for itself. */
    const KINDS = [
        { name: "induction", rules: [[["ind1", ">=", 0.1]], [["retr", ">=", 0.2]]],
          says: "where the text repeats itself it looks at what followed before: such heads copy and retrieve" },
        { name: "previous-token", rules: [[["effective_rank", ">=", 0.7, "T"], ["local_32", ">=", 0.8], ["row_perplexity", "<=", 6]]],
          says: "each query looks at one or a few tokens just before it, or at itself" },
        { name: "sink", rules: [[["sink_4", ">=", 0.6]]],
          says: "it rests on the first tokens, which hold the attention that it has no use for" },
        { name: "local", rules: [[["local_32", ">=", 0.6]]], says: "it looks at what was just read" },
        { name: "diffuse", rules: [[["row_perplexity", ">=", 0.15, "row"]]], says: "it spreads over much of what it sees" },
        { name: "mixed", rules: [[]], says: "none of the others: it does a little of each" },
    ];

    const limitOf = ([, , limit, of], heads) => limit * (of === "T" ? heads.T : of === "row" ? (heads.T + 1) / 2 : 1);

    const meets = (condition, heads, layer, head) => {
        const value = heads.value(condition[0], layer, head), limit = limitOf(condition, heads);
        return condition[1] === ">=" ? value >= limit : value <= limit;
    };

    const labelOf = (name, heads) => heads.measure(name)?.phrase ?? (heads.measure(name)?.label ?? name).toLowerCase();

    const inWords = (condition, heads) => {
        const [name, sign, limit, of] = condition;
        const part = of === "T" ? " of the tokens" : of === "row" ? " of the keys that a query sees" : "";
        return `${labelOf(name, heads)} ${sign === ">=" ? "at least" : "at most"} ${page.format(limit)}${part}`;
    };

    const whyOf = (condition, heads, layer, head) => {
        const [name, sign] = condition, value = page.measured(heads.measure(name), heads.value(name, layer, head));
        return `${labelOf(name, heads)} is ${value}, ${sign === ">=" ? "at least" : "at most"} ${page.format(limitOf(condition, heads))}`;
    };

    /* Metrics that are not known meet nothing. */
    const ruleOf = (kind, heads, layer, head) => kind.rules.find((rule) => rule.every((c) => meets(c, heads, layer, head)));

    /* {index, name, says, why} of a head, or null for a prompt too short to tell. */
    page.kind = (heads, layer, head) => {
        if (heads.T < LEAST_TOKENS) return null;
        for (const [index, kind] of KINDS.entries()) {
            const rule = ruleOf(kind, heads, layer, head);
            if (!rule) continue;
            return { index, name: kind.name, says: kind.says, why: rule.map((c) => whyOf(c, heads, layer, head)).join("; ") };
        }
        return null;
    };

    /* The kinds of all heads as a measure without an order: `names`, and the index of one per head. */
    page.kinds = (heads) => {
        if (heads.T < LEAST_TOKENS) return null;
        const values = new Float64Array(heads.L * heads.H);
        for (let l = 0; l < heads.L; l++)
            for (let h = 0; h < heads.H; h++) values[l * heads.H + h] = page.kind(heads, l, h).index;
        return { name: "kind", label: "Kind of head", about: "by the thresholds below", values, names: KINDS.map((k) => k.name) };
    };

    page.kindsTable = (heads, kinds) => page.table({
        caption: "What heads are called here, first match first", file: "kinds",
        columns: [{ name: "kind", label: "Kind" }, { name: "heads", label: "Heads" }, { name: "when", label: "When" },
                  { name: "says", label: "What it says" }],
        rows: KINDS.map((kind, i) => [kind.name, kinds.values.filter((v) => v === i).length,
            kind.rules.map((rule) => rule.map((c) => inWords(c, heads)).join(", ") || "otherwise").join("; or "), kind.says]),
    });

    page.shortPrompt = LEAST_TOKENS;
}
