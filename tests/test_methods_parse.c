/* test_methods_parse.c: specifications of methods, and schedules: what they say, and what is refused and how.
 */
#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compressors/pipeline.h"
#include "core/random.h"

static rkv_pipeline parse(const char *spec) {
    rkv_pipeline pipeline;
    if (rkv_pipeline_parse(&pipeline, spec)) fail_msg("%s: %s", spec, rkv_message());
    return pipeline;
}

static rkv_schedule parse_schedule(const char *text) {
    rkv_schedule schedule;
    if (rkv_schedule_parse(&schedule, text)) fail_msg("%s: %s", text, rkv_message());
    return schedule;
}

/* ---- what is understood ---- */

static void test_one_method(void **state) {
    (void)state;
    rkv_pipeline p = parse("streaming-llm:n_sink=8,budget=100");
    assert_int_equal(p.n_stages, 1);
    assert_string_equal(p.stages[0].method->name, "streaming-llm");
    assert_int_equal(rkv_value_size(&p.stages[0].values, 0), 8);
    assert_int_equal(p.stages[0].budget, 100);
    assert_true(p.stages[0].ratio == 0);
    assert_int_equal(p.needs, 0);
}

/* true and false are yes and no where an option is either, and nothing elsewhere. */
static void test_booleans(void **state) {
    (void)state;
    static const char *const words[][2] = {{"yes", "true"}, {"no", "false"}};
    size_t n_flags = 0;
    for (size_t i = 0; rkv_method_at(i); i++)
        for (const rkv_method_option *o = rkv_method_at(i)->options; o->name; o++) {
            if (o->kind != RKV_OPTION_NAME) continue;
            bool flag = strcmp(o->choices, "yes|no") == 0;
            n_flags += flag;
            for (size_t k = 0; k < 2; k++) {
                char spec[128], wanted[128];
                size_t at = (size_t)(o - rkv_method_at(i)->options);
                snprintf(spec, sizeof spec, "%s:%s=%s", rkv_method_at(i)->name, o->name, words[k][1]);
                snprintf(wanted, sizeof wanted, "%s:%s=%s", rkv_method_at(i)->name, o->name, words[k][0]);
                if (flag)
                    assert_int_equal(rkv_value_size(&parse(spec).stages[0].values, at),
                                     rkv_value_size(&parse(wanted).stages[0].values, at));
                else
                    assert_int_equal(rkv_method_check(spec), RKV_USAGE);
            }
        }
    assert_true(n_flags >= 2);
}

static void test_methods_in_a_row(void **state) {
    (void)state;
    rkv_pipeline p = parse("window:ratio=0.5+knorm:budget=7+sparse-magnitude");
    assert_int_equal(p.n_stages, 3);
    assert_true(p.stages[0].ratio == 0.5 && p.stages[0].budget == 0);
    assert_int_equal(p.stages[1].budget, 7);
    assert_int_equal(p.needs, RKV_NEEDS_KEYS | RKV_NEEDS_VALUES);
    assert_int_equal(parse("full+full+full+full+full+full").n_stages, RKV_PIPELINE_STAGES);
}

static void test_other_names(void **state) {
    (void)state;
    rkv_stage stage = parse("streaming-llm:start_size=2,recent_size=30").stages[0];
    assert_int_equal(rkv_value_size(&stage.values, 0), 2);
    assert_int_equal(stage.budget, 32);
    assert_true(parse("knorm:keep_ratio=0.25").stages[0].ratio == 0.25);
    assert_int_equal(parse("fix-size-l2:fix_kv_size=512").stages[0].budget, 512);
}

static void test_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value;
    } reals[] = {{"1", 1},      {"0.5", 0.5}, {".5", 0.5},   {"1.", 1},
                 {"5e-1", 0.5}, {"0.1", 0.1}, {"00.5", 0.5}, {"0.000001", 1e-6}};
    char spec[64];
    setlocale(LC_NUMERIC, "de_DE.UTF-8"); /* where there is one */
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        snprintf(spec, sizeof spec, "window:ratio=%s", reals[i].text);
        assert_true(parse(spec).stages[0].ratio == reals[i].value);
    }
    setlocale(LC_NUMERIC, "C");
    assert_int_equal(parse("window:budget=2147483647").stages[0].budget, INT32_MAX);
    assert_int_equal(parse("window:budget=007").stages[0].budget, 7);
    assert_true(parse("fix-size-l2:strategy=random").stages[0].values.number[2] == 2);
}

static void test_layers(void **state) {
    (void)state;
    rkv_option_values values = parse("knorm:skip_layers=0-1/7/64/500-511").stages[0].values;
    for (size_t layer = 0; layer < 600; layer++) {
        bool expected = layer <= 1 || layer == 7 || layer == 64 || (layer >= 500 && layer < 512);
        assert_int_equal(rkv_value_has_layer(&values, layer), expected);
    }
    values = parse("knorm:skip_layers=").stages[0].values;
    for (size_t layer = 0; layer < 600; layer++)
        assert_false(rkv_value_has_layer(&values, layer));
}

static void test_schedules(void **state) {
    (void)state;
    rkv_schedule s =
        parse_schedule("0:full,1024:knorm:budget=9,prune_after=2+window,4096:sparse-magnitude:recent=1");
    assert_int_equal(s.n_phases, 3);
    assert_int_equal(s.phases[1].from, 1024);
    assert_int_equal(s.phases[1].pipeline.n_stages, 2);
    assert_int_equal(s.phases[1].pipeline.stages[0].budget, 9);
    assert_int_equal(rkv_value_size(&s.phases[1].pipeline.stages[0].values, 1), 2);
    assert_int_equal(s.phases[2].from, 4096);
    assert_int_equal(s.needs, RKV_NEEDS_KEYS | RKV_NEEDS_VALUES);
    rkv_schedule_clear(&s);
    rkv_schedule_clear(&s);
    s = parse_schedule("0:full");
    assert_int_equal(s.n_phases, 1);
    rkv_schedule_clear(&s);
}

/* ---- what is refused, and what the message names ---- */

static const struct refusal {
    const char *text, *words[4];
} specs[] = {
    {"", {"empty"}},
    {"+", {"part 1", "empty"}},
    {"full+", {"part 2", "empty"}},
    {"full++window", {"part 2", "empty"}},
    {"windov", {"windov", "there are: full, window"}},
    {"Window", {"Window"}},
    {" window", {" window"}},
    {":budget=3", {"\"\""}},
    {"window:", {"window", "empty"}},
    {"window:budget=3,", {"window", "empty"}},
    {"window:,budget=3", {"window", "empty"}},
    {"window:=3", {"window", "empty"}},
    {"window:budget", {"window", "budget needs", "2147483647"}},
    {"window:budget=", {"window", "budget", "\"\""}},
    {"window:size=3", {"window", "size", "budget, ratio"}},
    {"full:budget=3", {"full", "budget", "none"}},
    {"window:budget=0", {"window", "budget", "\"0\"", "1 to"}},
    {"window:budget=-1", {"\"-1\""}},
    {"window:budget=+1", {"\"\""}},
    {"window:budget=1.5", {"\"1.5\"", "whole"}},
    {"window:budget=1e3", {"\"1e3\"", "whole"}},
    {"window:budget=0x10", {"\"0x10\""}},
    {"window:budget= 3", {"\" 3\""}},
    {"window:budget=3 ", {"\"3 \""}},
    {"window:budget=2147483648", {"2147483648"}},
    {"window:budget=18446744073709551617", {"18446744073709551617"}},
    {"window:ratio=0", {"window", "ratio", "\"0\"", "to 1"}},
    {"window:ratio=1.01", {"\"1.01\""}},
    {"window:ratio=-0.5", {"\"-0.5\""}},
    {"window:ratio=nan", {"\"nan\""}},
    {"window:ratio=inf", {"\"inf\""}},
    {"window:ratio=1e999", {"\"1e999\""}},
    {"fix-size-l2:keep_ratio=-1e999", {"\"-1e999\""}},
    {"window:ratio=0x1p-1", {"\"0x1p-1\""}},
    {"window:ratio=1e-400", {"\"1e-400\""}},
    {"window:ratio=0.5x", {"\"0.5x\""}},
    {"window:ratio=0.5.5", {"\"0.5.5\""}},
    {"window:ratio=e", {"\"e\""}},
    {"window:ratio=.", {"\".\""}},
    {"window:ratio=0.500000000000000000000000000000000000000000000000000000000000000000", {"ratio"}},
    {"window:budget=3,budget=3", {"budget", "twice"}},
    {"window:budget=3,ratio=0.5", {"budget (3)", "ratio (0.5)"}},
    {"knorm:ratio=0.5,keep_ratio=0.5", {"ratio", "twice"}},
    {"streaming-llm:n_sink=4,start_size=4", {"n_sink", "twice"}},
    {"streaming-llm:recent_size=4,budget=9", {"streaming-llm", "8", "budget"}},
    {"streaming-llm:recent_size=4,ratio=0.5", {"streaming-llm", "8", "ratio"}},
    {"streaming-llm:budget=3", {"streaming-llm", "budget 3", "the 4 entries"}},
    {"fix-size-l2:strategy=low", {"strategy", "\"low\"", "keep_low|keep_high|random"}},
    {"fix-size-l2:strategy=keep", {"\"keep\""}},
    {"fix-size-l2:strategy=", {"\"\""}},
    {"knorm:skip_layers=512", {"\"512\"", "below 512"}},
    {"knorm:skip_layers=2-1", {"\"2-1\""}},
    {"knorm:skip_layers=1-", {"\"1-\""}},
    {"knorm:skip_layers=-1", {"\"-1\""}},
    {"knorm:skip_layers=1/", {"\"1/\""}},
    {"knorm:skip_layers=0-1-2", {"\"0-1-2\""}},
    {"full+full+full+full+full+full+full", {"more than 6"}},
    {"window\n", {"byte 6", "0x0a"}},
    {"w\xc3\xa4", {"byte 1", "0xc3"}},
};

static const struct refusal schedules[] = {
    {"", {"0:full,1024:window"}},
    {"full", {"\"full\"", "0:full,1024:window"}},
    {",0:full", {"0:full,1024:window"}},
    {"1:full", {"length 1", "not at 0"}},
    {"0:full,0:window", {"length 0", "the 0 before"}},
    {"0:full,9:window,9:full", {"length 9", "the 9 before"}},
    {"0:full,9:window,8:full", {"length 8", "the 9 before"}},
    {"0:full,99999999999:window", {"99999999999", "2147483647"}},
    {"0:full,18446744073709551616:window", {"18446744073709551616"}},
    {"0:", {"from length 0", "empty"}},
    {"0:full,", {"from length 0", "\"full,\""}},
    {"0:full,8:windov", {"from length 8", "windov"}},
    {"0:full,8:window:budget=x", {"from length 8", "budget"}},
    {"0:full\t", {"schedule", "0x09"}},
};

static void expect_refused(rkv_status status, const struct refusal *refusal) {
    if (status != RKV_USAGE) fail_msg("\"%s\" gives status %d", refusal->text, (int)status);
    for (size_t i = 0; i < 4 && refusal->words[i]; i++)
        if (!strstr(rkv_message(), refusal->words[i]))
            fail_msg("\"%s\": \"%s\" does not say %s", refusal->text, rkv_message(), refusal->words[i]);
}

static void test_refused_specifications(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        rkv_pipeline pipeline = {.n_stages = 99};
        expect_refused(rkv_pipeline_parse(&pipeline, specs[i].text), &specs[i]);
        assert_int_equal(pipeline.n_stages, 99);
        expect_refused(rkv_method_check(specs[i].text), &specs[i]);
    }
}

static void test_refused_schedules(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
        rkv_schedule schedule = {.n_phases = 99};
        expect_refused(rkv_schedule_parse(&schedule, schedules[i].text), &schedules[i]);
        assert_int_equal(schedule.n_phases, 99);
    }
}

static void test_too_many_phases(void **state) {
    (void)state;
    char text[32 * RKV_SCHEDULE_PHASES] = "";
    for (int i = 0; i <= RKV_SCHEDULE_PHASES; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d:full", i ? "," : "", i);
    rkv_schedule schedule;
    assert_int_equal(rkv_schedule_parse(&schedule, text), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "more than 32"));
    *strrchr(text, ',') = '\0';
    schedule = parse_schedule(text);
    assert_int_equal(schedule.n_phases, RKV_SCHEDULE_PHASES);
    rkv_schedule_clear(&schedule);
}

/* ---- mutations ---- */

/* Replaces, inserts, removes, or doubles a stretch, of text in place; size has room. */
static void mutate(rkv_random *random, char *text, size_t size) {
    static const char letters[] = "::==,,++//--..0159eEnainf_budgetwindow \x7f\xff";
    size_t length = strlen(text), at = rkv_random_below(random, length + 1);
    char letter = letters[rkv_random_below(random, sizeof letters - 1)];
    switch (rkv_random_below(random, 4)) {
    case 0:
        if (at < length) text[at] = letter;
        break;
    case 1:
        if (length + 1 >= size) break;
        memmove(text + at + 1, text + at, length - at + 1);
        text[at] = letter;
        break;
    case 2:
        if (at < length) memmove(text + at, text + at + 1, length - at);
        break;
    case 3:
        if (2 * length - at >= size) break;
        memcpy(text + length, text + at, length - at);
        text[2 * length - at] = '\0';
    }
}

/* A copy that ends where its memory does, so that AddressSanitizer sees a read past the end. */
static void parse_both(const char *text) {
    char *copy = strdup(text);
    assert_non_null(copy);
    rkv_pipeline pipeline;
    rkv_status status = rkv_pipeline_parse(&pipeline, copy);
    assert_true(status == RKV_OK || (status == RKV_USAGE && *rkv_message()));
    if (status == RKV_OK) assert_true(pipeline.n_stages > 0 && pipeline.n_stages <= RKV_PIPELINE_STAGES);
    rkv_schedule schedule;
    status = rkv_schedule_parse(&schedule, copy);
    assert_true(status == RKV_OK || (status == RKV_USAGE && *rkv_message()));
    if (status == RKV_OK) rkv_schedule_clear(&schedule);
    free(copy);
}

static void test_mutations(void **state) {
    (void)state;
    static const char *const seeds[] = {
        "0:full,1024:window+knorm:budget=9,4096:streaming-llm:n_sink=3,recent_size=7",
        "fix-size-l2:fix_kv_size=100,keep_ratio=0.25,strategy=keep_high,skip_layers=0-1/7",
        "knorm:keep_ratio=5e-1,prune_after=20,skip_layers=3+sparse-magnitude:recent=4+random"};
    rkv_random random = {3};
    for (size_t round = 0; round < 30000; round++) {
        char text[300];
        snprintf(text, sizeof text, "%s", seeds[round % 3]);
        for (size_t i = rkv_random_below(&random, 6) + 1; i-- > 0;)
            mutate(&random, text, sizeof text);
        parse_both(text);
    }
}

/* A megabyte of anything is refused, soon. */
static void test_long_texts(void **state) {
    (void)state;
    static const char *const letters[] = {
        "0", "a", "+", ",", ":", "=", "0:full,", "window:budget=", "window+"};
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        size_t unit = strlen(letters[i]), n = (size_t)1 << 20;
        char *text = malloc(n + 1);
        assert_non_null(text);
        for (size_t at = 0; at < n; at++)
            text[at] = letters[i][at % unit];
        text[n] = '\0';
        assert_int_equal(rkv_method_check(text), RKV_USAGE);
        rkv_schedule schedule;
        assert_int_equal(rkv_schedule_parse(&schedule, text), RKV_USAGE);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_method),        cmocka_unit_test(test_methods_in_a_row),
        cmocka_unit_test(test_booleans),          cmocka_unit_test(test_other_names),
        cmocka_unit_test(test_numbers),           cmocka_unit_test(test_layers),
        cmocka_unit_test(test_schedules),         cmocka_unit_test(test_refused_specifications),
        cmocka_unit_test(test_refused_schedules), cmocka_unit_test(test_too_many_phases),
        cmocka_unit_test(test_mutations),         cmocka_unit_test(test_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
