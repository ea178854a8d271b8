/* compress.h: the methods that hold a key/value cache to a budget: which entries stay, and in what form.
 *
 * A method is chosen by a specification:  NAME[:OPTION=VALUE[,OPTION=VALUE ...]][+NAME...]
 *
 *     snapkv                       streaming-llm:n_sink=8           snapkv:window=32,pooling=max+int4
 *
 * Its parts work in the order written. Selections choose entries; representations (int8, lowrank, ...) choose
 * the form in which they are stored. Scores tie in favour of the newest entry. */
#ifndef RANKKV_COMPRESS_H
#define RANKKV_COMPRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <rankkv/progress.h>
#include <rankkv/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rkv_method_kind {
    RKV_SELECTION,     /* which entries stay */
    RKV_REPRESENTATION /* in what form entries are stored */
} rkv_method_kind;

/* What the value of an option is. */
typedef enum rkv_option_kind {
    RKV_OPTION_SIZE,   /* a whole number */
    RKV_OPTION_REAL,   /* a real number */
    RKV_OPTION_NAME,   /* one of `choices`; of "yes|no", true and false too */
    RKV_OPTION_LAYERS, /* layers: "0-1/7" is 0, 1 and 7; "" none */
    RKV_OPTION_ALIAS /* another name of the option that `choices` names, own or common; no value of its own */
} rkv_option_kind;

typedef struct rkv_method_option {
    const char *name;
    rkv_option_kind kind;
    double standard;     /* its default; NAME: the index among the choices; LAYERS: none, always */
    double least, most;  /* limits of SIZE and REAL, both allowed */
    const char *choices; /* NAME: "avg|max"; ALIAS: "n_sink"; else NULL */
    const char *summary; /* one line for help */
} rkv_method_option;

/* What a method needs besides the entries themselves; bits. */
typedef enum rkv_method_needs {
    RKV_NEEDS_QUERIES = 1, /* the queries: so it cannot work on bare tensors */
    RKV_NEEDS_SUMS = 2,    /* the attention that each entry received, summed over all queries so far */
    RKV_NEEDS_TOKENS = 4,  /* which tokens are special or punctuation */
    RKV_NEEDS_KEYS = 8,    /* the keys, when entries are chosen after the prompt */
    RKV_NEEDS_VALUES = 16  /* the values likewise */
} rkv_method_needs;

/* A method: one row of the table, one file in compressors/. */
typedef struct rkv_method {
    const char *name;
    rkv_method_kind kind;
    const char *summary;              /* one line for `rankkv methods` and --help */
    const char *formula;              /* as docs/METHODS.md has it */
    const char *source;               /* where it comes from */
    const rkv_method_option *options; /* rows, up to one whose name is NULL; never NULL */
    unsigned needs;                   /* rkv_method_needs */
    bool prompt_once;                 /* as published, it compresses the prompt and lets new entries stay */
    const struct rkv_method_ops *ops; /* private (compressors/method.h) */
} rkv_method;

/* The table of methods, in order; NULL past the end, or when no method has that name. */
RKV_API const rkv_method *rkv_method_at(size_t index);
RKV_API const rkv_method *rkv_method_find(const char *name);

/* Every selection but full takes these beside its own options: they replace the budget that the caller gives.
 * Their default 0 stands for not given. */
RKV_API const rkv_method_option *rkv_method_common_options(void);

/* Whether spec can be used: RKV_USAGE names what is wrong (a method, option or value, and its limits). Where
 * an option is given by two names, or budget and ratio are both given, that is wrong too. */
RKV_API rkv_status rkv_method_check(const char *spec);

/* What spec keeps of every head whatever its budget: a smaller budget is refused. RKV_USAGE as above. */
RKV_API rkv_status rkv_method_least(const char *spec, size_t *entries);

/* A specification from a JSON file with one flat object of options: {"method": "fastgen", "T": 0.95}. method,
 * when not NULL, is the specification that gets the file's options (its first method does), and must begin
 * with the method that the file names, if it names one. The caller frees *spec with rkv_free. RKV_NO_INPUT;
 * RKV_DATA: the file is malformed, or holds what cannot be an option; RKV_USAGE: it is of another method. The
 * options themselves are rkv_method_check's matter. */
RKV_API rkv_status rkv_method_spec_from_json(const char *path, const char *method, char **spec);

/* ---- bare tensors ---- */

/* Element types of keys and values outside the program. */
typedef enum rkv_dtype { RKV_DTYPE_F32, RKV_DTYPE_F16, RKV_DTYPE_BF16 } rkv_dtype;

/* Keys or values without a model, [batch, heads, tokens, dim], row-major, borrowed. */
typedef struct rkv_kv_tensor {
    void *data;
    rkv_dtype dtype;
    size_t batch, heads, tokens, dim;
} rkv_kv_tensor;

/* "f32", "f16", "bf16"; NULL when dtype is none. */
RKV_API const char *rkv_dtype_name(rkv_dtype dtype);

typedef struct rkv_kv_random_options {
    uint64_t seed;
    size_t outliers;      /* channels of every head that are larger, drawn anew for each */
    double outlier_scale; /* by this factor: 0 < outlier_scale <= 1000 */
} rkv_kv_random_options;

/* Makes tensor->data, of the shape and dtype that stand in tensor: standard normal numbers, the same on any
 * number of threads. The caller frees data with rkv_free. RKV_USAGE: a dimension is 0, more outliers than
 * channels. RKV_NO_MEMORY, with the bytes, also when they exceed what the system has free. */
RKV_API rkv_status rkv_kv_random(rkv_kv_tensor *tensor, const rkv_kv_random_options *options);

/* Reads the datasets "keys" and "values" of an HDF5 file, both [batch, heads, tokens, dim] in float32,
 * float16, or bfloat16 (stored as unsigned 16-bit integers with an attribute dtype = "bfloat16"),
 * little-endian. The caller frees both datas with rkv_free. RKV_NO_INPUT: cannot be opened. RKV_DATA: not
 * HDF5, damaged, or not that layout (docs/FORMATS.md). RKV_NO_MEMORY as above. */
RKV_API rkv_status rkv_kv_read(const char *path, rkv_kv_tensor *keys, rkv_kv_tensor *values);

/* What a method made of bare keys and values. */
typedef struct rkv_kv_report {
    size_t original_bytes;         /* of both tensors in their dtype */
    size_t compressed_bytes;       /* of keys and values as stored, scales and bases included */
    size_t n_kept;                 /* entries, over batch and heads */
    double key_error, value_error; /* ||restored - original||_F / ||original||_F over the entries kept */
    /* Wall time, the best of options.repeats. Compression: from the dtype to what is stored, choosing
     * entries, fitting bases and all allocations included. Restoration: from what is stored to the dtype,
     * into the restored tensors, or into memory of one head per thread where those are NULL. */
    double compress_s, restore_s;
    double compress_gb_s, restore_gb_s; /* original bytes over it, 10^9 bytes a second */
} rkv_kv_report;

typedef struct rkv_kv_options {
    const char *method; /* a specification; NULL: "full" */
    size_t budget;      /* entries kept per head, where the specification does not say; 0: none given */
    uint64_t seed;
    size_t repeats; /* 0: 1 */
    rkv_progress progress;
} rkv_kv_options;

/* Compresses keys and values of one shape and dtype, each head as if it were alone, and restores them: into
 * restored_keys and restored_values, where not NULL, of the same shape and dtype; entries that were evicted
 * come back as zeros, and numbers beyond what a form holds (65504 for int8, int4, f16) as its largest. Parts
 * of the specification work in the order written; without a representation entries are stored in their dtype.
 * RKV_USAGE: shapes or dtypes differ, a dimension is 0, the specification is wrong, a method has no budget,
 * or needs what bare tensors do not have (queries, tokens). RKV_DATA: a value is not finite (names tensor and
 * index). RKV_NO_MEMORY, RKV_CANCELLED. */
RKV_API rkv_status rkv_kv_compress(const rkv_kv_tensor *keys, const rkv_kv_tensor *values,
                                   const rkv_kv_options *options, rkv_kv_tensor *restored_keys,
                                   rkv_kv_tensor *restored_values, rkv_kv_report *report);

#ifdef __cplusplus
}
#endif
#endif
