/* streams.c: the streams and events of the played CUDA runtime, and copies to the host that are under way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_host/host_device.h"
#include "cuda_host/host_runtime.h"

struct host_event {
    int device;
    bool recorded;
    host_knowledge after;
};

/* A copy that has not arrived. */
typedef struct copy {
    struct copy *next;
    struct host_stream *stream;
    size_t turn; /* which of the stream's work it is */
    const void *from;
    void *to, *bytes; /* bytes: what was read; NULL until then */
    size_t size;
} copy;

/* Host memory that devices copy to by themselves. */
typedef struct pinned {
    struct pinned *next;
    size_t bytes;
    max_align_t data[];
} pinned;

static struct host_stream *streams[HOST_STREAMS];
static copy *copies;
static pinned *all_pinned;
static size_t waits;

size_t host_device_waits(void) {
    return waits;
}

void host_stream_work(struct host_stream *stream) {
    for (size_t i = 0; i < HOST_STREAMS; i++)
        if (stream->after.of[i] < stream->readers.of[i])
            host_end_program("work may write over what is being copied to another device");
    stream->after.of[stream->number]++;
}

static void learn(host_knowledge *to, const host_knowledge *from) {
    for (size_t i = 0; i < HOST_STREAMS; i++)
        if (from->of[i] > to->of[i]) to->of[i] = from->of[i];
}

/* ---- copies ---- */

static void read_now(copy *c) {
    host_block *block = host_block_at(c->from);
    if (c->bytes) return;
    if (!(c->bytes = malloc(c->size + 1)) || !block) abort();
    host_block_protect(block, true);
    memcpy(c->bytes, c->from, c->size);
    host_block_protect(block, false);
}

static bool is_known(const host_knowledge *after, const copy *c) {
    return c->turn <= after->of[c->stream->number];
}

/* The stream's next work comes after these, and may write what they copy. */
static void read_before(const struct host_stream *writer) {
    for (copy *c = copies; c; c = c->next)
        if (!c->bytes && is_known(&writer->after, c) && host_block_at(c->from)->writer == writer->number)
            read_now(c);
}

static void let_arrive(const host_knowledge *after) {
    for (copy **at = &copies, *c; (c = *at);) {
        if (!is_known(after, c)) {
            at = &c->next;
            continue;
        }
        read_now(c);
        memcpy(c->to, c->bytes, c->size);
        *at = c->next;
        free(c->bytes);
        free(c);
    }
}

/* In its writer's own order, a copy is made where it stands. */
void host_copy_queue(struct host_stream *stream, void *to, const void *from, size_t bytes) {
    copy *c = calloc(1, sizeof *c), **last = &copies;
    host_block *block = host_block_at(from);
    if (!c || !block) abort();
    *c = (copy){
        .stream = stream, .turn = stream->after.of[stream->number], .from = from, .to = to, .size = bytes};
    memset(to, 0xFF, bytes);
    struct host_stream *writer = streams[block->writer];
    if (!writer || writer == stream) {
        read_now(c);
    } else if (stream->after.of[writer->number] < writer->after.of[writer->number]) {
        read_now(c);
        memset(c->bytes, 0xFF, bytes);
    }
    while (*last)
        last = &(*last)->next;
    *last = c;
}

bool host_copy_is_ordered(struct host_stream *stream, const host_block *source) {
    struct host_stream *writer = streams[source->writer];
    if (writer == stream) return true;
    writer->readers.of[stream->number] = stream->after.of[stream->number];
    return stream->after.of[writer->number] == writer->after.of[writer->number];
}

void host_copies_check_block(const host_block *block) {
    for (const copy *c = copies; c; c = c->next)
        if (!c->bytes && host_block_at(c->from) == block)
            host_end_program("memory is freed while it is copied");
}

void host_copies_check_host(const void *memory, size_t bytes) {
    for (const copy *c = copies; c; c = c->next)
        if ((char *)c->to >= (const char *)memory && (char *)c->to < (const char *)memory + bytes)
            host_end_program("host memory is freed while something is copied there");
}

/* ---- streams ---- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
    size_t number = 0;
    int device = 0;
    (void)flags;
    cudaGetDevice(&device);
    host_lock();
    while (number < HOST_STREAMS && streams[number])
        number++;
    *stream = number < HOST_STREAMS ? calloc(1, sizeof **stream) : NULL;
    if (*stream) {
        **stream = (struct host_stream){.number = number, .device = device};
        streams[number] = *stream;
        for (size_t i = 0; i < HOST_STREAMS; i++) /* nobody knows of this one yet */
            if (streams[i]) streams[i]->after.of[number] = streams[i]->readers.of[number] = 0;
    }
    host_unlock();
    return host_noted(*stream ? cudaSuccess : cudaErrorMemoryAllocation);
}

size_t host_given(int device) {
    size_t bytes = 0;
    for (size_t i = 0; i < HOST_STREAMS; i++)
        bytes += streams[i] && streams[i]->device == device ? streams[i]->given : 0;
    return bytes;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    host_lock();
    waits++;
    let_arrive(&stream->after);
    stream->given = 0;
    host_unlock();
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    cudaStreamSynchronize(stream);
    host_lock();
    streams[stream->number] = NULL;
    host_unlock();
    free(stream);
    return cudaSuccess;
}

/* ---- events ---- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
    (void)flags;
    *event = calloc(1, sizeof **event);
    if (*event) cudaGetDevice(&(*event)->device);
    return host_noted(*event ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    free(event);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    if (event->device != stream->device) host_end_program("an event of another device than the stream");
    host_lock();
    event->recorded = true;
    event->after = stream->after;
    host_unlock();
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
    (void)flags;
    host_lock();
    if (event->recorded) {
        learn(&stream->after, &event->after);
        read_before(stream);
    }
    host_unlock();
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    host_lock();
    waits++;
    if (event->recorded) let_arrive(&event->after);
    host_unlock();
    return cudaSuccess;
}

/* ---- pinned memory ---- */

cudaError_t cudaMallocHost(void **memory, size_t bytes) {
    host_lock();
    pinned *p = host_fails_now(-1) ? NULL : calloc(1, sizeof *p + bytes);
    if (p) {
        p->next = all_pinned, p->bytes = bytes;
        all_pinned = p;
    }
    host_unlock();
    *memory = p ? p->data : NULL;
    return host_noted(p ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaFreeHost(void *memory) {
    host_lock();
    pinned **at = &all_pinned;
    while (*at && (void *)(*at)->data != memory)
        at = &(*at)->next;
    pinned *p = *at;
    if (!p) host_end_program("cudaFreeHost of what was not allocated");
    host_copies_check_host(memory, p->bytes);
    *at = p->next;
    free(p);
    host_unlock();
    return cudaSuccess;
}

const void *host_pinned(size_t n) {
    const pinned *p = all_pinned;
    for (; p && n; n--)
        p = p->next;
    return p ? p->data : NULL;
}

size_t host_pinned_live(void) {
    size_t n = 0;
    for (const pinned *p = all_pinned; p; p = p->next)
        n++;
    return n;
}
