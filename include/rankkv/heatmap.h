/* heatmap.h: attention and ranks as PNG pictures. The same input gives the same bytes. */
#ifndef RANKKV_HEATMAP_H
#define RANKKV_HEATMAP_H

#include <rankkv/analysis.h>
#include <rankkv/budget.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A perceptually uniform colour map: 256 RGB triples, dark (low) to light (high). */
typedef struct rkv_colormap {
    const char *name;
    const unsigned char (*rgb)[3]; /* [256][3] */
    unsigned char masked[3];       /* colour of cells above the diagonal, outside the map */
    unsigned char missing[3];      /* colour of values that are not finite, outside the map */
} rkv_colormap;

RKV_API const rkv_colormap *rkv_colormap_at(size_t index); /* NULL past the end */
RKV_API const rkv_colormap *rkv_colormap_find(const char *name);

/* How a value >= 0 becomes a position on the colour map. All matrices of one picture share it. */
typedef enum rkv_scale {
    RKV_SCALE_LINEAR, /* 0 .. the picture's largest value */
    RKV_SCALE_LOG,    /* log10, floor 1e-6 (smaller values take the lowest colour); a metric: its smallest
                         positive value */
    RKV_SCALE_ROW,    /* each row by its own largest value, before rows are combined */
    RKV_SCALE_COUNT
} rkv_scale;
RKV_API const char *rkv_scale_name(rkv_scale scale);
RKV_API rkv_scale rkv_scale_find(const char *name); /* RKV_SCALE_COUNT when there is none */

/* How k x k entries become one cell when T is larger than the picture: k is written on it. Entries above the
 * diagonal do not count; one that is not finite makes its cell missing. */
typedef enum rkv_reduce { RKV_REDUCE_MAX, RKV_REDUCE_MEAN } rkv_reduce;

/* The largest side of a picture, and of one matrix in it, in pixels. */
#define RKV_PICTURE_LIMIT_PX 32767
#define RKV_MATRIX_LIMIT_PX  8192

/* NULL stands for all zero. Text may hold anything: it is made printable and cut to what fits. */
typedef struct rkv_heatmap_options {
    const char *colormap; /* NULL: "viridis" */
    rkv_scale scale;
    rkv_reduce reduce;
    size_t size_px; /* largest side of one head's matrix (of a metric: of one cell) in pixels; 0: a good size
                       for the kind of picture, and plain heads and metrics show one entry as one pixel */
    bool plain; /* no labels: the matrices alone, every cell a block of whole pixels, through libpng only */
    char *const *token_text;  /* [T] for the axes, or NULL */
    const char *model_name;   /* for the title and provenance; NULL: left out */
    const char *model_sha256; /* for the provenance; NULL or "": left out */
    const char *prompt_name;
    const double *erank; /* [L, H] for the titles, or NULL; a value that is not finite is left out */
} rkv_heatmap_options;

/* One head's attention [T, T] (float32, causal) with title, axes and colour bar. RKV_CANNOT_CREATE, RKV_IO;
 * RKV_USAGE names an unknown colour map, an index out of range or a picture over RKV_PICTURE_LIMIT_PX;
 * RKV_UNAVAILABLE when plain is false and this build is without Cairo or the machine without a font. The
 * other pictures fail in the same ways. */
RKV_API rkv_status rkv_heatmap_head(const char *path, const float *attention, size_t n_tokens, size_t layer,
                                    size_t head, size_t n_heads, const rkv_heatmap_options *options);

/* All heads of a layer [H, T, T] in a grid. */
RKV_API rkv_status rkv_heatmap_layer(const char *path, const rkv_layer *layer,
                                     const rkv_heatmap_options *options);

/* The contact sheet: every layer x head as a thumbnail. Layers are added in any order as they pass by; has
 * the form of an rkv_layer_fn (user is the rkv_sheet). Layers never added stay blank. The sheet copies what
 * the options hold, except erank: that is borrowed and read by rkv_sheet_save, so it may be filled in
 * between. */
typedef struct rkv_sheet rkv_sheet;
RKV_API rkv_status rkv_sheet_new(rkv_sheet **out, size_t n_layers, size_t n_heads, size_t n_tokens,
                                 const rkv_heatmap_options *options);
RKV_API rkv_status rkv_sheet_add_layer(void *sheet, const rkv_layer *layer);
RKV_API rkv_status rkv_sheet_save(const rkv_sheet *sheet, const char *path);
RKV_API void rkv_sheet_free(rkv_sheet *sheet);

/* The layer x head matrix of a metric, beside it the layers' aggregate and budgets as bars and, by head, the
 * budgets as a second matrix (budget may be NULL). Plain: the metric's matrix alone. RKV_DATA when the
 * analysis lacks the metric; RKV_USAGE when the budget has other layers or heads than the analysis. */
RKV_API rkv_status rkv_heatmap_metric(const char *path, const rkv_analysis *analysis, rkv_metric metric,
                                      const rkv_budget *budget, const rkv_heatmap_options *options);

/* The same of a profile's signal; the bars beside it are means. RKV_USAGE when the profile has none of that
 * name. */
RKV_API rkv_status rkv_heatmap_signal(const char *path, const rkv_profile *profile, const char *name,
                                      const rkv_budget *budget, const rkv_heatmap_options *options);

#ifdef __cplusplus
}
#endif
#endif
