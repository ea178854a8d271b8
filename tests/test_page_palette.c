/* test_page_palette.c: the page of a report has the colours of the PNG and SVG pictures. */
#include "test_viz_common.h"

#include <ctype.h>

#include "viz/page.h"
#include "viz/palette.h"

/* What stands in the page's script behind `marks`, each found after the one before it. */
static const char *behind(const char *const *marks) {
    const char *at = rkv_page_script.bytes;
    for (; *marks; marks++) {
        at = strstr(at, *marks);
        if (!at) fail_msg("the page's script lacks \"%s\"", *marks);
        at += strlen(*marks);
    }
    return at;
}

/* Reads n bytes written as pairs of hexadecimal digits in strings, which may be joined by +. */
static void read_hex(const char *text, unsigned char *bytes, size_t n) {
    char pair[3] = "";
    for (size_t i = 0; i < 2 * n; text++) {
        if (strchr("\"+ \n", *text)) continue;
        assert_true(isxdigit((unsigned char)*text));
        pair[i % 2] = *text;
        if (i++ % 2) bytes[i / 2 - 1] = (unsigned char)strtoul(pair, NULL, 16);
    }
}

static void maps_are_the_same(void **state) {
    (void)state;
    size_t n = 0;
    for (const rkv_colormap *map; (map = rkv_colormap_at(n)); n++) {
        char name[64];
        unsigned char rgb[256][3], outside[3];
        snprintf(name, sizeof name, "    %s:\n", map->name);
        read_hex(behind((const char *[]){"page.colormaps = {", name, NULL}), rgb[0], sizeof rgb);
        assert_memory_equal(rgb, map->rgb, sizeof rgb);
        snprintf(name, sizeof name, " %s: {", map->name);
        read_hex(behind((const char *[]){"OUTSIDE = {", name, "masked: ", NULL}), outside, 3);
        assert_memory_equal(outside, map->masked, 3);
        read_hex(behind((const char *[]){"OUTSIDE = {", name, "missing: ", NULL}), outside, 3);
        assert_memory_equal(outside, map->missing, 3);
    }
    assert_true(n >= 4);
}

static void series_are_the_same(void **state) {
    (void)state;
    const char *at = behind((const char *[]){"const SERIES = [", NULL});
    for (size_t i = 0; i < RKV_COLOURS; i++) {
        at = strchr(at, '#');
        assert_non_null(at);
        assert_int_equal(strtoul(at + 1, NULL, 16), rkv_look_at(i).colour);
        at++;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(maps_are_the_same),
                                       cmocka_unit_test(series_are_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
