/* canvas.js: what pictures on a canvas share. */
{
    page.canvasFont = (size) => `${size}px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif`;

    /* A canvas of `width` x `height` CSS pixels as sharp as the screen; its context draws in CSS pixels. */
    page.sharp = (canvas, width, height) => {
        const ratio = Math.min(window.devicePixelRatio || 1, 3);
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
        canvas.style.width = `${width}px`;
        canvas.style.height = `${height}px`;
        const context = canvas.getContext("2d");
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        return context;
    };

    /* The canvas as an SVG file: its picture under a title. */
    page.saveCanvas = (canvas, title, file) => {
        title = page.look.printable(title, 1000);
        const width = parseFloat(canvas.style.width), height = parseFloat(canvas.style.height), top = 28;
        const svg = page.svg("svg", { xmlns: "http://www.w3.org/2000/svg", width, height: height + top, viewBox: `0 0 ${width} ${height + top}` },
            page.svg("title", {}, title),
            page.svg("rect", { width: "100%", height: "100%", fill: page.colour("--paper") }),
            page.svg("text", { x: 4, y: 18, "font-family": "sans-serif", "font-size": 13, fill: page.colour("--ink") }, title),
            page.svg("image", { y: top, width, height, href: canvas.toDataURL("image/png") }));
        page.download(`${file}.svg`, "image/svg+xml", new XMLSerializer().serializeToString(svg) + "\n");
    };

    page.saveButton = (title, act) => page.button("SVG", act, { class: "quiet", "aria-label": `Save as SVG: ${title}` });

    /* Calls act(width) when the element is shown and whenever it gets another width; in the next frame, since what is
     * drawn may change the layout that is being told. */
    page.onWidth = (element, act) => {
        let last = 0;
        const look = () => {
            const width = Math.floor(element.clientWidth);
            if (width > 0 && width !== last) act((last = width));
        };
        new ResizeObserver(() => requestAnimationFrame(look)).observe(element);
    };

    /* A colour map with the values of its two ends. */
    page.ramp = (map, low, high) => {
        const canvas = page.el("canvas", { "aria-hidden": "true" }), context = page.sharp(canvas, 140, 10);
        for (let x = 0; x < 140; x++) {
            context.fillStyle = map.at(x / 139);
            context.fillRect(x, 0, 1, 10);
        }
        return page.el("span", { class: "legend" }, page.el("span", {}, low), canvas, page.el("span", {}, high));
    };

    /* A colour with its name. */
    page.swatch = (colour, name) => {
        const square = page.el("span", { class: "swatch", "aria-hidden": "true" });
        square.style.background = colour;
        return page.el("span", { class: "legend" }, square, name);
    };
}
