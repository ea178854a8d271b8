/* test_viz_palette.c: colours of series are told apart with every kind of colour vision, and looks differ. */
#include "test_viz_common.h"

#include "tests/support/vision.h"
#include "viz/palette.h"

static void test_colours_are_told_apart(void **state) {
    (void)state;
    for (size_t i = 0; i < RKV_COLOURS; i++)
        for (size_t j = 0; j < i; j++)
            if (vision_distance(rkv_look_at(i).colour, rkv_look_at(j).colour) < (i < 10 ? 0.06 : 0.05))
                fail_msg("colours %zu and %zu", i, j);
}

static void test_colours_are_seen_on_white(void **state) {
    (void)state;
    for (size_t i = 0; i < RKV_COLOURS; i++)
        assert_true(vision_contrast(rkv_look_at(i).colour, 0xFFFFFF) >= 2);
}

static void test_looks_differ(void **state) {
    (void)state;
    for (size_t i = 0; i < RKV_LOOKS; i++)
        for (size_t j = 0; j < i; j++) {
            rkv_look a = rkv_look_at(i), b = rkv_look_at(j);
            assert_true(a.colour != b.colour || (a.dash != b.dash && a.filling != b.filling));
            assert_true(a.sign != b.sign || a.filling != b.filling);
        }
    assert_int_equal(rkv_look_at(RKV_LOOKS).colour, rkv_look_at(0).colour);
    assert_true(rkv_look_muted().muted);
}

static void test_tints(void **state) {
    (void)state;
    assert_int_equal(rkv_tint(0x336699, 1), 0x336699);
    assert_int_equal(rkv_tint(0x336699, 0), 0xFFFFFF);
    assert_int_equal(rkv_tint(0x0000FF, 0.5), 0x8080FF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colours_are_told_apart),
        cmocka_unit_test(test_colours_are_seen_on_white),
        cmocka_unit_test(test_looks_differ),
        cmocka_unit_test(test_tints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
