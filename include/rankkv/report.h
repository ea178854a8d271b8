/* report.h: one page that shows what was measured. It is self-contained: it works from a file, without a
 * network, and a Content-Security-Policy in it forbids every request.
 *
 *     rkv_report *r = NULL;
 *     rkv_report_new(&r, "Northanger Abbey");
 *     rkv_report_add_document(r, "analysis", "northanger", json);     a file of docs/FORMATS.md, as it is
 *     rkv_report_add_array(r, &(rkv_report_array){.name = "received", ...});
 *     rkv_report_save(r, "report.html");
 *     rkv_report_free(r);
 *
 * A page is our own files, verbatim, and arrays that belong to them; viz/page holds the script that shows
 * them. */
#ifndef RANKKV_REPORT_H
#define RANKKV_REPORT_H

#include <rankkv/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rkv_report rkv_report;

#define RKV_REPORT_TYPE_LIST(X)                                                                              \
    X(RKV_REPORT_U8, "u8", 1)                                                                                \
    X(RKV_REPORT_I32, "i32", 4)                                                                              \
    X(RKV_REPORT_F32, "f32", 4)

typedef enum rkv_report_type {
#define RKV_REPORT_TYPE_ENUM(symbol, name, bytes) symbol,
    RKV_REPORT_TYPE_LIST(RKV_REPORT_TYPE_ENUM)
#undef RKV_REPORT_TYPE_ENUM
        RKV_REPORT_TYPE_COUNT
} rkv_report_type;

#define RKV_REPORT_DIMS ((size_t)4)

/* Numbers that belong to the document added last. They are copied (deflated). */
typedef struct rkv_report_array {
    const char *name; /* unique within its document */
    rkv_report_type type;
    size_t n_dims, shape[RKV_REPORT_DIMS];
    size_t part_dims; /* the page inflates one index of the first part_dims dimensions at a time; < n_dims */
    const void *data; /* [shape], row-major, little-endian */
    const char *attributes; /* a JSON object with what the page must know of it; NULL: {} */
} rkv_report_array;

/* title may hold anything; it is shown as text. */
RKV_API rkv_status rkv_report_new(rkv_report **out, const char *title);
RKV_API void rkv_report_free(rkv_report *report);

/* A document of a kind that docs/FORMATS.md lists under report.html: the text of a file of ours, or of a
 * JSON-lines file as an array. RKV_DATA when it is no JSON. The text is copied. */
RKV_API rkv_status rkv_report_add_document(rkv_report *report, const char *kind, const char *name,
                                           const char *json);
RKV_API rkv_status rkv_report_add_array(rkv_report *report, const rkv_report_array *array);

/* What a page shows of a prompt's layers: the arrays attention, spectrum and received of docs/FORMATS.md.
 * Layers are added in order as they pass by; rkv_report_layers_add has the form of an rkv_layer_fn (user is
 * the rkv_report_layers). A layer without sigma leaves the spectrum out.
 *
 * Attention is coded in 8 bits on a log scale, blocks of tokens that share a cell where there are more than
 * 512. How far down the scale goes is chosen at the end, so that all heads fit in 29 KB each, but no less
 * than 8 MB together. Until then memory holds a byte per cell, 131 KB per head at most, and 8 T bytes per
 * head. */
typedef struct rkv_report_layers rkv_report_layers;
RKV_API rkv_status rkv_report_layers_new(rkv_report_layers **out, size_t n_layers, size_t n_heads,
                                         size_t n_tokens);
RKV_API rkv_status rkv_report_layers_add(void *layers, const rkv_layer *layer);
RKV_API void rkv_report_layers_free(rkv_report_layers *layers);

/* Adds the arrays to the document that was added last. RKV_USAGE: not all layers were added. */
RKV_API rkv_status rkv_report_add_layers(rkv_report *report, const rkv_report_layers *layers);

/* A file that a page was made of. */
typedef struct rkv_report_file {
    const char *name;   /* as it is shown */
    const char *path;   /* what is hashed; NULL: sha256 and bytes are known */
    const char *sha256; /* NULL: unknown */
    size_t bytes;
} rkv_report_file;

/* How a page was made; whatever is NULL is not told. */
typedef struct rkv_report_made {
    const char *const *command; /* [n_words] */
    size_t n_words;
    const char *device, *host; /* what computed; the machine */
    const char *date;
    const rkv_report_file *files; /* [n_files] */
    size_t n_files;
} rkv_report_made;

/* Adds the document `made`. RKV_NO_INPUT: a file cannot be read. */
RKV_API rkv_status rkv_report_add_made(rkv_report *report, const rkv_report_made *made);

/* Writes the page; it appears whole or not at all. RKV_CANNOT_CREATE, RKV_IO. */
RKV_API rkv_status rkv_report_save(const rkv_report *report, const char *path);

#ifdef __cplusplus
}
#endif
#endif
