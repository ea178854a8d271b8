/* theme.js: light or dark: as the system has it, until the reader chooses. */
{
    const root = document.documentElement;
    const KEY = "rankkv-theme";
    const system = matchMedia("(prefers-color-scheme: dark)");
    const paper = matchMedia("print"); /* which is light, whatever the screen is */
    let listeners = [];

    const stored = () => {
        try {
            return localStorage.getItem(KEY);
        } catch {
            return null; /* pages from files have no storage in some browsers */
        }
    };
    const store = (theme) => {
        try {
            localStorage.setItem(KEY, theme);
        } catch {
            /* the choice holds as long as the page is open */
        }
    };
    const chosen = () => (paper.matches ? "light" : root.dataset.theme ?? (system.matches ? "dark" : "light"));
    const tell = () => {
        listeners = listeners.filter(({ element }) => element.isConnected);
        listeners.forEach(({ act }) => act());
    };

    page.dark = () => chosen() === "dark";

    /* Canvases are drawn anew when the colours change, as long as they are on the page. */
    page.onTheme = (element, act) => listeners.push({ element, act });
    system.addEventListener("change", tell);
    paper.addEventListener("change", tell);

    /* The colour that a variable of page.css has now, as rgb(). */
    const probe = page.el("span", { class: "unseen", "aria-hidden": "true" });
    page.colour = (name) => {
        if (!probe.isConnected) document.body.append(probe);
        probe.style.color = `var(${name})`;
        return getComputedStyle(probe).color;
    };

    const button = page.button("", () => {
        root.dataset.theme = page.dark() ? "light" : "dark";
        store(root.dataset.theme);
        label();
        tell();
    }, { class: "quiet theme" });
    const label = () => {
        button.textContent = page.dark() ? "Light" : "Dark";
        button.setAttribute("aria-label", page.dark() ? "Show the page in light colours" : "Show the page in dark colours");
    };
    system.addEventListener("change", label);
    if (["light", "dark"].includes(stored())) root.dataset.theme = stored();
    label();
    page.themeButton = button;
}
