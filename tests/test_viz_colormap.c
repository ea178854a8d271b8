/* test_viz_colormap.c: every colour map is lighter from row to row, and its two other colours stand out from
 * it. */
#include "test_viz_common.h"

#include <math.h>

#include "viz/colormap.h"

/* How the three colour deficiencies see linear RGB (Machado, Oliveira and Fernandes 2009, severity 1). */
static const double views[][3][3] = {
    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
    {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
    {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
    {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
};

static double linear(double c) {
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double lab_curve(double t) {
    return t > 216. / 24389 ? cbrt(t) : (24389. / 27 * t + 16) / 116;
}

/* sRGB as one of the views sees it, in CIELAB (D65). */
static void to_lab(const unsigned char rgb[3], size_t view, double lab[3]) {
    static const double xyz_of[3][3] = {{0.4124564, 0.3575761, 0.1804375},
                                        {0.2126729, 0.7151522, 0.0721750},
                                        {0.0193339, 0.1191920, 0.9503041}};
    static const double white[3] = {0.95047, 1, 1.08883};
    double seen[3], f[3];
    for (int i = 0; i < 3; i++) {
        seen[i] = 0;
        for (int j = 0; j < 3; j++)
            seen[i] += views[view][i][j] * linear(rgb[j] / 255.);
        seen[i] = fmin(fmax(seen[i], 0), 1);
    }
    for (int i = 0; i < 3; i++) {
        double xyz = 0;
        for (int j = 0; j < 3; j++)
            xyz += xyz_of[i][j] * seen[j];
        f[i] = lab_curve(xyz / white[i]);
    }
    lab[0] = 116 * f[1] - 16;
    lab[1] = 500 * (f[0] - f[1]);
    lab[2] = 200 * (f[1] - f[2]);
}

static double distance(const unsigned char a[3], const unsigned char b[3], size_t view) {
    double p[3], q[3];
    to_lab(a, view, p);
    to_lab(b, view, q);
    return sqrt(pow(p[0] - q[0], 2) + pow(p[1] - q[1], 2) + pow(p[2] - q[2], 2));
}

/* Rounding to eight bits costs at most a tenth of a unit of lightness. */
static void test_lightness_rises(void **state) {
    (void)state;
    for (size_t m = 0; rkv_colormap_at(m); m++) {
        const rkv_colormap *map = rkv_colormap_at(m);
        double first[3], last[3], before[3], now[3];
        to_lab(map->rgb[0], 0, first);
        to_lab(map->rgb[255], 0, last);
        assert_true(first[0] < 20 && last[0] > 85);
        for (size_t i = 1; i < 256; i++) {
            to_lab(map->rgb[i - 1], 0, before);
            to_lab(map->rgb[i], 0, now);
            assert_true(now[0] > before[0] - 0.1);
            assert_true(now[0] < before[0] + 1.5);
            if (i < 8) continue;
            to_lab(map->rgb[i - 8], 0, before);
            assert_true(now[0] > before[0]);
        }
    }
}

/* 2.3 is a just noticeable difference. */
static void test_other_colours_stand_out(void **state) {
    (void)state;
    static const unsigned char white[3] = {255, 255, 255};
    for (size_t m = 0; rkv_colormap_at(m); m++) {
        const rkv_colormap *map = rkv_colormap_at(m);
        for (size_t view = 0; view < COUNT(views); view++) {
            assert_true(distance(map->masked, white, view) > 8);
            assert_true(distance(map->missing, white, view) > 30);
            assert_true(distance(map->missing, map->masked, view) > 30);
            for (size_t i = 0; i < 256; i++) {
                assert_true(distance(map->masked, map->rgb[i], view) > 9);
                assert_true(distance(map->missing, map->rgb[i], view) > 30);
            }
        }
    }
}

/* Rows of the tables as their authors published them. */
static void test_known_rows(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t row;
        unsigned char rgb[3];
    } known[] = {
        {"viridis", 0, {68, 1, 84}},     {"viridis", 255, {253, 231, 37}}, {"magma", 0, {0, 0, 4}},
        {"magma", 255, {252, 253, 191}}, {"cividis", 255, {254, 232, 56}}, {"gray", 100, {100, 100, 100}},
    };
    for (size_t i = 0; i < COUNT(known); i++) {
        const rkv_colormap *map = rkv_colormap_find(known[i].name);
        assert_non_null(map);
        assert_memory_equal(map->rgb[known[i].row], known[i].rgb, 3);
    }
}

static void test_names(void **state) {
    (void)state;
    size_t n = 0;
    for (; rkv_colormap_at(n); n++) {
        assert_ptr_equal(rkv_colormap_find(rkv_colormap_at(n)->name), rkv_colormap_at(n));
    }
    assert_true(n >= 4);
    assert_null(rkv_colormap_find("jet"));
    assert_null(rkv_colormap_find(NULL));
    for (int s = 0; s < RKV_SCALE_COUNT; s++)
        assert_int_equal(rkv_scale_find(rkv_scale_name((rkv_scale)s)), s);
    assert_int_equal(rkv_scale_find("cubic"), RKV_SCALE_COUNT);
    assert_int_equal(rkv_scale_find(NULL), RKV_SCALE_COUNT);
    assert_null(rkv_scale_name(RKV_SCALE_COUNT));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lightness_rises),
        cmocka_unit_test(test_other_colours_stand_out),
        cmocka_unit_test(test_known_rows),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
