/* default_model.h: where the default model is, for the tests that need the real one. */
#ifndef RKV_TESTS_DEFAULT_MODEL_H
#define RKV_TESTS_DEFAULT_MODEL_H

/* RANKKV_TEST_MODEL, else SmolLM2-135M-Instruct.Q4_1.gguf in the data folder. When the file is absent, prints
 * so and gives NULL. */
const char *default_model(void);

/* The same, but skips the running cmocka test instead. */
const char *default_model_or_skip(void);

/* What a program ends with when all of its tests want the model: ctest then says Skipped. */
#define SKIPPED_PROGRAM 77

#endif
