/* run_json.c: `rankkv run --json`: the document. */
#include <string.h>

#include "cli/json.h"
#include "cli/run.h"

static void write_ids(cli_json *json, const char *key, const int32_t *ids, size_t n) {
    json_open(json, key, '[');
    for (size_t i = 0; i < n; i++)
        json_count(json, NULL, (size_t)ids[i]);
    json_close(json, ']');
}

static void write_prompt(cli_json *json, const run_inputs *inputs) {
    json_open(json, "prompt", '{');
    json_text(json, "name", inputs->name);
    json_count(json, "n_tokens", inputs->n_tokens);
    write_ids(json, "token_ids", inputs->ids, inputs->n_tokens);
    json_close(json, '}');
}

/* A size that was not given is null. */
static void write_given(cli_json *json, const char *key, size_t value) {
    if (value)
        json_count(json, key, value);
    else
        json_text(json, key, NULL);
}

static void write_options(cli_json *json, const run_inputs *inputs, const run_options *options) {
    const rkv_generate_options *generate = &options->generate;
    json_open(json, "options", '{');
    json_text(json, "method", inputs->method);
    json_text(json, "adaptive", options->adaptive);
    write_given(json, "budget", options->budget);
    json_number(json, "ratio", options->ratio > 0 ? options->ratio : __builtin_nan(""));
    json_text(json, "budgets", options->budgets);
    json_text(json, "hold", choices_hold.name(options->hold));
    json_count(json, "interval", options->interval);
    json_text(json, "group_score", choices_group_score.name(options->group_score));
    json_text(json, "positions", choices_positions.name(options->positions));
    json_bool(json, "verify", options->verify);
    json_count(json, "new_tokens", generate->n_tokens);
    json_number(json, "temperature", generate->temperature);
    json_count(json, "top_k", generate->top_k);
    json_number(json, "top_p", generate->top_p);
    json_count(json, "seed", generate->seed);
    json_bool(json, "ignore_end", generate->ignore_end);
    json_close(json, '}');
}

static void write_seconds(cli_json *json, const run_result *result) {
    json_open(json, "seconds", '{');
    json_number(json, "prefill", result->stats.prefill_s);
    json_number(json, "first_token", result->first_s);
    json_number(json, "decode", result->decode_s);
    json_number(json, "compress", result->stats.compress_s);
    json_close(json, '}');
}

static void write_head(cli_json *json, const run_head *head) {
    json_open(json, NULL, '{');
    json_count(json, "entries", head->n);
    if (head->budget == SIZE_MAX)
        json_text(json, "budget", NULL);
    else
        json_count(json, "budget", head->budget);
    json_count(json, "bytes", head->bytes);
    json_count(json, "kv_bytes", head->kv_bytes);
    if (*head->note) json_text(json, "note", head->note);
    json_close(json, '}');
}

/* heads [L][G]. */
static void write_heads(cli_json *json, const run_result *result, const rkv_model_info *model) {
    json_open(json, "heads", '[');
    for (size_t l = 0; l < model->n_layers; l++) {
        json_open(json, NULL, '[');
        for (size_t g = 0; g < model->n_kv_heads; g++)
            write_head(json, &result->heads[l * model->n_kv_heads + g]);
        json_close(json, ']');
    }
    json_close(json, ']');
}

static void write_result(cli_json *json, const run_result *result, const rkv_model_info *model) {
    json_bytes(json, "text", result->text, result->length);
    write_ids(json, "token_ids", result->ids, result->n);
    json_bool(json, "ended", result->ended);
    json_bool(json, "stopped", result->stopped);
    write_seconds(json, result);
    json_cache(json, &result->stats);
    write_heads(json, result, model);
}

void run_json_write(FILE *out, const run_result *result, const run_result *full, const run_inputs *inputs,
                    const run_options *options) {
    const rkv_model_info *model = rkv_model_get_info(inputs->model);
    cli_json json = json_begin(out, "rankkv-run");
    json_model(&json, rkv_model_get_info(inputs->model));
    json_text(&json, "device", rkv_model_device(inputs->model));
    write_prompt(&json, inputs);
    write_options(&json, inputs, options);
    write_result(&json, result, model);
    if (full) {
        json_open(&json, "full", '{');
        write_result(&json, full, model);
        json_close(&json, '}');
        json_count(&json, "same_tokens", run_compare_same(result, full));
    }
    json_end(&json);
}
