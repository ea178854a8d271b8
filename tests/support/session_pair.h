/* session_pair.h: sessions on two models of one file, of which one computes elsewhere: whatever they are
 * asked to do, they keep the same entries and say the same, up to a tolerance. For the tiny model and prompts
 * of SESSION_PAIR_PROMPT of its tokens. A failure ends the test. */
#ifndef RKV_TESTS_SESSION_PAIR_H
#define RKV_TESTS_SESSION_PAIR_H

#include <rankkv/rankkv.h>

#define SESSION_PAIR_PROMPT ((size_t)48)
#define SESSION_PAIR_NEW    ((size_t)20) /* tokens after it */

typedef struct session_pair {
    rkv_model *plain, *other;
    const int32_t *ids; /* [SESSION_PAIR_PROMPT + SESSION_PAIR_NEW] all different */
    double tolerance;   /* of logits and losses */
    double coded; /* the same where entries are kept as whole numbers: one that lies between two codes may
                     become either */
} session_pair;

/* Writes a specification of the method that works at small budgets, and returns it. */
const char *session_pair_spec(const rkv_method *method, char *spec, size_t size);

/* Tests, whose state is a session_pair. */
#define SESSION_PAIR_TESTS                                                                                   \
    cmocka_unit_test(session_pair_test_methods), cmocka_unit_test(session_pair_test_options),                \
        cmocka_unit_test(session_pair_test_budgets), cmocka_unit_test(session_pair_test_generating),         \
        cmocka_unit_test(session_pair_test_continuations), cmocka_unit_test(session_pair_test_reading),      \
        cmocka_unit_test(session_pair_test_oerr)

/* The prompt, read by all sessions together, then new tokens: entries, logits and the likeliest token after
 * every step, the cache recounted. Of every method of the table at a small budget; of every kind of option;
 * of budgets that differ from head to head. */
void session_pair_test_methods(void **state);
void session_pair_test_options(void **state);
void session_pair_test_budgets(void **state);
/* Greedy tokens after a prompt of a session's own. */
void session_pair_test_generating(void **state);
/* What does not change the cache: losses and foresight; what is stored, read back. */
void session_pair_test_continuations(void **state);
void session_pair_test_reading(void **state);
/* What methods cost heads. */
void session_pair_test_oerr(void **state);

#endif
