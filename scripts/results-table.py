#!/usr/bin/env python3
"""Markdown tables of an evaluation: results-table.py DIR/results.json [TASK ...]

Of each task and size a table: a row for each budget, a column for each method. The row `uniform` has the loss, in nats; the others
their difference to it, with ** where the verdict is "better" and (brackets) where it is "worse".
"""
import json
import sys


def cell(row):
    difference = row["against_uniform"]["mean"] if row["against_uniform"] else None
    if difference is None:
        return f"{row['loss']:.3f}"
    text = f"{difference:+.3f}".replace("-", "\N{MINUS SIGN}")
    return {"better": f"**{text}**", "worse": f"({text})"}.get(row["verdict"], text)


def size(setting):
    return f"{setting['entries']} entries" if setting["entries"] else f"{100 * setting['ratio']:g} % kept"


def write_table(title, rows, settings):
    methods = list(dict.fromkeys(settings[r["setting"]]["method"] for r in rows))
    budgets = list(dict.fromkeys(settings[r["setting"]]["budget"] for r in rows))
    by_key = {(settings[r["setting"]]["budget"], settings[r["setting"]]["method"]): r for r in rows}
    print(f"\n### {title}\n\n| budget | {' | '.join(methods)} |\n|{' --- |' * (len(methods) + 1)}")
    for budget in budgets:
        cells = [cell(by_key[budget, method]) if (budget, method) in by_key else "" for method in methods]
        print(f"| {budget or 'its own'} | {' | '.join(cells)} |")
    megabytes = [by_key[budgets[0], method]["bytes"] / 2**20 for method in methods if (budgets[0], method) in by_key]
    print(f"\n{min(megabytes):.1f} to {max(megabytes):.1f} MiB of cache under {budgets[0] or 'its own budget'}.")


def main():
    document = json.load(open(sys.argv[1], encoding="utf-8"))
    settings, tasks = document["settings"], sys.argv[2:]
    groups = {}
    for row in document["rows"]:
        setting = settings[row["setting"]]
        if tasks and row["task"] not in tasks:
            continue
        key = (row["task"], setting["protocol"], row["query_aware"])
        groups.setdefault(key, {}).setdefault("full" if setting["method"] == "full" else size(setting), []).append(row)
    for (task, protocol, aware), sizes in groups.items():
        full = sizes.pop("full", None)
        print(f"\n## {task}, {protocol}" + (", the question seen" if aware else ""))
        if full:
            print(f"\nFull cache: {full[0]['loss']:.3f} nats [{full[0]['loss_low']:.3f}, {full[0]['loss_high']:.3f}], "
                  f"{full[0]['n_windows']} windows, {full[0]['bytes'] / 2**20:.1f} MiB.")
        for name, rows in sizes.items():
            write_table(f"{task}, {name}", rows, settings)


if __name__ == "__main__":
    main()
