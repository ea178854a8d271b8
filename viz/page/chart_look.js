/* chart_look.js: colours, signs and dashes of series, and text that fits: viz/palette.c once more. On the
 * screen colours are variables of chart.css, light or dark; in a file they are those of the PNG charts. */
{
    const SERIES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
                    "#332288", "#225555", "#666633", "#AA4499", "#1F2328", "#663333"];
    const PAPER = { paper: "#FFFFFF", ink: "#1F2328", muted: "#59636E", rule: "#D0D5DC", grid: "#E5E8ED",
                    control: "#969EA8" };
    const FONTS = "DejaVu Sans, Bitstream Vera Sans, Verdana, sans-serif";

    /* What is drawn when the colours come round again: dash in line widths, filling of signs. */
    const ROUNDS = [{ dash: [], filling: 1 }, { dash: [5, 2.5], filling: 0 }, { dash: [1.5, 2], filling: 0.45 },
                    { dash: [6, 2, 1.5, 2], filling: 0.15 }];

    /* Signs about the origin, about as large to the eye; null: a circle. */
    const SIGNS = [
        null,
        [-.88, -.88, .88, -.88, .88, .88, -.88, .88],
        [0, -1.2, 1.1, .8, -1.1, .8],
        [0, -1.3, 1.3, 0, 0, 1.3, -1.3, 0],
        [0, 1.2, 1.1, -.8, -1.1, -.8],
        [-.38, -1.2, .38, -1.2, .38, -.38, 1.2, -.38, 1.2, .38, .38, .38, .38, 1.2, -.38, 1.2, -.38, .38, -1.2, .38,
         -1.2, -.38, -.38, -.38],
        [0, -1.35, .36, -.5, 1.28, -.42, .58, .19, .79, 1.09, 0, .61, -.79, 1.09, -.58, .19, -1.28, -.42, -.36, -.5],
        [0, -.54, .58, -1.12, 1.12, -.58, .54, 0, 1.12, .58, .58, 1.12, 0, .54, -.58, 1.12, -1.12, .58, -.54, 0,
         -1.12, -.58, -.58, -1.12],
        [-1.2, 0, .8, -1.1, .8, 1.1],
        [1.2, 0, -.8, -1.1, -.8, 1.1],
        [-.95, -1.05, .95, -1.05, -.95, 1.05, .95, 1.05],
        [0, -1.4, .75, 0, 0, 1.4, -.75, 0],
    ];

    /* Looks repeat after 48. */
    function lookAt(index) {
        const colour = index % SERIES.length, round = Math.floor(index / SERIES.length) % ROUNDS.length;
        return { colour: "series-" + colour, index, sign: colour, muted: false, ...ROUNDS[round] };
    }

    const MUTED = { colour: "control", index: 0, sign: 0, muted: true, dash: [], filling: 1 };

    /* ---- themes ---- */

    function hexOf(name) {
        return PAPER[name] || SERIES[Number(name.slice("series-".length))];
    }

    function tint(hex, share) {
        const part = (at) => Math.round(255 - share * (255 - parseInt(hex.slice(at, at + 2), 16)));
        return "#" + [1, 3, 5].map((at) => part(at).toString(16).padStart(2, "0")).join("");
    }

    const screen = {
        font: "inherit",
        colour: (name) => `var(--${name}, ${hexOf(name)})`,
        tint: (name, share) => share >= 1 ? screen.colour(name)
            : `color-mix(in srgb, ${screen.colour(name)} ${100 * share}%, ${screen.colour("paper")})`,
    };

    const paper = { font: FONTS, colour: hexOf, tint: (name, share) => tint(hexOf(name), share) };

    /* ---- text ---- */

    /* Text from outside, where order and line are ours: what would reorder or hide other characters, or is no
     * character of XML, is shown by its number. */
    function printable(text, most = 400) {
        const all = Array.from(String(text ?? "")), cut = all.length > most;
        const shown = (cut ? all.slice(0, most - 1) : all).map((c) => {
            if (c === "\n") return "\u23CE";
            if (c === "\t") return " ";
            const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\u2028\u2029]/u.test(c) && c !== "\u200D" && c !== "\u200C";
            return hidden ? "\\u{" + c.codePointAt(0).toString(16).toUpperCase() + "}" : c;
        });
        return shown.join("") + (cut ? "\u2026" : "");
    }

    const widths = new Map();
    let pen = null;

    /* The width of a text in px. */
    function textWidth(text, size, theme = screen, bold = false) {
        const font = `${bold ? "bold " : ""}${size}px ${theme === screen ? screenFont() : FONTS}`;
        const key = font + "\n" + text;
        if (widths.size > 20000) widths.clear();
        if (!widths.has(key)) {
            pen = pen || document.createElement("canvas").getContext("2d");
            pen.font = font;
            widths.set(key, pen.measureText(text).width);
        }
        return widths.get(key);
    }

    let bodyFont = "";

    function screenFont() {
        return (bodyFont = bodyFont || getComputedStyle(document.body).fontFamily || FONTS);
    }

    /* What fits of a text, with an ellipsis where it is cut. */
    function fit(text, size, room, theme) {
        if (textWidth(text, size, theme) <= room) return text;
        const all = Array.from(text);
        let low = 0, high = all.length;
        while (low < high) {
            const middle = Math.ceil((low + high) / 2);
            if (textWidth(all.slice(0, middle).join("") + "\u2026", size, theme) <= room) low = middle;
            else high = middle - 1;
        }
        return all.slice(0, low).join("").trimEnd() + "\u2026";
    }

    /* A text as at most `most` lines, broken after blanks, commas and colons. */
    function wrap(text, size, room, most, theme) {
        const lines = [""];
        for (const word of text.match(/[^\s,:/]*[,:/]?\s*/g).filter((w) => w)) {
            const last = lines.length - 1;
            if (!lines[last] || textWidth((lines[last] + word).trimEnd(), size, theme) <= room) lines[last] += word;
            else if (lines.length < most) lines.push(word);
            else lines[last] += word;
        }
        return lines.map((line) => fit(line.trimEnd(), size, room, theme));
    }

    page.look = { MUTED, SIGNS, fit, lookAt, paper, printable, screen, textWidth, wrap };
}
