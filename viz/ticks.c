/* ticks.c: round numbers along an axis. */
#include "viz/ticks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double rounds[] = {1, 2, 5};
#define ROUNDS (sizeof rounds / sizeof *rounds)

size_t rkv_round_step(double least) {
    for (size_t power = 1; power <= (size_t)1e15; power *= 10)
        for (size_t i = 0; i < ROUNDS; i++)
            if ((double)power * rounds[i] >= least) return power * (size_t)rounds[i];
    return (size_t)1e15;
}

void rkv_format_short(double value, char text[RKV_SHORT_NUMBER]) {
    double size = fabs(value);
    const char *format = size >= 99999.5                        ? "%.0e"
                         : size >= 99.95 || size == floor(size) ? "%.0f"
                         : size >= 9.995                        ? "%.1f"
                         : size >= 0.00995                      ? "%.2f"
                                                                : "%.0e";
    if (!isfinite(value)) format = "";
    snprintf(text, RKV_SHORT_NUMBER, format, value);
    char *exponent = strchr(text, 'e');
    if (!exponent) return;
    /* "3e-05" is "3e-5", "1e+05" is "1e5" */
    char *from = exponent + 2, *to = exponent + (exponent[1] == '-' ? 2 : 1);
    while (*from == '0' && from[1])
        from++;
    memmove(to, from, strlen(from) + 1);
}

/* ---- labels ---- */

static void superscript(int number, char *text, size_t size) {
    static const char *const digits[] = {"\u2070", "\u00B9", "\u00B2", "\u00B3", "\u2074",
                                         "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};
    char plain[16];
    snprintf(plain, sizeof plain, "%d", number);
    size_t length = 0;
    for (const char *c = plain; *c && length < size; c++)
        length +=
            (size_t)snprintf(text + length, size - length, "%s", *c == '-' ? "\u207B" : digits[*c - '0']);
}

/* Writes base^power: plainly where it is short, else with a superscript. */
static void power_label(int base, int power, int most, char label[RKV_TICK_LABEL]) {
    char raised[24];
    if (power >= 0 && power <= most) {
        snprintf(label, RKV_TICK_LABEL, "%.0f", pow(base, power));
        return;
    }
    superscript(power, raised, sizeof raised);
    snprintf(label, RKV_TICK_LABEL, "%d%s", base, raised);
}

/* Large and small numbers: 2.5 x 10^-9, with the digits that tell multiples of step apart. */
static void scientific_label(double value, double step, char label[RKV_TICK_LABEL]) {
    int power = (int)floor(log10(fabs(value)) + 1e-12), digits = power - (int)floor(log10(step) + 1e-12);
    char raised[24];
    superscript(power, raised, sizeof raised);
    snprintf(label, RKV_TICK_LABEL, "%s%.*f\u00D710%s", value < 0 ? "\u2212" : "",
             digits < 0    ? 0
             : digits > 15 ? 15
                           : digits,
             fabs(value) / pow(10, power), raised);
}

static void linear_label(double value, double step, int decimals, char label[RKV_TICK_LABEL]) {
    if (value != 0 && (decimals > 6 || fabs(value) >= 1e15 || (fabs(value) >= 1e7 && step >= 1e4)))
        scientific_label(value, step, label);
    else
        snprintf(label, RKV_TICK_LABEL, "%s%.*f", value < 0 ? "\u2212" : "", value == 0 ? 0 : decimals,
                 fabs(value));
}

/* ---- linear ---- */

/* The smallest round step that makes at most `most` ticks in [low, high]. */
static double linear_step(double low, double high, size_t most, int *decimals) {
    int power = (int)floor(log10((high - low) / (double)most)) - 1;
    for (;; power++)
        for (size_t i = 0; i < ROUNDS; i++) {
            double step = rounds[i] * pow(10, power);
            if (floor(high / step) - ceil(low / step) + 1 > (double)most) continue;
            *decimals = power < 0 ? -power : 0;
            return step;
        }
}

size_t rkv_ticks_linear(double low, double high, size_t most, rkv_tick tick[RKV_TICK_LIMIT]) {
    if (!(high > low) || !isfinite(high - low) || most == 0) return 0;
    if (most > RKV_TICK_LIMIT) most = RKV_TICK_LIMIT;
    int decimals;
    double step = linear_step(low, high, most, &decimals), first = ceil(low / step);
    size_t n = (size_t)(floor(high / step) - first) + 1;
    for (size_t i = 0; i < n && i < most; i++) {
        tick[i].value = (first + (double)i) * step;
        linear_label(tick[i].value, step, decimals, tick[i].label);
    }
    return n < most ? n : most;
}

/* ---- logarithmic ---- */

/* Powers of base, of which those up to base^plain are written in digits. */
static size_t powers(int base, int plain, double low, double high, size_t most, rkv_tick *tick) {
    int first = (int)ceil(log2(low) / log2(base) - 1e-9), last = (int)floor(log2(high) / log2(base) + 1e-9);
    if (last < first) return 0;
    int every = (last - first) / (int)most + 1;
    size_t n = 0;
    for (int power = last; power >= first; power -= every, n++) {
        tick[n].value = pow(base, power);
        power_label(base, power, plain, tick[n].label);
    }
    return n;
}

static size_t subdivisions(double low, double high, rkv_tick *tick) {
    size_t n = 0;
    for (int power = (int)floor(log10(low)); power <= (int)floor(log10(high)); power++)
        for (size_t i = 0; i < ROUNDS; i++) {
            double value = rounds[i] * pow(10, power);
            if (value < low * (1 - 1e-9) || value > high * (1 + 1e-9) || n == RKV_TICK_LIMIT) continue;
            tick[n].value = value;
            snprintf(tick[n].label, sizeof tick[n].label, "%g", value);
            n++;
        }
    return n;
}

size_t rkv_ticks_log(double low, double high, size_t most, rkv_tick tick[RKV_TICK_LIMIT]) {
    if (!(low > 0) || !(high > low) || !isfinite(high) || most == 0) return 0;
    if (most > RKV_TICK_LIMIT) most = RKV_TICK_LIMIT;
    rkv_tick finer[RKV_TICK_LIMIT];
    size_t n = powers(10, 4, low, high, most, tick);
    if (n >= 3 || log10(high / low) > 4) return n;
    size_t n_finer = subdivisions(low, high, finer);
    if (n_finer <= n || n_finer > most) return n;
    memcpy(tick, finer, n_finer * sizeof *tick);
    return n_finer;
}

size_t rkv_ticks_log2(double low, double high, size_t most, rkv_tick tick[RKV_TICK_LIMIT]) {
    if (!(low > 0) || !(high > low) || !isfinite(high) || most == 0) return 0;
    return powers(2, 16, low, high, most < RKV_TICK_LIMIT ? most : RKV_TICK_LIMIT, tick);
}
