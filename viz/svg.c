/* svg.c: a scene as SVG, written here rather than by Cairo: Cairo makes outlines of all text (nothing to
 * find, copy or read aloud), knows no groups, and its bytes change with its version.
 *
 * Each text carries the length that it was laid out with, so that a reader's own fonts leave the layout as it
 * is. Numbers are written without the C library's formats, whose decimal point is the locale's. */
#include "viz/svg.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"
#include "viz/stroke.h"

#define FONTS "DejaVu Sans, Bitstream Vera Sans, Verdana, sans-serif"

/* ---- words ---- */

static void add(rkv_text *out, const char *text) {
    rkv_text_add(out, text, strlen(text));
}

/* value to two decimals, without needless zeros. */
static void add_number(rkv_text *out, double value) {
    long long hundredths = llround(value * 100), size = hundredths < 0 ? -hundredths : hundredths;
    if (hundredths < 0) add(out, "-");
    rkv_text_printf(out, "%lld", size / 100);
    int rest = (int)(size % 100);
    if (rest == 0) return;
    if (rest % 10 == 0)
        rkv_text_printf(out, ".%d", rest / 10);
    else
        rkv_text_printf(out, ".%02d", rest);
}

static void add_attribute(rkv_text *out, const char *name, double value) {
    rkv_text_printf(out, " %s=\"", name);
    add_number(out, value);
    add(out, "\"");
}

static void add_colour(rkv_text *out, const char *name, uint32_t colour) {
    rkv_text_printf(out, " %s=\"#%06X\"", name, (unsigned)colour);
}

/* Printable text as XML: five characters are escaped, and the two that XML forbids replaced. */
static void add_escaped(rkv_text *out, const char *text) {
    for (const char *c = text; *c; c++)
        if (*c == '&')
            add(out, "&amp;");
        else if (*c == '<')
            add(out, "&lt;");
        else if (*c == '>')
            add(out, "&gt;");
        else if (*c == '"')
            add(out, "&quot;");
        else if (*c == '\'')
            add(out, "&#39;");
        else if (strncmp(c, "\xEF\xBF\xBE", 3) == 0 || strncmp(c, "\xEF\xBF\xBF", 3) == 0)
            add(out, "\uFFFD"), c += 2;
        else
            rkv_text_add(out, c, 1);
}

static void add_element(rkv_text *out, const char *name, const char *text) {
    if (!text || !text[0]) return;
    rkv_text_printf(out, "<%s>", name);
    add_escaped(out, text);
    rkv_text_printf(out, "</%s>\n", name);
}

/* ---- items ---- */

static void add_box(rkv_text *out, rkv_box box) {
    add_attribute(out, "x", box.x);
    add_attribute(out, "y", box.y);
    add_attribute(out, "width", box.width);
    add_attribute(out, "height", box.height);
}

static void add_fill(rkv_text *out, const rkv_item *item) {
    add(out, "<rect");
    add_box(out, item->box);
    add_colour(out, "fill", item->colour);
    add(out, "/>\n");
}

static void add_pen(rkv_text *out, const rkv_pen *pen) {
    if (pen->fill_opacity > 0)
        add_colour(out, "fill", pen->fill);
    else
        add(out, " fill=\"none\"");
    if (pen->fill_opacity > 0 && pen->fill_opacity < 1) add_attribute(out, "fill-opacity", pen->fill_opacity);
    if (!(pen->stroke_opacity > 0)) return;
    add_colour(out, "stroke", pen->stroke);
    add_attribute(out, "stroke-width", pen->width_px);
    if (pen->stroke_opacity < 1) add_attribute(out, "stroke-opacity", pen->stroke_opacity);
    const double *lengths;
    size_t n = rkv_dash_lengths(pen->dash, &lengths);
    if (n == 0) return;
    add(out, " stroke-dasharray=\"");
    for (size_t i = 0; i < n; i++) {
        if (i > 0) add(out, " ");
        add_number(out, lengths[i] * pen->width_px);
    }
    add(out, "\"");
}

static void add_path(rkv_text *out, const rkv_item *item) {
    add(out, "<path d=\"");
    for (size_t i = 0; i < item->n_points; i++) {
        add(out, i == 0 ? "M" : "L");
        add_number(out, item->point[i].x);
        add(out, " ");
        add_number(out, item->point[i].y);
    }
    add(out, item->closed ? "Z\"" : "\"");
    add_pen(out, &item->pen);
    add(out, "/>\n");
}

static void add_dot(rkv_text *out, const rkv_item *item) {
    add(out, "<circle");
    add_attribute(out, "cx", item->point[0].x);
    add_attribute(out, "cy", item->point[0].y);
    add_attribute(out, "r", item->radius);
    add_pen(out, &item->pen);
    add(out, "/>\n");
}

/* What fits of a label's text, with an ellipsis where it is cut. */
static void add_fitting(rkv_text *out, const rkv_scene *scene, const rkv_item *item, int length) {
    if (rkv_lettering_width(scene->lettering, item->text, item->type) <= length) {
        add_escaped(out, item->text);
        return;
    }
    int room = length - rkv_lettering_width(scene->lettering, "\u2026", item->type);
    size_t bytes = room > 0 ? rkv_lettering_fit(scene->lettering, item->text, item->type, room) : 0;
    rkv_text prefix = {0};
    rkv_text_add(&prefix, item->text, bytes);
    if (prefix.status)
        out->status = prefix.status;
    else
        add_escaped(out, prefix.bytes);
    add(out, "\u2026");
    free(prefix.bytes);
}

static void add_label(rkv_text *out, const rkv_scene *scene, const rkv_item *item) {
    rkv_box box = item->box;
    int length = item->turned ? box.height : box.width, line = item->turned ? box.width : box.height;
    double down = rkv_baseline(item->type, line);
    add(out, "<text");
    if (item->turned) {
        add(out, " transform=\"translate(");
        add_number(out, box.x + down);
        add(out, " ");
        add_number(out, box.y + box.height);
        add(out, ") rotate(-90)\"");
    } else {
        add_attribute(out, "x", box.x);
        add_attribute(out, "y", box.y + down);
    }
    add_attribute(out, "font-size", item->type.size_px);
    if (item->type.bold) add(out, " font-weight=\"bold\"");
    add_colour(out, "fill", item->colour);
    add_attribute(out, "textLength", length);
    add(out, " lengthAdjust=\"spacingAndGlyphs\">");
    add_fitting(out, scene, item, length);
    add(out, "</text>\n");
}

static void add_item(rkv_text *out, const rkv_scene *scene, const rkv_item *item) {
    switch (item->kind) {
    case RKV_ITEM_FILL:
        add_fill(out, item);
        break;
    case RKV_ITEM_LABEL:
        add_label(out, scene, item);
        break;
    case RKV_ITEM_PATH:
        add_path(out, item);
        break;
    case RKV_ITEM_DOT:
        add_dot(out, item);
        break;
    case RKV_ITEM_GROUP:
        rkv_text_printf(out, "<g class=\"%s\">\n", item->family);
        add_element(out, "title", item->text);
        break;
    case RKV_ITEM_END:
        add(out, "</g>\n");
        break;
    case RKV_ITEM_IMAGE:
    case RKV_ITEM_RAMP:
        assert(!"pictures of matrices are PNG");
    }
}

rkv_status rkv_svg_write(const rkv_scene *scene, const char *path, const char *title, const char *description,
                         double pixels) {
    rkv_text out = {0};
    char *bytes = NULL;
    rkv_box page = {0, 0, scene->width, scene->height};
    add(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
    add_attribute(&out, "width", scene->width / pixels);
    add_attribute(&out, "height", scene->height / pixels);
    rkv_text_printf(&out, " viewBox=\"0 0 %d %d\" role=\"img\"", scene->width, scene->height);
    add(&out, " font-family=\"" FONTS "\" stroke-linejoin=\"round\" style=\"white-space:pre\">\n");
    add_element(&out, "title", title);
    add_element(&out, "desc", description);
    add_fill(&out, &(rkv_item){.box = page, .colour = RKV_RGB(255, 255, 255)});
    for (size_t i = 0; i < scene->n_items; i++)
        add_item(&out, scene, &scene->item[i]);
    add(&out, "</svg>\n");
    size_t length = out.length;
    rkv_status status = rkv_text_finish(&out, &bytes);
    if (!status) status = rkv_write_file(path, bytes, length);
    free(bytes);
    return status;
}
