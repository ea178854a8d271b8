/* paragraph.c: text broken into lines that fit. */
#include <stdlib.h>
#include <string.h>

#include "viz/figure.h"

/* A line of the input is read so far. */
#define CHARACTERS 4000

typedef struct paragraph {
    rkv_scene *scene;
    rkv_label label; /* the next line's place */
    size_t left;     /* lines that may still come */
    bool add;
} paragraph;

static void end_line(paragraph *p, char *text, size_t length) {
    char after = text[length];
    text[length] = '\0';
    p->label.text = text;
    if (p->add) rkv_scene_label(p->scene, &p->label);
    text[length] = after;
    p->label.y += rkv_line_height(p->label.type) + rkv_line_height(p->label.type) / 8;
    p->left--;
}

/* How much of text is the next line: whole words; of a word that is longer than a line the parts that fit, of
 * a specification up to a separator where there is one, or what fits. */
static size_t line_length(const paragraph *p, const char *text) {
    size_t fits = rkv_lettering_fit(p->scene->lettering, text, p->label.type, p->label.max_px);
    if (!text[fits]) return fits;
    for (size_t i = fits + 1; i > 1; i--)
        if (text[i - 1] == ' ') return i - 1;
    for (size_t i = fits; i > 1; i--)
        if (strchr(",:+", text[i - 1])) return i;
    size_t one = 1;
    while (((unsigned char)text[one] & 0xC0) == 0x80)
        one++;
    return fits ? fits : one;
}

/* Adds one line of the input; rest: more follow it. */
static void add_broken(paragraph *p, char *text, bool rest) {
    while (p->left && *text) {
        size_t length = line_length(p, text);
        bool last = p->left == 1 && (text[length] || rest);
        end_line(p, text, last ? strlen(text) : length);
        text += length;
        while (*text == ' ')
            text++;
    }
}

int rkv_scene_paragraph(rkv_scene *scene, const rkv_label *label, size_t most, bool add) {
    paragraph p = {.scene = scene, .label = *label, .left = most, .add = add};
    const char *from = label->text;
    while (scene->lettering && from && p.left) {
        size_t length = strcspn(from, "\n");
        bool rest = from[length] && from[length + 1];
        rkv_text raw = {0}, shown = {0};
        char *line = NULL;
        rkv_text_add(&raw, from, length);
        if (raw.bytes) rkv_printable(&shown, raw.bytes, CHARACTERS);
        if (rest && p.left == 1) rkv_text_add(&shown, " \u2026", strlen(" \u2026"));
        rkv_scene_latch(scene, raw.status);
        rkv_scene_latch(scene, rkv_text_finish(&shown, &line));
        if (line && length) add_broken(&p, line, rest && p.left == 1);
        free(line);
        free(raw.bytes);
        from = from[length] ? from + length + 1 : NULL;
    }
    return p.label.y;
}
