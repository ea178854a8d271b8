/* bench_case.c: one case of `rankkv bench`, measured in this process, which is there for it alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/choices.h"
#include "cli/clock.h"
#include "cli/machine.h"
#include "cli/message.h"
#include "cli/prompt_tokens.h"

#define FIELD(member) .offset = offsetof(bench_case, member)

const option_row bench_case_rows[] = {
    {"model", 0, OPTION_FILE, "PATH", "GGUF file of the model", FIELD(model)},
    {"device", 0, OPTION_TEXT, "DEVICE", "What computes", &choices_device, FIELD(device)},
    {"method", 0, OPTION_TEXT, "SPEC", "What holds the cache to its budget", &choices_compressor,
     FIELD(method)},
    {"policy", 0, OPTION_TEXT, "SPEC", "Budgets by a policy", &choices_policy, FIELD(policy)},
    {"profile", 0, OPTION_FILE, "FILE", "Signals for it", FIELD(profile)},
    {"context", 0, OPTION_COUNT, "N", "Tokens of the prompt", .low = 1, FIELD(context)},
    {"new-tokens", 0, OPTION_COUNT, "N", "Tokens after it", .low = 1, FIELD(new_tokens)},
    {"warm-up", 0, OPTION_COUNT, "N", "Runs before the one that is measured", .low = 0, FIELD(warm_up)},
    {"budget", 0, OPTION_COUNT, "N", "Entries that each KV head may keep", .low = 1, FIELD(budget)},
    {"ratio", 0, OPTION_NUMBER, "R", "The same as a part of the prompt", .low = 1e-6, .high = 1,
     FIELD(ratio)},
    {"seed", 0, OPTION_SEED, "N", "Of methods and policies that draw", FIELD(seed)},
    {"hold", 0, OPTION_INDEX, "WHEN", "When entries are evicted", &choices_hold, FIELD(hold)},
    {0}};

enum { WARM_UP_TOKENS = 2 }; /* new ones: the first is drawn from the prompt's logits, the second decoded */

/* ---- tokens ---- */

static rkv_status read_ids(const bench_case *c, const rkv_model *model, int32_t **ids) {
    size_t most = rkv_model_get_info(model)->n_context;
    if (c->context > most)
        return complain(RKV_USAGE, "a context of %zu tokens is more than the %zu of the model", c->context,
                        most);
    *ids = malloc(c->context * sizeof **ids);
    if (!*ids) return complain(RKV_NO_MEMORY, "out of memory");
    if (fread(*ids, sizeof **ids, c->context, stdin) != c->context)
        return complain(RKV_DATA, "standard input: fewer than %zu tokens", c->context);
    return RKV_OK;
}

/* ---- budgets ---- */

static rkv_status allocate(const bench_case *c, rkv_model *model, const int32_t *ids,
                           const rkv_budget_options *how, rkv_budget **budgets) {
    const rkv_analysis bare = {
        .model = *rkv_model_get_info(model), .prompt_name = (char[]){"bench"}, .n_tokens = c->context};
    rkv_analysis *analysis = NULL;
    rkv_status status = RKV_OK;
    if (rkv_budget_needs_analysis(how)) status = rkv_analyze(&analysis, model, ids, c->context, NULL);
    if (!status) status = rkv_budget_allocate(budgets, analysis ? analysis : &bare, how);
    rkv_analysis_free(analysis);
    return said(status);
}

/* No head's budget is below what the method keeps in any case, as in `eval`. */
static rkv_status keep_least(const bench_case *c, rkv_budget_options *how) {
    size_t least;
    rkv_status status = said(rkv_method_least(c->method, &least));
    size_t min = how->min == RKV_MIN_AUTO ? RKV_MIN_ENTRIES : how->min;
    if (!status && least > min) how->min = least;
    return status;
}

rkv_status bench_case_policy(const bench_case *c, rkv_budget_options *how, rkv_profile **profile,
                             char **signal) {
    *how = rkv_budget_options_default();
    *profile = NULL;
    *signal = NULL;
    how->mean = c->budget;
    how->ratio = c->ratio;
    how->seed = c->seed;
    rkv_status status = c->profile ? said(rkv_profile_load(profile, c->profile)) : RKV_OK;
    how->profile = *profile;
    return status ? status : said(rkv_budget_options_parse(c->policy, how, signal));
}

/* Budgets by the policy, and the time that they take; the profile is read before that. */
static rkv_status make_budgets(const bench_case *c, rkv_model *model, const int32_t *ids,
                               rkv_budget **budgets, double *seconds) {
    rkv_budget_options how;
    rkv_profile *profile;
    char *signal;
    rkv_status status = bench_case_policy(c, &how, &profile, &signal);
    if (!status) status = keep_least(c, &how);
    double start_s = now_s();
    if (!status) status = allocate(c, model, ids, &how, budgets);
    *seconds = now_s() - start_s;
    rkv_free(signal);
    rkv_profile_free(profile);
    return status;
}

/* ---- one run ---- */

rkv_session_options bench_case_session(const bench_case *c, const rkv_budget *budgets) {
    return (rkv_session_options){.method = c->method,
                                 .budget = budgets ? 0 : c->budget,
                                 .ratio = budgets ? 0 : c->ratio,
                                 .budgets = budgets,
                                 .hold = c->hold,
                                 .seed = c->seed};
}

typedef struct token_clock {
    size_t n;
    double first_s, last_s; /* when tokens came */
} token_clock;

static rkv_status on_token(void *user, int32_t id) {
    token_clock *clock = user;
    (void)id;
    clock->last_s = now_s();
    if (clock->n++ == 0) clock->first_s = clock->last_s;
    return RKV_OK;
}

static rkv_status generate(rkv_session *session, size_t n_tokens, bench_sample *out) {
    rkv_generation generation = {0};
    token_clock clock = {0};
    rkv_generate_options how = {
        .n_tokens = n_tokens, .ignore_end = true, .on_token = on_token, .user = &clock};
    double start_s = now_s();
    rkv_status status = rkv_session_generate(session, &how, &generation);
    rkv_free(generation.ids);
    out->at[BENCH_TTFT_S] += clock.first_s - start_s;
    out->at[BENCH_TPOT_S] = clock.n > 1 ? (clock.last_s - clock.first_s) / (double)(clock.n - 1) : NAN;
    return status;
}

static void keep_prompt(bench_sample *out, const rkv_cache_stats *stats, double n_heads) {
    out->at[BENCH_ENTRIES] = (double)stats->n_entries / n_heads;
    out->at[BENCH_CACHE_BYTES] = (double)stats->allocated_bytes;
    out->at[BENCH_KV_BYTES] = (double)stats->kv_bytes;
    out->at[BENCH_FULL_BYTES_16] = (double)stats->full_bytes_16;
}

static void keep_end(bench_sample *out, const rkv_cache_stats *stats, double n_heads) {
    out->at[BENCH_COMPRESS_S] = stats->compress_s;
    out->at[BENCH_END_ENTRIES] = (double)stats->n_entries / n_heads;
    out->at[BENCH_END_CACHE_BYTES] = (double)stats->allocated_bytes;
    out->at[BENCH_CACHE_PEAK_BYTES] = (double)stats->peak_bytes;
}

/* The prompt and new tokens after it. Fills in what a session knows; TTFT from the ids to the first token. */
static rkv_status run_once(const bench_case *c, rkv_model *model, const int32_t *ids,
                           const rkv_budget *budgets, size_t new_tokens, bench_sample *out) {
    const rkv_model_info *info = rkv_model_get_info(model);
    double n_heads = (double)(info->n_layers * info->n_kv_heads);
    rkv_session_options how = bench_case_session(c, budgets);
    rkv_session *session = NULL;
    rkv_cache_stats prompt = {0}, end = {0};
    double start_s = now_s();
    rkv_status status = rkv_session_new(&session, model, &how);
    if (!status) status = rkv_session_prefill(session, ids, c->context);
    out->at[BENCH_TTFT_S] = now_s() - start_s;
    if (!status) status = rkv_session_get_stats(session, &prompt);
    if (!status) status = generate(session, new_tokens, out);
    if (!status) status = rkv_session_get_stats(session, &end);
    rkv_session_free(session);
    keep_prompt(out, &prompt, n_heads);
    keep_end(out, &end, n_heads);
    return said(status);
}

/* ---- the case ---- */

/* Warm-up decodes the weights and starts the threads; analysing is too long a work to be done twice, and the
 * uniform budget serves. The memory before the prompt is taken after it. */
static rkv_status measure(const bench_case *c, rkv_model *model, const int32_t *ids, bench_sample *out) {
    rkv_budget *budgets = NULL;
    double analysis_s = NAN;
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < c->warm_up && !status; i++)
        status = run_once(c, model, ids, NULL, WARM_UP_TOKENS, out);
    double baseline_bytes = machine_process("VmRSS");
    if (!status && c->policy) status = make_budgets(c, model, ids, &budgets, &analysis_s);
    if (!status) status = run_once(c, model, ids, budgets, c->new_tokens, out);
    rkv_budget_free(budgets);
    out->at[BENCH_ANALYSIS_S] = analysis_s;
    if (c->policy) out->at[BENCH_TTFT_S] += analysis_s;
    out->at[BENCH_BASELINE_BYTES] = baseline_bytes;
    out->at[BENCH_PEAK_BYTES] = machine_process("VmHWM");
    out->at[BENCH_THREADS] = machine_process("Threads");
    return status;
}

rkv_status bench_case_measure(const bench_case *c, bench_sample *out) {
    rkv_model *model = NULL;
    int32_t *ids = NULL;
    *out = (bench_sample){0};
    rkv_status status =
        prompt_open_model(&model, c->model, c->device ? c->device : "cpu", RKV_PRECISION_FLOAT32);
    if (!status) status = read_ids(c, model, &ids);
    if (!status) snprintf(out->device, sizeof out->device, "%s", rkv_model_device(model));
    if (!status) status = measure(c, model, ids, out);
    free(ids);
    rkv_model_close(model);
    return status;
}
