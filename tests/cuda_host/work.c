/* work.c: what work on a stream reaches of its device's memory.
 *
 * It reaches what was allocated on that stream: nothing else is known to be there, or to stay. A model has
 * hundreds of allocations and a kernel touches a few, so each comes within reach when it is touched: the
 * system's signal says which. */
#include "cuda_host/host_work.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cuda_host/host_runtime.h"

static cudaStream_t at_work;
static struct sigaction before; /* what becomes of a fault while nothing runs */

static host_block *block_in_reach(const char *address) {
    host_block *b = host_blocks();
    while (b && (address < (char *)b->pages || address >= (char *)b->pages + b->page_bytes ||
                 b->writer != at_work->number || b->lent))
        b = b->next;
    return b;
}

/* Threads of a library may touch it at the same time. A fault that is none of ours happens again. */
static void on_fault(int signal, siginfo_t *info, void *context) {
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    (void)context;
    while (atomic_flag_test_and_set(&busy))
        ;
    host_block *block = block_in_reach(info->si_addr);
    if (!block)
        sigaction(signal, &before, NULL);
    else if (!block->touched)
        host_block_protect(block, true);
    if (block) block->touched = true;
    atomic_flag_clear(&busy);
}

/* At each piece of work: cmocka has handlers of its own, test by test. */
void host_work_begin(cudaStream_t stream) {
    struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    host_lock();
    if (!stream || stream->device != host_current_device())
        host_end_program("a stream of another device than the current one");
    host_stream_work(stream);
    at_work = stream;
    sigemptyset(&ours.sa_mask);
    if (sigaction(SIGSEGV, &ours, &before)) abort();
}

void host_work_end(void) {
    sigaction(SIGSEGV, &before, NULL);
    for (host_block *b = host_blocks(); b; b = b->next) {
        if (b->touched) host_block_protect(b, false);
        b->touched = false;
    }
    host_unlock();
}
