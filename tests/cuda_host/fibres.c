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

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

/* ---- fibres ---- */

typedef struct fibre {
    void *jump[5];
    ucontext_t start; /* of the first switch to it */
    bool begun;
} fibre;

static void *scheduler[5];

static void go_to(fibre *f) {
    bool begun = f->begun;
    f->begun = true;
    if (begun)
        host_change(scheduler, f->jump);
    else
        host_change_first(scheduler, &f->start);
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
static unsigned n_done; /* of the block's threads */
static void (*the_kernel)(const void *task);
static const void *the_task;
static fibre *idle[MOST_THREADS];
static size_t n_idle;

static void end_program(const char *what) {
    fprintf(stderr, "kernel on the host: block %u, thread %u of %u: %s\n", blockIdx.x, threadIdx.x,
            blockDim.x, what);
    abort();
}

static void wait_as(state why) {
    running->state = why;
    host_change(running->fibre->jump, scheduler);
}

void host_barrier(void) {
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

/* One thread after the other, as often as the fibre is taken. */
static void run_threads(void) {
    for (;;) {
        the_kernel(the_task);
        wait_as(DONE);
    }
}

/* getcontext can return twice, as setjmp: apart, where no local is alive. */
__attribute__((noinline)) static void set_start(ucontext_t *start, void *stack) {
    if (getcontext(start)) end_program("no context for a fibre");
    start->uc_stack.ss_sp = stack;
    start->uc_stack.ss_size = STACK_BYTES;
    makecontext(start, run_threads, 0);
}

static fibre *take_fibre(void) {
    if (n_idle) return idle[--n_idle];
    fibre *f = calloc(1, sizeof *f);
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!f || stack == MAP_FAILED) end_program("no memory for a fibre");
    set_start(&f->start, stack);
    return f;
}

/* Lets a thread run until it waits or ends. */
static void resume(unsigned number) {
    running = &threads[number];
    if (!running->fibre) running->fibre = take_fibre();
    threadIdx = (uint3){number, 0, 0};
    go_to(running->fibre);
    if (running->state != DONE) return;
    idle[n_idle++] = running->fibre;
    running->fibre = NULL;
    n_done++;
}

static unsigned count(unsigned first, unsigned end, state what) {
    unsigned n = 0;
    for (unsigned i = first; i < end; i++)
        n += threads[i].state == what;
    return n;
}

static bool release(unsigned first, unsigned end) {
    for (unsigned i = first; i < end; i++)
        if (threads[i].state != DONE) threads[i].state = READY;
    return true;
}

/* Lets go whom nobody else need wait for; false: no one. */
static bool release_waiting(void) {
    unsigned n = blockDim.x;
    bool any = false;
    if (count(0, n, AT_BARRIER) + n_done == n) return release(0, n);
    for (unsigned first = 0; first < n; first += WARP) {
        unsigned end = first + WARP < n ? first + WARP : n, waiting = count(first, end, IN_SHUFFLE);
        if (waiting && waiting + count(first, end, DONE) == end - first) {
            if (waiting < end - first) end_program("a shuffle after a lane of the warp has ended");
            any = release(first, end);
        }
    }
    return any;
}

static void run_block(bool backward) {
    unsigned n = blockDim.x;
    for (unsigned i = 0; i < n; i++) {
        threads[i].state = READY;
        threads[i].shuffles = 0;
    }
    n_done = 0;
    while (n_done < n) {
        for (unsigned i = 0; i < n; i++) {
            unsigned number = backward ? n - 1 - i : i;
            if (threads[number].state == READY) resume(number);
        }
        if (n_done < n && !release_waiting()) end_program("its block's threads wait at different barriers");
    }
}

static size_t launches;

size_t host_device_launches(void) {
    return launches;
}

cudaError_t host_launch(void (*kernel)(const void *task), const void *task, dim3 blocks, unsigned n_threads,
                        cudaStream_t stream) {
    static bool backward;
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
        run_block(backward);
    }
    host_work_end();
    return cudaSuccess;
}
