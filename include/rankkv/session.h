/* session.h: running a model while a method holds its key/value cache to a budget.
 *
 *     rkv_session_options o = {.method = "snapkv+int8", .budget = 256};
 *     rkv_session *s = NULL;
 *     rkv_session_new(&s, model, &o);
 *     rkv_session_prefill(s, ids, n);                        the cache is compressed layer by layer
 *     rkv_session_generate(s, &(rkv_generate_options){.n_tokens = 100}, &text_ids);
 *     rkv_session_free(s);
 *
 * Every layer and KV head has its own list of entries: key, value, position of its token. Entries that a
 * method evicts are gone, and their memory is given back. A step is the prompt (step 0) or one token after
 * it: its entries are added, its queries attend to everything the cache then holds, and then the method
 * evicts. So attention sees `before` entries and the cache keeps `after` of them.
 *
 * L layers, H query heads, G key/value heads, T tokens, D head dimension. */
#ifndef RANKKV_SESSION_H
#define RANKKV_SESSION_H

#include <rankkv/budget.h>
#include <rankkv/compress.h>
#include <rankkv/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rkv_session rkv_session;

/* When entries are evicted. */
typedef enum rkv_hold {
    RKV_HOLD_ALWAYS, /* after every step: the cache never outgrows its budget */
    RKV_HOLD_PROMPT  /* once, after the prompt; new entries stay (the protocol of most papers) */
} rkv_hold;

/* How the scores of the query heads that share a KV head become one. */
typedef enum rkv_group_score { RKV_GROUP_MEAN, RKV_GROUP_MAX } rkv_group_score;

/* Which positions the rotation of keys and queries (RoPE) uses. */
typedef enum rkv_positions {
    RKV_POSITIONS_ORIGINAL, /* those of the text */
    RKV_POSITIONS_CACHE     /* places in the cache, re-assigned after each eviction (Xiao et al. 2024) */
} rkv_positions;

/* What one step did to one head's cache. */
typedef struct rkv_cache_event {
    size_t step;            /* 0: the prompt */
    size_t layer, head;     /* KV head */
    size_t before, after;   /* entries that attention saw; entries kept */
    size_t bytes;           /* that this head's cache holds afterwards, everything counted */
    const int32_t *evicted; /* [before - after] positions, ascending; borrowed for the call */
} rkv_cache_event;

/* Called after each step, for every layer and head in order, from the calling thread. A status other than
 * RKV_OK ends the step with it. */
typedef rkv_status (*rkv_cache_event_fn)(void *user, const rkv_cache_event *event);

typedef struct rkv_session_options {
    const char *method;   /* a specification (compress.h); NULL: "full" */
    const char *adaptive; /* instead: methods by length of text, "0:full,1024:window+int8" */
    /* At most one of the three; none: half of the prompt, or what the method always keeps where that is more.
     * Entries per KV head: */
    size_t budget;             /* the same for every head */
    double ratio;              /* of the prompt's tokens, rounded down; 0 < ratio <= 1 */
    const rkv_budget *budgets; /* per layer or per head, made for this model; borrowed, must outlive */
    rkv_hold hold;
    size_t interval; /* evict only every so many steps; 0: 1. The cache may outgrow its budget by it less 1 */
    rkv_group_score group_score;
    rkv_positions positions;
    uint64_t seed;               /* of methods that draw */
    bool verify;                 /* recount the cache after each step; a difference is RKV_ERROR */
    rkv_cache_event_fn on_event; /* may be NULL */
    void *user;                  /* handed to on_event */
    rkv_progress progress;
} rkv_session_options;

/* Opens a session on model, which must outlive it. Keys and values lie in the memory of the model's device,
 * where attention reads them and methods score them; positions, and what methods remember, in the host's,
 * where they choose.
 * RKV_USAGE: a wrong specification, a budget below what a method always keeps, a ratio outside 0..1.
 * RKV_DATA: budgets were made for another model (says what differs). RKV_UNAVAILABLE: a step asks for what
 * the device cannot do. */
RKV_API rkv_status rkv_session_new(rkv_session **out, rkv_model *model, const rkv_session_options *options);
RKV_API void rkv_session_free(rkv_session *session);

/* Reads the prompt ids [n], once per session: every layer's cache is compressed before the next layer runs.
 * Fails as rkv_prefill does; RKV_USAGE too when a budget turns out below what a method always keeps. */
RKV_API rkv_status rkv_session_prefill(rkv_session *session, const int32_t *ids, size_t n);

/* The same prompt into several sessions of one model at the price of one forward pass: what a method evicts
 * does not change the prompt's own attention. */
RKV_API rkv_status rkv_session_prefill_all(rkv_session *const *sessions, size_t n_sessions,
                                           const int32_t *ids, size_t n);

/* One more token. */
RKV_API rkv_status rkv_session_decode(rkv_session *session, int32_t id);

/* Logits [n_vocab] after the last step; borrowed, valid until the next. NULL before the prompt. */
RKV_API const float *rkv_session_logits(const rkv_session *session);

/* What the continuation ids [n] would cost: nll [n], in nats; nll[0] from the logits of the last step, the
 * others from one pass over the continuation, whose tokens attend to the cache and to one another and evict
 * nothing. The cache stays as it is. n >= 1. */
RKV_API rkv_status rkv_session_losses(rkv_session *session, const int32_t *ids, size_t n, double *nll);

/* What the model foresees along the continuation ids [n]: logits [n, n_vocab], row i of ids[i], after the
 * cache and ids [0, i). Row 0 is rkv_session_logits; the others come from one pass over the first n - 1
 * tokens, on the terms of rkv_session_losses; ids[n - 1] itself changes nothing. The cache stays as it is. n
 * >= 1. It is what decoding them one by one would say, up to rounding, as long as that evicts nothing and
 * fills no group of int8 or int4 by channel, which the whole pass sees encoded. */
RKV_API rkv_status rkv_session_foresee(rkv_session *session, const int32_t *ids, size_t n, float *logits);

/* ---- generating ---- */

typedef struct rkv_generate_options {
    size_t n_tokens;    /* at most so many new ones */
    double temperature; /* 0: the likeliest token always */
    size_t top_k;       /* draw among the k likeliest; 0: all */
    double top_p;       /* draw among the likeliest that hold this much probability; 0 or 1: all */
    uint64_t seed;
    bool ignore_end; /* go on after the model's end-of-text token */
    /* Called with each new token; may be NULL. A status other than RKV_OK ends the generation with it. */
    rkv_status (*on_token)(void *user, int32_t id);
    void *user;
} rkv_generate_options;

typedef struct rkv_generation {
    int32_t *ids; /* [n] new tokens, the end-of-text token included; freed by rkv_free */
    size_t n;
    double first_s;  /* from the call to the first token: drawing alone, the prompt being read */
    double decode_s; /* the n - 1 steps after it */
    bool ended;      /* the model said end-of-text */
} rkv_generation;

/* Generates after the prompt. The last token is drawn, not read: the cache holds the n - 1 before it. */
RKV_API rkv_status rkv_session_generate(rkv_session *session, const rkv_generate_options *options,
                                        rkv_generation *out);

/* Draws the next token from logits [n]; ties go to the lowest id. random is the state of the generator
 * (options->seed at first). RKV_USAGE: an option out of range; RKV_DATA: no logit is finite. */
RKV_API rkv_status rkv_sample(const float *logits, size_t n, const rkv_generate_options *options,
                              uint64_t *random, int32_t *id);

/* ---- what the cache holds ---- */

typedef struct rkv_cache_stats {
    size_t n_tokens;        /* of the text so far */
    size_t n_entries;       /* over all layers and KV heads */
    size_t longest;         /* entries of the longest head */
    size_t allocated_bytes; /* that the cache's allocators hold, the device's and the host's: keys, values,
                               positions, scores */
    size_t kv_bytes;        /* of these, keys and values (scales, zero points and bases included) */
    size_t state_bytes;     /* of these, what methods keep to score with */
    size_t peak_bytes;      /* the most that allocated_bytes was */
    size_t full_bytes_16;   /* keys and values of every token at 16 bits: what an ordinary cache takes */
    double prefill_s;       /* the forward pass of the prompt, compression included */
    double compress_s; /* of that and of all steps since, choosing and encoding; what a GPU does of it beside
                          the host's work is not in it */
} rkv_cache_stats;

RKV_API rkv_status rkv_session_get_stats(const rkv_session *session, rkv_cache_stats *out);

/* What this process has of a GPU's memory at the moment of a session's life when it has most of it, the
 * driver's share and that of the libraries' code left out, as in rkv_memory_needs. On the CPU: what the
 * session takes of the host's, beyond what this process has already. */
typedef struct rkv_session_needs {
    size_t needed_bytes;
    size_t free_bytes; /* of that memory what is free, on a GPU or this process's already; 0: unknown */
    /* What needed_bytes is made of: what this process has already, which on the CPU is not counted; weights
     * as the device keeps them; keys and values, on the CPU with host_bytes; activations; what operations
     * take while they run, which on the CPU is not counted. */
    size_t held_bytes, weights_bytes, cache_bytes, activations_bytes, workspace_bytes;
    size_t host_bytes;     /* in the host's memory beside a device's: positions, what methods score with */
    bool resident;         /* weights stay, or are loaded layer by layer */
    char device[64];       /* "cuda:0 NAME", "cpu" */
    rkv_cache_stats cache; /* as rkv_session_get_stats would say at the end; no times */
} rkv_session_needs;

/* The needs of a session that reads ids [n] and makes n_new tokens after it: the same steps are taken on a
 * device that only counts, with noise for numbers. A method that keeps as much as it finds in them finds as
 * much there as anywhere, but for chance. options' progress is told, and may end it. Fails as rkv_session_new
 * and rkv_session_prefill, for the same reasons; RKV_UNAVAILABLE: this device is not foretold. */
RKV_API rkv_status rkv_session_foretell(rkv_session_needs *out, rkv_model *model,
                                        const rkv_session_options *options, const int32_t *ids, size_t n,
                                        size_t n_new);

/* One head's cache; borrowed, valid until the next step. */
typedef struct rkv_head_cache {
    size_t n;        /* entries */
    size_t bytes;    /* everything counted */
    size_t kv_bytes; /* keys and values */
    size_t budget;   /* entries that it may keep, before a method shares it anew; SIZE_MAX: any number */
    const int32_t *positions; /* [n], ascending */
    char note[96];            /* what the method says of it ("special punctuation frequency"); "" for most */
} rkv_head_cache;

RKV_API rkv_status rkv_session_get_head(const rkv_session *session, size_t layer, size_t head,
                                        rkv_head_cache *out);

/* The entries of a head as attention sees them, decoded to float32: keys and values [n, D], either may be
 * NULL. */
RKV_API rkv_status rkv_session_read_head(const rkv_session *session, size_t layer, size_t head, float *keys,
                                         float *values);

/* ---- a trace of the cache ---- */

/* One event as a line of JSON, docs/FORMATS.md; the caller frees *line with rkv_free. */
RKV_API rkv_status rkv_cache_event_to_json(const rkv_cache_event *event, char **line);

/* A file of such lines, written as the events come and in place once it is finished; RKV_CANNOT_CREATE.
 * rkv_cache_trace_finish frees the trace, whether or not it succeeds; rkv_cache_trace_abandon frees it and
 * leaves no file. RKV_IO: the disk is full. */
typedef struct rkv_cache_trace rkv_cache_trace;
RKV_API rkv_status rkv_cache_trace_create(rkv_cache_trace **out, const char *path);
RKV_API rkv_status rkv_cache_trace_write(rkv_cache_trace *trace, const rkv_cache_event *event);
RKV_API rkv_status rkv_cache_trace_finish(rkv_cache_trace *trace);
RKV_API void rkv_cache_trace_abandon(rkv_cache_trace *trace);

#ifdef __cplusplus
}
#endif
#endif
