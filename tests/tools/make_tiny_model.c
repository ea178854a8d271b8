/* make_tiny_model.c: writes a random model, for tests that are scripts.
 *
 *     make_tiny_model FILE.gguf [TYPE [SEED [CONTEXT [LAYERS EMBD HEADS KV_HEADS FF]]]] */
#include <stdio.h>
#include <stdlib.h>

#include "support/tiny_model.h"

int main(int argc, char **argv) {
    if (argc < 2 || (argc > 5 && argc != 10)) {
        fprintf(stderr, "usage: %s FILE.gguf [TYPE [SEED [CONTEXT [LAYERS EMBD HEADS KV_HEADS FF]]]]\n",
                argv[0]);
        return 2;
    }
    tiny_model_options options = {.type = argc > 2 ? argv[2] : NULL,
                                  .seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 0};
    size_t *const sizes[] = {&options.n_context, &options.n_layers,   &options.n_embd,
                             &options.n_heads,   &options.n_kv_heads, &options.n_ff};
    for (int i = 4; i < argc; i++)
        *sizes[i - 4] = strtoull(argv[i], NULL, 10);
    rkv_status status = tiny_model_write(argv[1], &options);
    if (status) fprintf(stderr, "%s: %s\n", argv[0], rkv_message());
    return rkv_status_exit_code(status);
}
