/* texts.js: generated texts side by side, with the place where they part. */
{
    /* Where two texts part, in code units; not within a pair of them. */
    function parting(a, b) {
        const most = Math.min(a.length, b.length);
        let at = 0;
        while (at < most && a[at] === b[at]) at++;
        return at > 0 && at < most && /[\uDC00-\uDFFF]/.test(a[at]) ? at - 1 : at;
    }

    /* The word of text in which it parts from another at `at`, or the one after that where a word ends there in both:
     * [first, past the last]. */
    function wordAt(text, other, at) {
        const ends = (t) => at >= t.length || /\s/.test(t[at]);
        let first = ends(text) && ends(other) ? at : text.slice(0, at).search(/\S*$/);
        first += text.slice(first).search(/\S|$/);
        return [first, first + text.slice(first).search(/\s|$/)];
    }

    function pane(name, text, at, other) {
        const id = page.newId("text"), same = text === other, [first, past] = wordAt(text, other, at);
        const end = first === text.length && !same ? page.el("mark", {}, page.el("span", { class: "muted" }, "(ends here)")) : null;
        const body = same ? page.el("span", { class: "same" }, text)
            : [page.el("span", { class: "same" }, text.slice(0, first)), first < past && page.el("mark", {}, text.slice(first, past)), text.slice(past), end];
        return page.el("article", { class: "text", "aria-labelledby": id }, page.el("h4", { id, dir: "auto" }, page.look.printable(name)),
            page.el("p", { class: "words", dir: "auto" }, text === "" ? page.el("span", { class: "muted" }, "(nothing)") : body),
            page.button("Copy", (event) => page.copy(text, event.currentTarget), { class: "quiet", "aria-label": `Copy the text of ${name}` }));
    }

    function verdict(a, b, at) {
        if (a === b) return "The two texts are the same.";
        const words = a.slice(0, wordAt(a, b, at)[0]).split(/\s+/).filter(Boolean).length;
        return words === 0 ? "They differ from the first word."
            : `The same for ${words} word${words === 1 ? "" : "s"}; the first difference is marked.`;
    }

    /* page.texts([{name, text}]): the first beside another, and which ones, by choice. */
    page.texts = (items) => {
        const shown = page.el("div", { class: "texts", "aria-live": "polite" }), note = page.el("p", { class: "muted" });
        let chosen = [0, Math.min(1, items.length - 1)];
        const draw = () => {
            const [a, b] = chosen.map((i) => items[i]), at = parting(a.text, b.text);
            note.textContent = items.length > 1 ? verdict(a.text, b.text, at) : "";
            shown.replaceChildren(pane(a.name, a.text, at, items.length > 1 ? b.text : a.text), ...(items.length > 1 ? [pane(b.name, b.text, at, a.text)] : []));
        };
        const choose = (side, label) => page.choice(label, items.map((item, i) => [i, page.look.printable(item.name, 120)]), chosen[side],
            (value) => { chosen[side] = Number(value); draw(); });
        draw();
        return page.el("div", {}, items.length > 2 && page.el("div", { class: "tools" }, choose(0, "Text"), choose(1, "beside")), note, shown);
    };
}
