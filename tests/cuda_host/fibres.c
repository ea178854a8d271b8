/* fibres.c: a kernel's blocks, one after the other; a block's threads as fibres. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "cuda_host/change.h"
#include "cuda_host/host_device.h"
#include "cuda_host/host_runtime.h"
#include "cuda_host/host_work.h"
#include "cuda_host/kernels_on_host.h"

#define MOST_THREADS 1024
#define WARP         32
#define STACK_BYTES  ((size_t)256 << 10)

/* Stacks begin so far apart within a page that those of a warp's threads do not share lines of the cache. */
#define STACK_STEP ((size_t)256)

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

/* ---- fibres ---- */

typedef struct fibre {
    void *jump[5];
    ucontext_t start; /* of the first change to it */
    bool begun;
} fibre;

static void *scheduler[5];

static void change_to(void **from, fibre *f) {
    bool begun = f->begun;
    f->begun = true;
    if (begun)
        host_change(from, f->jump);
    else
        host_change_first(from, &f->start);
}

/* ---- the threads of a block ---- */

typedef enum state { READY, AT_BARRIER, IN_SHUFFLE, DONE } state;

typedef struct thread {
    fibre *fibre; /* NULL: has not begun, or has ended */
    state state;
    unsigned shuffles; /* that it took part in */
    uint64_t bits[2];  /* handed in at the last two */
} thread;

static thread threads[MOST_THREADS];
static thread *running;
static unsigned n_done, n_at_barrier; /* of the block's threads */
static bool backward;                 /* the order in which they run */
static void (*the_kernel)(const void *task);
static const void *the_task;
static fibre *idle[MOST_THREADS];
static size_t n_idle;

static void end_program(const char *what) {
    fprintf(stderr, "kernel on the host: block %u, thread %u of %u: %s\n", blockIdx.x, threadIdx.x,
            blockDim.x, what);
    abort();
}

/* ---- whose turn it is ---- */

/* Some threads, in their order; a warp's, or a block's. */
typedef struct range {
    unsigned first, n;
} range;

static range block_range(void) {
    return (range){0, blockDim.x};
}

static range warp_range(const thread *t) {
    unsigned first = (unsigned)(t - threads) / WARP * WARP, left = blockDim.x - first;
    return (range){first, left < WARP ? left : WARP};
}

/* The first that is ready, from `from` on and round to it; NULL: none. */
static thread *ready_from(range r, unsigned from) {
    for (unsigned i = 0, at = from - r.first; i < r.n; i++) {
        if (threads[r.first + at].state == READY) return &threads[r.first + at];
        at = backward ? (at ? at - 1 : r.n - 1) : at + 1 < r.n ? at + 1 : 0;
    }
    return NULL;
}

/* Lets go those that wait so; the first of them. */
static thread *release(range r, state waiting) {
    for (unsigned i = 0; i < r.n; i++)
        if (threads[r.first + i].state == waiting) threads[r.first + i].state = READY;
    return ready_from(r, backward ? r.first + r.n - 1 : r.first);
}

static bool all_shuffle(range warp) {
    for (unsigned i = 0; i < warp.n; i++)
        if (threads[warp.first + i].state != IN_SHUFFLE) return false;
    return true;
}

/* After a thread that waits or has ended: a warp's lanes are together at a shuffle before others run. NULL:
 * nobody can run. */
static thread *next_after(const thread *t) {
    unsigned number = (unsigned)(t - threads);
    thread *next = NULL;
    if (t->state == IN_SHUFFLE) {
        range warp = warp_range(t);
        next = ready_from(warp, number);
        if (!next && all_shuffle(warp)) next = release(warp, IN_SHUFFLE);
    }
    if (!next) next = ready_from(block_range(), number);
    if (!next && n_at_barrier && n_at_barrier + n_done == blockDim.x) {
        n_at_barrier = 0;
        next = release(block_range(), AT_BARRIER);
    }
    return next;
}

/* ---- changing hands ---- */

static void run_threads(void);

/* getcontext can return twice, as setjmp: apart, where no local is alive. */
__attribute__((noinline)) static void set_start(ucontext_t *start, void *stack, size_t bytes) {
    if (getcontext(start)) end_program("no context for a fibre");
    start->uc_stack.ss_sp = stack;
    start->uc_stack.ss_size = bytes;
    makecontext(start, run_threads, 0);
}

static fibre *take_fibre(void) {
    static size_t made;
    if (n_idle) return idle[--n_idle];
    fibre *f = calloc(1, sizeof *f);
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!f || stack == MAP_FAILED) end_program("no memory for a fibre");
    set_start(&f->start, stack, STACK_BYTES - made++ % 16 * STACK_STEP);
    return f;
}

static void become(thread *t) {
    running = t;
    threadIdx = (uint3){(unsigned)(t - threads), 0, 0};
}

/* From whoever is left at `from` to a thread, or to the scheduler. */
static void go_to(void **from, thread *t) {
    if (!t) {
        host_change(from, scheduler);
        return;
    }
    become(t);
    if (!t->fibre) t->fibre = take_fibre();
    change_to(from, t->fibre);
}

static void wait_as(state why) {
    thread *self = running;
    self->state = why;
    thread *next = next_after(self);
    if (next != self) go_to(self->fibre->jump, next);
}

void host_barrier(void) {
    n_at_barrier++;
    wait_as(AT_BARRIER);
}

uint64_t host_exchange(unsigned mask, uint64_t bits, unsigned from) {
    unsigned lane = threadIdx.x % WARP, first = threadIdx.x - lane, turn = running->shuffles++ % 2;
    if (mask != 0xFFFFFFFFu) end_program("a shuffle among part of a warp");
    if (first + from >= blockDim.x) end_program("a shuffle from a lane that is not there");
    running->bits[turn] = bits;
    wait_as(IN_SHUFFLE);
    return threads[first + from].bits[turn];
}

/* One thread after the other: on to the next that has not begun, or left to whoever takes it for one. */
static void run_threads(void) {
    for (;;) {
        the_kernel(the_task);
        thread *self = running;
        fibre *own = self->fibre;
        self->state = DONE, self->fibre = NULL, n_done++;
        thread *next = next_after(self);
        if (next && !next->fibre) {
            next->fibre = own;
            become(next);
            continue;
        }
        idle[n_idle++] = own;
        go_to(own->jump, next);
    }
}

/* ---- blocks ---- */

static void refuse_deadlock(void) {
    for (unsigned i = 0; i < blockDim.x; i++) {
        range warp = warp_range(&threads[i]);
        if (threads[i].state != IN_SHUFFLE) continue;
        for (unsigned j = 0; j < warp.n; j++)
            if (threads[warp.first + j].state == DONE)
                end_program("a shuffle after a lane of the warp has ended");
    }
    end_program("its block's threads wait at different barriers");
}

static void run_block(void) {
    for (unsigned i = 0; i < blockDim.x; i++) {
        threads[i].state = READY;
        threads[i].shuffles = 0;
    }
    n_done = n_at_barrier = 0;
    go_to(scheduler, &threads[backward ? blockDim.x - 1 : 0]);
    if (n_done < blockDim.x) refuse_deadlock();
}

static size_t launches;

size_t host_device_launches(void) {
    return launches;
}

cudaError_t host_launch(void (*kernel)(const void *task), const void *task, dim3 blocks, unsigned n_threads,
                        cudaStream_t stream) {
    if (!blocks.x || !blocks.y || !blocks.z || !n_threads || blocks.x > 0x7FFFFFFFu || blocks.y > 65535 ||
        blocks.z > 65535 || n_threads > MOST_THREADS)
        return host_noted(cudaErrorInvalidConfiguration);
    host_work_begin(stream);
    launches++;
    backward = !backward;
    the_kernel = kernel, the_task = task;
    gridDim = blocks, blockDim = (dim3){n_threads, 1, 1};
    size_t n = (size_t)blocks.x * blocks.y * blocks.z;
    for (size_t i = 0; i < n; i++) {
        size_t b = backward ? n - 1 - i : i;
        blockIdx = (uint3){(unsigned)(b % blocks.x), (unsigned)(b / blocks.x % blocks.y),
                           (unsigned)(b / blocks.x / blocks.y)};
        run_block();
    }
    host_work_end();
    return cudaSuccess;
}
