/* bench_sample.c: what is measured of one case, as text and back. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"

/* docs/FORMATS.md says what each is. */
static const char *const names[BENCH_N_FIELDS] = {
    [BENCH_TTFT_S] = "ttft_s",
    [BENCH_ANALYSIS_S] = "analysis_s",
    [BENCH_TPOT_S] = "tpot_s",
    [BENCH_COMPRESS_S] = "compress_s",
    [BENCH_ENTRIES] = "entries",
    [BENCH_CACHE_BYTES] = "cache_bytes",
    [BENCH_KV_BYTES] = "kv_bytes",
    [BENCH_FULL_BYTES_16] = "full_bytes_16",
    [BENCH_END_ENTRIES] = "end_entries",
    [BENCH_END_CACHE_BYTES] = "end_cache_bytes",
    [BENCH_CACHE_PEAK_BYTES] = "cache_peak_bytes",
    [BENCH_BASELINE_BYTES] = "baseline_bytes",
    [BENCH_PEAK_BYTES] = "peak_bytes",
    [BENCH_THREADS] = "threads",
};

const char *bench_field_name(bench_field field) {
    return names[field];
}

void bench_sample_members(cli_json *json, const bench_sample *sample) {
    for (bench_field field = 0; field < BENCH_N_FIELDS; field++)
        json_number(json, names[field], sample->at[field]);
}

void bench_sample_write(FILE *out, const bench_sample *sample) {
    cli_json json = json_begin(out, "rankkv-bench-case");
    json_text(&json, "device", sample->device);
    bench_sample_members(&json, sample);
    json_end(&json);
}

/* What follows "NAME": in a document of ours, where each member has a line; NULL when it has none. */
static const char *find_member(const char *text, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(text, key);
    return at ? at + strlen(key) : NULL;
}

bool bench_sample_read(const char *text, bench_sample *sample) {
    const char *device = find_member(text, "device");
    if (!device || *device != '"') return false;
    snprintf(sample->device, sizeof sample->device, "%.*s", (int)strcspn(device + 1, "\"\n"), device + 1);
    for (bench_field field = 0; field < BENCH_N_FIELDS; field++) {
        const char *at = find_member(text, names[field]);
        char *end = NULL;
        if (!at) return false;
        sample->at[field] = strncmp(at, "null", 4) == 0 ? NAN : strtod(at, &end);
        if (end == at) return false;
    }
    return true;
}
