/* needle.c: sentences that hold an answer, and the questions that ask for it, as tokens. */
#include "evaluation/needle.h"

#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/text.h"

/* ---- what is said and asked ---- */

/* {k} is the key, {v} the value. What a small model can answer was found by measurement: docs/EVALUATION.md.
 */
typedef struct phrasing {
    const char *sentence, *asked, *lead, *answer; /* the last three follow each other */
    size_t least, values;                         /* values are least .. least + values - 1 */
    bool keyed;
} phrasing;

static const phrasing phrasings[RKV_TASK_COUNT] = {
    [RKV_TASK_PASSKEY] = {" The pass key is {v}. Remember it. {v} is the pass key.", " What is the pass key?",
                          " The pass key is", " {v}", 10000, 90000, false},
    [RKV_TASK_RECALL] = {" The {k} is number {v}. Remember it. The {k} is number {v}.",
                         " What number is the {k}?", " The {k} is number", " {v}", 1000, 9000, true},
};

static const char *const colours[] = {"red",  "blue",  "green",  "white", "black",  "yellow",
                                      "grey", "brown", "purple", "pink",  "orange", "golden"};
static const char *const things[] = {"house", "boat",  "door",  "garden", "bridge", "tower",
                                     "ship",  "train", "table", "river",  "forest", "castle"};

#define N_WORDS (sizeof colours / sizeof *colours)
#define N_KEYS  (N_WORDS * N_WORDS)

_Static_assert(sizeof colours == sizeof things, "every colour meets every thing once");

/* One drawing. */
typedef struct drawn_fact {
    const char *colour, *thing; /* the key */
    size_t value;
} drawn_fact;

/* Adds a phrasing's part with key and value in place. */
static void say(rkv_text *text, const char *part, const drawn_fact *fact) {
    for (const char *at = part; *at;) {
        if (strncmp(at, "{k}", 3) == 0) {
            rkv_text_printf(text, "%s %s", fact->colour, fact->thing);
            at += 3;
        } else if (strncmp(at, "{v}", 3) == 0) {
            rkv_text_printf(text, "%zu", fact->value);
            at += 3;
        } else {
            rkv_text_add(text, at++, 1);
        }
    }
}

/* ---- tokens ---- */

/* Tokenizes text, of which nothing may be left out. */
static rkv_status tokenize(const rkv_model *model, const char *text, size_t length, int32_t **ids,
                           size_t *n) {
    size_t bytes = 0, one;
    rkv_status status = rkv_tokenize(model, text, length, NULL, ids, n);
    if (status) return status;
    for (size_t i = 0; i < *n; i++) {
        rkv_token_bytes(model, (*ids)[i], &one);
        bytes += one;
    }
    if (bytes == length) return RKV_OK;
    return rkv_fail(RKV_USAGE, "the model's vocabulary cannot spell \"%.200s\"", text);
}

/* Sets *index to the token of ids [n] in which byte `at` of their text lies; RKV_USAGE when that token begins
 * before byte `earliest`. */
static rkv_status find_token(const rkv_model *model, const int32_t *ids, size_t n, size_t at, size_t earliest,
                             size_t *index) {
    size_t begin = 0, bytes = 0, i = 0;
    for (; i < n; i++) {
        rkv_token_bytes(model, ids[i], &bytes);
        if (begin + bytes > at) break;
        begin += bytes;
    }
    *index = i;
    if (begin >= earliest) return RKV_OK;
    return rkv_fail(RKV_USAGE,
                    "the model's vocabulary joins what is asked and the answer in one token (id %d)",
                    (int)ids[i]);
}

/* Question, lead and answer are tokenized as the one text that they are; where the parts begin is then looked
 * up in the tokens' bytes, so that the tokens are those that the model expects, and the answer begins with a
 * token of its own. */
static rkv_status tokenize_question(rkv_needle *needle, const phrasing *p, const drawn_fact *fact,
                                    const rkv_model *model) {
    rkv_text text = {0};
    char *whole = NULL;
    say(&text, p->asked, fact);
    size_t asked = text.length;
    say(&text, p->lead, fact);
    size_t lead = text.length;
    say(&text, p->answer, fact);
    size_t length = text.length, space = strspn(p->answer, " ");
    rkv_status status = rkv_text_finish(&text, &whole);
    if (!status) status = tokenize(model, whole, length, &needle->question, &needle->n_question);
    const int32_t *ids = needle->question;
    if (!status) status = find_token(model, ids, needle->n_question, asked, asked, &needle->n_asked);
    if (!status)
        status = find_token(model, ids, needle->n_question, lead + space, lead, &needle->first_scored);
    free(whole);
    return status;
}

static rkv_status make_needle(rkv_needle *needle, const phrasing *p, const drawn_fact *fact,
                              const rkv_model *model) {
    rkv_text text = {0};
    char *sentence = NULL;
    say(&text, p->sentence, fact);
    size_t length = text.length;
    rkv_status status = rkv_text_finish(&text, &sentence);
    if (!status) status = tokenize(model, sentence, length, &needle->sentence, &needle->n_sentence);
    if (!status) status = tokenize_question(needle, p, fact, model);
    free(sentence);
    return status;
}

void rkv_needle_clear(rkv_needle *needle) {
    free(needle->sentence);
    free(needle->question);
    *needle = (rkv_needle){0};
}

/* ---- drawing ---- */

size_t rkv_needle_limit(rkv_task task) {
    return phrasings[task].keyed ? N_KEYS : 1;
}

/* Shuffles words (Fisher and Yates). */
static void shuffle(const char *words[N_WORDS], rkv_random *random) {
    for (size_t i = N_WORDS - 1; i > 0; i--) {
        size_t k = rkv_random_below(random, i + 1);
        const char *word = words[i];
        words[i] = words[k];
        words[k] = word;
    }
}

/* A value that none of facts [n] has. */
static size_t draw_value(const drawn_fact *facts, size_t n, const phrasing *p, rkv_random *random) {
    for (;;) {
        size_t value = p->least + rkv_random_below(random, p->values), i = 0;
        while (i < n && facts[i].value != value)
            i++;
        if (i == n) return value;
    }
}

/* Keys share no word as long as there are words; then each round pairs them anew, as in a Latin square. */
static void draw_facts(drawn_fact *facts, size_t n, const phrasing *p, rkv_random *random) {
    const char *first[N_WORDS], *second[N_WORDS];
    memcpy(first, colours, sizeof first);
    memcpy(second, things, sizeof second);
    shuffle(first, random);
    shuffle(second, random);
    for (size_t i = 0; i < n; i++) {
        facts[i].colour = first[(i + i / N_WORDS) % N_WORDS];
        facts[i].thing = second[i % N_WORDS];
        facts[i].value = draw_value(facts, i, p, random);
    }
}

rkv_status rkv_needles_draw(rkv_needle *out, size_t n, rkv_task task, const rkv_model *model,
                            rkv_random *random) {
    drawn_fact facts[N_KEYS];
    rkv_status status = RKV_OK;
    draw_facts(facts, n, &phrasings[task], random);
    for (size_t i = 0; !status && i < n; i++)
        status = make_needle(&out[i], &phrasings[task], &facts[i], model);
    return status;
}
