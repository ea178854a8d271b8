/* host_runtime.h: what the files of the played CUDA runtime share: devices with memory of their own, and
 * streams.
 *
 * Work is done when it is queued, all of it in the order of the calls; what differs from a device, where
 * streams run side by side, is played with what each stream knows. A stream counts its work, and knows how
 * much of every other stream's it comes after (events tell it). A copy to the host reads memory that another
 * stream writes as late as is allowed: when somebody waits for it. If nothing makes it come after that
 * stream's work, it gets NaN; if that stream may write meanwhile, it gets what was written. */
#ifndef RKV_TESTS_HOST_RUNTIME_H
#define RKV_TESTS_HOST_RUNTIME_H

#include <stdbool.h>

#include <cuda_runtime_api.h>

#define HOST_STREAMS      64 /* at once */
#define HOST_MOST_DEVICES 4

/* How much of each stream's work something comes after. */
typedef struct host_knowledge {
    size_t of[HOST_STREAMS];
} host_knowledge;

struct host_stream {
    size_t number; /* below HOST_STREAMS */
    int device;
    host_knowledge after;   /* after.of[number]: its own work so far */
    host_knowledge readers; /* the last work of others that reads what this one writes */
    size_t given;           /* bytes that were given back since it was waited for */
};

/* A device's allocation: whole pages of their own, data at their end, a page without access behind them. */
typedef struct host_block {
    struct host_block *next;
    void *pages, *data;
    size_t page_bytes; /* that hold data */
    size_t bytes;      /* that were asked for */
    int device;
    size_t writer; /* number of the stream that it was allocated on: whose work writes it */
    bool lent;     /* to a library, which works there: out of the kernels' reach */
    bool touched;  /* by the work that runs: within its reach until it ends (work.c) */
} host_block;

/* Ends the program with a message. */
void host_end_program(const char *what);

/* A call's result, which cudaGetLastError remembers when it is a failure. */
cudaError_t host_noted(cudaError_t error);

/* ---- runtime.c; the lock is held ---- */

void host_lock(void);
void host_unlock(void);
/* The block that holds an address of a device; NULL: none does. */
host_block *host_block_at(const void *address);
/* All of them: the newest, and on by `next`. */
host_block *host_blocks(void);
/* The thread's. */
int host_current_device(void);
/* Puts a block within reach, or out of it. */
void host_block_protect(const host_block *block, bool within_reach);
/* The allocation that is asked for, of a device's memory, or pinned (device -1), is to fail. */
bool host_fails_now(int device);

/* ---- streams.c; the lock is held ---- */

/* One more piece of work on the stream. Ends the program where it may write what another stream's work, that
 * it does not come after, still reads. */
void host_stream_work(struct host_stream *stream);
/* Queues a copy to the host: the host finds NaN there until it arrives. */
void host_copy_queue(struct host_stream *stream, void *to, const void *from, size_t bytes);
/* Whether a copy on this stream comes after all that is queued on the one that writes the block. From then on
 * the writer's work must come after the copy. */
bool host_copy_is_ordered(struct host_stream *stream, const host_block *source);
/* Ends the program when a copy is under way from this block, or to these bytes of the host. */
void host_copies_check_block(const host_block *block);
void host_copies_check_host(const void *memory, size_t bytes);
/* Bytes that a device's streams were given back, and nobody has waited since. */
size_t host_given(int device);
/* Pinned allocations that were not freed. */
size_t host_pinned_live(void);

#endif
