/* vision.c: see vision.h. */
#include "tests/support/vision.h"

#include <math.h>
#include <stddef.h>

typedef struct colour {
    double at[3];
} colour;

/* What dichromats see of linear RGB: Machado, Oliveira and Fernandes 2009, severity 1; the first is normal.
 */
static const double visions[4][3][3] = {
    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
    {{.152286, 1.052583, -.204868}, {.114503, .786281, .099216}, {-.003882, -.048116, 1.051998}},
    {{.367322, .860646, -.227968}, {.280085, .672501, .047413}, {-.011820, .042940, .968881}},
    {{1.255528, -.076749, -.178779}, {-.078411, .930809, .147602}, {.004733, .691367, .303900}}};

static colour times(const double m[3][3], colour c) {
    colour out;
    for (int i = 0; i < 3; i++)
        out.at[i] = m[i][0] * c.at[0] + m[i][1] * c.at[1] + m[i][2] * c.at[2];
    return out;
}

static colour linear(uint32_t rgb) {
    colour out;
    for (int i = 0; i < 3; i++) {
        double v = (double)(rgb >> (16 - 8 * i) & 255) / 255;
        out.at[i] = v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
    }
    return out;
}

/* Oklab (Ottosson 2020), where distances are about as large as they look. */
static colour oklab(colour c) {
    static const double lms[3][3] = {{.4122214708, .5363325363, .0514459929},
                                     {.2119034982, .6806995451, .1073969566},
                                     {.0883024619, .2817188376, .6299787005}};
    static const double lab[3][3] = {{.2104542553, .7936177850, -.0040720468},
                                     {1.9779984951, -2.4285922050, .4505937099},
                                     {.0259040371, .7827717662, -.8086757660}};
    for (int i = 0; i < 3; i++)
        c.at[i] = fmin(fmax(c.at[i], 0), 1);
    c = times(lms, c);
    for (int i = 0; i < 3; i++)
        c.at[i] = cbrt(c.at[i]);
    return times(lab, c);
}

double vision_distance(uint32_t a, uint32_t b) {
    double least = INFINITY;
    for (size_t v = 0; v < sizeof visions / sizeof *visions; v++) {
        colour x = oklab(times(visions[v], linear(a))), y = oklab(times(visions[v], linear(b)));
        least = fmin(least, hypot(hypot(x.at[0] - y.at[0], x.at[1] - y.at[1]), x.at[2] - y.at[2]));
    }
    return least;
}

static double luminance(uint32_t rgb) {
    colour c = linear(rgb);
    return 0.2126 * c.at[0] + 0.7152 * c.at[1] + 0.0722 * c.at[2];
}

double vision_contrast(uint32_t a, uint32_t b) {
    double x = luminance(a), y = luminance(b);
    return (fmax(x, y) + 0.05) / (fmin(x, y) + 0.05);
}
