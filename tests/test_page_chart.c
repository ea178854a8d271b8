/* test_page_chart.c: series on the page have the pictures' colours on light paper, and on dark paper colours
 * that are told apart as well. */
#include "test_viz_common.h"

#include "tests/support/vision.h"
#include "viz/page.h"
#include "viz/palette.h"

typedef struct pair {
    uint32_t light, dark;
} pair;

/* --NAME: light-dark(#LIGHT, #DARK) of the page's style sheet. */
static pair variable(const char *name) {
    char mark[64];
    unsigned light, dark;
    snprintf(mark, sizeof mark, "--%s: light-dark(#", name);
    const char *at = strstr(rkv_page_style.bytes, mark);
    if (!at) fail_msg("the page's style lacks \"%s\"", mark);
    assert_int_equal(sscanf(at + strlen(mark), "%6x, #%6x)", &light, &dark), 2);
    return (pair){light, dark};
}

static pair series(size_t index) {
    char name[32];
    snprintf(name, sizeof name, "series-%zu", index);
    return variable(name);
}

static void light_ones_are_the_pictures(void **state) {
    (void)state;
    for (size_t i = 0; i < RKV_COLOURS; i++)
        assert_int_equal(series(i).light, rkv_look_at(i).colour);
    assert_int_equal(variable("control").light, RKV_CONTROL);
}

static void dark_ones_are_told_apart(void **state) {
    (void)state;
    for (size_t i = 0; i < RKV_COLOURS; i++)
        for (size_t j = 0; j < i; j++)
            if (vision_distance(series(i).dark, series(j).dark) < 0.06) fail_msg("colours %zu and %zu", i, j);
}

/* WCAG 2 asks for 3 of what a chart is read by. */
static void dark_ones_are_seen(void **state) {
    (void)state;
    uint32_t paper = variable("paper").dark;
    for (size_t i = 0; i < RKV_COLOURS; i++)
        if (vision_contrast(series(i).dark, paper) < 3) fail_msg("colour %zu", i);
    assert_true(vision_contrast(variable("control").dark, paper) >= 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(light_ones_are_the_pictures),
        cmocka_unit_test(dark_ones_are_told_apart),
        cmocka_unit_test(dark_ones_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
