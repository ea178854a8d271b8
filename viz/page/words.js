/* words.js: numbers and names as the sections of measurements say them. */
{
    page.isNumber = (value) => typeof value === "number" && Number.isFinite(value);

    /* "1 window", "8 windows". */
    page.count = (n, word) => `${page.format(n)} ${word}${n === 1 ? "" : "s"}`;

    page.percent = (share, digits = 4) => `${page.format(100 * share, digits)} %`;

    /* What is there of parts, between dots. */
    page.joined = (...parts) => parts.filter((part) => part !== false && (part ?? "") !== "").join(" \u00B7 ");

    /* A model by its name and type: "SmolLM2 Q4_1". */
    page.modelName = (model) => [model?.name, model?.file_type].filter(Boolean).join(" ");

    const factOf = (value) => ({ text: typeof value === "number" ? page.format(value) : page.look.printable(value), exact: value });

    /* page.knownFacts({ Windows: 8, Profile: null }): facts by name, without those that are not known. */
    page.knownFacts = (facts) =>
        page.facts(Object.entries(facts).filter(([, value]) => (value ?? "") !== "").map(([name, value]) => [name, factOf(value)]));

    /* What paper cannot show. */
    page.paperNote = () => page.el("p", { class: "note on-paper" },
        "On paper the table is cut at the margin: all of its columns are in the CSV that the page saves.");

    page.note = (text) => page.el("p", { class: "note", dir: "auto" }, text);

    /* A part's name, where there are several. */
    page.partName = (name, several) => (several ? page.el("h3", { dir: "auto" }, page.look.printable(name)) : "");
}
