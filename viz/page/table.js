/* table.js: tables that sort, copy and download. */
{
    /* Numbers by value, text by its letters; what is not known stands last in either direction. */
    const compare = (a, b, sign) => {
        const missing = (x) => x === null || x === undefined || Number.isNaN(x);
        if (missing(a) || missing(b)) return missing(a) - missing(b);
        if (typeof a === "number" && typeof b === "number") return sign * (a - b);
        return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
    };

    const field = (value) => {
        const text = page.exact(value);
        return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };

    /* RFC 4180 with \n, as the program writes its own. */
    page.csv = (header, rows) => [header, ...rows].map((row) => row.map(field).join(",") + "\n").join("");

    /* A button that saves rows() under a header; the label says what they are. */
    page.csvButton = (label, file, header, rows) => page.button("CSV", () => page.download(`${file}.csv`, "text/csv", page.csv(header, rows())),
        { class: "quiet", "aria-label": `Save as CSV: ${label}` });

    const isNumber = (column, rows) => rows.every((row) => typeof row[column] !== "string");

    const cell = (column, row, numeric) => {
        const value = row[column.index];
        const text = column.text ? column.text(value, row) : typeof value === "number" ? page.format(value) : value ?? "–";
        const kind = numeric ? { class: "number" } : { dir: "auto" };
        return page.el("td", { ...kind, tabindex: "-1", "data-exact": page.exact(value) }, text);
    };

    const neighbour = (from, key) => {
        const row = from.parentElement, at = [...row.children].indexOf(from);
        const to = { ArrowLeft: [row, at - 1], ArrowRight: [row, at + 1], ArrowUp: [row.previousElementSibling, at],
                     ArrowDown: [row.nextElementSibling, at], Home: [row, 0], End: [row, row.children.length - 1] }[key];
        return to?.[0]?.children[to[1]] ?? null;
    };

    /* page.table({caption, columns, rows, file, limit, sort}): columns are {name, label, title, text}, of which only name is
     * needed: `text(value, row)` is how a value is shown. rows are arrays of numbers, strings and nulls. A click on
     * a cell copies its exact value; the CSV has them all in the order shown. `limit` rows are shown at first (300
     * when not given). `sort` is [index of a column, 1 or -1]. */
    page.table = ({ caption, columns, rows, file, limit = 300, sort = null }) => {
        columns = columns.map((c, index) => ({ label: c.name, ...c, index }));
        const numeric = columns.map((c) => isNumber(c.index, rows));
        let order = rows, shown = limit;

        const body = page.el("tbody", {});
        const toggled = (i) => (sort?.[0] === i ? -sort[1] : numeric[i] ? -1 : 1);
        const heads = columns.map(({ index: i, label, title }) => page.el("th", { scope: "col", class: numeric[i] && "number", title },
            page.button(label, () => sortBy(i, toggled(i)))));
        const table = page.el("table", {}, page.el("caption", {}, caption), page.el("thead", {}, page.el("tr", {}, heads)), body);
        const more = page.button("", () => { shown = Infinity; draw(); }, { class: "quiet" });
        const save = page.csvButton(caption, file ?? caption, columns.map((c) => c.name), () => order);

        const start = page.roving(body, "td", neighbour, (td) => page.copy(td.dataset.exact, td));
        const draw = () => {
            const rowOf = (row) => page.el("tr", {}, columns.map((c) => cell(c, row, numeric[c.index])));
            body.replaceChildren(...order.slice(0, shown).map(rowOf));
            heads.forEach((th, i) => {
                if (sort?.[0] === i) th.setAttribute("aria-sort", sort[1] > 0 ? "ascending" : "descending");
                else th.removeAttribute("aria-sort");
            });
            more.hidden = order.length <= shown;
            more.textContent = `Show all ${order.length} rows`;
            start();
        };
        const sortBy = (index, sign) => {
            sort = [index, sign];
            order = [...rows].sort((a, b) => compare(a[index], b[index], sign));
            draw();
            page.say(`Sorted by ${columns[index].label}, ${sign > 0 ? "ascending" : "descending"}`);
        };
        if (sort) order = [...rows].sort((a, b) => compare(a[sort[0]], b[sort[0]], sort[1]));
        draw();
        const scroll = page.el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table);
        return page.el("figure", { class: "table" }, scroll, page.el("p", { class: "tools" }, more, save));
    };
}
