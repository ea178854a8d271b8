/* kept.js: which tokens a method keeps and which it evicts, over the prompt's own text. */
{
    const unique = (values) => [...new Set(values)];

    /* The prompt that a selection is of: the analysis of its name, or the only one of its length. */
    const headsOf = ({ name, json }) => {
        const fitting = page.documents("analysis").filter((d) => d.json.prompt.n_tokens === json.n_tokens);
        const found = fitting.find((d) => d.name === name) ?? (fitting.length === 1 ? fitting[0] : null);
        return found && page.heads(found);
    };

    /* What the choices come to: bits [L, G, bytes] of one setting. */
    class Selection {
        constructor(document) {
            const { settings, n_tokens: T } = document.json;
            Object.assign(this, { document, settings, T, array: document.array("kept"), heads: headsOf(document) });
            [, this.L, this.G, this.bytes] = this.array.shape;
            Object.assign(this, { method: settings[0].method, budget: settings[0].budget, at: 0, layer: "all", head: "all", part: null });
            this.counts = new Float64Array(this.T);
        }

        holds(layer, head, t) { return (this.part[(layer * this.G + head) * this.bytes + (t >> 3)] >> (t & 7)) & 1; }

        /* The settings of the chosen method and budget, smallest ratio first. */
        get steps() {
            const all = this.settings.map((s, index) => ({ ...s, index }));
            return all.filter((s) => s.method === this.method && s.budget === this.budget)
                .sort((a, b) => (a.ratio || a.entries) - (b.ratio || b.entries));
        }

        get pairs() {
            const layers = this.layer === "all" ? Array.from({ length: this.L }, (_, l) => l) : [this.layer];
            const heads = this.head === "all" ? Array.from({ length: this.G }, (_, g) => g) : [this.head];
            return layers.flatMap((l) => heads.map((g) => [l, g]));
        }

        /* How many of the chosen heads hold each token. */
        count() {
            this.counts.fill(0);
            for (const [l, g] of this.pairs)
                for (let t = 0; t < this.T; t++) this.counts[t] += this.holds(l, g, t);
        }
    }

    const ABOUT = "What the cache holds of the prompt after it was read and compressed. Grey: no chosen head holds the token.";

    const numbered = (n, word) => [["all", `all ${word}s`], ...Array.from({ length: n }, (_, i) => [i, `${word} ${i}`])];
    const number = (value) => (value === "all" ? value : Number(value));
    const ratioText = (s) => (s.ratio ? `${page.format(100 * s.ratio, 3)} %` : `${s.entries} entries`);

    /* The text of one selection under the choices of `state`: {element, show()}. */
    const textOf = (state) => {
        const describe = (t) => {
            const n = state.pairs.length, held = state.counts[t];
            return n === 1 ? (held ? "kept" : "evicted") : `kept by ${held} of ${n} KV heads`;
        };
        const text = page.tokens({ tokens: page.tokenTexts(state.heads, state.T), label: "The prompt's tokens, kept and evicted",
                                   describe, exact: (t) => page.exact(state.counts[t]) });
        const said = page.el("p", { class: "readout" });
        const show = () => {
            const n = state.pairs.length, sum = state.counts.reduce((a, b) => a + b, 0);
            text.paint((t) => ({ share: state.counts[t] / n, out: state.counts[t] === 0 }));
            said.textContent = `${page.format(sum / n, 4)} of ${state.T} tokens are kept${n > 1 ? `, mean over ${n} KV heads` : ""}.`;
        };
        return { element: page.el("div", {}, said, text.element), show };
    };

    /* The slider over the settings of a method and budget: {element, show()}; moved() after it moved. */
    const sliderOf = (state, moved) => {
        const act = () => {
            state.at = Number(slider.value);
            return moved();
        };
        const slider = page.el("input", { type: "range", min: 0, step: 1, id: page.newId("ratio"),
            on: { input: () => page.attempt(slider, act) } });
        const value = page.el("output", { for: slider.id, class: "number" });
        const show = () => {
            const { steps } = state, text = ratioText(steps[state.at]);
            slider.max = steps.length - 1;
            slider.value = state.at;
            slider.disabled = steps.length < 2;
            slider.setAttribute("aria-valuetext", text);
            value.textContent = text;
        };
        return { element: page.el("label", { class: "choice wide", for: slider.id }, page.el("span", {}, "Kept"), slider, value), show };
    };

    /* The choice of a budget, of those that the method was run with; nothing where there is one alone. */
    const budgetChoice = (state, changed) => {
        const all = unique(state.settings.filter((s) => s.method === state.method).map((s) => s.budget));
        if (!all.includes(state.budget)) state.budget = all[0];
        const options = all.map((b) => [b ?? "", b ?? "the method's own"]);
        return all.length > 1 ? page.choice("Budget", options, state.budget ?? "", (value) => changed("budget", value === "" ? null : value)) : "";
    };

    const csvOf = (state) => page.csvButton("tokens kept", `${state.document.name}-kept`, ["token", "text", "kept_by", "of"],
        () => Array.from(state.counts, (v, t) => [t, state.heads?.tokens?.[t] ?? "", v, state.pairs.length]));

    const make = (document) => {
        const state = new Selection(document), text = textOf(state), budget = page.el("span", {});
        const update = async () => {
            state.at = Math.min(state.at, state.steps.length - 1);
            slider.show();
            const { index } = state.steps[state.at], part = await state.array.part(index);
            if (state.steps[state.at]?.index !== index) return; /* moved on meanwhile */
            state.part = part;
            state.count();
            text.show();
        };
        const slider = sliderOf(state, update);
        const changed = (name, value) => {
            state[name] = value;
            if (name === "method") budget.replaceChildren(budgetChoice(state, changed)); /* the others keep the focus */
            return update();
        };
        const methods = unique(state.settings.map((s) => s.method));
        budget.replaceChildren(budgetChoice(state, changed));
        const choices = page.el("p", { class: "tools" }, page.choice("Method", methods, state.method, (v) => changed("method", v)), budget,
            page.choice("In", numbered(state.L, "layer"), state.layer, (v) => changed("layer", number(v))),
            page.choice("and", numbered(state.G, "KV head"), state.head, (v) => changed("head", number(v))));
        const legend = page.el("span", { class: "legend" }, "evicted", page.el("span", { class: "heat", "aria-hidden": "true" }), "kept by all");
        return { element: page.el("div", {}, choices, page.el("p", { class: "tools" }, slider.element, legend, csvOf(state)), text.element), update };
    };

    const fill = async (body) => {
        body.append(page.el("p", { class: "muted small" }, ABOUT));
        const documents = page.documents("selection").filter((d) => d.array("kept") && d.json.settings.length);
        for (const document of documents) {
            const { element, update } = make(document);
            body.append(documents.length > 1 ? page.el("h3", { dir: "auto" }, document.name) : "", element);
            await update();
        }
        if (!documents.length) body.append(page.el("p", { class: "note" }, "The page does not hold which tokens were kept."));
    };

    page.section({ id: "kept", order: 30, title: "Kept tokens", when: () => page.documents("selection").length > 0, fill });
}
