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
        const muted = (words) => page.el("span", { class: "muted" }, words), mark = (words) => page.el("mark", {}, words);
        const begun = text.slice(0, first), word = text.slice(first, past);
        const parted = [begun && muted(begun), mark(word || muted("(ends here)")), text.slice(past)];
        return page.el("article", { class: "text", "aria-labelledby": id },
            page.el("h4", { id, dir: "auto" }, page.look.printable(name)),
            page.el("p", { class: "words", dir: "auto" }, text === "" ? muted("(nothing)") : same ? muted(text) : parted),
            page.button("Copy", (event) => page.copy(text, event.currentTarget),
                { class: "quiet", "aria-label": `Copy the text of ${page.look.printable(name)}` }));
    }

    function verdict(a, b, at) {
        if (a === b) return "The two texts are the same.";
        const words = a.slice(0, wordAt(a, b, at)[0]).split(/\s+/).filter(Boolean).length;
        return words === 0 ? "They differ from the first word."
            : `The same for ${page.count(words, "word")}; the first difference is marked.`;
    }

    /* page.texts([{name, text}]): the first beside another, and which ones, by choice. */
    page.texts = (items) => {
        const shown = page.el("div", { class: "texts", "aria-live": "polite" }), note = page.el("p", { class: "muted" });
        let chosen = [0, Math.min(1, items.length - 1)];
        const draw = () => {
            const [a, b] = chosen.map((i) => items[i]), at = parting(a.text, b.text), alone = items.length < 2;
            note.textContent = alone ? "" : verdict(a.text, b.text, at);
            shown.replaceChildren(pane(a.name, a.text, at, b.text), alone ? "" : pane(b.name, b.text, at, a.text));
        };
        const names = items.map((item, i) => [i, page.look.printable(item.name, 120)]);
        const choose = (side, label) => page.choice(label, names, chosen[side], (value) => {
            chosen[side] = Number(value);
            draw();
        });
        draw();
        const choices = items.length > 2 && page.el("div", { class: "tools" }, choose(0, "Text"), choose(1, "beside"));
        return page.el("div", {}, choices, note, shown);
    };
}
