/* results.js: the section of an evaluation: what to look at, its charts, its table, and the texts. */
{
    const { Results, NUMBERS, budgetOf, chanceOf, controlOf, groupBy, isFull, isUnsized, originOf, sizeOf, unique } = page.results;
    const { depthChart, differenceChart, lengthChart, lossChart } = page.results;

    /* ---- what to look at ---- */

    function beginning(results) {
        const task = results.tasks[0] ?? "";
        return { results, task, protocol: results.protocols[0], seen: null, size: "all", length: "all", number: numberFor(task),
                 methods: new Set(results.methods), budgets: new Set(results.budgets), byMethod: false };
    }

    function numberFor(task) {
        return task === "passkey" || task === "recall" ? "exact" : "loss";
    }

    /* What the choices leave: rows of the task, and whether it has answers at places of the context. */
    function look(view) {
        const { results, task, protocol, size } = view;
        const ofTask = results.rows.filter((row) => row.task === task && row.setting.protocol === protocol);
        const asked = unique(ofTask.map((row) => row.query_aware));
        if (!asked.includes(view.seen)) view.seen = asked[0];
        const wanted = (s) => isFull(s) || (view.methods.has(s.method) && view.budgets.has(originOf(s))
            && (size === "all" || isUnsized(s) || sizeOf(s) === size));
        view.asked = asked;
        view.rows = ofTask.filter((row) => row.query_aware === view.seen && wanted(row.setting));
        view.retrieves = results.cells.some((cell) => cell.task === view.task && typeof cell.depth === "number");
        return view;
    }

    /* Names that can be left out, one by one. */
    function picker(label, names, chosen, redraw) {
        if (names.length < 2) return null;
        const summary = page.el("summary", {}), set = (name, on) => (on ? chosen.add(name) : chosen.delete(name));
        const boxes = names.map((name) => page.el("input", { type: "checkbox", checked: chosen.has(name),
            on: { change: (event) => { set(name, event.target.checked); act(); } } }));
        const act = () => {
            boxes.forEach((box, i) => { box.checked = chosen.has(names[i]); });
            summary.textContent = `${label}: ${chosen.size === names.length ? "all" : chosen.size} of ${names.length}`;
            redraw();
        };
        const all = (on) => () => { names.forEach((name) => set(name, on)); act(); };
        summary.textContent = `${label}: all of ${names.length}`;
        return page.el("details", { class: "picker" }, summary, page.el("fieldset", {}, page.el("legend", { class: "unseen" }, label),
            names.map((name, i) => page.el("label", {}, boxes[i], page.el("span", { dir: "auto" }, page.look.printable(name, 120)))),
            page.el("p", { class: "tools" }, page.button("All", all(true), { class: "quiet" }),
                page.button("None", all(false), { class: "quiet" }))));
    }

    function controls(view, redraw) {
        const { results } = view, lengths = unique(results.lengths.filter((n) => n !== null)).sort((a, b) => a - b);
        const take = (name, act) => (value) => {
            view[name] = act ? act(value) : value;
            redraw(name);
        };
        const choose = (label, name, options, act) =>
            options.length > 1 && page.choice(label, options, String(view[name]), take(name, act));
        const asked = () => view.asked.map((seen) => [String(seen), seen ? "seen when compressing" : "not seen"]);
        const bar = () => [
            choose("Task", "task", results.tasks, (value) => { view.number = numberFor(value); return value; }),
            choose("Protocol", "protocol", results.protocols),
            choose("Question", "seen", asked(), (value) => value === "true"),
            choose("Size", "size", results.sizes.length > 1 ? [["all", "all"], ...results.sizes] : []),
            choose("Context", "length", view.retrieves && lengths.length > 1 ? [["all", "all"], ...lengths] : []),
            choose("Number", "number", Object.entries(NUMBERS).map(([name, number]) => [name, number.label])),
            choose("A panel per", "byMethod", [["false", "budget or size"], ["true", "method"]], (value) => value === "true"),
        ];
        const box = page.el("div", { class: "tools choices", role: "group", "aria-label": "What is shown" });
        const pickers = [picker("Methods", results.methods, view.methods, () => redraw()),
                         picker("Budgets", results.budgets, view.budgets, () => redraw())];
        const nameOf = (select) => select.closest("label")?.firstChild.textContent;
        const fill = () => {
            const focused = box.contains(document.activeElement) && nameOf(document.activeElement);
            box.replaceChildren(...bar().filter(Boolean), ...pickers.filter(Boolean));
            if (focused) Array.from(box.querySelectorAll("select")).find((select) => nameOf(select) === focused)?.focus();
        };
        return { box, fill };
    }

    /* ---- words ---- */

    const ORDER = ["better", "worse", "within noise", "too few"];

    function counted(rows) {
        const counts = groupBy(rows, (row) => row.verdict);
        return ORDER.filter((word) => counts.has(word))
            .map((word) => `${counts.get(word).length} ${word === "too few" ? "with too few windows to say" : word}`).join(", ");
    }

    /* How the comparisons with uniform came out, in the words of the file; shuffles are counted by themselves. */
    function verdicts(view) {
        const compared = view.rows.filter((row) => row.against_uniform && row.verdict);
        const isControl = (row) => controlOf(row.setting.budget)?.kind === "shuffled";
        const own = compared.filter((row) => !isControl(row)), controls = compared.filter(isControl);
        if (compared.length === 0) return null;
        const chance = compared.reduce((sum, row) => sum + chanceOf(row.against_uniform.n_below + row.against_uniform.n_above), 0);
        return page.el("p", {},
            own.length > 0 && `Of ${page.count(own.length, "comparison")} with uniform budgets of the same size: ${counted(own)}. `,
            controls.length > 0 && `Of ${page.count(controls.length, "shuffle")}: ${counted(controls)}. `,
            chance > 0 && "If no budget made any difference, chance would still call up to ",
            chance > 0 && `${page.format(chance, 2)} of these better or worse.`);
    }

    /* ---- table ---- */

    /* Columns: name as in rows.csv, label for people, and the row's value. */
    const COLUMNS = [
        ["protocol", "Protocol", (row) => row.setting.protocol],
        ["method", "Method", (row) => row.setting.method],
        ["budget", "Budget", (row) => budgetOf(row.setting)],
        ["ratio", "Kept", (row) => (row.setting.entries ? null : row.setting.ratio)],
        ["entries_asked", "Entries asked", (row) => row.setting.entries || null],
        ["task", "Task", (row) => row.task],
        ["query_aware", "Question", (row) => (row.query_aware ? "seen" : "not seen")],
        ["n_windows", "Windows", (row) => row.n_windows],
        ["n_questions", "Questions", (row) => row.n_questions],
        ["bytes", "Bytes", (row) => row.bytes],
        ["kv_bytes", "Of keys and values", (row) => row.kv_bytes],
        ["entries", "Entries", (row) => row.entries],
        ["loss", "Loss", (row) => row.loss],
        ["loss_low", "from", (row) => row.loss_low],
        ["loss_high", "to", (row) => row.loss_high],
        ["perplexity", "Perplexity", (row) => row.perplexity],
        ["kl", "KL", (row) => row.kl],
        ["agreement", "Agreement", (row) => row.agreement],
        ["accuracy", "Right", (row) => row.accuracy],
        ["exact", "Exact", (row) => row.exact],
        ["exact_low", "from", (row) => row.exact_low],
        ["exact_high", "to", (row) => row.exact_high],
        ["full_mean", "To full", (row) => row.against_full?.mean],
        ["full_low", "from", (row) => row.against_full?.low],
        ["full_high", "to", (row) => row.against_full?.high],
        ["uniform_mean", "To uniform", (row) => row.against_uniform?.mean],
        ["uniform_low", "from", (row) => row.against_uniform?.low],
        ["uniform_high", "to", (row) => row.against_uniform?.high],
        ["uniform_n_below", "Won", (row) => row.against_uniform?.n_below],
        ["uniform_n_above", "Lost", (row) => row.against_uniform?.n_above],
        ["uniform_p", "p", (row) => row.against_uniform?.p],
        ["bytes_of_uniform", "Bytes to uniform", (row) => row.bytes_of_uniform],
        ["verdict", "Verdict", (row) => row.verdict || null],
    ];

    /* Columns in which no row has anything are left out. */
    function table(view) {
        const rows = view.rows.map((row) => COLUMNS.map(([, , of]) => of(row) ?? null));
        const used = COLUMNS.map((_, c) => rows.some((row) => row[c] !== null));
        return [page.paperNote(), page.table({
            caption: `${view.task}: ${page.count(rows.length, "row")}`, file: `rows-${view.task}`, limit: 40,
            columns: COLUMNS.filter((_, c) => used[c]).map(([name, label]) => ({ name, label, title: name })),
            rows: rows.map((row) => row.filter((_, c) => used[c])),
        })];
    }

    /* ---- texts ---- */

    /* Texts of one question, the full cache's first; which question is chosen. */
    function texts(view) {
        const { results } = view, wanted = new Set(view.rows.map((row) => row.setting.index));
        const cells = results.cells.filter((cell) => typeof cell.text === "string" && wanted.has(cell.setting)
            && cell.task === view.task && cell.query_aware === view.seen);
        if (cells.length === 0) return null;
        const groups = groupBy(cells, (cell) => `${cell.window} ${cell.question}`), shown = page.el("div", {});
        const nameOf = (s) => (isFull(s) ? "full cache" : page.joined(s.method, s.budget, !isUnsized(s) && sizeOf(s)));
        const several = new Set(cells.map((cell) => cell.window)).size < groups.size;
        const labelOf = ([{ window, question }]) =>
            page.look.printable(results.windows[window] ?? window, 80) + (several ? `, question ${question + 1}` : "");
        const draw = (key) => {
            const items = groups.get(key).map((cell) => ({ setting: results.settings[cell.setting], text: cell.text }));
            items.sort((a, b) => isFull(b.setting) - isFull(a.setting));
            shown.replaceChildren(page.texts(items.map(({ setting, text }) => ({ name: nameOf(setting), text }))));
        };
        draw(groups.keys().next().value);
        const options = Array.from(groups, ([key, group]) => [key, labelOf(group)]);
        const choices = options.length > 1 && page.el("div", { class: "tools" }, page.choice("Window", options, options[0][0], draw));
        return page.el("div", {}, choices, shown);
    }

    /* ---- the section ---- */

    function against(view) {
        const chart = differenceChart(view);
        return chart && [verdicts(view), chart];
    }

    const PARTS = [["What it costs", lossChart], ["Against uniform budgets", against],
                   ["Where the answers stand", (view) => [depthChart(view), lengthChart(view)]],
                   ["Texts", texts], ["All numbers", table]];

    /* The parts that a choice is seen in, where that is not all of them. */
    const SEEN_IN = { number: [0], byMethod: [0, 1], length: [2] };

    /* Keeps an element's height until what comes into it is drawn, so that the page does not jump. */
    function hold(element) {
        element.style.minHeight = `${element.offsetHeight}px`;
        page.afterPaint().then(() => { element.style.minHeight = ""; });
    }

    function evaluation(document, heading) {
        const results = new Results(document), view = look(beginning(results)), parts = PARTS.map(() => page.el("div", {}));
        const draw = (which = PARTS.map((_, i) => i)) => {
            look(view);
            for (const i of which) {
                const [title, of] = PARTS[i], made = [of(view)].flat().filter(Boolean);
                hold(parts[i]);
                parts[i].replaceChildren(...(made.length ? [page.el(heading, {}, title), ...made] : []));
            }
        };
        const { box, fill } = controls(view, (name) => {
            look(view);
            if (name === "task" || name === "protocol") fill();
            draw(SEEN_IN[name]);
        });
        const { seed, creator, profile, settings, windows, cells } = results.json;
        const about = page.knownFacts({ Windows: windows.length, Settings: settings.length, Cells: cells.length, Profile: profile,
                                        Seed: seed, "Made by": creator });
        const on = page.el("p", { class: "muted", dir: "auto" }, page.look.printable(results.about));
        if (results.rows.length === 0)
            return [on, about, page.note("The file has no rows: rankkv makes them from its cells when it reads the file.")];
        fill();
        draw();
        return [on, about, box, ...parts];
    }

    page.section({ id: "evaluation", order: 60, title: "Evaluation", when: () => page.documents("results").length > 0,
        fill: async (body) => {
            const documents = page.documents("results");
            for (const document of documents) {
                if (documents.length > 1) body.append(page.el("h3", { dir: "auto" }, page.look.printable(document.name)));
                body.append(...evaluation(document, documents.length > 1 ? "h4" : "h3"));
                await page.pause();
            }
        } });
}
