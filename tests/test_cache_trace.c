/* test_cache_trace.c: the lines of a cache trace, and options of a method from a JSON file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include <rankkv/session.h>

#include "core/file.h"
#include "support/failing_allocator.h"
#include "support/temporary.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- the trace ---- */

static void test_a_line(void **state) {
    (void)state;
    const int32_t evicted[] = {4, 5, 2000000000};
    const rkv_cache_event some = {7, 1, 2, 10, 7, 1234, evicted}, none = {0, 0, 0, 3, 3, 96, NULL};
    char *line = NULL;
    assert_int_equal(rkv_cache_event_to_json(&some, &line), RKV_OK);
    assert_string_equal(line, "{\"step\":7,\"layer\":1,\"head\":2,\"before\":10,\"after\":7,\"bytes\":1234,"
                              "\"evicted\":[4,5,2000000000]}\n");
    rkv_free(line);
    assert_int_equal(rkv_cache_event_to_json(&none, &line), RKV_OK);
    assert_non_null(strstr(line, "\"evicted\":[]}"));
    rkv_free(line);
}

/* Enough lines that they are written in several parts. */
static void test_a_file_is_its_lines(void **state) {
    (void)state;
    const char *path = temporary_path("trace.jsonl");
    char *written, *line, *wanted = malloc(1 << 20);
    size_t length, total = 0;
    rkv_cache_trace *trace;
    assert_int_equal(rkv_cache_trace_create(&trace, path), RKV_OK);
    for (size_t step = 0; step < 3000; step++) {
        const rkv_cache_event event = {step, 0, 0, 5, 4, 100, &(int32_t){(int32_t)step}};
        assert_int_equal(rkv_cache_trace_write(trace, &event), RKV_OK);
        assert_int_equal(rkv_cache_event_to_json(&event, &line), RKV_OK);
        total += (size_t)sprintf(wanted + total, "%s", line);
        rkv_free(line);
    }
    assert_int_equal(access(path, F_OK), -1); /* not there before it is whole */
    assert_int_equal(rkv_cache_trace_finish(trace), RKV_OK);
    assert_int_equal(rkv_read_file(path, 1 << 20, &written, &length), RKV_OK);
    assert_int_equal(length, total);
    assert_string_equal(written, wanted);
    free(written);
    free(wanted);
    unlink(path);
}

static void test_an_abandoned_file_is_not_there(void **state) {
    (void)state;
    const char *path = temporary_path("trace.jsonl");
    rkv_cache_trace *trace;
    assert_int_equal(rkv_cache_trace_create(&trace, path), RKV_OK);
    rkv_cache_trace_abandon(trace);
    rkv_cache_trace_abandon(NULL);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(rkv_cache_trace_create(&trace, "/nowhere/trace.jsonl"), RKV_CANNOT_CREATE);
    assert_null(trace);
}

/* ---- options of a method ---- */

static rkv_status read_config(const char *json, const char *method, char **spec) {
    const char *path = temporary_path("config.json");
    assert_int_equal(rkv_write_file(path, json, strlen(json)), RKV_OK);
    rkv_status status = rkv_method_spec_from_json(path, method, spec);
    unlink(path);
    return status;
}

static void test_configurations(void **state) {
    (void)state;
    static const struct {
        const char *json, *method, *wanted;
    } cases[] = {
        {"{\"method\": \"fastgen\"}", NULL, "fastgen"},
        {"{}", "window+int8", "window+int8"},
        {"{\"method\": \"fastgen\", \"T\": 0.95, \"r_f\": 0.3}", NULL, "fastgen:T=0.95,r_f=0.3"},
        {"{\"n_sink\": 2}", "streaming-llm+int8", "streaming-llm:n_sink=2+int8"},
        {"{\"n_sink\": 2}", "streaming-llm:recent_size=4+int8+f16",
         "streaming-llm:recent_size=4,n_sink=2+int8+f16"},
        {"{\"method\": \"snapkv+int4\", \"pooling\": \"max\"}", "snapkv", "snapkv:pooling=max"},
        {"{\"skip_layers\": \"0-1/7\"}", "knorm", "knorm:skip_layers=0-1/7"},
        {"{\"skip_layers\": \"\"}", "knorm", "knorm:skip_layers="},
        {"{\"vnorm\": false, \"covariance\": true}", "expected-attention",
         "expected-attention:vnorm=false,covariance=true"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *spec = NULL;
        if (read_config(cases[i].json, cases[i].method, &spec))
            fail_msg("%s: %s", cases[i].json, rkv_message());
        assert_string_equal(spec, cases[i].wanted);
        rkv_free(spec);
    }
}

static void test_configurations_that_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *json, *method;
        rkv_status status;
        const char *words;
    } cases[] = {
        {"{}", NULL, RKV_DATA, "method is missing"},
        {"{\"method\": \"\"}", NULL, RKV_DATA, "method is \"\""},
        {"{\"method\": 5}", "window", RKV_DATA, "method is 5"},
        {"{\"method\": \"knorm\"}", "knor", RKV_USAGE, "method is \"knorm\", not knor"},
        {"{\"method\": \"knorm\"}", "knorm2", RKV_USAGE, "not knorm2"},
        {"{\"a\": null}", "window", RKV_DATA, "a is null"},
        {"{\"a\": {}}", "window", RKV_DATA, "a is an object"},
        {"{\"a\": \"1+full\"}", "window", RKV_DATA, "a is \"1+full\""},
        {"{\"a\": \"1,b=2\"}", "window", RKV_DATA, "not a number, true or false, or a word"},
        {"{\"a:b\": 1}", "window", RKV_DATA, "named what no option is"},
        {"{\"\": 1}", "window", RKV_DATA, "named what no option is"},
        {"{\"a\": 1, \"a\": 2}", "window", RKV_DATA, "line 1"},
        {"[1]", "window", RKV_DATA, "an object"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *spec = (char[]){"untouched"};
        assert_int_equal(read_config(cases[i].json, cases[i].method, &spec), cases[i].status);
        assert_null(spec);
        if (!strstr(rkv_message(), cases[i].words)) fail_msg("%s: %s", cases[i].json, rkv_message());
        assert_non_null(strstr(rkv_message(), "config.json: "));
    }
    char *spec;
    assert_int_equal(rkv_method_spec_from_json("/nowhere/config.json", NULL, &spec), RKV_NO_INPUT);
}

/* ---- memory runs out ---- */

static rkv_status write_a_trace(void) {
    const char *path = temporary_path("trace.jsonl");
    const rkv_cache_event event = {0, 0, 0, 5, 4, 100, &(int32_t){3}};
    rkv_cache_trace *trace;
    rkv_status status = rkv_cache_trace_create(&trace, path);
    if (status) return status;
    status = rkv_cache_trace_write(trace, &event);
    if (!status) return rkv_cache_trace_finish(trace);
    rkv_cache_trace_abandon(trace);
    return status;
}

static rkv_status read_a_configuration(void) {
    char *spec;
    rkv_status status =
        rkv_method_spec_from_json(temporary_path("config.json"), "streaming-llm:recent_size=4+int8", &spec);
    rkv_free(spec);
    return status;
}

/* Fails every allocation in turn: a message, and nothing left behind. */
static void test_memory_runs_out(void **state) {
    (void)state;
    static rkv_status (*const calls[])(void) = {write_a_trace, read_a_configuration};
    temporary_write(temporary_path("config.json"), "{\"n_sink\": 2.5, \"other\": \"word\"}", 32);
    for (size_t i = 0; i < COUNT(calls); i++) {
        rkv_status status;
        long k = 0;
        for (;; k++) {
            allocations_left = k;
            allocation_failed = false;
            status = calls[i]();
            allocations_left = -1;
            if (!allocation_failed) break;
            bool let_off = status == RKV_OK && calls[i] == write_a_trace; /* the sync of the folder */
            if (!let_off) assert_int_equal(status, RKV_NO_MEMORY);
        }
        assert_int_equal(status, RKV_OK);
        assert_true(k > 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line),
        cmocka_unit_test(test_a_file_is_its_lines),
        cmocka_unit_test(test_an_abandoned_file_is_not_there),
        cmocka_unit_test(test_configurations),
        cmocka_unit_test(test_configurations_that_are_refused),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, temporary_set_up, temporary_tear_down);
}
