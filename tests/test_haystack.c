/* test_haystack.c: passkeys and keys with values in filler text, held against the text that the tokens spell.
 * The last test asks the default model, which must find what a quarter of its cache has lost. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "core/file.h"
#include "support/default_model.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

/* ---- the filler ---- */

static rkv_model *model;
static char *filler_text;
static int32_t *filler;
static size_t n_filler;

/* Sentences that tell where they stand; some have places that look like ends and are none. */
static char *write_filler(size_t sentences) {
    static const char *const forms[] = {
        " Line %zu goes by as the others did.",
        " \"Mr. Line %zu, and J. Doe,\" said she.",
        " (\"Ah! line %zu, how did you come here?\")",
        "\n\nIt was line %zu, not e.g. another; it stood alone!",
    };
    char *text = malloc(sentences * 80 + 1);
    size_t length = 0;
    for (size_t i = 0; i < sentences; i++) {
        char sentence[96];
        snprintf(sentence, sizeof sentence, forms[i * 7 % 4], i);
        length += (size_t)sprintf(text + length, "%s", sentence);
    }
    return text;
}

static void tokenize(const char *text, int32_t **ids, size_t *n) {
    assert_int_equal(rkv_tokenize(model, text, strlen(text), NULL, ids, n), RKV_OK);
}

static int make_filler(void **state) {
    (void)state;
    const rkv_model_options vocabulary = {.vocabulary_only = true}; /* weights are not needed */
    temporary_make();
    if (tiny_model_write(temporary_path("tiny.gguf"), NULL)) return 1;
    if (rkv_model_open(&model, temporary_path("tiny.gguf"), &vocabulary)) return 1;
    filler_text = write_filler(300);
    tokenize(filler_text, &filler, &n_filler);
    return 0;
}

static int drop_filler(void **state) {
    (void)state;
    rkv_free(filler);
    free(filler_text);
    rkv_model_close(model);
    temporary_remove();
    return 0;
}

/* ---- text again ---- */

static char *spell(const int32_t *ids, size_t n) {
    char *text;
    size_t length;
    assert_int_equal(rkv_detokenize(model, ids, n, &text, &length), RKV_OK);
    assert_int_equal(strlen(text), length);
    return text;
}

/* Takes the only occurrence of part out of text; returns where it stood. */
static size_t take_out(char *text, const char *part) {
    char *at = strstr(text, part);
    if (!at) fail_msg("no \"%s\"", part);
    assert_null(strstr(at + 1, part));
    memmove(at, at + strlen(part), strlen(at + strlen(part)) + 1);
    return (size_t)(at - text);
}

/* Whether a sentence of write_filler's ends before text[at]: what follows begins one, and it is no "Ah!
 * line". */
static bool is_sentence_end(const char *text, size_t at) {
    static const char *const endings[] = {"did.", "she.", "here?\")", "alone!"};
    for (size_t i = 0; i < 4; i++) {
        size_t n = strlen(endings[i]);
        if (at >= n && memcmp(text + at - n, endings[i], n) == 0) return true;
    }
    return false;
}

/* The filler of a context: what is left when the sentences are out is one stretch of the text, and ends where
 * a sentence does. */
static void check_stretch(const char *rest) {
    assert_non_null(strstr(filler_text, rest));
    assert_true(is_sentence_end(rest, strlen(rest)));
}

/* The sentence stood at `at` of rest: no other sentence's end is nearer to where it should be, in tokens. */
static void check_place(const char *rest, size_t at, double depth) {
    int32_t *ids;
    size_t n, n_before = 0, bytes = 0, one;
    assert_true(is_sentence_end(rest, at));
    tokenize(rest, &ids, &n);
    double best = INFINITY, here = INFINITY;
    for (size_t i = 0; i < n; i++) {
        rkv_token_bytes(model, ids[i], &one);
        bytes += one;
        n_before = i + 1;
        if (!is_sentence_end(rest, bytes)) continue;
        double far = fabs((double)n_before - round(depth * (double)n));
        if (far < best) best = far;
        if (bytes == at) here = far;
    }
    assert_true(here == best);
    rkv_free(ids);
}

/* The scored tokens as text. */
static char *answer_of(const rkv_question *q) {
    return spell(q->ids + q->first_scored, q->n - q->first_scored);
}

/* ---- passkeys ---- */

static rkv_windows build(const rkv_haystack *hay) {
    rkv_windows windows = {0};
    if (rkv_windows_add_haystack(&windows, model, "tale", filler, n_filler, hay))
        fail_msg("%s", rkv_message());
    return windows;
}

static void check_passkey(const rkv_window *w, double depth) {
    char *context = spell(w->context, w->n_context), *question = spell(w->questions->ids, w->questions->n);
    char *key = answer_of(w->questions), wanted[128];
    assert_int_equal(w->n_questions, 1);
    assert_int_equal(w->questions->task, RKV_TASK_PASSKEY);
    assert_true(w->questions->depth == depth);
    assert_int_equal(strlen(key), 5);
    assert_int_equal(strspn(key, "0123456789"), 5);
    snprintf(wanted, sizeof wanted, "%s The pass key is %s", w->query_aware ? "" : " What is the pass key?",
             key);
    assert_string_equal(question, wanted);
    if (w->query_aware) {
        char *asked = context + strlen(context) - strlen(" What is the pass key?");
        assert_string_equal(asked, " What is the pass key?");
        *asked = '\0';
    }
    snprintf(wanted, sizeof wanted, " The pass key is %s. Remember it. %s is the pass key.", key, key);
    size_t at = take_out(context, wanted);
    check_stretch(context);
    check_place(context, at, depth);
    free(key);
    free(question);
    free(context);
}

static void test_passkeys_stand_where_they_should(void **state) {
    (void)state;
    static const double usual[] = {0.1, 0.3, 0.5, 0.7, 0.9}, own[] = {0, 0.37, 1};
    for (size_t kind = 0; kind < 4; kind++) {
        const double *depths = kind & 1 ? own : usual;
        size_t n = kind & 1 ? 3 : 5;
        const rkv_haystack hay = {.task = RKV_TASK_PASSKEY,
                                  .context = 700,
                                  .count = 6,
                                  .depths = kind & 1 ? own : NULL,
                                  .n_depths = kind & 1 ? n : 0,
                                  .query_aware = kind & 2,
                                  .seed = kind};
        rkv_windows windows = build(&hay);
        assert_int_equal(windows.n, 6 * n);
        for (size_t i = 0; i < windows.n; i++) {
            char name[64];
            snprintf(name, sizeof name, "tale passkey %zu", i + 1);
            assert_string_equal(windows.items[i].name, name);
            assert_int_equal(windows.items[i].n_context, 700);
            assert_int_equal(windows.items[i].query_aware, kind >= 2);
            check_passkey(&windows.items[i], depths[i % n]);
        }
        rkv_windows_clear(&windows);
    }
}

/* ---- recall ---- */

/* Takes a question apart: the key that it asks for. */
static void read_key(const rkv_question *q, bool query_aware, char key[64]) {
    char *question = spell(q->ids, q->n), *answer = answer_of(q), wanted[192];
    if (query_aware)
        assert_int_equal(sscanf(question, " The %63[a-z ] is", key), 1);
    else
        assert_int_equal(sscanf(question, " What number is the %63[a-z ]?", key), 1);
    if (query_aware) *strstr(key, " is number") = '\0';
    assert_int_equal(strlen(answer), 4);
    assert_int_equal(strspn(answer, "0123456789"), 4);
    snprintf(wanted, sizeof wanted, " What number is the %s? The %s is number %s", key, key, answer);
    assert_string_equal(question, wanted + (query_aware ? strcspn(wanted, "?") + 1 : 0));
    free(answer);
    free(question);
}

/* Takes the sentence of a question's answer out of context; returns where it stood. */
static size_t take_answer_out(char *context, const char *key, const rkv_question *q) {
    char wanted[256], *answer = answer_of(q);
    snprintf(wanted, sizeof wanted, " The %s is number %s. Remember it. The %s is number %s.", key, answer,
             key, answer);
    free(answer);
    return take_out(context, wanted);
}

/* Whether two keys of two words share one. */
static bool share_a_word(const char *a, const char *b) {
    size_t first = strcspn(a, " ");
    return strncmp(a, b, first + 1) == 0 || strcmp(a + first, b + strcspn(b, " ")) == 0;
}

#define PAIRS 9

static void check_recall(const rkv_window *w, const char keys[PAIRS][64],
                         const rkv_question *questions[PAIRS]) {
    size_t at[PAIRS];
    char *context = spell(w->context, w->n_context);
    for (size_t i = 0; i < PAIRS; i++) /* in order: what stands before it is out already */
        at[i] = take_answer_out(context, keys[i], questions[i]);
    check_stretch(context);
    for (size_t i = 0; i < PAIRS; i++) {
        for (size_t k = i + 1; k < PAIRS; k++) {
            assert_false(share_a_word(keys[i], keys[k]));
            assert_memory_not_equal(questions[i]->ids + questions[i]->n - 4,
                                    questions[k]->ids + questions[k]->n - 4, 4 * sizeof(int32_t));
        }
        assert_true(questions[i]->depth == (i + 0.5) / PAIRS);
    }
    for (size_t i = 0; i < PAIRS; i++) {
        assert_true(i == 0 || at[i] >= at[i - 1]);
        check_place(context, at[i], questions[i]->depth);
    }
    free(context);
}

static void test_recall_asks_for_every_key(void **state) {
    (void)state;
    const rkv_haystack hay = {
        .task = RKV_TASK_RECALL, .context = 1500, .count = 4, .n_pairs = PAIRS, .seed = 3};
    rkv_windows windows = build(&hay);
    assert_int_equal(windows.n, 4);
    for (size_t i = 0; i < windows.n; i++) {
        char keys[PAIRS][64];
        const rkv_question *questions[PAIRS];
        const rkv_window *w = &windows.items[i];
        assert_int_equal(w->n_context, 1500);
        assert_int_equal(w->n_questions, PAIRS);
        for (size_t k = 0; k < PAIRS; k++) {
            questions[k] = &w->questions[k];
            assert_int_equal(questions[k]->task, RKV_TASK_RECALL);
            read_key(questions[k], false, keys[k]);
        }
        check_recall(w, keys, questions);
    }
    rkv_windows_clear(&windows);
}

/* Takes all sentences out of context, in their order; returns how many there were. */
static size_t take_pairs_out(char *context, char keys[PAIRS][64], char values[PAIRS][8], size_t at[PAIRS]) {
    size_t n = 0;
    const char *sentence;
    for (; (sentence = strstr(context, ". Remember it. The ")) && n < PAIRS; n++) {
        char whole[256];
        while (sentence > context && strncmp(sentence, " The ", 5) != 0)
            sentence--;
        assert_int_equal(sscanf(sentence, " The %63[a-z ]", keys[n]), 1);
        char *end = strstr(keys[n], " is number");
        assert_non_null(end);
        *end = '\0';
        assert_int_equal(sscanf(sentence + 5 + strlen(keys[n]), " is number %4[0-9].", values[n]), 1);
        snprintf(whole, sizeof whole, " The %s is number %s. Remember it. The %s is number %s.", keys[n],
                 values[n], keys[n], values[n]);
        at[n] = take_out(context, whole);
    }
    return n;
}

/* Windows that ask for one key each are independent: every one has a text and keys of its own. */
static void test_recall_whose_questions_are_read_first(void **state) {
    (void)state;
    const rkv_haystack hay = {.task = RKV_TASK_RECALL,
                              .context = 1500,
                              .count = 2,
                              .n_pairs = PAIRS,
                              .query_aware = true,
                              .seed = 3};
    rkv_windows windows = build(&hay);
    char before[PAIRS][8] = {{0}};
    assert_int_equal(windows.n, 2 * PAIRS);
    for (size_t i = 0; i < windows.n; i++) {
        const rkv_window *w = &windows.items[i];
        char keys[PAIRS][64], values[PAIRS][8], key[64];
        size_t at[PAIRS], asked = i % PAIRS;
        char *context = spell(w->context, w->n_context), *answer = answer_of(w->questions);
        assert_true(w->query_aware);
        assert_int_equal(w->n_context, 1500);
        assert_int_equal(w->n_questions, 1);
        read_key(w->questions, true, key);
        assert_int_equal(take_pairs_out(context, keys, values, at), PAIRS);
        assert_string_equal(keys[asked], key);
        assert_string_equal(values[asked], answer);
        *strstr(context, " What number is") = '\0';
        check_stretch(context);
        check_place(context, at[asked], w->questions->depth);
        assert_true(w->questions->depth == (asked + 0.5) / PAIRS);
        assert_memory_not_equal(values, before, sizeof values);
        memcpy(before, values, sizeof values);
        free(answer);
        free(context);
    }
    rkv_windows_clear(&windows);
}

/* As many keys as there are: every colour of every thing, once. */
static void test_keys_and_values_do_not_repeat(void **state) {
    (void)state;
    const rkv_haystack hay = {.task = RKV_TASK_RECALL, .context = 12500, .count = 1, .n_pairs = 144};
    rkv_windows windows = {0};
    int32_t *more;
    size_t n_more;
    char keys[144][64], *text = write_filler(2000);
    tokenize(text, &more, &n_more);
    assert_int_equal(rkv_windows_add_haystack(&windows, model, "tale", more, n_more, &hay), RKV_OK);
    const rkv_window *w = windows.items;
    assert_int_equal(w->n_questions, 144);
    for (size_t i = 0; i < 144; i++) {
        read_key(&w->questions[i], false, keys[i]);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(keys[k], keys[i]);
            assert_memory_not_equal(w->questions[k].ids + w->questions[k].n - 4,
                                    w->questions[i].ids + w->questions[i].n - 4, 4 * sizeof(int32_t));
        }
    }
    rkv_windows_clear(&windows);
    rkv_free(more);
    free(text);
}

static void test_defaults(void **state) {
    (void)state;
    rkv_windows windows = build(&(rkv_haystack){.task = RKV_TASK_RECALL, .context = 1500, .count = 1});
    assert_int_equal(windows.items->n_questions, 8);
    assert_string_equal(windows.items->name, "tale recall 1");
    rkv_windows_clear(&windows);
}

/* ---- seeds ---- */

static bool same(const rkv_windows *a, const rkv_windows *b) {
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++) {
        const rkv_question *p = a->items[i].questions, *q = b->items[i].questions;
        if (memcmp(a->items[i].context, b->items[i].context, a->items[i].n_context * sizeof(int32_t)) != 0 ||
            p->n != q->n || memcmp(p->ids, q->ids, p->n * sizeof *p->ids) != 0)
            return false;
    }
    return true;
}

static void test_the_seed_says_it_all(void **state) {
    (void)state;
    rkv_haystack hay = {.task = RKV_TASK_PASSKEY, .context = 500, .count = 2, .seed = 5};
    for (size_t task = 0; task < 2; task++, hay.task = RKV_TASK_RECALL, hay.context = 1400) {
        rkv_windows first = build(&hay), again = build(&hay);
        hay.seed++;
        rkv_windows other = build(&hay);
        assert_true(same(&first, &again));
        assert_false(same(&first, &other));
        for (size_t i = 1; i < first.n; i++) /* every window has filler of its own */
            assert_memory_not_equal(first.items[i].context, first.items[0].context, 100 * sizeof(int32_t));
        rkv_windows_clear(&other);
        rkv_windows_clear(&again);
        rkv_windows_clear(&first);
    }
}

/* ---- filler of other kinds ---- */

static void test_filler_without_sentences(void **state) {
    (void)state;
    int32_t *ids;
    size_t n;
    char text[2001], wanted[128];
    memset(text, 'a', 2000);
    text[2000] = '\0';
    tokenize(text, &ids, &n);
    const double depth = 0.25;
    const rkv_haystack hay = {
        .task = RKV_TASK_PASSKEY, .context = n / 2, .count = 1, .depths = &depth, .n_depths = 1};
    rkv_windows windows = {0};
    assert_int_equal(rkv_windows_add_haystack(&windows, model, "a", ids, n, &hay), RKV_OK);
    char *context = spell(windows.items->context, n / 2), *key = answer_of(windows.items->questions);
    snprintf(wanted, sizeof wanted, " The pass key is %s. Remember it. %s is the pass key.", key, key);
    size_t at = take_out(context, wanted);
    assert_int_equal(strspn(context, "a"), strlen(context));
    assert_true(fabs((double)at / (double)strlen(context) - depth) < 0.01);
    free(key);
    free(context);
    rkv_windows_clear(&windows);
    rkv_free(ids);
}

/* Models that want a begin-of-sequence token get it, once, and within the context's tokens. */
static void test_text_begins_as_the_model_wants(void **state) {
    (void)state;
    static const char key[] = "tokenizer.ggml.add_bos_token";
    FILE *file = fopen(temporary_path("tiny.gguf"), "rb");
    char *bytes = malloc(1 << 22);
    size_t n = fread(bytes, 1, 1 << 22, file);
    fclose(file);
    char *at = memmem(bytes, n, key, sizeof key - 1);
    at[sizeof key - 1 + 4] = 1; /* after the type, 4 bytes, the truth value */
    temporary_write(temporary_path("bos.gguf"), bytes, n);
    free(bytes);

    rkv_model *with, *without = model;
    rkv_haystack hay = {.task = RKV_TASK_PASSKEY, .context = 500, .count = 1, .seed = 1};
    assert_int_equal(rkv_model_open(&with, temporary_path("bos.gguf"), &(rkv_model_options){.device = "cpu"}),
                     RKV_OK);
    model = with;
    rkv_windows windows = build(&hay);
    model = without;
    hay.context = 499;
    rkv_windows plain = build(&hay);
    for (size_t i = 0; i < windows.n; i++) {
        assert_int_equal(windows.items[i].n_context, 500);
        assert_int_equal(windows.items[i].context[0], TINY_MODEL_BOS);
        assert_memory_equal(windows.items[i].context + 1, plain.items[i].context, 499 * sizeof(int32_t));
    }
    rkv_windows_clear(&plain);
    rkv_windows_clear(&windows);
    rkv_model_close(with);
}

/* ---- what cannot be done ---- */

static const double outside[] = {0.5, 1.25}, unknown[] = {NAN};

static const struct refusal {
    rkv_haystack hay;
    const char *said;
} refusals[] = {
    {{.task = RKV_TASK_NATURAL, .context = 500, .count = 1}, "only passkey and recall"},
    {{.task = RKV_TASK_COUNT, .context = 500, .count = 1}, "only passkey and recall"},
    {{.task = RKV_TASK_PASSKEY, .context = 500}, "0 windows of passkey"},
    {{.task = RKV_TASK_PASSKEY, .context = 500, .count = 1, .n_pairs = 2}, "1 key in each window, not 2"},
    {{.task = RKV_TASK_RECALL, .context = 500, .count = 1, .n_pairs = 145},
     "145 keys in each window: at most 144"},
    {{.task = RKV_TASK_RECALL, .context = 500, .count = 1, .depths = outside, .n_depths = 1},
     "takes no depths"},
    {{.task = RKV_TASK_PASSKEY, .context = 500, .count = 1, .n_depths = 1}, "1 depths, but none is given"},
    {{.task = RKV_TASK_PASSKEY, .context = 500, .count = 1, .depths = outside, .n_depths = 2}, "depth 1.25"},
    {{.task = RKV_TASK_PASSKEY, .context = 500, .count = 1, .depths = unknown, .n_depths = 1}, "depth nan"},
    {{.task = RKV_TASK_PASSKEY, .context = 0, .count = 1},
     "a context of 0 tokens: the sentences of passkey take"},
    {{.task = RKV_TASK_PASSKEY, .context = 60, .count = 1, .query_aware = true}, "a context of 60 tokens"},
    {{.task = RKV_TASK_RECALL, .context = 500, .count = 1, .n_pairs = 100}, "the sentences of recall take"},
    {{.task = RKV_TASK_PASSKEY, .context = SIZE_MAX, .count = 1}, "at most"},
    {{.task = RKV_TASK_PASSKEY, .context = 100000, .count = 1}, "the filler has"},
};

static void test_what_is_wrong_is_named(void **state) {
    (void)state;
    rkv_windows windows = build(&(rkv_haystack){.task = RKV_TASK_PASSKEY, .context = 500, .count = 1});
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        assert_int_equal(
            rkv_windows_add_haystack(&windows, model, "tale", filler, n_filler, &refusals[i].hay), RKV_USAGE);
        if (!strstr(rkv_message(), refusals[i].said))
            fail_msg("\"%s\" is not in \"%s\"", refusals[i].said, rkv_message());
        assert_int_equal(windows.n, 5);
    }
    const rkv_haystack hay = {.task = RKV_TASK_PASSKEY, .context = 500, .count = 1};
    assert_int_equal(rkv_windows_add_haystack(&windows, model, "tale", (int32_t[]){-1}, 1, &hay), RKV_USAGE);
    assert_int_equal(rkv_windows_add_haystack(&windows, model, "tale", NULL, 0, &hay), RKV_USAGE);
    rkv_windows_clear(&windows);
}

/* ---- the default model ---- */

static rkv_status count_exact(void *user, const rkv_cell *cell) {
    size_t *exact = user;
    exact[cell->setting] += cell->n_right == cell->n_scored;
    return RKV_OK;
}

/* A small model finds the key with its full cache, and not with a quarter of it that has lost the place. */
static void test_the_default_model_needs_its_cache(void **state) {
    (void)state;
    const char *path = default_model_or_skip();
    rkv_model *tiny = model;
    int32_t *ids;
    size_t n, exact[2] = {0};
    const double depths[] = {0.2, 0.5};
    const rkv_haystack hay = {
        .task = RKV_TASK_PASSKEY, .context = 320, .count = 1, .depths = depths, .n_depths = 2};
    const rkv_setting settings[] = {{.method = "full", .ratio = 1},
                                    {.method = "streaming-llm", .ratio = 0.25}};
    const rkv_eval_options options = {.on_cell = count_exact, .user = exact};
    rkv_windows windows = {0};
    assert_int_equal(rkv_model_open(&model, path, &(rkv_model_options){.device = "cpu"}), RKV_OK);
    char *text;
    size_t length;
    assert_int_equal(rkv_read_file(RKV_SOURCE_DIR "/samples/prose.txt", 1 << 20, &text, &length), RKV_OK);
    tokenize(text, &ids, &n);
    free(text);
    assert_int_equal(rkv_windows_add_haystack(&windows, model, "prose", ids, n, &hay), RKV_OK);
    if (rkv_eval_run(model, &windows, settings, 2, &options)) fail_msg("%s", rkv_message());
    assert_int_equal(exact[0], 2);
    assert_int_equal(exact[1], 0);
    rkv_windows_clear(&windows);
    rkv_free(ids);
    rkv_model_close(model);
    model = tiny;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passkeys_stand_where_they_should),
        cmocka_unit_test(test_recall_asks_for_every_key),
        cmocka_unit_test(test_recall_whose_questions_are_read_first),
        cmocka_unit_test(test_keys_and_values_do_not_repeat),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_the_seed_says_it_all),
        cmocka_unit_test(test_filler_without_sentences),
        cmocka_unit_test(test_text_begins_as_the_model_wants),
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_the_default_model_needs_its_cache),
    };
    return cmocka_run_group_tests(tests, make_filler, drop_filler);
}
