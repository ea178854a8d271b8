/* options.c: the options of a method, from text to values. */
#include "compressors/options.h"

#include <stdio.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"

/* 2^31 - 1: positions are int32. */
#define MOST_ENTRIES 2147483647

enum { BUDGET, RATIO, N_COMMON };

static const rkv_method_option common[] = {
    [BUDGET] = {"budget", RKV_OPTION_SIZE, 0, 1, MOST_ENTRIES, NULL,
                "entries kept per head, instead of the caller's budget"},
    [RATIO] = {"ratio", RKV_OPTION_REAL, 0, 1e-6, 1, NULL,
               "entries kept per head as a share of the tokens seen, instead of the caller's budget"},
    {0},
};

const rkv_method_option *rkv_method_common_options(void) {
    return common;
}

/* ---- values, by kind ---- */

/* Takes the value of row from text; false when it is none. */
typedef bool (*take_fn)(const rkv_method_option *row, rkv_slice text, rkv_option_values *values,
                        double *number);

static bool take_size(const rkv_method_option *row, rkv_slice text, rkv_option_values *values,
                      double *number) {
    (void)values;
    size_t size;
    if (!rkv_slice_to_size(text, (size_t)row->most, &size) || (double)size < row->least) return false;
    *number = (double)size;
    return true;
}

static bool take_real(const rkv_method_option *row, rkv_slice text, rkv_option_values *values,
                      double *number) {
    (void)values;
    double real;
    if (!rkv_slice_to_real(text, &real) || !(real >= row->least && real <= row->most)) return false;
    *number = real;
    return true;
}

/* JSON's words for the choices of an option that is yes or no. */
static rkv_slice yes_or_no(const rkv_method_option *row, rkv_slice text) {
    if (strcmp(row->choices, "yes|no") != 0) return text;
    if (rkv_slice_is(text, "true")) return (rkv_slice){"yes", 3};
    return rkv_slice_is(text, "false") ? (rkv_slice){"no", 2} : text;
}

static bool take_name(const rkv_method_option *row, rkv_slice text, rkv_option_values *values,
                      double *number) {
    (void)values;
    text = yes_or_no(row, text);
    rkv_slice rest = {row->choices, strlen(row->choices)};
    for (size_t i = 0; rest.at; i++) {
        rkv_slice choice = rkv_slice_cut(&rest, '|');
        if (choice.length != text.length || memcmp(choice.at, text.at, text.length) != 0) continue;
        *number = (double)i;
        return true;
    }
    return false;
}

static bool take_layers(const rkv_method_option *row, rkv_slice text, rkv_option_values *values,
                        double *number) {
    (void)row;
    (void)number;
    if (text.length == 0) text.at = NULL;
    while (text.at) {
        rkv_slice last = rkv_slice_cut(&text, '/'), first = rkv_slice_cut(&last, '-');
        size_t from, to, most = 64 * RKV_OPTION_LAYER_WORDS - 1;
        if (!rkv_slice_to_size(first, most, &from)) return false;
        if (!last.at)
            to = from;
        else if (!rkv_slice_to_size(last, most, &to) || to < from)
            return false;
        for (size_t layer = from; layer <= to; layer++)
            values->layers[layer / 64] |= (uint64_t)1 << (layer % 64);
    }
    return true;
}

static const take_fn take[] = {
    [RKV_OPTION_SIZE] = take_size,
    [RKV_OPTION_REAL] = take_real,
    [RKV_OPTION_NAME] = take_name,
    [RKV_OPTION_LAYERS] = take_layers,
};

/* What a value of row looks like, for messages. */
static void describe(const rkv_method_option *row, char *text, size_t size) {
    switch (row->kind) {
    case RKV_OPTION_SIZE:
        snprintf(text, size, "a whole number of %.0f to %.0f", row->least, row->most);
        break;
    case RKV_OPTION_REAL:
        snprintf(text, size, "a number of %.10g to %.10g", row->least, row->most);
        break;
    case RKV_OPTION_NAME:
        snprintf(text, size, "one of %s", row->choices);
        break;
    case RKV_OPTION_LAYERS:
        snprintf(text, size, "layers below %d such as 0-1/7", 64 * RKV_OPTION_LAYER_WORDS);
        break;
    case RKV_OPTION_ALIAS:
        *text = '\0';
    }
}

/* ---- options of a stage ---- */

/* Where an option keeps its value. */
typedef struct place {
    const rkv_method_option *row;
    double *number;
    uint32_t bit; /* of those given so far */
} place;

static bool takes_common(const rkv_method *method) {
    return method->kind == RKV_SELECTION && !method->ops->keeps_all;
}

/* The option of that name, or that it is another name for. */
static bool find(rkv_stage *stage, double *common_number, rkv_slice name, place *out) {
    for (size_t i = 0; stage->method->options[i].name; i++) {
        const rkv_method_option *row = &stage->method->options[i];
        if (!rkv_slice_is(name, row->name)) continue;
        if (row->kind == RKV_OPTION_ALIAS)
            return find(stage, common_number, (rkv_slice){row->choices, strlen(row->choices)}, out);
        *out = (place){row, &stage->values.number[i], (uint32_t)1 << (N_COMMON + i)};
        return true;
    }
    for (size_t i = 0; takes_common(stage->method) && i < N_COMMON; i++) {
        if (!rkv_slice_is(name, common[i].name)) continue;
        *out = (place){&common[i], &common_number[i], (uint32_t)1 << i};
        return true;
    }
    return false;
}

static rkv_status fail_unknown(const rkv_method *method, rkv_slice name) {
    rkv_text text = {0};
    char *names;
    for (size_t i = 0; method->options[i].name; i++)
        rkv_text_printf(&text, "%s%s", text.length ? ", " : "; it has: ", method->options[i].name);
    for (size_t i = 0; takes_common(method) && i < N_COMMON; i++)
        rkv_text_printf(&text, "%s%s", text.length ? ", " : "; it has: ", common[i].name);
    if (!text.length) rkv_text_printf(&text, "; it has none");
    rkv_status status = rkv_text_finish(&text, &names);
    if (!status)
        status = rkv_fail(RKV_USAGE, "%s has no option \"%.*s\"%s", method->name, RKV_SLICE(name), names);
    free(names);
    return status;
}

/* One "OPTION=VALUE". */
static rkv_status parse_one(rkv_stage *stage, double *common_number, uint32_t *given, rkv_slice text) {
    const char *method = stage->method->name;
    rkv_slice name = rkv_slice_cut(&text, '=');
    place option;
    if (name.length == 0) return rkv_fail(RKV_USAGE, "%s: an option is empty", method);
    if (!find(stage, common_number, name, &option)) return fail_unknown(stage->method, name);
    char wanted[128];
    describe(option.row, wanted, sizeof wanted);
    if (!text.at) return rkv_fail(RKV_USAGE, "%s: %.*s needs %s", method, RKV_SLICE(name), wanted);
    if (*given & option.bit) return rkv_fail(RKV_USAGE, "%s: %s is given twice", method, option.row->name);
    *given |= option.bit;
    if (take[option.row->kind](option.row, text, &stage->values, option.number)) return RKV_OK;
    return rkv_fail(RKV_USAGE, "%s: %.*s is \"%.*s\", not %s", method, RKV_SLICE(name), RKV_SLICE(text),
                    wanted);
}

/* What options say together. */
static rkv_status check(rkv_stage *stage) {
    const rkv_method *method = stage->method;
    size_t own = method->ops->own_budget ? method->ops->own_budget(&stage->values) : 0;
    if (stage->budget && stage->ratio > 0)
        return rkv_fail(RKV_USAGE, "%s: of budget (%zu) and ratio (%.10g) only one can be given",
                        method->name, stage->budget, stage->ratio);
    if (own && (stage->budget || stage->ratio > 0))
        return rkv_fail(RKV_USAGE, "%s: its own options make a budget of %zu: %s cannot be given too",
                        method->name, own, common[stage->budget ? BUDGET : RATIO].name);
    if (own) stage->budget = own;
    size_t least = method->ops->least ? method->ops->least(&stage->values) : 0;
    if (stage->budget && stage->budget < least)
        return rkv_fail(RKV_USAGE, "%s: budget %zu is below the %zu entries that it always keeps",
                        method->name, stage->budget, least);
    return RKV_OK;
}

rkv_status rkv_stage_parse_options(rkv_stage *stage, rkv_slice text) {
    double common_number[N_COMMON] = {0};
    uint32_t given = 0;
    stage->values = (rkv_option_values){0};
    for (size_t i = 0; stage->method->options[i].name; i++)
        stage->values.number[i] = stage->method->options[i].standard;
    while (text.at) {
        rkv_status status = parse_one(stage, common_number, &given, rkv_slice_cut(&text, ','));
        if (status) return status;
    }
    stage->budget = (size_t)common_number[BUDGET];
    stage->ratio = common_number[RATIO];
    return check(stage);
}
