/* backend.h: a device as a struct of functions. The CPU's plain loops are the specification; every other
 * device is held to them by the same tests.
 *
 * Pointers called `device` memory come from alloc and belong to the device; the CPU's are ordinary memory.
 * Matrices are row-major float32. L layers, H query heads, G key/value heads, T tokens, D head dimension, E
 * embedding width, F feed-forward width. */
#ifndef RKV_BACKEND_BACKEND_H
#define RKV_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include <rankkv/analysis.h>
#include <rankkv/device.h>

#include "backend/rows.h"

typedef struct rkv_backend rkv_backend;

/* A product takes rows of a matrix from a multiple of this. */
#define RKV_MATRIX_STEP ((size_t)64)

/* A copy to the host beside the work, and the host memory that it goes to. */
typedef struct rkv_download rkv_download;

/* Which values of a head vector a rotation pairs: (0,1),(2,3).. or (0,D/2),(1,D/2+1).. */
typedef enum rkv_rope_pairing { RKV_ROPE_ADJACENT, RKV_ROPE_HALVES } rkv_rope_pairing;

/* The shape of one layer's attention. */
typedef struct rkv_attention_shape {
    size_t n_tokens, n_heads, n_kv_heads, head_dim; /* T, H, G, D */
} rkv_attention_shape;

/* The attention that each key receives: columns of the softmax summed, over all queries and over those at
 * least `distance` tokens after the key. Either is [H,T] in host memory, or NULL: not wanted. */
typedef struct rkv_attention_sums {
    float *all, *far;
    size_t distance;
} rkv_attention_sums;

/* Singular values of a batch of matrices of one shape, and the effective ranks that follow. */
typedef struct rkv_singular_task {
    const float *matrices; /* [n, rows, cols] device memory */
    size_t n, rows, cols;
    bool lower_triangular; /* zeros above the diagonal may be skipped; rows = cols */
    rkv_solver solver;
    double *sigma;           /* out [n, min(rows, cols)] host, descending */
    double *erank;           /* out [n] host, as rkv_effective_rank_of_sigma has it; may be NULL */
    unsigned char *svd_used; /* out [n] host: 1 where an SVD made them; may be NULL */
} rkv_singular_task;

/* Forms in which weights may be read as they lie in a model file: little-endian blocks, in GGUF's layout
 * (weight_block.h). */
typedef enum rkv_weight_form {
    RKV_WEIGHT_OTHER, /* they may not: decode them */
    RKV_WEIGHT_F32,
    RKV_WEIGHT_F16,
    RKV_WEIGHT_BF16,
    RKV_WEIGHT_Q4_0,
    RKV_WEIGHT_Q4_1,
    RKV_WEIGHT_Q8_0,
    RKV_WEIGHT_FORM_COUNT
} rkv_weight_form;

/* Weights [n, k] in device memory. Every backend's own begin with this. */
typedef struct rkv_matrix {
    rkv_weight_form form; /* in which rows are put */
    size_t n, k;
} rkv_matrix;

/* A matrix [rows, k] of weights in a file: wherever those lie (for the CPU, in its mapping), at any address.
 */
typedef struct rkv_file_matrix {
    rkv_weight_form form; /* not RKV_WEIGHT_OTHER */
    const void *data;
    size_t rows;
} rkv_file_matrix;

/* Rows of one list, and their coordinates on an orthonormal basis. Device memory. */
typedef struct rkv_basis_rows {
    const float *basis;  /* [rank, D] */
    size_t rank, stride; /* numbers of a row of coordinates, and floats from one to the next */
    const float *from;
    float *to;
    size_t n; /* rows */
} rkv_basis_rows;

/* One KV head's cache as attention reads it, n entries; the last of them are the new tokens'. */
typedef struct rkv_cached_head {
    const rkv_rows *keys, *values; /* n rows each, of rows_new */
    /* [width of the rows, D] or NULL: an entry is its row times the basis; NULL: rows are D wide. */
    const float *key_basis, *value_basis;
    float *sums; /* [H/G, n] host memory, is increased by the attention that each entry receives; NULL: not
                    wanted */
} rkv_cached_head;

/* Attention of m new tokens over caches whose heads differ in length. Pointers but for sums are device
 * memory; `heads` itself is the host's. */
typedef struct rkv_cached_attention {
    rkv_attention_shape shape;    /* n_tokens = m */
    const float *q;               /* [H, m, D] */
    const rkv_cached_head *heads; /* [G]; every n >= m: query i sees entries 0 .. n - m + i */
    /* NULL: queries and keys are rotated already. Else [longest n, D/2, 2]: they are not, and each is rotated
     * by its place in the head's list: key j by rotation[j], query i by rotation[n - m + i]. */
    const float *rotation;
    rkv_rope_pairing pairing;
    float *out; /* [m, H D] */
} rkv_cached_attention;

/* ---- what selections score entries with ---- */

/* Keys or values of one head, as selections see them. */
typedef struct rkv_head_rows {
    const float *rows; /* [n, D] device memory */
    size_t n;
} rkv_head_rows;

/* What the newest tokens' queries look at. */
typedef struct rkv_attention_means {
    size_t n_heads, n_kv_heads, head_dim; /* H, G, D */
    const float *q;                       /* [H, m, D] host memory */
    const int32_t *query_position;        /* [m] host */
    size_t m;
    const rkv_head_rows *keys;       /* [G] */
    const int32_t *const *positions; /* [G] -> [n] host */
    /* out [H] -> [n] host: the mean over the queries of softmax(q k^T / sqrt(D)), each query over the keys
     * whose position is at most its own; one that sees none gives nothing to any. */
    float *const *means;
} rkv_attention_means;

/* How much of the attention of one KV head's queries goes to some of its keys. */
typedef struct rkv_kept_attention {
    size_t each, m, head_dim;      /* H/G, queries of a query head, D */
    const float *q;                /* [H/G, m, D] device memory */
    const int32_t *query_position; /* [m] host, ascending */
    rkv_head_rows keys;
    const int32_t *position; /* [n] host, ascending */
    const uint8_t *kept;     /* [n] host: not 0: for every query */
    size_t window;           /* for each query also the newest of the keys that it sees */
} rkv_kept_attention;

/* What queries that are normal, N(mean, squares), are expected to look at, before the softmax. */
typedef struct rkv_expected_logits {
    size_t n_heads, n_kv_heads, head_dim; /* H, G, D */
    const float *mean;                    /* [H, D] host memory */
    const float *squares;                 /* [H, D, D] host, symmetric; NULL: zeros */
    const rkv_head_rows *keys;            /* [G] */
    float *const *logits;                 /* out [H] -> [n] host: k (mean + squares k) */
} rkv_expected_logits;

/* How queries are spread before their rotation. */
typedef struct rkv_query_moments {
    size_t n_heads, head_dim; /* H, D */
    const float *q;           /* [H, m, D] device memory */
    size_t m, skip;           /* the first `skip` of each head, less than m, are left out */
    /* [D/2] host, radians per position: query i was turned by position first + i and is turned back; D is
     * even. NULL: it was not turned. */
    const double *frequency;
    int64_t first;
    rkv_rope_pairing pairing;
    float *mean;    /* out [H, D] host */
    float *squares; /* out [H, D, D] host: the sum of (q - mean) (q - mean)^T; NULL: not wanted */
} rkv_query_moments;

/* Rows that share how they are turned: to [each, n, D] = from [each, n, D], row i by by[i] positions. */
typedef struct rkv_turned_rows {
    const float *from; /* device memory */
    float *to;         /* likewise: `from` itself, or apart from it */
    size_t each, n;
    const int32_t *by; /* [n] host; NULL: row i by i positions */
} rkv_turned_rows;

/* Rows turned as positions turn keys and queries (Su et al. 2021): pair i by so many times frequency[i]. */
typedef struct rkv_turning {
    const rkv_turned_rows *lists; /* [n_lists] host */
    size_t n_lists, head_dim;     /* D; of an odd one the last number is in no pair */
    const double *frequency;      /* [D/2] host, radians per position */
    rkv_rope_pairing pairing;
    bool back; /* the other way round */
} rkv_turning;

/* Metrics of attention rows, one value per head; formulas in docs/METHODS.md. */
typedef struct rkv_row_metrics {
    double row_perplexity, keys_95, sink_4, local_32, long_256, ind1;
    double squared_norm; /* ||A||_F^2 */
    bool finite;         /* every element is in [0, 1] and no NaN; else the values mean nothing */
} rkv_row_metrics;

/* Bytes of device memory at the moment when this process had most of it in use. */
typedef struct rkv_memory_use {
    size_t peak; /* 0: unknown */
    /* In use now on the whole device, by whomever; 0: unknown. What the device's driver and the code of its
     * libraries take of it is here alone: nobody can count it before. */
    size_t device;
    /* What the peak was made of; a rehearsal alone knows. */
    size_t held; /* before it began: what libraries work in since the device was opened, all else of ours */
    size_t weights;    /* of matrix_new */
    size_t tensors;    /* of alloc */
    size_t rows;       /* of rows_new's lists */
    size_t workspaces; /* what operations took while they ran */
} rkv_memory_use;

typedef struct rkv_backend_ops {
    const char *name;      /* "cpu", "cuda" */
    unsigned weight_forms; /* bit F: matrices hold rows of form F as they lie in a file */
    void (*close)(rkv_backend *backend);

    /* Bytes of device memory that are free; 0: unknown. */
    size_t (*memory_available)(rkv_backend *backend);
    /* The most of it that was in use at once since the backend was opened, by this process; of a rehearsal
     * what that would be. */
    void (*memory_use)(rkv_backend *backend, rkv_memory_use *out);
    /* Another backend that stands for this one before the work: it allocates, asks for workspaces and makes
     * batches as this one would with the memory that is free now, but only counts, and computes nothing: what
     * it hands to the host is zeros, or noise where methods look at it, and ranks are those of a matrix of
     * rank 1. It never lacks memory: whether memory_use is more than is free, who asks sees. Closed before
     * this one. NULL: not on this device. */
    rkv_status (*rehearse)(rkv_backend *backend, rkv_backend **out);
    /* Operations may return before their work is done, unless they hand something to the host: this returns
     * after it, with the failure of what failed meanwhile. */
    rkv_status (*wait)(rkv_backend *backend);
    /* Products of float32 numbers from now on; those of a few tokens may stay float32's. RKV_UNAVAILABLE: not
     * on this device. */
    rkv_status (*set_precision)(rkv_backend *backend, rkv_precision precision);

    /* n floats of device memory, not zeroed. */
    rkv_status (*alloc)(rkv_backend *backend, float **out, size_t n);
    void (*release)(rkv_backend *backend, float *memory);
    rkv_status (*upload)(rkv_backend *backend, float *device, const float *host, size_t n);
    rkv_status (*download)(rkv_backend *backend, float *host, const float *device, size_t n);

    /* memory [n] = source [n] of another backend of this kind, on whichever device. It is copied as the work
     * queued so far on `from` leaves it; what is queued later, on either, comes after the copy. One thread at
     * a time uses the two. NULL where there are no helpers. */
    rkv_status (*receive)(rkv_backend *backend, float *memory, rkv_backend *from, const float *source,
                          size_t n);
    /* Room for a copy of at most n numbers. Freed, once the copy has arrived, before what it copies. All five
     * are NULL where device memory is ordinary memory. */
    rkv_status (*download_new)(rkv_backend *backend, size_t n, rkv_download **out);
    void (*download_free)(rkv_backend *backend, rkv_download *download);
    /* Begins to copy device [n], as the work queued so far leaves it, and returns. */
    rkv_status (*download_begin)(rkv_backend *backend, rkv_download *download, const float *device, size_t n);
    /* From now on work may be queued that writes over what is copied: it waits for the copy, on the device.
     */
    rkv_status (*download_yield)(rkv_backend *backend, rkv_download *download);
    /* Returns when the copy is there: *host [n], valid until the room is used again or freed. */
    rkv_status (*download_end)(rkv_backend *backend, rkv_download *download, const float **host);

    /* y [T,E] = x / sqrt(mean(x^2) + eps) * weight [E], row by row (Zhang and Sennrich 2019). */
    rkv_status (*rms_norm)(rkv_backend *backend, const float *x, const float *weight, size_t n_tokens,
                           size_t width, float eps, float *y);
    /* Weights [n, k] in a form of weight_forms, of whose blocks k is a multiple, or in RKV_WEIGHT_F32, which
     * every backend knows. matrix_put fills rows [first, first + rows) from host memory that holds them in
     * this form, at any address when it is one of weight_forms; it may be called from several threads for
     * different rows. */
    rkv_status (*matrix_new)(rkv_backend *backend, rkv_weight_form form, size_t n, size_t k,
                             rkv_matrix **out);
    rkv_status (*matrix_put)(rkv_backend *backend, rkv_matrix *matrix, size_t first, size_t rows,
                             const void *host);
    void (*matrix_free)(rkv_backend *backend, rkv_matrix *matrix);
    /* y [m, rows] = x [m, k] w^T + (accumulate ? y : 0), w the rows [first, first + rows) of matrix; first is
     * a multiple of RKV_MATRIX_STEP. Weights are used as the float32 numbers that they decode to; how they
     * are summed depends on the shape and the form alone. */
    rkv_status (*matmul)(rkv_backend *backend, const float *x, size_t m, const rkv_matrix *matrix,
                         size_t first, size_t rows, bool accumulate, float *y);
    /* y [rows of all parts] = w x [k] + (accumulate ? y : 0), w the matrices part [n] one below the other, k
     * a multiple of their blocks. Weights are used as the float32 numbers that they decode to, up to the
     * order of sums, and x may be off by up to 5.1 2^-24 of the largest of the block of 32 numbers that it is
     * in (cpu_matvec_vnni.c); the result does not depend on the number of threads. NULL: this device cannot.
     */
    rkv_status (*matvec)(rkv_backend *backend, const float *x, size_t k, const rkv_file_matrix *part,
                         size_t n, bool accumulate, float *y);
    /* Splits qkv [T, (H+2G) D] (+ bias [(H+2G) D] unless NULL) into q [H,T,D], k [G,T,D], v [G,T,D] and
     * rotates q and k (Su et al. 2021): the pair i of a head at position t by the angle whose cosine and sine
     * are rotation [T, D/2, 2]. */
    rkv_status (*split_rotate)(rkv_backend *backend, const float *qkv, const float *bias,
                               const float *rotation, rkv_rope_pairing pairing,
                               const rkv_attention_shape *shape, float *q, float *k, float *v);
    /* out [T, H D] = softmax(q k^T / sqrt(D), causal) v; query head h reads key/value head h G / H. attention
     * [H,T,T], unless NULL, takes the softmax, zeros above the diagonal; sums, unless NULL, those of its
     * columns. Neither depends on the number of threads. */
    rkv_status (*attention)(rkv_backend *backend, const float *q, const float *k, const float *v,
                            const rkv_attention_shape *shape, float *attention,
                            const rkv_attention_sums *sums, float *out);
    /* An empty list of rows (rows.h) in device memory: a cache's keys or values, where attend_cached reads
     * them. rkv_rows_free frees it, before the device is closed. */
    rkv_status (*rows_new)(rkv_backend *backend, const rkv_row_format *format, size_t width, rkv_rows **out);
    /* The same over cached keys and values. RKV_UNAVAILABLE: heads too wide for this device. */
    rkv_status (*attend_cached)(rkv_backend *backend, const rkv_cached_attention *task);
    /* Of some lists at once, such as all of a layer: coordinates to [n, rank] = from [n, width] basis^T.
     * Where device memory is the host's, both may be called from several threads at once. */
    rkv_status (*project)(rkv_backend *backend, const rkv_basis_rows *lists, size_t n_lists, size_t width);
    /* And back: to [n, width] = from [n, rank] basis. */
    rkv_status (*expand)(rkv_backend *backend, const rkv_basis_rows *lists, size_t n_lists, size_t width);
    /* What selections score entries with: of all heads of a layer at once, rows in device memory, results in
     * the host's. RKV_UNAVAILABLE: rows too wide for this device.
     * norms [n_heads] -> [n]: ||row||_2, summed in float64. */
    rkv_status (*row_norms)(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads, size_t width,
                            double *const *norms);
    /* cosines [n_heads] -> [n]: between a row x_i and the head's mean of x_j / ||x_j||, in float64; 0 where
     * one of the two is zero, and a zero row counts as zero in the mean. */
    rkv_status (*mean_cosines)(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads, size_t width,
                               float *const *cosines);
    rkv_status (*attention_means)(rkv_backend *backend, const rkv_attention_means *task);
    rkv_status (*expected_logits)(rkv_backend *backend, const rkv_expected_logits *task);
    rkv_status (*query_moments)(rkv_backend *backend, const rkv_query_moments *task);
    /* gram [n_lists] -> [width, width] host: the upper triangle of rows^T rows, in float64, where products of
     * float32 numbers are exact; what is below the diagonal means nothing. A row with a number that is not
     * finite leaves one on the diagonal. Where device memory is the host's, it may be called from several
     * threads at once. */
    rkv_status (*gram)(rkv_backend *backend, const rkv_head_rows *lists, size_t n_lists, size_t width,
                       double *const *gram);
    /* to [n, width] = the rows index [n], ascending, in host memory, of from; `to` is not `from`. */
    rkv_status (*gather)(rkv_backend *backend, const float *from, size_t width, const uint32_t *index,
                         size_t n, float *to);
    /* With a pair's angle and its cosine and sine in float64, and those rounded to float32: a number is
     * within 3 2^-24 r, r the length of its pair, of the pair turned by the angle, which is itself off by
     * 2^-53 of its size: up to position 2^20 by 2^-33 of a radian and less. Where device memory is the
     * host's, it may be called from several threads at once. */
    rkv_status (*turn)(rkv_backend *backend, const rkv_turning *task);
    /* *sum = over all queries, what softmax(q k^T / sqrt(D)), each query over the keys whose position is at
     * most its own, gives to those that are kept for it; in float64, block by block of queries. */
    rkv_status (*kept_attention)(rkv_backend *backend, const rkv_kept_attention *task, double *sum);
    /* y [T,F] = silu(x[:, 0..F)) * x[:, F..2F), x [T, 2F]; silu(a) = a / (1 + exp(-a)) (Shazeer 2020). */
    rkv_status (*swiglu)(rkv_backend *backend, const float *x, size_t n_tokens, size_t width, float *y);
    /* One chunk of the vocabulary in a log-sum-exp over logits [T, n]: folds it into running maximum and sum
     * [T], and takes target[t]'s logit when first <= target[t] < first + n (target -1: none). Host arrays but
     * logits. */
    rkv_status (*fold_logits)(rkv_backend *backend, const float *logits, size_t n_tokens, size_t n,
                              size_t first, const int32_t *target, double *maximum, double *sum,
                              double *target_logit);

    rkv_status (*singular_values)(rkv_backend *backend, const rkv_singular_task *task);
    /* metrics [H] of attention [H,T,T]; ids [T] for ind1 (NULL: NaN). */
    rkv_status (*row_metrics)(rkv_backend *backend, const float *attention, size_t n_heads, size_t n_tokens,
                              const int32_t *ids, rkv_row_metrics *metrics);
    /* mean [T,T] of attention [H,T,T] over heads. */
    rkv_status (*head_mean)(rkv_backend *backend, const float *attention, size_t n_heads, size_t n_tokens,
                            float *mean);
} rkv_backend_ops;

/* Every backend begins with this. */
struct rkv_backend {
    const rkv_backend_ops *ops;
    bool host_memory;        /* device memory is ordinary memory: results need no download */
    bool rehearses;          /* nothing is computed: what is uploaded need not be made */
    size_t matrices_at_once; /* so many keep singular_values busy, where a layer's heads may be too few; else
                                0 */
    char description[128];   /* "cpu: 2 threads, ..." */
    char device[64];         /* "cpu", "cuda:0 NVIDIA H200", "cuda:0,1 NVIDIA H200" */
    char others[48];         /* ",1": the devices beside its own that device names */
    /* Where several devices were asked for together: a backend for each, its own device among them, for work
     * beside this one's. Each may be used by a thread of its own; closed with this one. A rehearsal's is
     * itself a rehearsal, whose memory counts as this one's, and is used by the same thread. */
    rkv_backend **helpers; /* [n_helpers] */
    size_t n_helpers;
};

/* Opens "auto" (or NULL), "cpu", "cuda", "cuda:N" or "cuda:N,N,...". RKV_UNAVAILABLE says why it is not
 * there; RKV_USAGE: no such name. */
rkv_status rkv_backend_open(rkv_backend **out, const char *device);
void rkv_backend_close(rkv_backend *backend);

/* The CPU backend (backend/cpu.c). */
rkv_status rkv_cpu_open(rkv_backend **out);
/* One that stands for it before the work, as `rehearse` has it, for forward passes and caches: the host's
 * memory is counted for weights, caches and activations, not for what operations take while they run; the
 * activations it takes. Closed before the other. */
rkv_status rkv_cpu_rehearse(rkv_backend *cpu, rkv_backend **out);

#endif
