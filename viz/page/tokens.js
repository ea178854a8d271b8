/* tokens.js: a prompt's own tokens as text, each with a colour. They are of any language and direction: together they are
 * set as the text that they are, each paragraph in the direction of its first letter, so that words that several
 * tokens make keep their order and their joined letters. What would reorder or hide other text shows as its number. */
{
    const MOST = 8192; /* shown at first */

    const shown = (token) => page.look.printable(token, 200);

    /* Its lines end where the text's do: the sign of a line end is followed by one. */
    const lines = (token) => shown(token).split(/(?<=⏎)/).flatMap((line) => (line.endsWith("⏎") ? [line, page.el("br")] : [line]));

    /* {tokens [T], label, describe(t): what is said of a token, exact(t): what is copied}. paint(style) colours: style(t) is
     * {share: 0..1, out: true for one that is struck from the cache}. */
    page.tokens = ({ tokens, label, describe, exact }) => {
        const spans = [], box = page.el("div", { class: "tokens", dir: "auto", role: "group", "aria-label": label });
        const readout = page.el("p", { class: "readout" });
        let style = null;

        const paintOne = (span, t) => {
            const { share = 0, out = false } = style(t);
            span.style.backgroundColor = share > 0.004 ? `color-mix(in oklab, var(--heat) ${(100 * share).toFixed(1)}%, transparent)` : "";
            span.classList.toggle("out", out);
        };
        const read = (span, aloud) => {
            const t = Number(span.dataset.token);
            readout.replaceChildren(`Token ${t} `, page.el("bdi", { class: "said" }, shown(tokens[t])), ` · ${describe(t)}`);
            if (aloud) page.say(readout.textContent);
        };
        const add = (to) => {
            const piece = document.createDocumentFragment();
            for (let t = spans.length; t < Math.min(to, tokens.length); t++) {
                const span = page.el("span", { class: "token", tabindex: "-1", "data-token": t }, lines(tokens[t]));
                spans.push(span);
                piece.append(span);
                if (style) paintOne(span, t);
            }
            box.append(piece);
        };

        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
        const next = (from, key) => {
            const t = Number(from.dataset.token);
            return { Home: spans[0], End: spans[spans.length - 1] }[key] ?? spans[t + (step[key] ?? NaN)] ?? null;
        };
        add(MOST);
        page.roving(box, ".token", next, (span) => page.copy(exact(Number(span.dataset.token)), span))();
        box.addEventListener("focusin", (event) => event.target.dataset.token && read(event.target, true));
        box.addEventListener("pointerover", (event) => event.target.dataset.token && read(event.target, false));
        const rest = tokens.length > MOST && page.button(`Show all ${tokens.length} tokens`, () => { add(Infinity); rest.remove(); });
        return {
            element: page.el("div", {}, box, readout, rest || null),
            paint: (now) => {
                style = now;
                spans.forEach(paintOne);
            },
        };
    };

    /* The tokens of a prompt: their numbers where the text is not known. */
    page.tokenTexts = (heads, T) => heads?.tokens ?? Array.from({ length: T }, (_, t) => `${t} `);
}
