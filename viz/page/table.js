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

    const isNumber = (column, rows) => rows.every((row) => typeof row[column] !== "string");

    const cell = (column, row, numeric) => {
        const value = row[column.index];
        const text = column.text ? column.text(value, row) : typeof value === "number" ? page.format(value) : value ?? "–";
        return page.el("td", { class: numeric ? "number" : null, tabindex: "-1", dir: numeric ? null : "auto", "data-exact": page.exact(value) }, text);
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
        const heads = columns.map((column) => page.el("th", { scope: "col", class: numeric[column.index] ? "number" : null, title: column.title },
            page.button(column.label, () => sortBy(column.index, sort?.[0] === column.index ? -sort[1] : numeric[column.index] ? -1 : 1))));
        const table = page.el("table", {}, page.el("caption", {}, caption), page.el("thead", {}, page.el("tr", {}, heads)), body);
        const more = page.button("", () => { shown = Infinity; draw(); }, { class: "quiet" });
        const save = page.button("CSV", () => page.download(`${file ?? caption}.csv`, "text/csv", page.csv(columns.map((c) => c.name), order)),
                                 { class: "quiet", "aria-label": `Save the table as CSV: ${caption}` });

        const start = page.roving(body, "td", neighbour, (td) => page.copy(td.dataset.exact, td));
        const draw = () => {
            body.replaceChildren(...order.slice(0, shown).map((row) => page.el("tr", {}, columns.map((c) => cell(c, row, numeric[c.index])))));
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
        return page.el("figure", { class: "table" }, page.el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table),
                       page.el("p", { class: "tools" }, more, save));
    };
}
