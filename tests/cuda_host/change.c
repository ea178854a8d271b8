/* change.c: from one stack to another. In a file of its own, so that callers know nothing of these functions
 * and take no register for untouched. */
#include "cuda_host/change.h"

/* Not in the function that will be jumped to: the compiler does not allow it. */
__attribute__((noinline, noreturn, no_sanitize_address)) static void jump(void **to) {
    __builtin_longjmp(to, 1);
}

__attribute__((no_sanitize_address)) void host_change(void **from, void **to) {
    if (!__builtin_setjmp(from)) jump(to);
}

__attribute__((no_sanitize_address)) void host_change_first(void **from, const ucontext_t *to) {
    if (!__builtin_setjmp(from)) setcontext(to);
}
