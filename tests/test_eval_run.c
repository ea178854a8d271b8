/* test_eval_run.c: the evaluation's grid against sessions that are opened and asked one by one, and plain
 * loops over their logits. */
#include "support/tiny_session.h"

#include <stdlib.h>
#include <sys/stat.h>

#define CONTEXT      60
#define CONTINUATION 12
#define WINDOWS      2
#define MOST_CELLS   200

static rkv_windows windows;

typedef struct told {
    rkv_cell cells[MOST_CELLS];
    size_t n, stop_after;
    const struct told *known; /* cells that need not be measured */
} told;

static rkv_status note_cell(void *user, const rkv_cell *cell) {
    told *t = user;
    assert_true(t->n < MOST_CELLS);
    t->cells[t->n] = *cell;
    t->cells[t->n].text = cell->text ? strdup(cell->text) : NULL;
    t->n++;
    return RKV_OK;
}

static bool knows(void *user, size_t setting, size_t window, size_t question) {
    const told *t = user;
    for (size_t i = 0; t->known && i < t->known->n; i++) {
        const rkv_cell *c = &t->known->cells[i];
        if (c->setting == setting && c->window == window && c->question == question) return true;
    }
    return false;
}

static int stop_later(void *user, const char *stage, size_t done, size_t total) {
    const told *t = user;
    assert_non_null(stage);
    assert_true(done <= total);
    return t->stop_after > 0 && t->n >= t->stop_after;
}

static rkv_eval_options telling(told *t) {
    return (rkv_eval_options){
        .is_known = knows, .on_cell = note_cell, .user = t, .progress = {stop_later, t}};
}

static void clear(told *t) {
    for (size_t i = 0; i < t->n; i++)
        free(t->cells[i].text);
    free(t);
}

static told *new_told(void) {
    told *t = calloc(1, sizeof *t);
    assert_non_null(t);
    return t;
}

static const rkv_cell *find(const told *t, size_t setting, size_t window, size_t question) {
    for (size_t i = 0; i < t->n; i++) {
        const rkv_cell *c = &t->cells[i];
        if (c->setting == setting && c->window == window && c->question == question) return c;
    }
    fail_msg("no cell of setting %zu, window %zu, question %zu", setting, window, question);
    return NULL;
}

static int make_windows(void **state) {
    if (make_model(state)) return 1;
    const rkv_cut cut = {.context = CONTEXT, .continuation = CONTINUATION, .stride = 20, .count = WINDOWS};
    if (rkv_windows_cut(&windows, "tiny", ids, T + NEW, &cut)) return 1;
    return rkv_windows_add_copy(&windows, 0, 5, CONTINUATION) != RKV_OK;
}

static int drop_windows(void **state) {
    rkv_windows_clear(&windows);
    return remove_model(state);
}

/* ---- the oracle ---- */

static double log_sum_exp(const float *row) {
    double largest = row[0], sum = 0;
    for (size_t v = 1; v < N_VOCAB; v++)
        if (row[v] > largest) largest = row[v];
    for (size_t v = 0; v < N_VOCAB; v++)
        sum += exp(row[v] - largest);
    return largest + log(sum);
}

static size_t likeliest(const float *row) {
    size_t best = 0;
    for (size_t v = 1; v < N_VOCAB; v++)
        if (row[v] > row[best]) best = v;
    return best;
}

static double divergence(const float *full, const float *row) {
    double of_full = log_sum_exp(full), of_row = log_sum_exp(row), sum = 0;
    for (size_t v = 0; v < N_VOCAB; v++)
        sum += exp(full[v] - of_full) * ((full[v] - of_full) - (row[v] - of_row));
    return sum;
}

static float *logits_of(rkv_session *s, const rkv_question *q, bool streaming) {
    float *logits = calloc(q->n * N_VOCAB, sizeof *logits);
    assert_non_null(logits);
    if (!streaming) ok(rkv_session_foresee(s, q->ids, q->n, logits));
    for (size_t i = 0; streaming && i < q->n; i++) {
        memcpy(logits + i * N_VOCAB, rkv_session_logits(s), N_VOCAB * sizeof *logits);
        ok(rkv_session_decode(s, q->ids[i]));
    }
    return logits;
}

static float *full_logits(const rkv_window *w, const rkv_question *q) {
    rkv_session *s = open_session((rkv_session_options){.method = "full"});
    ok(rkv_session_prefill(s, w->context, w->n_context));
    float *logits = logits_of(s, q, false);
    rkv_session_free(s);
    return logits;
}

/* Sums of 12 losses, each with the error of a float32 exponential (1e-7) and of sums over 300 of them: 1e-5
 * leaves room; divergences are differences of such numbers. */
#define CLOSE 1e-5

static void close_to(double is, double wanted, double tolerance) {
    if (!(fabs(is - wanted) <= tolerance)) fail_msg("%.9g, not %.9g", is, wanted);
}

static void check_cell(const rkv_cell *cell, const rkv_setting *setting, rkv_session *s) {
    const rkv_window *w = &windows.items[cell->window];
    const rkv_question *q = &w->questions[cell->question];
    rkv_cache_stats stats = stats_of(s);
    assert_int_equal(cell->entries, stats.n_entries);
    assert_int_equal(cell->bytes, stats.allocated_bytes);
    assert_int_equal(cell->kv_bytes, stats.kv_bytes);
    float *logits = logits_of(s, q, setting->protocol == RKV_PROTOCOL_STREAMING), *full = full_logits(w, q);
    double loss = 0, kl = 0;
    size_t right = 0, agreeing = 0, n = q->n - q->first_scored;
    for (size_t i = q->first_scored; i < q->n; i++) {
        const float *row = logits + i * N_VOCAB;
        loss += log_sum_exp(row) - row[q->ids[i]];
        kl += divergence(full + i * N_VOCAB, row);
        right += likeliest(row) == (size_t)q->ids[i];
        agreeing += likeliest(row) == likeliest(full + i * N_VOCAB);
    }
    assert_int_equal(cell->task, q->task);
    assert_int_equal(cell->n_scored, n);
    assert_int_equal(cell->n_right, right);
    close_to(cell->loss, loss / (double)n, CLOSE);
    close_to(cell->kl, kl / (double)n, CLOSE);
    close_to(cell->agreement, (double)agreeing / (double)n, 1e-12);
    free(logits);
    free(full);
}

/* ---- settings ---- */

static const rkv_setting settings[] = {
    {RKV_PROTOCOL_PREFILL, "full", NULL, 1, 0},
    {RKV_PROTOCOL_STREAMING, "full", NULL, 1, 0},
    {RKV_PROTOCOL_PREFILL, "snapkv:window=8", "uniform", 0.5, 0},
    {RKV_PROTOCOL_PREFILL, "snapkv:window=8", "inverse", 0.5, 0},
    {RKV_PROTOCOL_PREFILL, "knorm+int8", "inverse:by=head", 0, 20},
    {RKV_PROTOCOL_STREAMING, "h2o", "pyramid", 0.25, 0},
    {RKV_PROTOCOL_PREFILL, "pyramidkv:window=8", NULL, 0.4, 0},
};
#define N_SETTINGS (sizeof settings / sizeof *settings)

static rkv_analysis *analysis_of(const rkv_window *w) {
    rkv_analysis *analysis;
    ok(rkv_analyze(&analysis, model, w->context, w->n_context, NULL));
    return analysis;
}

/* As a user would: analyse, allocate, open, read. *budget is the caller's. */
static rkv_session *session_of(const rkv_setting *setting, const rkv_window *w, rkv_budget **budget) {
    rkv_session_options o = {.method = setting->method,
                             .hold = setting->protocol == RKV_PROTOCOL_STREAMING ? RKV_HOLD_ALWAYS
                                                                                 : RKV_HOLD_PROMPT};
    size_t mean = setting->entries ? setting->entries : (size_t)(setting->ratio * CONTEXT);
    *budget = NULL;
    if (setting->budget) {
        rkv_analysis *analysis = analysis_of(w);
        rkv_budget_options b = rkv_budget_options_default();
        char *signal = NULL;
        ok(rkv_budget_options_parse(setting->budget, &b, &signal));
        b.mean = mean;
        b.min = strstr(setting->method, "window=8") ? 8 : 4;
        ok(rkv_budget_allocate(budget, analysis, &b));
        rkv_analysis_free(analysis);
        rkv_free(signal);
        o.budgets = *budget;
    } else if (strcmp(setting->method, "full") != 0)
        o.budget = mean;
    rkv_session *s = open_session(o);
    ok(rkv_session_prefill(s, w->context, w->n_context));
    return s;
}

static void test_cells(void **state) {
    (void)state;
    told *t = new_told();
    rkv_eval_options options = telling(t);
    ok(rkv_eval_run(model, &windows, settings, N_SETTINGS, &options));
    assert_int_equal(t->n, N_SETTINGS * WINDOWS * 2);
    for (size_t s = 0; s < N_SETTINGS; s++)
        for (size_t w = 0; w < WINDOWS; w++)
            for (size_t q = 0; q < 2; q++) {
                rkv_budget *budget;
                const rkv_cell *cell = find(t, s, w, q);
                rkv_session *session = session_of(&settings[s], &windows.items[w], &budget);
                check_cell(cell, &settings[s], session);
                if (budget) assert_int_equal(cell->total, G * budget->total);
                if (s > 1) assert_true(cell->entries <= cell->total);
                rkv_session_free(session);
                rkv_budget_free(budget);
            }
    const rkv_cell *full = find(t, 0, 0, 0);
    assert_true(full->kl == 0 && full->agreement == 1);
    assert_int_equal(full->entries, L * G * CONTEXT);
    clear(t);
}

static bool same(const rkv_cell *a, const rkv_cell *b) {
    return a->total == b->total && a->entries == b->entries && a->bytes == b->bytes && a->loss == b->loss &&
           a->kl == b->kl && a->n_right == b->n_right && a->agreement == b->agreement;
}

static void check_same(const told *a, const told *b) {
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        assert_true(
            same(&a->cells[i], find(b, a->cells[i].setting, a->cells[i].window, a->cells[i].question)));
}

/* How many sessions are open at once is nobody's business but memory's. */
static void test_memory_limit(void **state) {
    (void)state;
    told *all = new_told(), *one = new_told();
    rkv_eval_options options = telling(all);
    ok(rkv_eval_run(model, &windows, settings, N_SETTINGS, &options));
    options = telling(one);
    options.memory_limit = 1;
    ok(rkv_eval_run(model, &windows, settings, N_SETTINGS, &options));
    check_same(all, one);
    clear(all);
    clear(one);
}

/* Stopped and gone on with: the same cells, none twice. */
static void test_stop_and_resume(void **state) {
    (void)state;
    told *all = new_told(), *part = new_told(), *rest = new_told();
    rkv_eval_options options = telling(all);
    ok(rkv_eval_run(model, &windows, settings, N_SETTINGS, &options));
    options = telling(part);
    part->stop_after = 7;
    assert_int_equal(rkv_eval_run(model, &windows, settings, N_SETTINGS, &options), RKV_CANCELLED);
    assert_true(part->n >= 7 && part->n < all->n);
    options = telling(rest);
    rest->known = part;
    ok(rkv_eval_run(model, &windows, settings, N_SETTINGS, &options));
    assert_int_equal(part->n + rest->n, all->n);
    for (size_t i = 0; i < rest->n; i++)
        note_cell(part, &rest->cells[i]);
    check_same(all, part);
    clear(all);
    clear(part);
    clear(rest);
}

/* The second run finds the first one's analyses; one of another text or device is made anew. */
static void test_kept_analyses(void **state) {
    (void)state;
    told *first = new_told(), *second = new_told();
    rkv_eval_options options = telling(first);
    options.analyses = temporary_path("analyses");
    assert_int_equal(mkdir(options.analyses, 0777), 0);
    ok(rkv_eval_run(model, &windows, settings, N_SETTINGS, &options));
    rkv_analysis *kept;
    ok(rkv_analysis_load(&kept, temporary_path("analyses/window-1.json")));
    assert_memory_equal(kept->token_ids, windows.items[1].context, CONTEXT * sizeof(int32_t));
    ok(rkv_analysis_save(kept, NULL, temporary_path("analyses/window-0.json")));
    assert_string_equal(kept->device, "cpu");
    strcpy(kept->device, "cuda:0 NVIDIA H200");
    ok(rkv_analysis_save(kept, NULL, temporary_path("analyses/window-1.json")));
    rkv_analysis_free(kept);
    options = telling(second);
    options.analyses = temporary_path("analyses");
    ok(rkv_eval_run(model, &windows, settings, N_SETTINGS, &options));
    check_same(first, second);
    ok(rkv_analysis_load(&kept, temporary_path("analyses/window-1.json")));
    assert_string_equal(kept->device, "cpu");
    rkv_analysis_free(kept);
    temporary_write(temporary_path("analyses/window-01.json"), "", 0);
    ok(rkv_eval_remove_analyses(temporary_path("analyses")));
    assert_int_equal(remove(temporary_path("analyses/window-01.json")), 0); /* which no run would write */
    assert_int_equal(remove(temporary_path("analyses")), 0);
    ok(rkv_eval_remove_analyses(temporary_path("analyses")));
    clear(first);
    clear(second);
}

static void test_generate(void **state) {
    (void)state;
    told *t = new_told();
    rkv_eval_options options = telling(t);
    options.generate = 5;
    ok(rkv_eval_run(model, &windows, settings, 3, &options));
    assert_non_null(find(t, 0, 0, 1)->text);
    assert_null(find(t, 1, 0, 1)->text); /* streaming has read the question */
    assert_null(find(t, 0, 0, 0)->text); /* one text for each window, with its last question */
    rkv_session *s = open_session((rkv_session_options){.method = "full"});
    ok(rkv_session_prefill(s, windows.items[0].context, CONTEXT));
    rkv_generation made;
    ok(rkv_session_generate(s, &(rkv_generate_options){.n_tokens = 5}, &made));
    char *text;
    size_t length;
    ok(rkv_detokenize(model, made.ids, made.n, &text, &length));
    assert_string_equal(find(t, 0, 0, 1)->text, text);
    rkv_free(text);
    rkv_free(made.ids);
    rkv_session_free(s);
    clear(t);
}

/* What computes is part of a run's description, but for which GPUs of one name it was given. */
static void test_the_description_names_the_device(void **state) {
    (void)state;
    static const char *const devices[][2] = {
        {"cpu", "cpu"},
        {"cuda:0 NVIDIA H200", "cuda NVIDIA H200"},
        {"cuda:10,2 NVIDIA H200: 1,2, tf32", "cuda NVIDIA H200: 1,2, tf32"},
        {"other 3:4", "other 3:4"},
        {"cuda:1", "cuda"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        told *t = new_told();
        rkv_eval_options options = telling(t);
        char *json, wanted[200];
        ok(rkv_eval_describe(rkv_model_get_info(model), devices[i][0], &windows, settings, 1, &options,
                             &json));
        snprintf(wanted, sizeof wanted, "\"device\": \"%s\",\n  \"version\": \"%s\",", devices[i][1],
                 rkv_version());
        if (!strstr(json, wanted)) fail_msg("%s\n%s", wanted, json);
        rkv_free(json);
        clear(t);
    }
}

/* ---- what is refused, before any work ---- */

static void check_refused(rkv_setting setting, rkv_status status, const char *word) {
    told *t = new_told();
    rkv_eval_options options = telling(t);
    rkv_setting two[] = {settings[0], setting};
    assert_int_equal(rkv_eval_run(model, &windows, two, 2, &options), status);
    if (!strstr(rkv_message(), word)) fail_msg("\"%s\" does not say \"%s\"", rkv_message(), word);
    assert_int_equal(t->n, 0);
    clear(t);
}

static void test_refused(void **state) {
    (void)state;
    rkv_setting s = settings[2];
    s.method = "snapkv:window=zero";
    check_refused(s, RKV_USAGE, "zero");
    s = settings[2];
    s.budget = "no-such-policy";
    check_refused(s, RKV_USAGE, "no-such-policy");
    s = settings[2];
    s.ratio = 1.5;
    check_refused(s, RKV_USAGE, "1.5");
    s = settings[2];
    s.ratio = 0.1; /* 6 entries for a window of 8 */
    check_refused(s, RKV_USAGE, "snapkv:window=8");
    s = settings[2];
    s.ratio = 0;
    s.entries = CONTEXT + 1;
    check_refused(s, RKV_USAGE, "61");
    s = settings[2];
    s.budget = "power:signal=retr";
    check_refused(s, RKV_USAGE, "retr"); /* no profile has it */
    s = settings[2];
    s.budget = "inverse:min=31"; /* of 30 entries in the mean: it would be uniform */
    check_refused(s, RKV_USAGE, "at least 31");
}

static void test_windows_refused(void **state) {
    (void)state;
    rkv_windows none = {0};
    assert_int_equal(rkv_eval_run(model, &none, settings, 1, NULL), RKV_USAGE);
    int32_t ids_of[] = {1, 2, 1 << 30};
    rkv_question question = {RKV_TASK_NATURAL, ids_of, 3, 1, 0};
    rkv_window window = {
        .name = (char[]){"odd"}, .context = ids, .n_context = 10, .questions = &question, .n_questions = 1};
    rkv_windows odd = {&window, 1, 1};
    assert_int_equal(rkv_eval_run(model, &odd, settings, 1, NULL), RKV_DATA);
    assert_non_null(strstr(rkv_message(), "window odd, question 0"));
    question.first_scored = 3;
    assert_int_equal(rkv_eval_run(model, &odd, settings, 1, NULL), RKV_USAGE);
    window.n_questions = 0;
    assert_int_equal(rkv_eval_run(model, &odd, settings, 1, NULL), RKV_USAGE);
}

/* ---- the grid ---- */

static void test_grid(void **state) {
    (void)state;
    const char *methods[] = {"int8", "snapkv"}, *budgets[] = {"uniform", NULL};
    const double ratios[] = {0.5, 0.25};
    const size_t entries[] = {7};
    const rkv_protocol protocols[] = {RKV_PROTOCOL_STREAMING, RKV_PROTOCOL_PREFILL};
    const rkv_grid grid = {methods, budgets, 2, 2, ratios, entries, 2, 1, protocols, 2};
    rkv_setting *list;
    size_t n;
    ok(rkv_grid_list(&grid, &list, &n));
    assert_int_equal(n, 2 * (1 + 1 + 3 * 2)); /* full, int8 once, snapkv at 3 sizes under 2 budgets */
    assert_string_equal(list[1].method, "full");
    assert_int_equal(list[1].protocol, RKV_PROTOCOL_PREFILL);
    assert_string_equal(list[2].method, "int8");
    assert_string_equal(list[3].budget, "uniform");
    assert_null(list[4].budget);
    assert_int_equal(list[7].entries, 7);
    rkv_free(list);
    const rkv_grid sizeless = {.methods = methods, .n_methods = 2};
    assert_int_equal(rkv_grid_list(&sizeless, &list, &n), RKV_USAGE);
    assert_null(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_stop_and_resume),
        cmocka_unit_test(test_kept_analyses),
        cmocka_unit_test(test_generate),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_windows_refused),
        cmocka_unit_test(test_grid),
        cmocka_unit_test(test_the_description_names_the_device),
    };
    return cmocka_run_group_tests(tests, make_windows, drop_windows);
}
