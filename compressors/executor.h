/* executor.h: the inside of an rkv_session.
 *
 *     session.c    opening, closing, what it holds    budgets.c       how many entries each head may keep
 *     prefill.c    the pass over the prompt           prompt.c        a layer of the prompt becomes cache
 *     decode.c     one more token                     continuation.c  losses and logits; nothing is kept
 *     steps.c      what those three share             evict.c         which stages evict, and when
 *     generate.c   tokens, one after the other        verify.c        the recount
 *
 * How a layer's entries go through the stages of a pipeline: work.h. */
#ifndef RKV_COMPRESSORS_EXECUTOR_H
#define RKV_COMPRESSORS_EXECUTOR_H

#include "compressors/work.h"
#include "model/forward.h"

/* One layer's cache. */
typedef struct rkv_layer_cache {
    rkv_entries *heads; /* [G] */
    float **states;     /* [stages of all phases] what each method remembers; NULL: nothing */
} rkv_layer_cache;

/* A stage of a phase, with its place among the stages of all phases. */
typedef struct rkv_stage_ref {
    const rkv_stage *stage;
    size_t index;
} rkv_stage_ref;

struct rkv_session {
    rkv_model *model;
    rkv_session_options options; /* its strings are not used after opening */
    rkv_attention_shape shape;   /* of the model; n_tokens 1 */
    rkv_schedule schedule;
    size_t phase;            /* of the schedule */
    size_t n_stages;         /* of all phases */
    rkv_layer_cache *layers; /* [L] */
    size_t *budgets;         /* [L, G] entries that each head may keep; SIZE_MAX: any number */
    size_t **plans;       /* [n_stages] each [L]: a stage's own budget, as its method spreads it, or NULL */
    rkv_forward *forward; /* for one token */
    uint8_t *kinds;       /* [n_vocab] what each token is; NULL unless needed */
    uint8_t *tokens;      /* [n_seen] what the text's tokens are, likewise */
    size_t tokens_capacity;
    float *rotation; /* [rotation_places, D/2, 2] by place in the cache, device memory; NULL with original
                        positions */
    size_t rotation_places;
    float *logits;      /* [n_vocab]; NULL before the prompt */
    size_t n_prompt;    /* tokens of the prompt that budgets were made for; 0: none yet */
    size_t n_seen;      /* tokens of the text so far */
    size_t step;        /* of the next event */
    bool changes_phase; /* in the step at hand */
    bool failed;        /* a step was left half done */
    size_t allocated_bytes, peak_bytes;
    double prefill_s, compress_s;
};

size_t rkv_session_layers(const rkv_session *s);

/* ---- budgets.c ---- */

/* What options say before the prompt is known: RKV_USAGE, RKV_DATA as rkv_session_new. */
rkv_status rkv_session_check_budgets(rkv_session *s);
/* Fills s->budgets for a prompt of n tokens. */
rkv_status rkv_session_make_budgets(rkv_session *s, size_t n);
/* Entries that a stage may keep of head g of a layer: its own budget, or the session's. SIZE_MAX: any number.
 */
size_t rkv_stage_budget(const rkv_session *s, rkv_stage_ref ref, size_t layer, size_t g);
/* The most entries that head g may hold now: the tightest selection in force; SIZE_MAX where none says.
 * *shared: a method shares budgets between heads, so that only the layer's sum is bound. */
size_t rkv_head_limit(const rkv_session *s, size_t layer, size_t g, bool *shared);

/* ---- steps.c ---- */

/* Whether the session may take a step after its prompt, or has not read one yet. A step that fails half-way
 * leaves layers of different length: the session can then only be freed. */
rkv_status rkv_session_check_usable(const rkv_session *s, bool has_prompt);
/* The phase for a text of n tokens; true when it is another than before. */
bool rkv_session_enter_phase(rkv_session *s, size_t n);
/* RKV_USAGE: an id of ids [n] is outside the vocabulary. */
rkv_status rkv_session_check_ids(const rkv_session *s, const int32_t *ids, size_t n);
/* Adds ids [n] to the text. */
rkv_status rkv_session_read_tokens(rkv_session *s, const int32_t *ids, size_t n);
/* Whether anybody wants to know what a step evicted. */
bool rkv_session_wants_record(const rkv_session *s);

/* Rotations for as many places in the cache as there are once every head has n entries more. */
rkv_status rkv_session_make_rotation(rkv_session *s, size_t n);
/* Adds the m new tokens, device memory, to every head [G], at the positions from `first` on. */
rkv_status rkv_layer_append(rkv_entries *heads, const rkv_projection *p, int64_t first);
/* Attention of the m newest entries' queries: out [m, H D], device memory. sums: entries take note of what
 * they receive. */
rkv_status rkv_layer_attend(const rkv_session *s, const rkv_entries *heads, const rkv_projection *p,
                            bool sums, float *out);

/* ---- continuation.c ---- */

/* The attention of tokens that come after what the session has read, to its cache and to one another: out [n,
 * H D], device memory. The cache stays as it is. */
rkv_status rkv_session_attend_copy(const rkv_session *s, const rkv_projection *p, float *out);

/* ---- evict.c ---- */

/* The pipeline in force, and the place of its first stage among those of all phases. */
const rkv_pipeline *rkv_session_pipeline(const rkv_session *s, size_t *first_stage);
/* Whether the pipeline evicts at this step. */
bool rkv_session_evicts(const rkv_session *s);
/* Whether nothing is evicted after the prompt, ever. */
bool rkv_session_is_settled(const rkv_session *s);

/* The pipeline in force on a layer that w holds. reforms: as rkv_work_run. */
rkv_status rkv_layer_run(rkv_session *s, rkv_work *w, bool reforms);
/* The same on the entries that are cached, in their form already. */
rkv_status rkv_layer_evict(rkv_session *s, size_t layer);
/* Brings a layer's entries under the pipeline in force, after another was. */
rkv_status rkv_layer_change_phase(rkv_session *s, size_t layer);

/* Whether a selection has nothing to do with a layer, now: it keeps all, or skips it. */
bool rkv_stage_leaves_alone(const rkv_session *s, const rkv_stage *stage, size_t layer);

/* Whether a method that is in force, or will be, looks at new queries. */
bool rkv_session_observes(const rkv_session *s);
/* Shows them to those methods. */
rkv_status rkv_layer_observe(rkv_session *s, size_t layer, const rkv_observation *new_queries);

/* A view of a layer with no heads in it yet. */
rkv_layer_view rkv_layer_view_new(rkv_session *s, size_t layer, const rkv_observation *prompt);

/* ---- prompt.c ---- */

/* At which numbers of a layer of n tokens the session looks: RKV_NEEDS_QUERIES, RKV_NEEDS_KEYS (and values),
 * both or neither. */
unsigned rkv_layer_looks(const rkv_session *s, size_t layer, size_t n);
/* Makes a layer of the prompt into cache, q and k rotated; sums that no method of any session needs are NULL.
 */
rkv_status rkv_layer_take_prompt(rkv_session *s, const rkv_projection *p, const rkv_attention_sums *sums);

/* ---- accounting: session.c, verify.c ---- */

/* Frees what methods remember, but for what they say of it, when nothing more will be evicted. */
void rkv_session_drop_states(rkv_session *s);

/* Counts what a layer's cache gained or lost since it held `before` bytes. */
size_t rkv_layer_bytes(const rkv_session *s, size_t layer);
void rkv_session_account(rkv_session *s, size_t before, size_t after);

/* Lengths and positions of a layer's heads before a step's evictions, when an event function or the recount
 * wants to know what went. */
typedef struct rkv_layer_record {
    int32_t **positions; /* [G] each [n] */
    size_t *n;           /* [G] */
} rkv_layer_record;

rkv_status rkv_layer_record_take(const rkv_session *s, size_t layer, rkv_layer_record *out);
/* The record of a prompt of n tokens, before any of them is cached. */
rkv_status rkv_layer_record_prompt(const rkv_session *s, size_t n, rkv_layer_record *out);
void rkv_layer_record_clear(const rkv_session *s, rkv_layer_record *record);
/* Compares it with what is there: the recount when options.verify, then the events. */
rkv_status rkv_layer_report(const rkv_session *s, size_t layer, const rkv_layer_record *record);
/* After all layers: allocated bytes counted anew against the running count. */
rkv_status rkv_session_verify_bytes(const rkv_session *s);

#endif
