/* bench_json.c: bench.json, what `rankkv bench` measured, round by round. */
#include <math.h>

#include "cli/bench.h"
#include "cli/choices.h"
#include "cli/json.h"
#include "cli/machine.h"

static void write_given(cli_json *json, const char *key, size_t value) {
    json_number(json, key, value ? (double)value : NAN); /* not given: null */
}

static double most_threads(const bench_report *report) {
    double most = NAN;
    for (size_t i = 0; i < report->n_rows; i++)
        most = fmax(most, bench_row_spread(&report->rows[i], BENCH_THREADS).most); /* of NaN: the other */
    return most;
}

static void write_machine(cli_json *json, const bench_report *report) {
    cli_machine machine = machine_describe();
    json_open(json, "machine", '{');
    json_text(json, "cpu", machine.cpu);
    json_count(json, "n_cpus", machine.n_cpus);
    json_number(json, "threads", most_threads(report));
    json_count(json, "memory_bytes", machine.memory_bytes);
    json_close(json, '}');
}

static void write_text(cli_json *json, const bench_text *text) {
    json_open(json, "text", '{');
    json_text(json, "name", text->name);
    json_count(json, "n_tokens", text->n_tokens);
    json_bool(json, "repeated", text->repeated);
    json_close(json, '}');
}

static void write_options(cli_json *json, const bench_report *report) {
    const bench_case *each = &report->options->each;
    json_open(json, "options", '{');
    json_open(json, "methods", '[');
    for (size_t i = 0; i < report->methods.n; i++)
        json_text(json, NULL, report->methods.items[i]);
    json_close(json, ']');
    json_open(json, "contexts", '[');
    for (size_t i = 0; i < report->n_contexts; i++)
        json_count(json, NULL, report->contexts[i]);
    json_close(json, ']');
    write_given(json, "budget", each->budget);
    json_number(json, "ratio", each->ratio > 0 ? each->ratio : NAN);
    json_text(json, "policy", each->policy);
    json_text(json, "profile", each->profile);
    json_count(json, "new_tokens", each->new_tokens);
    json_count(json, "repeats", report->options->repeats);
    json_count(json, "warm_up", each->warm_up);
    json_count(json, "seed", (size_t)each->seed);
    json_close(json, '}');
}

static void write_spread(cli_json *json, const char *key, bench_spread s) {
    json_open(json, key, '{');
    json_number(json, "median", s.median);
    json_number(json, "least", s.least);
    json_number(json, "most", s.most);
    json_close(json, '}');
}

/* Every field over the rounds, and what follows from them. */
static void write_figures(cli_json *json, const bench_row *row, const bench_row *full) {
    for (bench_field field = 0; field < BENCH_N_FIELDS; field++)
        write_spread(json, bench_field_name(field), bench_row_spread(row, field));
    json_number(json, "tokens_per_s", 1 / bench_row_spread(row, BENCH_TPOT_S).median);
    write_spread(json, "ttft_to_full", bench_row_ratio(row, full, BENCH_TTFT_S));
    write_spread(json, "tpot_to_full", bench_row_ratio(row, full, BENCH_TPOT_S));
}

static void write_row(cli_json *json, const bench_row *row, const bench_row *full) {
    json_open(json, NULL, '{');
    json_text(json, "method", row->c.method);
    json_count(json, "context", row->c.context);
    json_text(json, "policy", row->c.policy);
    json_text(json, "hold", choices_hold.name(row->c.hold));
    json_count(json, "n_samples", row->n);
    json_text(json, "failure", row->reason);
    if (row->n) write_figures(json, row, full);
    json_open(json, "samples", '[');
    for (size_t i = 0; i < row->n; i++) {
        json_open(json, NULL, '{');
        bench_sample_members(json, &row->samples[i]);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
}

void bench_json_write(FILE *out, const bench_report *report) {
    cli_json json = json_begin(out, "rankkv-bench");
    json_text(&json, "mode", "model");
    json_text(&json, "date", report->date);
    json_number(&json, "seconds", report->seconds);
    json_bool(&json, "stopped", report->stopped);
    write_machine(&json, report);
    json_model(&json, rkv_model_get_info(report->model));
    json_text(&json, "device", *bench_device(report) ? bench_device(report) : NULL);
    write_text(&json, &report->text);
    write_options(&json, report);
    json_open(&json, "results", '[');
    for (size_t i = 0; i < report->n_rows; i++)
        write_row(&json, &report->rows[i], bench_full_row(report, &report->rows[i]));
    json_close(&json, ']');
    json_end(&json);
}
