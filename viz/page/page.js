/* page.js: the one name that the page's files share, and the list of its sections.
 *
 * The files are joined into one script, in the order of FILES. Each wraps what is its own in a block and hangs
 * what others use on `page`. The script runs under a policy that allows no other script, style or request, so
 * markup has no handlers and no style attributes. */
"use strict";

window.page = window.page || {};

{
    const sections = [];

    /* A section of the page: {id, order, title, when, fill}. `when()` says whether the page holds anything of
     * it; `fill(body)` draws it into an element, after the first paint, and may be asynchronous. */
    page.section = (section) => sections.push(section);

    /* A section that cannot tell is there: filling it says what is wrong. */
    const holds = (section) => {
        try {
            return section.when();
        } catch {
            return true;
        }
    };

    page.sections = () => sections.filter(holds).sort((a, b) => a.order - b.order);

    /* Lets the browser paint and take input before more is done. */
    page.pause = () => new Promise((resolve) => setTimeout(resolve, 0));

    page.afterPaint = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
}
