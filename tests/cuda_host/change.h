/* change.h: from one stack to another. swapcontext asks the system twice each time, and a kernel's threads
 * change hands millions of times: these are the compiler's own jumps. */
#ifndef RKV_TESTS_CHANGE_H
#define RKV_TESTS_CHANGE_H

#include <ucontext.h>

/* Leaves `from` [5], to which somebody's host_change comes back, for `to`, which was left so. */
void host_change(void **from, void **to);

/* The same for a context that has not run yet. */
void host_change_first(void **from, const ucontext_t *to);

#endif
