/* dom.js: elements, numbers, copying and downloads. Whatever comes from a file becomes a text node or an
 * attribute's value, never markup. */
{
    const put = (element, attributes, children) => {
        for (const [name, value] of Object.entries(attributes ?? {})) {
            if (value === null || value === undefined || value === false) continue;
            if (name === "on")
                for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
            else element.setAttribute(name, value === true ? "" : value);
        }
        element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
        return element;
    };

    /* page.el("p", {class: "note", on: {click: act}}, "text", child, [children]): attributes that are null or
     * false are left out, and so are such children. */
    page.el = (tag, attributes, ...children) => put(document.createElement(tag), attributes, children);

    page.svg = (tag, attributes, ...children) =>
        put(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

    let ids = 0;
    page.newId = (stem) => `${stem}-${++ids}`;

    /* For people who hear the page: says what has just happened. */
    page.say = (text) => {
        document.getElementById("said").textContent = text;
    };

    const MINUS = "\u2212";

    /* A number for reading: `digits` significant ones; page.exact has them all. */
    page.format = (value, digits = 4) => {
        if (value === null || value === undefined || Number.isNaN(value)) return "–";
        if (typeof value !== "number") return String(value);
        if (!Number.isFinite(value)) return value > 0 ? "∞" : MINUS + "∞";
        let text = String(value);
        const size = Math.abs(value);
        if (!Number.isInteger(value)) {
            const large = size >= 10 ** (digits - 1);
            text = size !== 0 && size < 1e-4 ? value.toExponential(digits - 2)
                 : large ? value.toFixed(size < 10 ** digits && digits > 4 ? 1 : 0)
                 : Number(value.toPrecision(digits)).toString();
        }
        return text.replace(/^-/, MINUS).replace(/e-/, "e" + MINUS);
    };

    page.exact = (value) => (value === null || value === undefined || Number.isNaN(value) ? "" : String(value));

    const UNITS = ["bytes", "kB", "MB", "GB", "TB"];
    page.bytes = (value) => {
        let unit = 0;
        for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
        return `${page.format(value, 3)} ${UNITS[unit]}`;
    };

    page.seconds = (value) =>
        value === null || value === undefined ? "–"
        : value < 1 ? `${page.format(value * 1000, 3)} ms` : `${page.format(value, 3)} s`;

    const copyBySelection = (text) => {
        const area = page.el("textarea", { class: "unseen", "aria-hidden": "true" });
        const focused = document.activeElement;
        area.value = text;
        document.body.append(area);
        area.select();
        const done = document.execCommand("copy");
        area.remove();
        focused?.focus();
        return done;
    };

    const hint = page.el("div", { class: "hint", "aria-hidden": "true" });
    let hintTimer = 0;
    const showHint = (text, near) => {
        const box = near.getBoundingClientRect();
        hint.textContent = text;
        document.body.append(hint);
        const left = Math.min(Math.max(8, box.left), document.documentElement.clientWidth - hint.offsetWidth - 8);
        const above = box.top > 40 ? box.top - hint.offsetHeight - 4 : box.bottom + 4;
        hint.style.left = `${left}px`;
        hint.style.top = `${above}px`;
        clearTimeout(hintTimer);
        hintTimer = setTimeout(() => hint.remove(), 1400);
    };

    /* Copies text and says so beside the element. */
    page.copy = async (text, near) => {
        let done = false;
        try {
            await navigator.clipboard.writeText(text);
            done = true;
        } catch {
            done = copyBySelection(text);
        }
        const short = text.length > 40 ? "" : " " + text;
        const said = done ? `Copied${short}` : "This browser allows no copying";
        page.say(said);
        if (near) showHint(said, near);
        return done;
    };

    /* Gives the reader text as a file; its name keeps its ending, however long it is. */
    page.download = (name, type, text) => {
        const dot = name.lastIndexOf("."), file = page.fileName(name.slice(0, dot)) + name.slice(dot);
        const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
        page.el("a", { href: address, download: file }).click();
        setTimeout(() => URL.revokeObjectURL(address), 10000);
        page.say(`Saved ${file}`);
    };

    page.fileName = (text) => text.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, "").slice(0, 80) || "rankkv";

    page.button = (label, act, attributes) => page.el("button", { type: "button", on: { click: act }, ...attributes }, label);

    /* Says at the end of a section why it, or what was asked for in it, cannot be shown. */
    page.failed = (error, body) => {
        const note = page.el("p", { class: "note" }, `This section cannot be shown: ${error.message}.`);
        console.error(error);
        body.append(note);
        return note;
    };

    const failures = new WeakMap(); /* of a section, the note of what was asked for last */

    /* What a reader asks for with an element: act(), perhaps a promise; that it fails is said in the section. */
    page.attempt = async (element, act) => {
        const body = element.closest("section > .body") ?? document.getElementById("main");
        failures.get(body)?.remove();
        try {
            await act();
        } catch (error) {
            const note = page.failed(error, body);
            failures.set(body, note);
            page.say(note.textContent);
        }
    };

    /* A labelled choice: options are [value, text] pairs or words. */
    page.choice = (label, options, chosen, act) => {
        const select = page.el("select", { on: { change: () => page.attempt(select, () => act(select.value)) } },
            options.map((o) => (Array.isArray(o) ? o : [o, o])).map(([value, text]) =>
                page.el("option", { value, selected: String(value) === String(chosen) }, text)));
        return page.el("label", { class: "choice" }, page.el("span", {}, label), select);
    };

    /* What is made when the reader opens it. */
    page.details = (summary, make) => {
        const element = page.el("details", {}, page.el("summary", {}, summary));
        element.addEventListener("toggle", () => element.open && element.children.length === 1 && element.append(make()));
        return element;
    };

    /* One tab stop for many small things: arrow keys go from one to the next, Enter acts. `next(from, key)` is the
     * element that a key leads to, or null. */
    page.roving = (container, selector, next, act) => {
        const items = () => container.querySelectorAll(selector);
        const stop = (element) => {
            container.querySelector(`${selector}[tabindex="0"]`)?.setAttribute("tabindex", "-1");
            element?.setAttribute("tabindex", "0");
        };
        container.addEventListener("keydown", (event) => {
            const from = event.target.closest(selector);
            if (!from || event.altKey || event.ctrlKey || event.metaKey) return;
            if (event.key === "Enter" || event.key === " ") {
                act(from);
            } else {
                const to = next(from, event.key);
                if (!to) return;
                stop(to);
                to.focus();
            }
            event.preventDefault();
        });
        container.addEventListener("click", (event) => {
            const from = event.target.closest(selector);
            if (from) act(from);
        });
        container.addEventListener("focusin", (event) => {
            const from = event.target.closest(selector);
            if (from) stop(from);
        });
        return () => { if (!container.querySelector(`${selector}[tabindex="0"]`)) stop(items()[0]); };
    };

    /* Facts as pairs of a name and a value: {text, exact} values copy `exact`. */
    page.facts = (pairs) => {
        const list = page.el("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, value]) => {
            const { text, exact } = typeof value === "object" ? value : { text: value, exact: value };
            return page.el("div", {}, page.el("dt", {}, name), page.el("dd", {}, page.el("span",
                { class: "number", tabindex: "-1", role: "button", "data-exact": exact,
                  "aria-label": `${name}: ${text}. Copy`, dir: "auto" }, text)));
        }));
        const all = () => [...list.querySelectorAll(".number")];
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
        page.roving(list, ".number", (from, key) => all()[all().indexOf(from) + (step[key] ?? NaN)] ?? null,
                    (cell) => page.copy(cell.dataset.exact, cell))();
        return list;
    };
}
