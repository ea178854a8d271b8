/* probe_oerr.c: the part of `rankkv probe` that measures what a method costs each head on texts. */
#include "cli/probe_oerr.h"

#include <stdlib.h>

#include <rankkv/compress.h>

#include "cli/message.h"
#include "cli/progress.h"
#include "cli/prompt.h"

typedef struct oerr_texts {
    int32_t **ids; /* [n] each [lengths] */
    size_t *lengths;
    size_t n;
} oerr_texts;

rkv_status oerr_options_check(const oerr_options *options) {
    const char *method = options->measured.method;
    if (!method && options->texts.n) return complain(RKV_USAGE, "--text-file is for --oerr METHOD");
    if (!method) return RKV_OK;
    if (rkv_method_check(method)) return complain(RKV_USAGE, "--oerr: %s", rkv_message());
    if (!options->texts.n) return complain(RKV_USAGE, "--oerr needs a text: give it with --text-file");
    return RKV_OK;
}

/* The first tokens of the file, as many as are asked for and fit the context. */
static rkv_status read_text(oerr_texts *texts, const rkv_model *model, const char *path, size_t most) {
    size_t context = rkv_model_get_info(model)->n_context, length = 0, *n = &texts->lengths[texts->n];
    char *bytes = NULL;
    rkv_status status = prompt_read(path, &bytes, &length);
    if (!status) status = said(rkv_tokenize(model, bytes, length, NULL, &texts->ids[texts->n], n));
    free(bytes);
    if (status) return status;
    texts->n++;
    if (most > context) most = context;
    if (*n > most) *n = most;
    return *n >= 2 ? RKV_OK : complain(RKV_DATA, "%s: has fewer than 2 tokens", path);
}

static rkv_status read_texts(oerr_texts *texts, const rkv_model *model, const oerr_options *options) {
    size_t n = options->texts.n;
    texts->ids = calloc(n, sizeof *texts->ids);
    texts->lengths = calloc(n, sizeof *texts->lengths);
    rkv_status status = texts->ids && texts->lengths ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n && !status; i++)
        status = read_text(texts, model, options->texts.items[i], options->n_tokens);
    return status;
}

static void free_texts(oerr_texts *texts) {
    for (size_t i = 0; i < texts->n; i++)
        rkv_free(texts->ids[i]);
    free(texts->ids);
    free(texts->lengths);
}

static rkv_status measure(rkv_profile *profile, rkv_model *model, const oerr_texts *texts,
                          const oerr_options *options, uint64_t seed, bool quiet) {
    progress_bar bar;
    rkv_oerr_options measured = options->measured;
    measured.seed = seed;
    measured.progress = progress_begin(&bar, measured.method, quiet);
    rkv_status status = rkv_profile_add_oerr(profile, model, (const int32_t *const *)texts->ids,
                                             texts->lengths, texts->n, &measured);
    progress_erase();
    return said(status);
}

rkv_status oerr_measure(rkv_profile **out, rkv_model *model, const oerr_options *options, uint64_t seed,
                        bool quiet) {
    oerr_texts texts = {0};
    rkv_profile *profile = NULL;
    *out = NULL;
    rkv_status status = read_texts(&texts, model, options);
    if (!status) status = said(rkv_profile_new(&profile, rkv_model_get_info(model)));
    if (!status) status = measure(profile, model, &texts, options, seed, quiet);
    free_texts(&texts);
    if (status)
        rkv_profile_free(profile);
    else
        *out = profile;
    return status;
}
