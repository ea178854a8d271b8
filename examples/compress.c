/* compress.c: what `rankkv run` does, in C: text from a cache that a method holds to its budget.
 *
 *     compress MODEL.gguf TEXT METHOD BUDGET        compress model.gguf "The sea" snapkv:window=16+int8 64 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rankkv/rankkv.h>

int main(int argc, char **argv) {
    if (argc != 5) return fprintf(stderr, "usage: compress MODEL.gguf TEXT METHOD BUDGET\n"), 2;
    rkv_model *model = NULL;
    rkv_session *session = NULL;
    rkv_generation new_text = {0};
    rkv_cache_stats cache;
    int32_t *ids = NULL;
    char *text = NULL;
    size_t n, length;
    rkv_session_options options = {.method = argv[3], .budget = (size_t)strtoull(argv[4], NULL, 10)};
    rkv_status status = rkv_model_open(&model, argv[1], NULL);
    if (!status) status = rkv_tokenize(model, argv[2], strlen(argv[2]), NULL, &ids, &n);
    if (!status) status = rkv_session_new(&session, model, &options);
    if (!status) status = rkv_session_prefill(session, ids, n);
    if (!status) status = rkv_session_generate(session, &(rkv_generate_options){.n_tokens = 64}, &new_text);
    if (!status) status = rkv_detokenize(model, new_text.ids, new_text.n, &text, &length);
    if (!status) status = rkv_session_get_stats(session, &cache);
    if (!status)
        printf("%s%s\n%zu tokens in %zu bytes; at 16 bits they take %zu\n", argv[2], text, cache.n_tokens,
               cache.allocated_bytes, cache.full_bytes_16);
    else
        fprintf(stderr, "%s\n", rkv_message());
    rkv_free(text);
    rkv_free(new_text.ids);
    rkv_free(ids);
    rkv_session_free(session);
    rkv_model_close(model);
    return rkv_status_exit_code(status);
}
