/* start.js: puts the page together: its frame first, then each section once the browser has painted. */
{
    /* Of one prompt alone: several may be of different models. */
    const subtitle = () => {
        const [first, ...others] = page.documents("analysis");
        if (!first || others.length) return "";
        try {
            const { model: m, prompt } = first.json, n = prompt?.n_tokens;
            return page.joined(m?.name, m?.file_type, page.isNumber(n) && page.count(n, "token"));
        } catch {
            return ""; /* what is wrong with the document, its section says */
        }
    };

    const frame = (section) => {
        const heading = page.el("h2", { id: `${section.id}-heading` }, section.title);
        const body = page.el("div", { class: "body", "aria-busy": "true" });
        document.getElementById("main").append(
            page.el("section", { id: section.id, "aria-labelledby": heading.id }, heading, body));
        return body;
    };

    /* Marks in the contents where the reader is. */
    const follow = (links) => {
        const seen = new Set();
        const observer = new IntersectionObserver((entries) => {
            for (const e of entries) e.isIntersecting ? seen.add(e.target.id) : seen.delete(e.target.id);
            const here = links.find((a) => seen.has(a.hash.slice(1)));
            for (const a of links) a === here ? a.setAttribute("aria-current", "true") : a.removeAttribute("aria-current");
        }, { rootMargin: "-20% 0px -60% 0px" });
        document.querySelectorAll("main > section").forEach((s) => observer.observe(s));
    };

    const fill = async (section, body) => {
        try {
            await section.fill(body);
        } catch (error) {
            page.failed(error, body);
        }
        body.removeAttribute("aria-busy");
    };

    const start = async () => {
        document.getElementById("subtitle").textContent = subtitle();
        const sections = page.sections();
        const bodies = sections.map(frame);
        const links = sections.map((s) => page.el("a", { href: `#${s.id}` }, s.title));
        document.getElementById("contents").append(page.el("ul", {}, links.map((a) => page.el("li", {}, a))), page.themeButton);
        follow(links);
        await page.afterPaint();
        for (let i = 0; i < sections.length; i++) {
            await fill(sections[i], bodies[i]);
            await page.pause();
        }
        document.documentElement.dataset.ready = "true";
    };

    start();
}
