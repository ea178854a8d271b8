/* received.js: the prompt's text, coloured by the attention that each token receives. */
{
    const sumLayers = async (heads, array) => {
        const total = new Float64Array(heads.T);
        for (let l = 0; l < heads.L; l++) {
            const part = await array.part(l);
            for (let h = 0; h < heads.H; h++)
                for (let t = 0; t < heads.T; t++) total[t] += part[h * heads.T + t] / (heads.L * heads.H);
        }
        return total;
    };

    const ofHead = async (heads, array, [layer, head]) => {
        const part = await array.part(layer);
        return part.subarray(head * heads.T, (head + 1) * heads.T);
    };

    const ofLayer = async (heads, array, [layer]) => {
        const part = await array.part(layer), mean = new Float64Array(heads.T);
        for (let h = 0; h < heads.H; h++)
            for (let t = 0; t < heads.T; t++) mean[t] += part[h * heads.T + t] / heads.H;
        return mean;
    };

    /* Colours go by the logarithm, from what nine tenths of the tokens exceed, or a thousandth of the most, to the most. */
    const rangeOf = (values) => {
        const known = Array.from(values).filter((v) => v > 0).sort((a, b) => a - b);
        const most = known[known.length - 1];
        return known.length ? [Math.max(known[Math.floor(0.1 * (known.length - 1))], most / 1000), most] : [1, 1];
    };
    const shares = (values, [low, high]) =>
        Array.from(values, (v) => (v <= low || high <= low ? 0 : Math.log(v / low) / Math.log(high / low)));

    const scaleOf = ([low, high]) => page.el("span", { class: "legend" }, page.el("span", {}, `${page.format(low, 2)} or less`),
        page.el("span", { class: "heat", "aria-hidden": "true" }), page.el("span", {}, page.format(high, 2)));

    const OVERS = [["head", "the open head"], ["layer", "its layer, mean"], ["all", "all heads, mean"]];
    const ABOUT = "The attention that a token receives: the mean over the queries that see it. Logarithmic colours.";
    const ABSENT = "The page does not hold how much attention each token receives.";

    /* The text of one prompt; head(layer, head) says which head is open, and returns whether no other was meanwhile. */
    page.received = (heads) => {
        const { document: { name }, tokens } = heads, array = heads.document.array("received");
        if (!array) return { element: page.el("p", { class: "note" }, ABSENT), head: () => true };
        let values = new Float64Array(heads.T), open = [0, 0], over = "head", total = null;

        const text = page.tokens({
            tokens: page.tokenTexts(heads, heads.T), label: "The prompt's tokens",
            describe: (t) => `receives ${page.format(values[t], 3)}`, exact: (t) => page.exact(values[t]),
        });
        const legend = page.el("span", {});
        const update = async () => {
            const asked = [over, ...open].join();
            if (over === "all") total ??= await sumLayers(heads, array);
            const now = over === "all" ? total : await (over === "layer" ? ofLayer : ofHead)(heads, array, open);
            if (asked !== [over, ...open].join()) return false;
            values = now;
            const range = rangeOf(values), share = shares(values, range);
            text.paint((t) => ({ share: share[t] }));
            legend.replaceChildren(scaleOf(range));
            return true;
        };
        const choice = page.choice("Received in", OVERS, over, (value) => {
            over = value;
            return update();
        });
        const csv = page.csvButton("attention that tokens receive", `${name}-received`, ["token", "text", "received"],
            () => Array.from(values, (v, t) => [t, tokens?.[t] ?? "", v]));
        return {
            element: page.el("div", {}, page.el("p", { class: "muted small" }, ABOUT), page.el("p", { class: "tools" }, choice, legend, csv), text.element),
            head: (layer, head) => {
                open = [layer, head];
                return over === "all" ? true : update();
            },
        };
    };
}
