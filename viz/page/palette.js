/* palette.js: the colour maps of the page, those of the PNG pictures (viz/colormap.c). tests/test_page_palette.c
 * holds the two together. */
{
    /* Colours outside the map: of cells that hold nothing by their nature, and of values that are not known. */
    const OUTSIDE = {
        viridis: { masked: "dee2e8", missing: "c300ff" },
        magma: { masked: "dee2e8", missing: "005aff" },
        cividis: { masked: "dee2e8", missing: "2db4ff" },
        gray: { masked: "c6dbef", missing: "ff7800" },
    };

    const bytes = (digits) => Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16));

    /* A map by name: `rgb` [256 * 3], `masked` and `missing` [3], and at(share) the CSS colour of 0..1. */
    const make = (name) => {
        const rgb = bytes(page.colormaps[name]);
        const at = (share) => {
            const i = 3 * Math.round(255 * Math.min(Math.max(share, 0), 1));
            return `rgb(${rgb[i]}, ${rgb[i + 1]}, ${rgb[i + 2]})`;
        };
        /* Black or white, whichever is read better on the colour (WCAG's relative luminance). */
        const ink = (share) => {
            const i = 3 * Math.round(255 * Math.min(Math.max(share, 0), 1));
            const linear = [0, 1, 2].map((k) => rgb[i + k] / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 ? "#000" : "#fff";
        };
        const [masked, missing] = [OUTSIDE[name].masked, OUTSIDE[name].missing].map(bytes);
        return { name, rgb, masked, missing, at, ink };
    };

    const made = new Map();
    page.colormap = (name) => {
        if (!made.has(name)) made.set(name, make(name));
        return made.get(name);
    };
}
