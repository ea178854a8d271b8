/* eval.h: what methods and budgets cost, measured: windows of text, questions asked of the cache that is
 * left, a grid of methods x budgets x sizes, and statistics over the windows.
 *
 * A window is a context and one or more questions. For every setting of the grid the context is read once
 * (one forward pass for many settings), its cache compressed, and every question answered from what is left.
 *
 * L layers, G key/value heads, T tokens of the context. */
#ifndef RANKKV_EVAL_H
#define RANKKV_EVAL_H

#include <rankkv/budget.h>
#include <rankkv/report.h>
#include <rankkv/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- texts ---- */

/* A text that windows are cut from; windows never reach from one document into the next. */
typedef struct rkv_document {
    char *name;    /* its file without folder and ending, "emma"; of JSON lines "pg19:17", or what they say */
    char *text;    /* [length] UTF-8, and a NUL after it */
    size_t length; /* bytes; 0 where a line says so */
} rkv_document;

/* Plain data, freed whole by rkv_corpus_clear. Start from {0}. */
typedef struct rkv_corpus {
    rkv_document *items; /* [n] */
    size_t n, capacity;
} rkv_corpus;
RKV_API void rkv_corpus_clear(rkv_corpus *corpus);

/* Adds the documents of a file ("-": standard input) of at most 1 GiB, or fails and leaves the corpus as it
 * was. A file whose name ends in ".jsonl" or ".ndjson" has one JSON object a line, each a document: its
 * member "text", and "name" if it has one; empty lines are passed over. Any other file is one document of
 * UTF-8 text (a byte order mark is left out). RKV_NO_INPUT; RKV_DATA: empty, not UTF-8, a line that is no
 * such object (the line is named), more than 2^20 documents. */
RKV_API rkv_status rkv_corpus_load(rkv_corpus *corpus, const char *path);

/* ---- windows ---- */

/* What a question asks. */
#define RKV_TASK_LIST(X)                                                                                     \
    X(RKV_TASK_NATURAL, "natural", "the text that follows the context")                                      \
    X(RKV_TASK_COPY, "copy", "a passage of the context, once more")                                          \
    X(RKV_TASK_PASSKEY, "passkey", "a number hidden in the context")                                         \
    X(RKV_TASK_RECALL, "recall", "the values of keys that are scattered over the context")

typedef enum rkv_task {
#define RKV_TASK_ENUM(symbol, name, summary) symbol,
    RKV_TASK_LIST(RKV_TASK_ENUM)
#undef RKV_TASK_ENUM
        RKV_TASK_COUNT
} rkv_task;
RKV_API const char *rkv_task_name(rkv_task task);
RKV_API const char *rkv_task_summary(rkv_task task);
RKV_API rkv_task rkv_task_find(const char *name); /* RKV_TASK_COUNT when there is none */

/* A continuation that the model is to predict: tokens [first_scored, n) count. */
typedef struct rkv_question {
    rkv_task task;
    int32_t *ids; /* [n] */
    size_t n, first_scored;
    double depth; /* of a retrieval task: where in the context the answer stands, 0 to 1; else NaN */
} rkv_question;

typedef struct rkv_window {
    char *name;       /* "emma 2", unique among the windows of one run */
    int32_t *context; /* [n_context] */
    size_t n_context;
    bool query_aware; /* the question stands at the end of the context: the method sees it when it compresses
                       */
    rkv_question *questions; /* [n_questions] */
    size_t n_questions;
} rkv_window;

/* Plain data, freed whole by rkv_windows_clear. Start from {0}; the functions below add to it, or fail and
 * leave it as it was. */
typedef struct rkv_windows {
    rkv_window *items; /* [n] */
    size_t n, capacity;
} rkv_windows;
RKV_API void rkv_windows_clear(rkv_windows *windows);

/* How a text is cut. */
typedef struct rkv_cut {
    size_t context, continuation; /* tokens of each window: both at least 2 */
    size_t stride;                /* from one window's start to the next's; 0: spread evenly over the text */
    size_t count;                 /* windows; 0: as many as fit (stride > 0) */
    size_t offset;                /* tokens left out at the beginning */
    uint64_t seed;                /* with `random`: where they start */
    bool random;                  /* starts are drawn, windows do not overlap */
    const int32_t *prefix;        /* [n_prefix] begins every context and counts in it: what the model wants */
    size_t n_prefix;              /* before any text (begin-of-sequence, from rkv_tokenize of "") */
} rkv_cut;

/* Adds windows of a text's tokens ids [n], each with the question `natural` (all but its first token scored,
 * as kvpress and its kin do). They are named "NAME 1", "NAME 2", ..., going on from windows of that name that
 * are there already. Only a stride makes windows overlap. RKV_USAGE when the text is too short: says how many
 * tokens are wanted. */
RKV_API rkv_status rkv_windows_cut(rkv_windows *windows, const char *name, const int32_t *ids, size_t n,
                                   const rkv_cut *cut);

/* Adds the question `copy` to windows [first, n): n_tokens (at least 2; all but the first are scored) of the
 * context from its token `start` on. Windows whose context is shorter are refused (RKV_USAGE), and then none
 * gets it. */
RKV_API rkv_status rkv_windows_add_copy(rkv_windows *windows, size_t first, size_t start, size_t n_tokens);

/* Passkeys and key-value pairs in filler text. */
typedef struct rkv_haystack {
    rkv_task task;        /* RKV_TASK_PASSKEY or RKV_TASK_RECALL */
    size_t context;       /* tokens of each window */
    size_t count;         /* windows */
    const double *depths; /* [n_depths] where answers stand; NULL: passkey 0.1, 0.3, 0.5, 0.7, 0.9 */
    size_t n_depths;
    size_t n_pairs;   /* recall: keys in each window, evenly spread; 0: 8. Every one is asked for */
    bool query_aware; /* the question is read before the cache is compressed: one window, with a text of its
                         own, for each question */
    uint64_t seed;    /* of keys, values and of where the filler begins */
} rkv_haystack;

/* Adds windows whose context is a stretch of filler [n] with sentences that hold the answers: each follows
 * the sentence of the filler whose end lies nearest to its depth, and the stretch ends with a sentence, too
 * (filler that has no sentences is cut anywhere). Contexts begin with what the model wants before any text,
 * and have exactly the tokens that are asked for. Passkey: a window for each of count x depths, one question
 * each. Recall: count windows of n_pairs questions; no two keys or values of a window are the same. The
 * answer alone is scored, from its first digit on. With query_aware the question closes the context, and what
 * is asked of the cache begins with the answer's first words. Windows are named "NAME passkey 1", "NAME
 * recall 1", ... RKV_USAGE: the filler is shorter than a window, the sentences do not fit, a depth is outside
 * 0..1, more pairs than there are keys (144), or the model's vocabulary cannot spell them. */
RKV_API rkv_status rkv_windows_add_haystack(rkv_windows *windows, const rkv_model *model, const char *name,
                                            const int32_t *filler, size_t n, const rkv_haystack *haystack);

/* Windows as a JSON file: [{"book": NAME, "token_ids": [...]}, ...] (all but the last `continuation` tokens
 * are context), or [{"name", "context", "questions": [{"task", "ids", "first_scored", "depth"}],
 * "query_aware"}]; docs/FORMATS.md. Ids are checked against n_vocab. RKV_NO_INPUT; RKV_DATA:
 * also when two windows have one name; RKV_USAGE: a continuation below 2 where the file needs one. */
RKV_API rkv_status rkv_windows_load(rkv_windows *windows, const char *path, size_t continuation,
                                    size_t n_vocab);
RKV_API rkv_status rkv_windows_save(const rkv_windows *windows, const char *path);

/* ---- the grid ---- */

/* When the cache is compressed; named in every result. */
#define RKV_PROTOCOL_LIST(X)                                                                                 \
    X(RKV_PROTOCOL_PREFILL, "prefill",                                                                       \
      "the context is compressed once, the question read in one pass (as kvpress)")                          \
    X(RKV_PROTOCOL_STREAMING, "streaming",                                                                   \
      "the cache is held to its budget after every token of the question")

typedef enum rkv_protocol {
#define RKV_PROTOCOL_ENUM(symbol, name, summary) symbol,
    RKV_PROTOCOL_LIST(RKV_PROTOCOL_ENUM)
#undef RKV_PROTOCOL_ENUM
        RKV_PROTOCOL_COUNT
} rkv_protocol;
RKV_API const char *rkv_protocol_name(rkv_protocol protocol);
RKV_API const char *rkv_protocol_summary(rkv_protocol protocol);
RKV_API rkv_protocol rkv_protocol_find(const char *name);

/* One way to hold the cache: a row of the grid. Strings are borrowed. */
typedef struct rkv_setting {
    rkv_protocol protocol;
    const char *method; /* a specification (compress.h) */
    const char *budget; /* a specification (budget.h); NULL: the method's own, one capacity for all */
    double ratio;       /* of the context's tokens kept; 0: entries */
    size_t entries;     /* per KV head, the mean; 0: ratio */
} rkv_setting;

typedef struct rkv_grid {
    const char *const *methods, *const *budgets; /* specifications [n_methods], [n_budgets] */
    size_t n_methods, n_budgets;
    const double *ratios;  /* [n_ratios] */
    const size_t *entries; /* [n_entries] */
    size_t n_ratios, n_entries;
    const rkv_protocol *protocols; /* [n_protocols]; 0: prefill */
    size_t n_protocols;
} rkv_grid;

/* Lists the settings of a grid: the full cache first, under each protocol, then protocol by protocol, method
 * by method, size by size, budget by budget. The caller frees *settings with rkv_free. */
RKV_API rkv_status rkv_grid_list(const rkv_grid *grid, rkv_setting **settings, size_t *n);

/* What one setting made of one question of one window. */
typedef struct rkv_cell {
    size_t setting, window, question; /* indices */
    rkv_task task;                    /* of the question */
    bool query_aware;                 /* of the window */
    double depth;                     /* of the question */
    size_t total;                     /* entries that the budget allows, the sum over layers and KV heads */
    size_t entries;                   /* that the cache held when the question came, likewise */
    size_t bytes, kv_bytes;      /* measured then: all that its allocator held; keys and values of that */
    size_t n_scored, n_right;    /* tokens that count; those that were the likeliest */
    double loss;                 /* mean negative log likelihood of the tokens that count, nats */
    double kl;                   /* mean KL divergence from the full cache's predictions, nats */
    double agreement;            /* share of tokens whose likeliest is the full cache's */
    double compress_s, answer_s; /* wall time */
    char *text;                  /* generated after the context, when asked for; NULL */
} rkv_cell;

typedef struct rkv_eval_options {
    const rkv_profile *profile; /* signals that budgets may follow; NULL: the input's own analysis alone */
    size_t generate;            /* prefill: greedy tokens after each window's context; 0: none */
    size_t memory_limit;        /* bytes of caches held at once; 0: a quarter of what is free on the device */
    uint64_t seed;              /* of methods that draw */
    const char *analyses; /* folder where windows' analyses are kept, and found again on a device of the same
                             kind; NULL: nowhere */
    /* Whether a cell is known already, so that it need not be measured; NULL: none is. */
    bool (*is_known)(void *user, size_t setting, size_t window, size_t question);
    /* Sees each cell as it is measured, from the calling thread; borrowed for the call. */
    rkv_status (*on_cell)(void *user, const rkv_cell *cell);
    void *user;
    rkv_progress progress; /* stage: what is done; units are cells */
} rkv_eval_options;

/* Of one run. A results.json of more is not read. */
#define RKV_MAX_SETTINGS ((size_t)4096)
#define RKV_MAX_WINDOWS  ((size_t)65536)
#define RKV_MAX_CELLS    ((size_t)200000)

/* Whether rkv_eval_run would begin: all that can be refused is refused here; RKV_NO_MEMORY where a GPU lacks
 * what rkv_eval_foretell says, which takes its time: the progress is told of "memory", and may end it. */
RKV_API rkv_status rkv_eval_check(rkv_model *model, const rkv_windows *windows, const rkv_setting *settings,
                                  size_t n_settings, const rkv_eval_options *options);

/* What rkv_eval_run takes of memory at the moment when it has most of it in use. */
typedef struct rkv_eval_needs {
    /* As of a session, of all that are open at once; logits and probabilities that answers are held against
     * are of host_bytes, on the CPU of activations_bytes. cache: of the session whose cache is largest. */
    rkv_session_needs memory;
    size_t largest;         /* its setting */
    size_t host_free_bytes; /* of the host's memory; 0: unknown */
    size_t n_cells;         /* settings x questions */
    size_t n_sessions;      /* open at once, at most */
    size_t limit_bytes;     /* of caches: how many are open at once goes by it */
} rkv_eval_needs;

/* The same steps on a device that only counts, with noise for numbers, as rkv_session_foretell; budgets that
 * follow the contexts' own metrics are taken as if these were all equal, what is generated as if it did not
 * end early, every cell as to be measured, and every context as to be analysed; of windows that are alike in
 * length one stands for all. On the CPU what an analysis computes ranks in is not counted. options' progress
 * is told, and may end it. Fails as rkv_eval_check, for the same reasons but for want of memory;
 * RKV_UNAVAILABLE: this device is not foretold. */
RKV_API rkv_status rkv_eval_foretell(rkv_eval_needs *out, rkv_model *model, const rkv_windows *windows,
                                     const rkv_setting *settings, size_t n_settings,
                                     const rkv_eval_options *options);

/* Measures every cell of settings x windows x questions, window by window. RKV_USAGE: a wrong specification,
 * a budget that cannot be met (setting and bound are named), before any work; RKV_NO_MEMORY, too, where a GPU
 * would run out of it. RKV_CANCELLED: cells told until then are whole. */
RKV_API rkv_status rkv_eval_run(rkv_model *model, const rkv_windows *windows, const rkv_setting *settings,
                                size_t n_settings, const rkv_eval_options *options);

/* Removes from the folder dir, which need not be there, the analyses that rkv_eval_run keeps there:
 * window-0.json and so on. RKV_CANNOT_CREATE names what could not be removed. */
RKV_API rkv_status rkv_eval_remove_analyses(const char *dir);

/* All that the cells of a run depend on, as a JSON object in text that rkv_free frees: model, the kind of
 * device (rkv_model_device without the numbers of its GPUs: those of one name give the same), this library's
 * version, windows (their names and the SHA-256 of what they hold), settings, profile, seed, generated
 * tokens. options as for rkv_eval_run. */
RKV_API rkv_status rkv_eval_describe(const rkv_model_info *model, const char *device,
                                     const rkv_windows *windows, const rkv_setting *settings,
                                     size_t n_settings, const rkv_eval_options *options, char **json);

/* ---- the journal: what a run has measured so far ---- */

/* A file of JSON lines, one per cell, each flushed to the disk before the next is measured; the first line
 * says what run it is of. A run that was killed is resumed from it: an incomplete last line is dropped. */
typedef struct rkv_journal rkv_journal;

/* run: what the cells depend on (model, windows, settings, options), a JSON object in text. resume: go on
 * with the file that is there, if there is one; RKV_DATA when it is of another run (says what differs) or
 * damaged; without resume a file that is there is replaced. A file whose run has no "device" or no "version"
 * is from before journals had them, and is of any. RKV_CANNOT_CREATE, RKV_IO. The caller closes *out. */
RKV_API rkv_status rkv_journal_open(rkv_journal **out, const char *path, const char *run, bool resume);
RKV_API void rkv_journal_close(rkv_journal *journal);
/* These have the form of rkv_eval_options' callbacks, user being the journal. */
RKV_API bool rkv_journal_has(void *journal, size_t setting, size_t window, size_t question);
RKV_API rkv_status rkv_journal_add(void *journal, const rkv_cell *cell);
/* All cells, by setting, window and question; borrowed until the next is added. */
RKV_API const rkv_cell *rkv_journal_cells(rkv_journal *journal, size_t *n);
/* What measured its cells: "device" and "version" of the run as its first line has it, "" where it lacks
 * them. Borrowed. */
RKV_API const char *rkv_journal_device(const rkv_journal *journal);
RKV_API const char *rkv_journal_version(const rkv_journal *journal);

/* ---- statistics ---- */

/* Paired differences d [n], one per window: the mean, its bootstrap 95 % interval (percentiles of 10,000
 * resamples drawn with seed), and the two-sided sign test over differences that are not 0. */
typedef struct rkv_paired {
    size_t n, n_below, n_above; /* differences below and above 0 */
    double mean, low, high;     /* n = 1: the interval is unknown, NaN */
    double p;                   /* of the sign test */
} rkv_paired;
RKV_API rkv_status rkv_paired_compare(const double *d, size_t n, uint64_t seed, rkv_paired *out);

/* What a difference in loss is called: "better" or "worse" when its interval excludes 0 and the sign test has
 * p
 * <= 0.05, "within noise" otherwise, "too few" when no outcome of the sign test of so few windows could have
 * that p, "" when the mean is unknown. The interval alone is too narrow for few windows (docs/EVALUATION.md).
 */
RKV_API const char *rkv_paired_verdict(const rkv_paired *paired);

/* At most this share of comparisons of n windows is called better or worse where there is no difference: the
 * largest p <= 0.05 that the sign test can have. 0 for less than 6 windows. */
RKV_API double rkv_paired_chance(size_t n);

/* The mean of x [n] with its bootstrap 95 % interval, likewise. */
RKV_API rkv_status rkv_bootstrap_mean(const double *x, size_t n, uint64_t seed, double *mean, double *low,
                                      double *high);

/* ---- results ---- */

/* A row of the table: one setting on one task, over the windows that have it. Questions of one window are
 * averaged first: windows are what is independent. Strings are borrowed from the results. */
typedef struct rkv_eval_row {
    size_t setting;
    rkv_task task;
    bool query_aware;
    size_t n_windows, n_questions;
    double loss, loss_low, loss_high;    /* mean over windows, and its interval */
    double perplexity;                   /* exp(loss) */
    double accuracy;                     /* of next tokens */
    double exact, exact_low, exact_high; /* share of questions answered without a wrong token */
    double kl, agreement;
    double entries, bytes, kv_bytes; /* means */
    rkv_paired against_full;         /* loss of this setting less the full cache's */
    rkv_paired against_uniform;      /* less that of uniform budgets, the rest being the same; n = 0: none */
    double bytes_of_uniform; /* bytes over those of uniform budgets: 1 where memory is the same; NaN: none */
    const char *verdict;     /* against uniform: rkv_paired_verdict */
} rkv_eval_row;

typedef struct rkv_results {
    rkv_model_info model;   /* strings owned */
    char *device, *version; /* that measured the cells, as rkv_eval_describe says them; "": not known */
    char *text;             /* what windows were made of, for people */
    char *profile;          /* file of the profile; "" for none */
    uint64_t seed;
    char **window_names; /* [n_windows] */
    size_t n_windows;
    rkv_setting *settings; /* [n_settings]; strings owned */
    size_t n_settings;
    rkv_cell *cells; /* [n_cells] by setting, window, question */
    size_t n_cells;
    rkv_eval_row *rows; /* [n_rows], made by rkv_results_summarise */
    size_t n_rows;
} rkv_results;

/* Where results are from: as in their structure; NULL: "". */
typedef struct rkv_results_origin {
    const char *device, *version, *text, *profile;
    uint64_t seed;
} rkv_results_origin;

/* Results of cells [n_cells], everything copied, and their rows. The caller frees *out. */
RKV_API rkv_status rkv_results_make(rkv_results **out, const rkv_model_info *model,
                                    const rkv_windows *windows, const rkv_setting *settings,
                                    size_t n_settings, const rkv_cell *cells, size_t n_cells,
                                    const rkv_results_origin *origin);
RKV_API void rkv_results_free(rkv_results *results);

/* Makes rows of cells. */
RKV_API rkv_status rkv_results_summarise(rkv_results *results);

/* results.json (docs/FORMATS.md, share/rankkv/schema/results.schema.json) holds no times, so that a run that
 * was interrupted and resumed gives the same bytes. The CSV files: one line per row, one line per cell. */
RKV_API rkv_status rkv_results_save(const rkv_results *results, const char *path);
RKV_API rkv_status rkv_results_to_json(const rkv_results *results, char **json);
RKV_API rkv_status rkv_results_load(rkv_results **out, const char *path);
RKV_API rkv_status rkv_results_save_csv(const rkv_results *results, const char *rows_path,
                                        const char *cells_path);

/* Draws results into the folder dir, which is there, as PNG and SVG: for each task loss-by-bytes-TASK,
 * difference-to-uniform-TASK when rows have a pair, retrieval-by-depth-TASK when questions have a depth.
 * Panels are budgets, sizes, protocols, and whether the question was seen; colours are methods, or budgets
 * where these are compared. A budget "shuffled" is a control. RKV_UNAVAILABLE without Cairo, RKV_USAGE when
 * there is more than a chart can show (chart.h), RKV_CANNOT_CREATE, RKV_IO. */
RKV_API rkv_status rkv_results_draw(const rkv_results *results, const char *dir);

/* Removes from dir, which need not be there, every file that rkv_results_draw writes, whatever results they
 * are of. RKV_CANNOT_CREATE names what could not be removed. */
RKV_API rkv_status rkv_results_remove_charts(const char *dir);

/* ---- calibration ---- */

/* Budgets to choose among: every signal with every exponent and floor, by layer and by head, and the units of
 * highest signal whole (top-k). */
typedef struct rkv_candidates {
    const char *const *signals; /* [n_signals] names */
    const double *exponents;    /* [n_exponents] of policy power */
    const double *floors;       /* [n_floors] likewise */
    const double *shares;       /* [n_shares] of top-k: units kept whole, as a part of all; 0 to 1 */
    size_t n_signals, n_exponents, n_floors, n_shares;
    bool by_layer, by_head;
} rkv_candidates;

/* Their specifications, "uniform" first, then signal by signal. A top-k that the ratio cannot pay for is left
 * out. The caller frees each of specs [*n] and the list with rkv_free. */
RKV_API rkv_status rkv_candidates_list(const rkv_candidates *candidates, const rkv_model_info *model,
                                       double ratio, char ***specs, size_t *n);

/* A setting's loss: the mean over the tasks that the first setting has; NaN where it lacks one of them. */
RKV_API double rkv_results_loss(const rkv_results *results, size_t setting);

/* The setting of lowest loss among the rows of results (the mean over tasks of a row's loss; settings that
 * lack a task of the first are left out; of equal ones the first), and that of uniform budgets. RKV_DATA:
 * there is no setting "uniform". */
RKV_API rkv_status rkv_calibration_choose(const rkv_results *results, size_t *setting, double *loss,
                                          double *uniform_loss);

/* Setting a's loss less setting b's, paired over the windows that both have: of each window the mean over its
 * tasks, of each task the mean over its questions. out->n = 0 when there is no such window. */
RKV_API rkv_status rkv_results_compare(const rkv_results *results, size_t a, size_t b, rkv_paired *out);

/* The specification that deals the weights of spec out anew over its units: "shuffled:policy=...,seed=SEED".
 * The caller frees *shuffled with rkv_free. */
RKV_API rkv_status rkv_budget_spec_shuffle(const char *spec, uint64_t seed, char **shuffled);

/* ---- for a page (report.h) ---- */

/* Adds the document `selection` and its array `kept` (docs/FORMATS.md): what a cache keeps of the analysed
 * prompt under each setting, one forward pass for as many as options->memory_limit holds. Of options,
 * profile, memory_limit, seed and progress are heeded; NULL: all zero. Settings that the prompt is too short
 * for are left out; where none is left, nothing is added. analysis is of model. RKV_USAGE: its token ids are
 * not known. */
RKV_API rkv_status rkv_report_add_selection(rkv_report *report, rkv_model *model,
                                            const rkv_analysis *analysis, const rkv_setting *settings,
                                            size_t n_settings, const rkv_eval_options *options);

#ifdef __cplusplus
}
#endif
#endif
