/* forward_output.c: from the residual stream to logits and losses: the last norm and the output matrix. */
#include "core/clock.h"
#include "core/memory.h"
#include "core/sizes.h"
#include "model/forward_parts.h"

/* Rows of the output matrix that are multiplied at a time: logits of a whole prompt would be T x V. Those of
 * a few tokens are not many, and what a device hands to the host chunk by chunk is waited for as often. */
#define VOCABULARY_CHUNK ((size_t)4096)
#define FEW_TOKENS       ((size_t)4)

static size_t vocabulary_chunk(const rkv_forward *f, size_t tokens) {
    size_t n_vocab = f->model->config.n_vocab;
    bool whole = f->model->resident && !f->backend->host_memory && tokens <= FEW_TOKENS;
    return whole ? n_vocab : rkv_smaller(n_vocab, VOCABULARY_CHUNK);
}

/* Tokens [first, end) of a pass: those whose logits anybody wants. */
typedef struct span {
    size_t first, end;
} span;

/* All for all logits; else the last token for its own, and all between the first and the last that have a
 * target. */
static span wanted_tokens(const rkv_pass *pass) {
    span s = {pass->n, pass->last_logits ? pass->n : 0};
    if (pass->all_logits) return (span){0, pass->n};
    if (pass->last_logits) s.first = pass->n - 1;
    for (size_t t = 0; pass->losses && t < pass->n; t++) {
        if (pass->losses->target[t] < 0) continue;
        if (t < s.first) s.first = t;
        if (t >= s.end) s.end = t + 1;
    }
    return s;
}

/* Where the weights of the output matrix come from. */
typedef struct source {
    bool file;          /* they are read as they lie in the file */
    rkv_matrix *matrix; /* all of them, when the model is resident; else a scratch chunk */
} source;

/* On the device: kept when the model is resident, else a scratch chunk that chunk_of_logits fills anew. */
static rkv_status load_output(rkv_forward *f, rkv_matrix **out) {
    rkv_model *m = f->model;
    const rkv_config *c = &m->config;
    *out = m->output;
    if (m->output) return RKV_OK;
    size_t rows = m->resident || c->n_vocab < VOCABULARY_CHUNK ? c->n_vocab : VOCABULARY_CHUNK;
    rkv_weight_form form = rkv_joined_form(f->backend, (rkv_joined_tensors){{m->tensors.output}});
    rkv_status status = f->backend->ops->matrix_new(f->backend, form, rows, c->n_embd, out);
    if (!status && m->resident)
        status = rkv_tensor_load_matrix(f->backend, m->tensors.output, 0, rows, *out, 0);
    if (status) {
        f->backend->ops->matrix_free(f->backend, *out);
        *out = NULL;
    } else if (m->resident) {
        m->output = *out;
        rkv_gguf_forget_pages(m->file);
    }
    return status;
}

static rkv_status open_source(rkv_forward *f, size_t rows, source *out) {
    double start = rkv_now_s();
    *out =
        (source){.file = rkv_forward_reads_file(f, rows, (rkv_joined_tensors){{f->model->tensors.output}})};
    rkv_status status = out->file ? RKV_OK : load_output(f, &out->matrix);
    f->load_s += rkv_now_s() - start;
    return status;
}

static void close_source(rkv_forward *f, source *s) {
    if (!f->model->resident) f->backend->ops->matrix_free(f->backend, s->matrix);
}

/* logits [rows, n] of the tokens x [rows, E] for the vocabulary [first, first + n). */
static rkv_status chunk_of_logits(rkv_forward *f, const float *x, size_t rows, size_t first, size_t n,
                                  const source *s, float *logits) {
    const rkv_model *m = f->model;
    if (s->file) return rkv_forward_multiply_rows(f, x, rows, m->tensors.output, first, n, logits);
    double start = rkv_now_s();
    rkv_status status = RKV_OK;
    if (!m->resident) status = rkv_tensor_load_matrix(f->backend, m->tensors.output, first, n, s->matrix, 0);
    f->load_s += rkv_now_s() - start;
    if (status) return status;
    return f->backend->ops->matmul(f->backend, x, rows, s->matrix, m->resident ? first : 0, n, false, logits);
}

/* Takes from logits [rows, n], of the tokens, what the pass asked for. */
static rkv_status take_logits(rkv_forward *f, const rkv_pass *pass, const float *logits, span tokens,
                              size_t first, size_t n) {
    const rkv_backend_ops *ops = f->backend->ops;
    const rkv_losses *l = pass->losses;
    size_t t = tokens.first, rows = tokens.end - t;
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && pass->all_logits && i < rows; i++)
        status = ops->download(f->backend, pass->all_logits + (t + i) * f->model->config.n_vocab + first,
                               logits + i * n, n);
    if (!status && pass->last_logits)
        status = ops->download(f->backend, pass->last_logits + first, logits + (rows - 1) * n, n);
    if (!status && l)
        status = ops->fold_logits(f->backend, logits, rows, n, first, l->target + t, l->maximum + t,
                                  l->sum + t, l->target_logit + t);
    return status;
}

/* Logits of the tokens wanted, chunk by chunk of the vocabulary. */
static rkv_status project(rkv_forward *f, const rkv_pass *pass, span tokens) {
    const rkv_config *c = &f->model->config;
    const rkv_backend_ops *ops = f->backend->ops;
    size_t rows = tokens.end - tokens.first, chunk = vocabulary_chunk(f, rows);
    float *logits = NULL;
    source weights;
    rkv_status status = open_source(f, rows, &weights);
    if (!status) status = ops->alloc(f->backend, &logits, rows * chunk);
    for (size_t first = 0; !status && first < c->n_vocab; first += chunk) {
        size_t n = c->n_vocab - first < chunk ? c->n_vocab - first : chunk;
        status = chunk_of_logits(f, f->normed + tokens.first * c->n_embd, rows, first, n, &weights, logits);
        if (!status) status = take_logits(f, pass, logits, tokens, first, n);
    }
    ops->release(f->backend, logits);
    close_source(f, &weights);
    return status;
}

/* All of it or nothing. */
static rkv_status load_output_norm(rkv_forward *f) {
    rkv_model *m = f->model;
    float *norm = NULL;
    if (m->output_norm) return RKV_OK;
    rkv_status status = f->backend->ops->alloc(f->backend, &norm, m->config.n_embd);
    if (!status) status = rkv_tensor_load_row(f->backend, m->tensors.output_norm, 0, norm);
    if (status)
        f->backend->ops->release(f->backend, norm);
    else
        m->output_norm = norm;
    return status;
}

static rkv_status norm_output(rkv_forward *f, span tokens) {
    const rkv_model *m = f->model;
    size_t e = m->config.n_embd, at = tokens.first * e;
    rkv_status status = load_output_norm(f);
    if (status) return status;
    return f->backend->ops->rms_norm(f->backend, f->x + at, m->output_norm, tokens.end - tokens.first, e,
                                     m->config.norm_eps, f->normed + at);
}

rkv_status rkv_forward_output(rkv_forward *f, const rkv_pass *pass) {
    span tokens = wanted_tokens(pass);
    if (tokens.first >= tokens.end) return RKV_OK;
    rkv_status status = norm_output(f, tokens);
    return status ? status : project(f, pass, tokens);
}
