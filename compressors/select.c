/* select.c: from scores to the entries that stay. */
#include "compressors/select.h"

#include <assert.h>

#include "core/order.h"
#include "core/simd.h"

/* The rank of the budget-th highest score, and in *ties how many of that rank are among the budget: its four
 * bytes are found from the first to the last, each by counting. 0 < budget < n. */
static uint32_t threshold(const float *score, size_t n, size_t budget, size_t *ties) {
    uint32_t found = 0, mask = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        size_t count[256] = {0};
        for (size_t i = 0; i < n; i++) {
            uint32_t rank = rkv_float_order(score[i]);
            if ((rank & mask) == found) count[rank >> shift & 255]++;
        }
        uint32_t byte = 255;
        for (; count[byte] < budget; byte--)
            budget -= count[byte];
        found |= byte << shift;
        mask |= 255u << shift;
    }
    *ties = budget;
    return found;
}

RKV_CLONES static uint32_t lowest_rank(const float *score, size_t n) {
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        uint32_t rank = rkv_float_order(score[i]);
        least = rank < least ? rank : least;
    }
    return least;
}

/* The entry that goes first: the oldest of those with the lowest score. */
static size_t lowest(const float *score, size_t n) {
    uint32_t least = lowest_rank(score, n);
    size_t i = 0;
    while (rkv_float_order(score[i]) != least)
        i++;
    return i;
}

static void keep_all_but(size_t gone, size_t n, uint32_t *kept) {
    for (size_t i = 0; i < gone; i++)
        kept[i] = (uint32_t)i;
    for (size_t i = gone + 1; i < n; i++)
        kept[i - 1] = (uint32_t)i;
}

/* From the newest on, so that ties go to the newest. */
static void keep_above(const float *score, size_t n, size_t budget, uint32_t *kept) {
    size_t ties, left = budget;
    uint32_t bound = threshold(score, n, budget, &ties);
    for (size_t i = n; i-- > 0;) {
        uint32_t rank = rkv_float_order(score[i]);
        if (rank < bound || (rank == bound && ties == 0)) continue;
        ties -= rank == bound;
        kept[--left] = (uint32_t)i;
    }
    assert(left == 0);
}

size_t rkv_select_best(const float *score, size_t n, size_t budget, uint32_t *kept) {
    if (budget >= n)
        keep_all_but(n, n, kept);
    else if (budget == n - 1) /* one came, one goes: what decoding does all the time */
        keep_all_but(lowest(score, n), n, kept);
    else if (budget > 0)
        keep_above(score, n, budget, kept);
    return budget < n ? budget : n;
}
