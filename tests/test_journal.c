/* test_journal.c: what a run has measured is there after it was killed, and nothing else passes for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signal.h>

#include <rankkv/eval.h>

#include "core/file.h"
#include "core/random.h"
#include "support/failing_allocator.h"
#include "support/sample_cells.h"
#include "support/temporary.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define RUN                                                                                                  \
    "{\"model\": \"a\", \"settings\": [{\"method\": \"full\"}, {\"method\": \"knorm\", \"ratio\": 0.5}]}"

static rkv_journal *open_journal(const char *path, const char *run, bool resume) {
    rkv_journal *journal;
    if (rkv_journal_open(&journal, path, run, resume)) fail_msg("%s", rkv_message());
    return journal;
}

static char *content_of(const char *path, size_t *length) {
    char *bytes;
    assert_int_equal(rkv_read_file(path, 1 << 24, &bytes, length), RKV_OK);
    return bytes;
}

/* ---- round trips ---- */

static const struct {
    size_t setting, window, question;
} order_of_measuring[] = {{2, 0, 0}, {0, 1, 1}, {0, 1, 0}, {0, 0, 5}, {1, 9, 0}, {0, 0, 0}, {2, 0, 1}};

static void add_cells(rkv_journal *journal, size_t first, size_t last) {
    for (size_t i = first; i < last; i++) {
        const rkv_cell cell = sample_cell(order_of_measuring[i].setting, order_of_measuring[i].window,
                                          order_of_measuring[i].question);
        assert_false(rkv_journal_has(journal, cell.setting, cell.window, cell.question));
        if (rkv_journal_add(journal, &cell)) fail_msg("%s", rkv_message());
        assert_true(rkv_journal_has(journal, cell.setting, cell.window, cell.question));
    }
}

static void assert_holds(rkv_journal *journal, size_t wanted) {
    size_t n;
    const rkv_cell *cells = rkv_journal_cells(journal, &n);
    assert_int_equal(n, wanted);
    for (size_t i = 0; i < n; i++) {
        const rkv_cell cell = sample_cell(cells[i].setting, cells[i].window, cells[i].question);
        assert_same_cell(&cells[i], &cell, true);
        if (i == 0) continue;
        const rkv_cell *before = &cells[i - 1];
        size_t a = before->setting * 10000 + before->window * 100 + before->question;
        assert_true(a < cells[i].setting * 10000 + cells[i].window * 100 + cells[i].question);
    }
    assert_false(rkv_journal_has(journal, 7, 7, 7));
}

static void test_a_run_that_goes_on(void **state) {
    (void)state;
    const char *path = temporary_path("journal.jsonl");
    for (size_t stop = 0; stop <= COUNT(order_of_measuring); stop++) {
        rkv_journal *journal = open_journal(path, RUN, false);
        add_cells(journal, 0, stop);
        rkv_journal_close(journal);
        journal = open_journal(path, RUN, true);
        assert_holds(journal, stop);
        add_cells(journal, stop, COUNT(order_of_measuring));
        assert_holds(journal, COUNT(order_of_measuring));
        rkv_journal_close(journal);
    }
}

/* The file as docs/FORMATS.md shows it. */
static void test_the_lines(void **state) {
    (void)state;
    const char *path = temporary_path("journal.jsonl");
    rkv_journal *journal = open_journal(path, "{\"seed\": 1.0}", false);
    const rkv_cell cell = {.setting = 3,
                           .task = RKV_TASK_PASSKEY,
                           .depth = 0.5,
                           .n_scored = 4,
                           .n_right = 4,
                           .loss = 0.125,
                           .kl = NAN,
                           .agreement = 1,
                           .compress_s = 1e-3,
                           .answer_s = 2,
                           .text = (char[]){"a \"b\"\n"}};
    assert_int_equal(rkv_journal_add(journal, &cell), RKV_OK);
    rkv_journal_close(journal);
    size_t length;
    char *text = content_of(path, &length), wanted[1024];
    snprintf(wanted, sizeof wanted,
             "{\"schema\": \"rankkv-eval-journal\", \"schema_version\": 1, \"creator\": \"rankkv %s\", "
             "\"run\": {\"seed\": 1}}\n"
             "{\"setting\": 3, \"window\": 0, \"question\": 0, \"task\": \"passkey\", "
             "\"query_aware\": false, \"depth\": 0.5, \"total\": 0, \"entries\": 0, \"bytes\": 0, "
             "\"kv_bytes\": 0, \"n_scored\": 4, \"n_right\": 4, \"loss\": 0.125, \"kl\": null, "
             "\"agreement\": 1, \"compress_s\": 0.001, \"answer_s\": 2, \"text\": \"a \\\"b\\\"\\u000a\"}\n",
             rkv_version());
    assert_string_equal(text, wanted);
    free(text);
    rkv_journal_close(open_journal(path, "{\"seed\": 1}", true)); /* 1.0 is 1 */
}

/* What is not a number, and text that is no UTF-8, read back as what a resumed run would have. */
static void test_values_that_files_lack(void **state) {
    (void)state;
    const char *path = temporary_path("journal.jsonl");
    rkv_cell cell = sample_cell(1, 2, 3);
    cell.text = (char[]){"\x80 caf\xC3\xA9 \xC3"};
    cell.loss = INFINITY;
    cell.kl = cell.agreement = cell.depth = cell.answer_s = NAN;
    cell.compress_s = 0.1 + 0.2;
    rkv_cell wanted = cell;
    wanted.text = (char[]){"\uFFFD caf\u00e9 \uFFFD"};
    wanted.loss = NAN;
    rkv_journal *journal = open_journal(path, RUN, false);
    assert_int_equal(rkv_journal_add(journal, &cell), RKV_OK);
    for (int again = 0; again < 2; again++) {
        size_t n;
        const rkv_cell *cells = rkv_journal_cells(journal, &n);
        assert_int_equal(n, 1);
        assert_same_cell(cells, &wanted, true);
        rkv_journal_close(journal);
        journal = open_journal(path, RUN, true);
    }
    rkv_journal_close(journal);
}

static void test_without_resume_it_begins_anew(void **state) {
    (void)state;
    const char *path = temporary_path("journal.jsonl");
    rkv_journal *journal = open_journal(path, RUN, false);
    add_cells(journal, 0, 3);
    rkv_journal_close(journal);
    journal = open_journal(path, "{}", false);
    assert_holds(journal, 0);
    rkv_journal_close(journal);
    rkv_journal_close(open_journal(path, "{}", true));
    rkv_journal_close(NULL);
}

/* ---- interrupted ---- */

/* Killed after any byte: whole lines are kept, the rest is measured again, and the file ends up the same. */
static void test_cut_after_every_byte(void **state) {
    (void)state;
    const char *path = temporary_path("journal.jsonl");
    rkv_journal *journal = open_journal(path, RUN, false);
    add_cells(journal, 0, 3);
    rkv_journal_close(journal);
    size_t length, length_again;
    char *whole = content_of(path, &length);
    for (size_t cut = 0; cut <= length; cut++) {
        size_t lines = 0;
        for (size_t i = 0; i < cut; i++)
            lines += whole[i] == '\n';
        temporary_write(path, whole, cut);
        journal = open_journal(path, RUN, true);
        size_t known = lines ? lines - 1 : 0;
        assert_holds(journal, known);
        add_cells(journal, known, 3);
        rkv_journal_close(journal);
        char *again = content_of(path, &length_again);
        assert_int_equal(length_again, length);
        assert_memory_equal(again, whole, length);
        free(again);
    }
    free(whole);
}

/* ---- refused ---- */

static void test_another_run(void **state) {
    (void)state;
    static const struct {
        const char *there, *here, *words;
    } cases[] = {
        {"{\"a\": 1}", "{\"a\": 2}", "a is 1 there, 2 now"},
        {"{\"a\": 1}", "{}", "a is 1 there, missing now"},
        {"{}", "{\"a\": \"x\"}", "a is missing there, \"x\" now"},
        {"{\"a\": {\"b\": [1, {\"c\": true}]}}", "{\"a\": {\"b\": [1, {\"c\": false}]}}",
         "a.b[1].c is true there, false now"},
        {"{\"a\": [1, 2]}", "{\"a\": [1]}", "a is an array of 2 there, an array of 1 now"},
        {"{\"a\": [1]}", "{\"a\": {}}", "a is an array of 1 there, an object now"},
        {"{\"x\": 0, \"a\": null}", "{\"a\": 0.5, \"x\": 0}", "a is null there, 0.5 now"},
        {"{\"\\u001b[1m\": 1}", "{}", "\\x1B[1m is 1 there"},
    };
    const char *path = temporary_path("journal.jsonl");
    for (size_t i = 0; i < COUNT(cases); i++) {
        rkv_journal_close(open_journal(path, cases[i].there, false));
        rkv_journal *journal = (rkv_journal *)8;
        assert_int_equal(rkv_journal_open(&journal, path, cases[i].here, true), RKV_DATA);
        assert_null(journal);
        if (!strstr(rkv_message(), cases[i].words)) fail_msg("%s", rkv_message());
        assert_non_null(strstr(rkv_message(), "journal.jsonl: line 1: it is of another run: "));
        rkv_journal_close(open_journal(path, cases[i].there, true)); /* and it was left as it is */
    }
    rkv_journal_close(open_journal(path, "{\"a\": 1, \"b\": {\"c\": 2, \"d\": 3}}", false));
    rkv_journal_close(open_journal(path, "{\"b\": {\"d\": 3, \"c\": 2}, \"a\": 1}", true)); /* any order */
}

/* What measured the cells is the run's, and what the first line says of it is told; journals from before it
 * was written go on anywhere. */
static void test_another_device_or_version(void **state) {
    (void)state;
    static const struct {
        const char *there, *here, *words; /* NULL: it is gone on with */
        const char *device, *version;     /* that are told then */
    } cases[] = {
        {"{\"device\": \"cpu\", \"version\": \"1.2\"}", "{\"device\": \"cpu\", \"version\": \"1.2\"}", NULL,
         "cpu", "1.2"},
        {"{\"device\": \"cuda NVIDIA RTX 6000 Ada Generation Laptop, tf32\"}",
         "{\"device\": \"cuda NVIDIA RTX 6000 Ada Generation Laptop, bf16\"}",
         "device is \"cuda NVIDIA RTX 6000 Ada Generation Laptop, tf32\" there, "
         "\"cuda NVIDIA RTX 6000 Ada Generation Laptop, bf16\" now",
         NULL, NULL},
        {"{\"device\": \"cpu\", \"version\": \"1.2\"}", "{\"device\": \"cpu\", \"version\": \"1.3\"}",
         "version is \"1.2\" there, \"1.3\" now", NULL, NULL},
        {"{}", "{\"device\": \"cpu\", \"version\": \"1.2\"}", NULL, "", ""},
        {"{\"version\": \"1.2\"}", "{\"device\": \"cpu\", \"version\": \"1.2\"}", NULL, "", "1.2"},
        {"{\"version\": \"1.2\"}", "{\"device\": \"cpu\", \"version\": \"1.3\"}", "version is \"1.2\" there",
         NULL, NULL},
        {"{\"device\": \"cpu\"}", "{}", "device is \"cpu\" there, missing now", NULL, NULL},
        {"{\"model\": {}}", "{\"model\": {\"device\": \"cpu\"}}", "model.device is missing there", NULL,
         NULL},
        {"{\"device\": 7}", "{\"device\": 7}", NULL, "", ""},
    };
    const char *path = temporary_path("journal.jsonl");
    for (size_t i = 0; i < COUNT(cases); i++) {
        rkv_journal_close(open_journal(path, cases[i].there, false));
        rkv_journal *journal;
        rkv_status status = rkv_journal_open(&journal, path, cases[i].here, true);
        assert_int_equal(status, cases[i].words ? RKV_DATA : RKV_OK);
        if (status && !strstr(rkv_message(), cases[i].words)) fail_msg("%s", rkv_message());
        if (status) continue;
        assert_string_equal(rkv_journal_device(journal), cases[i].device);
        assert_string_equal(rkv_journal_version(journal), cases[i].version);
        rkv_journal_close(journal);
    }
}

static void test_a_new_journal_says_its_device(void **state) {
    (void)state;
    rkv_journal *journal = open_journal(temporary_path("journal.jsonl"), "{\"device\": \"cpu\"}", false);
    assert_string_equal(rkv_journal_device(journal), "cpu");
    assert_string_equal(rkv_journal_version(journal), "");
    rkv_journal_close(journal);
}

/* A text of any length and content makes a message of one line that ends. */
static void test_a_long_device(void **state) {
    (void)state;
    const char *path = temporary_path("journal.jsonl");
    char run[600] = "{\"device\": \"\\u001b";
    memset(run + strlen(run), 'x', 500);
    strcat(run, "\"}");
    rkv_journal_close(open_journal(path, run, false));
    rkv_journal *journal;
    assert_int_equal(rkv_journal_open(&journal, path, "{\"device\": \"cpu\"}", true), RKV_DATA);
    assert_non_null(strstr(rkv_message(), "device is \"\\x1Bxxx"));
    assert_non_null(strstr(rkv_message(), "xxx...\" there, \"cpu\" now"));
}

#define HEAD "{\"schema\": \"rankkv-eval-journal\", \"schema_version\": 1, \"run\": {}}\n"
#define CELL(setting, more)                                                                                  \
    "{\"setting\": " setting ", \"window\": 0, \"question\": 0, \"task\": \"natural\", "                     \
    "\"query_aware\": false, \"total\": 9, \"entries\": 8, \"bytes\": 100, \"kv_bytes\": 90, "               \
    "\"n_scored\": 4, \"n_right\": 3" more "}\n"

static rkv_status resume_from(const char *text, rkv_journal **journal) {
    const char *path = temporary_path("journal.jsonl");
    temporary_write(path, text, strlen(text));
    return rkv_journal_open(journal, path, "{}", true);
}

static void test_the_least_that_is_read(void **state) {
    (void)state;
    rkv_journal *journal;
    size_t n;
    if (resume_from(HEAD CELL("5", "") CELL("4", ", \"other\": [[]]"), &journal))
        fail_msg("%s", rkv_message());
    const rkv_cell *cells = rkv_journal_cells(journal, &n);
    assert_int_equal(n, 2);
    assert_int_equal(cells[0].setting, 4);
    assert_true(isnan(cells[0].loss) && isnan(cells[0].depth) && isnan(cells[0].answer_s));
    rkv_journal_close(journal);
}

static void test_damaged_files(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"a thesis", "line 1 is not the start of a journal"},
        {"a thesis\nin two lines\n", "line 1: line 1, column"},
        {"\n", "line 1: "},
        {"{}\n", "line 1: schema is missing"},
        {"{\"schema\": \"rankkv-budget\"}\n", "line 1: schema is \"rankkv-budget\""},
        {"{\"schema\": \"rankkv-eval-journal\", \"schema_version\": 2}\n", "schema_version is 2"},
        {"{\"schema\": \"rankkv-eval-journal\", \"schema_version\": 1, \"run\": 3}\n", "run is 3"},
        {HEAD CELL("0", "") "\n", "line 3: "},
        {HEAD "[]\n", "line 2: "},
        {HEAD CELL("0", "") CELL("1", "") CELL("0", ""),
         "line 4: setting 0, window 0, question 0 is in line 2, too"},
        {HEAD CELL("-1", ""), "line 2: setting is -1"},
        {HEAD CELL("1.5", ""), "line 2: setting is 1.5"},
        {HEAD CELL("9007199254740993", ""), "line 2: setting is 9007199254740993"},
        {HEAD CELL("null", ""), "line 2: setting is null"},
        {HEAD CELL("0", ", \"agreement\": 1.01"), "agreement is 1.01, not a number from 0 to 1"},
        {HEAD CELL("0", ", \"depth\": -0.5"), "depth is -0.5, not a number from 0 to 1"},
        {HEAD CELL("0", ", \"loss\": \"low\""), "loss is \"low\", not a number or null"},
        {HEAD CELL("0", ", \"text\": 5"), "text is 5, not a string"},
        {HEAD CELL("0", ", \"text\": \"\\u0000\""), "line 2: "},
        {HEAD CELL("0", ", \"loss\": 1e999"), "line 2: "},
        {HEAD "{\"setting\": 0, \"window\": 0, \"question\": 0, \"task\": \"natura\"}\n",
         "task is \"natura\", not the name of a task"},
        {HEAD "{\"setting\": 0, \"window\": 0, \"question\": 0, \"task\": \"copy\", \"query_aware\": 0}\n",
         "query_aware is 0, not true or false"},
        {HEAD
         "{\"setting\": 0, \"window\": 0, \"question\": 0, \"task\": \"copy\", \"query_aware\": true, "
         "\"total\": 1, \"entries\": 1, \"bytes\": 5, \"kv_bytes\": 6, \"n_scored\": 1, \"n_right\": 1}\n",
         "kv_bytes is 6, not at most bytes"},
        {HEAD
         "{\"setting\": 0, \"window\": 0, \"question\": 0, \"task\": \"copy\", \"query_aware\": true, "
         "\"total\": 1, \"entries\": 1, \"bytes\": 5, \"kv_bytes\": 5, \"n_scored\": 1, \"n_right\": 2}\n",
         "n_right is 2, not at most n_scored"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        rkv_journal *journal = (rkv_journal *)8;
        size_t length;
        assert_int_equal(resume_from(cases[i].text, &journal), RKV_DATA);
        assert_null(journal);
        if (!strstr(rkv_message(), cases[i].words)) fail_msg("%s: %s", cases[i].words, rkv_message());
        assert_non_null(strstr(rkv_message(), "journal.jsonl: "));
        char *left = content_of(temporary_path("journal.jsonl"), &length);
        assert_string_equal(left, cases[i].text);
        free(left);
    }
}

/* Opens, or is refused as damaged; nothing else may come of the bytes. */
static void test_bytes_changed_at_random(void **state) {
    (void)state;
    static const char text[] = HEAD CELL("0", ", \"loss\": 0.5, \"text\": \"x\"") CELL("1", "");
    rkv_random random = {1};
    char bent[sizeof text];
    for (int round = 0; round < 3000; round++) {
        memcpy(bent, text, sizeof text);
        for (size_t n = 1 + rkv_random_below(&random, 3); n > 0; n--)
            bent[rkv_random_below(&random, sizeof text - 1)] =
                rkv_random_below(&random, 2) ? (char)rkv_random_next(&random)
                                             : "0123456789[]{}\",:-e\n"[rkv_random_below(&random, 20)];
        const char *path = temporary_path("journal.jsonl");
        temporary_write(path, bent, sizeof text - 1);
        rkv_journal *journal;
        rkv_status status = rkv_journal_open(&journal, path, "{}", true);
        if (status && status != RKV_DATA) fail_msg("%s", rkv_message());
        assert_int_equal(status == RKV_OK, journal != NULL);
        rkv_journal_close(journal);
    }
}

static void test_cells_that_are_refused(void **state) {
    (void)state;
    const char *path = temporary_path("journal.jsonl");
    rkv_journal *journal = open_journal(path, RUN, false);
    add_cells(journal, 0, 1);
    rkv_cell cell = sample_cell(2, 0, 0);
    assert_int_equal(rkv_journal_add(journal, &cell), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "setting 2, window 0, question 0 is there already"));
    cell = sample_cell(2, 0, 1);
    cell.n_right = cell.n_scored + 1;
    assert_int_equal(rkv_journal_add(journal, &cell), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "n_right is"));
    cell = sample_cell(2, 0, 1);
    cell.total = SIZE_MAX;
    assert_int_equal(rkv_journal_add(journal, &cell), RKV_USAGE);
    assert_holds(journal, 1);
    rkv_journal_close(journal);
    rkv_journal_close(open_journal(path, RUN, true));
}

static void test_places_that_are_refused(void **state) {
    (void)state;
    rkv_journal *journal;
    assert_int_equal(rkv_journal_open(&journal, "/nowhere/journal.jsonl", "{}", false), RKV_CANNOT_CREATE);
    assert_int_equal(rkv_journal_open(&journal, "/tmp", "{}", true), RKV_CANNOT_CREATE);
    assert_int_equal(rkv_journal_open(&journal, temporary_path("j"), "[]", false), RKV_USAGE);
    assert_int_equal(rkv_journal_open(&journal, temporary_path("j"), "{", true), RKV_USAGE);
    assert_int_equal(access(temporary_path("j"), F_OK), -1);
    const char *fifo = temporary_path("fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(rkv_journal_open(&journal, fifo, "{}", true), RKV_CANNOT_CREATE);
    assert_null(journal);
}

static void test_two_runs_at_once(void **state) {
    (void)state;
    const char *path = temporary_path("journal.jsonl");
    rkv_journal *first = open_journal(path, RUN, false), *second;
    add_cells(first, 0, 2);
    for (int resume = 0; resume < 2; resume++) {
        assert_int_equal(rkv_journal_open(&second, path, RUN, resume), RKV_CANNOT_CREATE);
        assert_non_null(strstr(rkv_message(), "another run is writing it"));
    }
    add_cells(first, 2, 3);
    rkv_journal_close(first);
    first = open_journal(path, RUN, true);
    assert_holds(first, 3);
    rkv_journal_close(first);
}

/* A limit on the size of files stands in for a full disk. */
static void test_the_disk_is_full(void **state) {
    (void)state;
    const char *path = temporary_path("journal.jsonl");
    rkv_journal *journal = open_journal(path, RUN, false);
    add_cells(journal, 0, 2);
    size_t length;
    free(content_of(path, &length));
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){length + 100, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const rkv_cell cell = sample_cell(4, 4, 4);
    rkv_status status = rkv_journal_add(journal, &cell);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, RKV_IO);
    assert_false(rkv_journal_has(journal, 4, 4, 4));
    assert_int_equal(rkv_journal_add(journal, &cell), RKV_IO); /* nothing is written behind half a line */
    rkv_journal_close(journal);
    journal = open_journal(path, RUN, true);
    assert_holds(journal, 2);
    rkv_journal_close(journal);
}

/* ---- memory runs out ---- */

static rkv_status write_and_read(void) {
    const char *path = temporary_path("journal.jsonl");
    rkv_cell cell = sample_cell(0, 0, 0);
    rkv_journal *journal;
    cell.text = (char[]){"text"};
    rkv_status status = rkv_journal_open(&journal, path, RUN, false);
    if (!status) status = rkv_journal_add(journal, &cell);
    rkv_journal_close(journal);
    if (!status) status = rkv_journal_open(&journal, path, RUN, true);
    if (!status) rkv_journal_close(journal);
    return status;
}

static void test_memory_runs_out(void **state) {
    (void)state;
    long k = 0;
    for (;; k++) {
        allocations_left = k;
        allocation_failed = false;
        rkv_status status = write_and_read();
        allocations_left = -1;
        if (!allocation_failed) break;
        if (status != RKV_OK) assert_int_equal(status, RKV_NO_MEMORY); /* the sync of the folder is let off */
    }
    assert_true(k > 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_that_goes_on),
        cmocka_unit_test(test_the_lines),
        cmocka_unit_test(test_values_that_files_lack),
        cmocka_unit_test(test_without_resume_it_begins_anew),
        cmocka_unit_test(test_cut_after_every_byte),
        cmocka_unit_test(test_another_run),
        cmocka_unit_test(test_the_least_that_is_read),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_bytes_changed_at_random),
        cmocka_unit_test(test_cells_that_are_refused),
        cmocka_unit_test(test_places_that_are_refused),
        cmocka_unit_test(test_two_runs_at_once),
        cmocka_unit_test(test_the_disk_is_full),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_another_device_or_version),
        cmocka_unit_test(test_a_new_journal_says_its_device),
        cmocka_unit_test(test_a_long_device),
    };
    return cmocka_run_group_tests(tests, temporary_set_up, temporary_tear_down);
}
