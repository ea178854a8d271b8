/* ticks.h: round numbers along an axis. */
#ifndef RKV_VIZ_TICKS_H
#define RKV_VIZ_TICKS_H

#include <stdbool.h>
#include <stddef.h>

#define RKV_TICK_LIMIT 32

#define RKV_TICK_LABEL 48

typedef struct rkv_tick {
    double value;
    char label[RKV_TICK_LABEL]; /* UTF-8 */
} rkv_tick;

/* Ticks at multiples of 1, 2 or 5 times a power of ten in [low, high], at most `most` (1 .. RKV_TICK_LIMIT)
 * of them; returns how many. None when the range is empty or not finite. */
size_t rkv_ticks_linear(double low, double high, size_t most, rkv_tick tick[RKV_TICK_LIMIT]);

/* Ticks at powers of ten in [low, high], 0 < low < high, every k-th when there are too many; 1, 2 and 5 times
 * powers of ten when there would be fewer than three and they fit. */
size_t rkv_ticks_log(double low, double high, size_t most, rkv_tick tick[RKV_TICK_LIMIT]);

/* Ticks at powers of two in [low, high], 0 < low < high, every k-th when there are too many. */
size_t rkv_ticks_log2(double low, double high, size_t most, rkv_tick tick[RKV_TICK_LIMIT]);

/* The smallest of 1, 2, 5, 10, 20, 50, ... that is at least `least`. */
size_t rkv_round_step(double least);

/* value with about three significant digits in few characters: "123", "4.56", "7", "0.07", "3e-5"; "" when
 * not finite. */
#define RKV_SHORT_NUMBER 16
void rkv_format_short(double value, char text[RKV_SHORT_NUMBER]);

#endif
