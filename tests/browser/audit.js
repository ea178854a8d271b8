/* What an accessibility audit can tell by script, in the page itself: an object of lists of complaints. The body of a
 * function. */
const complaints = { names: [], headings: [], references: [], tables: [], contrast: [], language: [] };
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const seen = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });
const hidden = (e) => !!e.closest("[aria-hidden='true']");
const path = (e) => {
    const own = e.localName + (e.id ? `#${e.id}` : e.classList.length ? `.${[...e.classList].join(".")}` : "");
    const up = e.parentElement?.closest("[id], [class], section");
    return up && up !== document.documentElement ? `${path(up)} > ${own}` : own;
};

/* ---- names: of whatever takes input or the focus, and of pictures ---- */

const textOf = (e) => (e ? [...e.childNodes].map((n) => (n.nodeType === 3 ? n.data : n.nodeType === 1 && !hidden(n) ? n.ariaLabel ?? textOf(n) : "")).join(" ").trim() : "");
const nameOf = (e) =>
    (e.getAttribute("aria-labelledby") ?? "").split(/\s+/).filter(Boolean).map((id) => textOf(document.getElementById(id))).join(" ").trim()
    || (e.getAttribute("aria-label") ?? "").trim() || [...(e.labels ?? [])].map((l) => textOf(l.querySelector("span") ?? l)).join(" ").trim()
    || (/^(input|select|textarea|canvas|svg|img|div|figure|main)$/.test(e.localName) ? (e.getAttribute("alt") ?? e.getAttribute("title") ?? "").trim() : textOf(e) || (e.title ?? ""));

const CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex]:not([tabindex^='-'], td), [role=button], [role=application], [role=slider], [contenteditable]";
for (const e of all(CONTROLS)) {
    if (!seen(e)) continue;
    if (hidden(e)) complaints.names.push(`${path(e)}: takes the focus, and is hidden from assistive technology`);
    else if (e.localName !== "main" && !nameOf(e)) complaints.names.push(`${path(e)}: has no name`);
    if (e.tabIndex > 0) complaints.names.push(`${path(e)}: a tabindex of ${e.tabIndex} changes the order`);
    if (e.ariaLabel && /^(a|button|summary)$/.test(e.localName)) {
        const said = e.ariaLabel.toLowerCase(), written = textOf(e).toLowerCase();
        /* What is written stands in the name, so that it can be asked for by voice; signs are no words. */
        if (/\p{L}{2}/u.test(written) && !said.includes(written)) complaints.names.push(`${path(e)}: "${written}" is not in its name "${said}"`);
    }
}
for (const e of all("canvas, svg, img, picture, video, object, embed"))
    if (seen(e) && !hidden(e) && e.getAttribute("alt") !== "" && !nameOf(e)) complaints.names.push(`${path(e)}: a picture without a text alternative`);
for (const e of all("nav, section, [role=region], [role=group], [role=application]"))
    if (seen(e) && !hidden(e) && !nameOf(e)) complaints.names.push(`${path(e)}: a landmark without a name`);

/* ---- headings, references, tables, language ---- */

const headings = all("h1, h2, h3, h4, h5, h6").filter((e) => seen(e) && !hidden(e));
if (headings.filter((e) => e.localName === "h1").length !== 1) complaints.headings.push("there is not exactly one h1");
headings.reduce((last, e) => {
    const level = Number(e.localName[1]);
    if (level > last + 1) complaints.headings.push(`${path(e)} "${e.textContent}": h${last} is followed by h${level}`);
    if (!e.textContent.trim()) complaints.headings.push(`${path(e)}: is empty`);
    return level;
}, 0);

const ids = new Map();
for (const e of all("[id]")) ids.set(e.id, (ids.get(e.id) ?? 0) + 1);
for (const [id, n] of ids) if (n > 1) complaints.references.push(`#${id} is there ${n} times`);
for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "for"])
    for (const e of all(`[${name}]`))
        for (const id of e.getAttribute(name).split(/\s+/))
            if (!ids.has(id)) complaints.references.push(`${path(e)}: ${name} names #${id}, which is not there`);
for (const a of all("a[href^='#']")) if (!ids.has(decodeURIComponent(a.hash.slice(1)))) complaints.references.push(`${path(a)}: leads to ${a.hash}, which is not there`);

for (const e of all("table").filter(seen)) {
    if (!e.caption?.textContent.trim()) complaints.tables.push(`${path(e)}: has no caption`);
    for (const th of all("th", e)) if (!th.scope || !th.textContent.trim()) complaints.tables.push(`${path(th)}: has no scope, or no text`);
}
if (!document.documentElement.lang) complaints.language.push("html has no lang");
if (!document.title.trim()) complaints.language.push("the page has no title");

/* ---- contrast (WCAG 2.2, 1.4.3) ---- */

const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const parsed = new Map();
/* Any colour of CSS as [r, g, b, alpha]. */
const rgba = (colour) => {
    if (!parsed.has(colour)) {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
        parsed.set(colour, [r, g, b, a / 255]);
    }
    return parsed.get(colour);
};
const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
const luminance = ([r, g, b]) => {
    const [R, G, B] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * R + 0.7152 * G + 0.0722 * B;
};
const ratio = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
};
const chain = (e) => (e ? [...chain(e.parentElement), e] : []);
const behind = (e) => chain(e).reduce((paper, x) => over(rgba(getComputedStyle(x).backgroundColor), paper), [255, 255, 255, 1]);

const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const worst = new Map();
while (walker.nextNode()) {
    const text = walker.currentNode.data.trim(), e = walker.currentNode.parentElement;
    if (!text || !seen(e) || e.closest(".unseen, script, style, noscript, :disabled, .skip:not(:focus), title, desc, option")) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const paper = behind(e), opacity = chain(e).reduce((o, x) => o * Number(getComputedStyle(x).opacity), 1);
    const [r, g, b, a] = rgba(e.namespaceURI.endsWith("svg") ? style.fill : style.color);
    const is = ratio(over([r, g, b, a * opacity], paper), paper), least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    if (is >= least - 0.005) continue;
    const where = path(e);
    if (!worst.has(where) || worst.get(where).is > is) worst.set(where, { is, least, text });
}
for (const [where, { is, least, text }] of worst)
    complaints.contrast.push(`${where} "${text.slice(0, 30)}": ${is.toFixed(2)}, less than ${least}`);
return complaints;
