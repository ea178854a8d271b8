/* trace_read_head.c: the attention of one head. */
#include <string.h>

#include "core/fail.h"
#include "core/half.h"
#include "io/trace_reader.h"

static void to_floats(const unsigned char *elements, size_t element_bytes, void *out, size_t n) {
    float *values = out;
    if (element_bytes == 2) {
        rkv_halves_to_floats((const uint16_t *)elements, values, n);
    } else if (element_bytes == 4) {
        memcpy(values, elements, n * sizeof *values);
    } else {
        for (size_t i = 0; i < n; i++)
            values[i] = (float)((const double *)elements)[i];
    }
}

rkv_status rkv_trace_read_head(const rkv_trace *trace, size_t layer, size_t head, float *attention) {
    const rkv_trace_facts *facts = &trace->contents.facts;
    size_t n = facts->n_tokens;
    if (layer >= facts->info.n_layers || head >= facts->info.n_heads)
        return rkv_fail(RKV_USAGE, "%s: there is no layer %zu, head %zu in [%zu layers, %zu heads]",
                        trace->path, layer, head, facts->info.n_layers, facts->info.n_heads);
    const rkv_stored_box box = {.first = {layer, head, 0, 0},
                                .count = {1, 1, n, n},
                                .convert = to_floats,
                                .value_bytes = sizeof *attention,
                                .out = attention};
    rkv_status status = rkv_stored_array_read(&trace->file, &facts->attention, trace->contents.chunks, &box);
    if (!status) return RKV_OK;
    return rkv_fail_within(status, "%s: dataset attention[%zu, %zu]", trace->path, layer, head);
}
