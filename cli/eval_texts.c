/* eval_texts.c: what settings generated, beside the full cache's text. */
#include "cli/eval_texts.h"

#include <stdint.h>
#include <string.h>

#include "cli/side_by_side.h"
#include "cli/terminal.h"

/* The generated text of a setting in a window; NULL: none. */
static const char *text_of(const rkv_results *r, size_t setting, size_t window) {
    for (size_t i = 0; i < r->n_cells; i++)
        if (r->cells[i].setting == setting && r->cells[i].window == window && r->cells[i].text)
            return r->cells[i].text;
    return NULL;
}

static bool is_full(const rkv_setting *setting) {
    return strcmp(setting->method, "full") == 0 && setting->protocol == RKV_PROTOCOL_PREFILL;
}

static void describe(const rkv_setting *s, char *text, size_t size) {
    char amount[32];
    if (s->entries)
        snprintf(amount, sizeof amount, "%zu entries", s->entries);
    else
        snprintf(amount, sizeof amount, "%g %%", 100 * s->ratio);
    snprintf(text, size, "%s, %s%s%s", s->method, s->budget ? s->budget : "", s->budget ? ", " : "", amount);
}

static void write_pair(FILE *out, const rkv_setting *setting, const char *full, const char *own) {
    char title[256];
    describe(setting, title, sizeof title);
    side_text left = {"full", full, strlen(full), SIZE_MAX}, right = {title, own, strlen(own), SIZE_MAX};
    size_t same = side_by_side_same(&left, &right);
    bool differ = same < left.length || same < right.length;
    left.mark = right.mark = differ ? same : SIZE_MAX;
    side_by_side_write(out, &left, &right);
    if (!differ) fputs("The texts are the same.\n\n", out);
}

void eval_texts_write(FILE *out, const rkv_results *r) {
    size_t full = 0;
    while (full < r->n_settings && !is_full(&r->settings[full]))
        full++;
    for (size_t w = 0; w < r->n_windows; w++) {
        const char *reference = text_of(r, full, w), *own;
        if (!reference) continue;
        fprintf(out, "\n%stexts after window %s%s\n\n", terminal_style(out, STYLE_BOLD), r->window_names[w],
                terminal_style(out, STYLE_PLAIN));
        for (size_t s = 0; s < r->n_settings; s++)
            if (s != full && (own = text_of(r, s, w))) write_pair(out, &r->settings[s], reference, own);
        return;
    }
}
