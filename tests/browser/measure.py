#!/usr/bin/env python3
"""How fast a report.html is: its first paint, and how long a head's attention takes to open.

    measure.py PAGE [--runs N] [--heads N]

A line per number, in ms: the least, the median and the most. A head counts from the key that opens it to the frame that
has it painted; each is opened for the first time.
"""
import argparse
import pathlib
import random
import statistics
import sys
import tempfile

import webdriver

FIRST_PAINT_MS, HEAD_MS = 1000, 100  # what a page of 512 tokens and 270 heads is held to

PAINTS = """const paints = Object.fromEntries(performance.getEntriesByType("paint").map((p) => [p.name, p.startTime]));
    return { "first paint": paints["first-paint"], "first contentful paint": paints["first-contentful-paint"],
             "all sections drawn": window.rankkvReady }"""

# Before any script of the page: notes when the last section is there, and painted.
NOTE_READY = """new MutationObserver((_, observer) => {
    if (document.documentElement?.dataset.ready !== "true") return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.rankkvReady = performance.now(); }, 0));
}).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-ready"] })"""

# Opens heads by the Enter key on the map, one after another: the time of each until it is painted.
OPEN_HEADS = """const [heads, layers] = arguments, map = document.querySelector("canvas[aria-roledescription='map of values']");
    const attention = document.querySelector("canvas[aria-roledescription='attention map']");
    const key = (name) => map.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
    const painted = () => new Promise((resolve) => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => resolve(performance.now());
        channel.port2.postMessage(null);
    }));
    return (async () => {
        const times = [];
        for (const [layer, head] of heads) {
            key("Home");
            for (let i = 0; i < layers; i++) key("ArrowUp");
            for (let i = 0; i < layer; i++) key("ArrowDown");
            for (let i = 0; i < head; i++) key("ArrowRight");
            await painted();
            await painted();
            const label = `Attention of layer ${layer}, head ${head}`, start = performance.now();
            const drawn = new Promise((resolve) => new MutationObserver((_, observer) => {
                if (attention.ariaLabel !== label) return;
                observer.disconnect();
                resolve();
            }).observe(attention, { attributes: true, attributeFilter: ["aria-label"] }));
            if (attention.ariaLabel === label) continue;
            key("Enter");
            await drawn;
            times.push(await painted() - start);
        }
        return times;
    })()"""


def first_paints(browser, page):
    """{what: ms since the page was asked for}."""
    browser.go("about:blank")
    browser.go(page)
    browser.wait("return window.rankkvReady !== undefined")
    return browser.run(PAINTS)


def prepare(browser):
    browser.resize(1440, 900)
    browser.tell("Page.addScriptToEvaluateOnNewDocument", source=NOTE_READY)


def head_times(browser, n):
    """ms, of n heads of the page that is open, chosen at random, but always the same."""
    layers, columns = browser.run("const { model: m } = page.documents('analysis')[0].json; return [m.n_layers, m.n_heads]")
    every = [[layer, head] for layer in range(layers) for head in range(columns)]
    return browser.run(OPEN_HEADS, random.Random(1).sample(every, min(n, len(every))), layers)


def line(what, values, limit=None):
    text = f"{what:24} {min(values):8.1f} {statistics.median(values):8.1f} {max(values):8.1f}"
    return text + (f"   limit {limit}" if limit else "")


def report(paints, heads):
    """The lines of what was measured."""
    lines = [f"{'ms':24} {'least':>8} {'median':>8} {'most':>8}"]
    for name in paints[0]:
        lines.append(line(name, [p[name] for p in paints], FIRST_PAINT_MS if name == "first paint" else None))
    return lines + [line(f"a head, of {len(heads)}", heads, HEAD_MS)] if heads else lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--heads", type=int, default=60)
    options = parser.parse_args()
    reason = webdriver.missing()
    if reason:
        print(f"measure: {reason}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, webdriver.Browser(folder) as browser:
        prepare(browser)
        paints = [first_paints(browser, options.page) for _ in range(options.runs)]
        print(f"{options.page}: {options.page.stat().st_size / 1e6:.2f} MB")
        print("\n".join(report(paints, head_times(browser, options.heads))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
