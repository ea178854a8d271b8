/* method_ada_snapkv.c: SnapKV's scores, compared over all heads of a layer: heads share its budget. */
#include "compressors/methods.h"
#include "compressors/select.h"
#include "compressors/snapkv.h"
#include "core/memory.h"
#include "core/order.h"
#include "core/simd.h"

enum { ALPHA = RKV_SNAPKV_OPTIONS };

static const rkv_method_option options[] = {
    RKV_SNAPKV_OPTION_ROWS,
    {.name = "alpha",
     .kind = RKV_OPTION_REAL,
     .standard = 0.2,
     .least = 0,
     .most = 1,
     .summary = "share of the mean budget that every head keeps, at least one entry; 0: none"},
    {0},
};

/* One number per entry, larger for those that stay rather: first by score, then by position. */
static uint64_t rank_of(float score, int32_t position) {
    return (uint64_t)rkv_float_order(score) << 32 | (uint32_t)position;
}

RKV_CLONES static size_t count_from(const uint64_t *rank, size_t n, uint64_t least) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += rank[i] >= least;
    return count;
}

/* The k-th largest of rank [n], 1 <= k <= n, bit by bit: the largest number that k of them reach. */
static uint64_t largest(const uint64_t *rank, size_t n, size_t k) {
    uint64_t least = 0;
    for (uint64_t bit = UINT64_C(1) << 63; bit; bit >>= 1)
        if (count_from(rank, n, least | bit) >= k) least |= bit;
    return least;
}

/* Ranks of one head's entries; the `safe` best of them go before everyone else's. */
static void rank_head(const rkv_head_view *head, const float *score, size_t safe, uint64_t *rank,
                      uint32_t *kept) {
    size_t n_kept = rkv_select_best(score, head->n, safe, kept);
    for (size_t i = 0; i < head->n; i++)
        rank[i] = rank_of(score[i], head->positions[i]);
    for (size_t i = 0; i < n_kept; i++)
        rank[kept[i]] |= UINT64_C(0xFFFFFFFF) << 32;
}

/* budgets [G]: how many of the `total` highest ranks lie in each head. Ranks that tie (entries of one
 * position in several heads) go to the lower head. */
static void count_winners(const rkv_layer_view *view, const uint64_t *rank, size_t n, size_t total,
                          size_t *budgets) {
    uint64_t least = largest(rank, n, total);
    size_t above = least == UINT64_MAX ? 0 : count_from(rank, n, least + 1), equal_left = total - above;
    for (size_t g = 0; g < view->n_kv_heads; rank += view->heads[g++].n) {
        size_t more = least == UINT64_MAX ? 0 : count_from(rank, view->heads[g].n, least + 1);
        size_t equal = count_from(rank, view->heads[g].n, least) - more;
        equal = equal < equal_left ? equal : equal_left;
        equal_left -= equal;
        budgets[g] = more + equal;
    }
}

/* More budget than entries: all stay, and what is left over is spread evenly, so that the sum is kept. */
static void keep_all(const rkv_layer_view *view, size_t left, size_t *budgets) {
    for (size_t g = 0; g < view->n_kv_heads; g++)
        budgets[g] = view->heads[g].n + left / view->n_kv_heads + (g < left % view->n_kv_heads);
}

static size_t safe_entries(double alpha, size_t total, size_t n_heads) {
    size_t safe = (size_t)(alpha * (double)total / (double)n_heads);
    return alpha > 0 && safe == 0 && total > 0 ? 1 : safe;
}

/* Ada-KV as in kvpress's adakv_press.py: in each head the best max(1, int(alpha * mean budget)) entries are
 * safe; of the others, the highest scores of the whole layer stay until its budget is full. Ties: the newest
 * entry, then the lower head. */
static rkv_status share(const rkv_option_values *values, const rkv_layer_view *view, float *const *score,
                        size_t *budgets) {
    size_t n = 0, longest = 0, total = 0, done = 0;
    for (size_t g = 0; g < view->n_kv_heads; g++) {
        size_t entries = view->heads[g].n;
        if (budgets[g] == SIZE_MAX) return RKV_OK; /* any number stays */
        total += budgets[g];
        n += entries;
        longest = entries > longest ? entries : longest;
    }
    if (total == 0) return RKV_OK;
    if (total >= n) {
        keep_all(view, total - n, budgets);
        return RKV_OK;
    }
    uint64_t *rank = NULL;
    uint32_t *kept = NULL;
    size_t safe = safe_entries(values->number[ALPHA], total, view->n_kv_heads);
    rkv_status status = rkv_alloc_raw(&rank, n, sizeof *rank);
    if (!status) status = rkv_alloc_raw(&kept, longest, sizeof *kept);
    for (size_t g = 0; !status && g < view->n_kv_heads; done += view->heads[g++].n)
        rank_head(&view->heads[g], score[g], safe, rank + done, kept);
    if (!status) count_winners(view, rank, n, total, budgets);
    free(kept);
    free(rank);
    return status;
}

static const struct rkv_method_ops ops = {
    .least = rkv_snapkv_least,
    .state_size = rkv_snapkv_state_size,
    .observe = rkv_snapkv_observe,
    .score = rkv_snapkv_score,
    .share = share,
};

const rkv_method rkv_method_ada_snapkv = {
    .name = "ada-snapkv",
    .kind = RKV_SELECTION,
    .summary = "snapkv with the layer's budget shared by its heads, the highest scores first",
    .formula = "snapkv; each head's best max(1, int(alpha b)) entries stay, b the mean budget of the layer's "
               "heads, then the highest scores over all heads of the layer",
    .source = "Ada-KV: Feng et al. 2024, arXiv 2407.11550; safeguard as in kvpress",
    .options = options,
    .needs = RKV_NEEDS_QUERIES | RKV_NEEDS_KEYS,
    .prompt_once = true,
    .ops = &ops,
};
