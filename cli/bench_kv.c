/* bench_kv.c: `rankkv bench --kv`: what methods make of keys and values without a model. */
#include "cli/bench.h"

#include <string.h>

#include <rankkv/rankkv.h>

#include "cli/json.h"
#include "cli/kv_shape.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/terminal.h"

#define FIELD(member) .offset = offsetof(bench_kv_options, member)

const option_row bench_kv_rows[] = {
    {"kv", 0, OPTION_TEXT, "SHAPE",
     "Random keys and values of this shape; what is left out is " KV_SHAPE_DEFAULT, FIELD(shape)},
    {"kv-file", 0, OPTION_FILE, "FILE.h5",
     "Keys and values from the datasets keys and values [batch, heads, tokens, dim] of an HDF5 file",
     FIELD(file)},
    {"outliers", 0, OPTION_COUNT, "N", "Channels of each head's random keys that are larger",
     FIELD(outliers)},
    {"outlier-scale", 0, OPTION_NUMBER, "X", "By this factor", .low = 1, .high = 1000, FIELD(outlier_scale)},
    {0}};

/* ---- what is measured ---- */

/* After every representation alone: with half of the entries, and each in 8 or 4 bits. */
static const char *const compositions[] = {"window:ratio=0.5", "window:ratio=0.5+int8",
                                           "window:ratio=0.5+int4"};

static void list_methods(const cli_list *asked, cli_list *out) {
    *out = *asked;
    for (size_t i = 0; asked->n == 0 && rkv_method_at(i); i++)
        if (rkv_method_at(i)->kind == RKV_REPRESENTATION) out->items[out->n++] = rkv_method_at(i)->name;
    for (size_t i = 0; asked->n == 0 && i < sizeof compositions / sizeof *compositions; i++)
        out->items[out->n++] = compositions[i];
}

typedef struct tensors {
    rkv_kv_tensor keys, values;
} tensors;

static rkv_status load(const bench_options *options, tensors *t) {
    const bench_kv_options *kv = &options->kv;
    if (kv->file) return said(rkv_kv_read(kv->file, &t->keys, &t->values));
    rkv_status status = kv_shape_parse(kv->shape, &t->keys);
    if (status) return status;
    t->values = t->keys;
    const rkv_kv_random_options keys = {options->each.seed, kv->outliers, kv->outlier_scale};
    const rkv_kv_random_options values = {.seed = ~options->each.seed, .outlier_scale = 1};
    status = said(rkv_kv_random(&t->keys, &keys));
    return status ? status : said(rkv_kv_random(&t->values, &values));
}

/* ---- printing ---- */

static double ratio_of(const rkv_kv_report *report) {
    return (double)report->original_bytes / (double)report->compressed_bytes;
}

static void print_head(const bench_options *options, const tensors *t, int width) {
    fputs("keys and values ", stdout);
    kv_shape_print(&t->keys);
    if (options->kv.file)
        printf(" of %s\n", options->kv.file);
    else
        printf(", standard normal; %zu channels of each head's keys times %g\n", options->kv.outliers,
               options->kv.outlier_scale);
    printf("\n%s%-*s  %8s  %14s  %16s  %6s  %9s  %11s  %13s  %12s%s\n", terminal_style(stdout, STYLE_BOLD),
           width, "method", "kept", "original bytes", "compressed bytes", "ratio", "key error", "value error",
           "compress GB/s", "restore GB/s", terminal_style(stdout, STYLE_PLAIN));
}

static void print_row(const char *method, const rkv_kv_report *report, const tensors *t, int width) {
    printf("%-*s  %8.6g  %14zu  %16zu  %6.3f  %9.3g  %11.3g  %13.3f  %12.3f\n", width, method,
           (double)report->n_kept / (double)(t->keys.batch * t->keys.heads), report->original_bytes,
           report->compressed_bytes, ratio_of(report), report->key_error, report->value_error,
           report->compress_gb_s, report->restore_gb_s);
}

static void write_shape(cli_json *json, const bench_options *options, const tensors *t) {
    json_text(json, "mode", "kv");
    json_open(json, "kv", '{');
    json_count(json, "batch", t->keys.batch);
    json_count(json, "heads", t->keys.heads);
    json_count(json, "tokens", t->keys.tokens);
    json_count(json, "dim", t->keys.dim);
    json_text(json, "dtype", rkv_dtype_name(t->keys.dtype));
    json_text(json, "file", options->kv.file);
    if (!options->kv.file) {
        json_count(json, "seed", (size_t)options->each.seed);
        json_count(json, "outliers", options->kv.outliers);
        json_number(json, "outlier_scale", options->kv.outlier_scale);
    }
    json_close(json, '}');
    json_count(json, "repeats", options->repeats);
    json_open(json, "results", '[');
}

static void write_row(cli_json *json, const char *method, const rkv_kv_report *report) {
    json_open(json, NULL, '{');
    json_text(json, "method", method);
    json_count(json, "kept", report->n_kept);
    json_count(json, "original_bytes", report->original_bytes);
    json_count(json, "compressed_bytes", report->compressed_bytes);
    json_number(json, "ratio", ratio_of(report));
    json_number(json, "key_error", report->key_error);
    json_number(json, "value_error", report->value_error);
    json_number(json, "compress_s", report->compress_s);
    json_number(json, "restore_s", report->restore_s);
    json_number(json, "compress_gb_s", report->compress_gb_s);
    json_number(json, "restore_gb_s", report->restore_gb_s);
    json_close(json, '}');
}

/* ---- running ---- */

static rkv_status measure(const bench_options *options, const char *method, const tensors *t,
                          rkv_kv_report *report) {
    progress_bar bar;
    const rkv_kv_options kv = {.method = method,
                               .budget = options->each.budget,
                               .seed = options->each.seed,
                               .repeats = options->repeats,
                               .progress = progress_begin(&bar, method, options->quiet)};
    rkv_status status = rkv_kv_compress(&t->keys, &t->values, &kv, NULL, NULL, report);
    progress_erase();
    if (options->kv.file && status == RKV_DATA)
        return complain(status, "%s: %s", options->kv.file, rkv_message());
    return said(status);
}

/* The document is written once all of it is known: a method that fails leaves no half of one. */
static rkv_status write_document(const bench_options *options, const cli_list *methods, const tensors *t) {
    rkv_kv_report reports[sizeof methods->items / sizeof *methods->items];
    for (size_t i = 0; i < methods->n; i++) {
        rkv_status status = measure(options, methods->items[i], t, &reports[i]);
        if (status) return status;
    }
    cli_json json = json_begin(stdout, "rankkv-bench");
    write_shape(&json, options, t);
    for (size_t i = 0; i < methods->n; i++)
        write_row(&json, methods->items[i], &reports[i]);
    json_close(&json, ']');
    json_end(&json);
    return RKV_OK;
}

/* A row appears as soon as it is measured. */
static rkv_status print_table(const bench_options *options, const cli_list *methods, const tensors *t) {
    int width = (int)strlen("method");
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < methods->n; i++)
        if ((int)strlen(methods->items[i]) > width) width = (int)strlen(methods->items[i]);
    for (size_t i = 0; i < methods->n && !status; i++) {
        rkv_kv_report report;
        status = measure(options, methods->items[i], t, &report);
        if (status) break;
        if (i == 0) print_head(options, t, width);
        print_row(methods->items[i], &report, t, width);
        status = output_flush();
    }
    return status;
}

rkv_status bench_kv_run(const bench_options *options) {
    cli_list methods;
    tensors t = {0};
    rkv_status status = RKV_OK;
    list_methods(&options->methods, &methods);
    for (size_t i = 0; i < methods.n && !status; i++)
        status = said(rkv_method_check(methods.items[i]));
    if (!status) status = load(options, &t);
    if (!status) status = (options->json ? write_document : print_table)(options, &methods, &t);
    rkv_free(t.keys.data);
    rkv_free(t.values.data);
    return status;
}
