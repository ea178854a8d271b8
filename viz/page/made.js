/* made.js: how the page was made: what somebody else needs to make it again. */
{
    const quote = (word) => (/^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

    const same = (text) => ({ text, exact: text });

    const commandOf = (command) => page.el("div", { class: "command" },
        page.el("pre", { tabindex: "0", "aria-label": "The command" }, page.el("code", { dir: "auto" }, command)),
        page.button("Copy", (event) => page.copy(command, event.currentTarget), { class: "quiet", "aria-label": "Copy the command" }));

    const fill = (body) => {
        for (const { json } of page.documents("made")) {
            const command = Array.isArray(json.command) ? json.command.map(quote).join(" ") : json.command;
            if (command)
                body.append(commandOf(command));
            body.append(page.facts([
                json.version && ["Version", same(json.version)],
                json.device && ["Device", same(json.device)],
                json.host && ["Machine", same(json.host)],
                json.date && ["Date", same(json.date)],
            ]));
            if (json.files?.length)
                body.append(page.table({
                    caption: "Files", file: "files",
                    columns: [{ name: "name", label: "File" }, { name: "bytes", label: "Bytes" }, { name: "sha256", label: "SHA-256" }],
                    rows: json.files.map((f) => [f.name, f.bytes ?? null, f.sha256 ?? ""]),
                }));
        }
        body.append(page.el("p", { class: "muted" }, `Written by ${page.manifest.creator ?? "RankKV"}. `,
            "The page holds everything that it shows: it works without a network, and its policy lets it ask for nothing."));
    };

    page.section({ id: "made", order: 90, title: "How it was made", when: () => true, fill });
}
