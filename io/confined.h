/* confined.h: looking into a foreign file with a library that may not survive it, in a process of its own.
 *
 *      caller                              child process
 *      ------------------ fork ----------> inspects the open file, within limits of time and memory
 *      checks every size  <----- pipe ---- sends what it found; ends
 *
 * The HDF5 library crashes on some damaged files (tests/test_trace_hostile.c counts them) and can be led to
 * overrun its buffers by some forged ones; here that ends the child, and is an error message. */
#ifndef RKV_IO_CONFINED_H
#define RKV_IO_CONFINED_H

#include <rankkv/status.h>

/* An array of the contents that crosses the pipe after their head; length 0: there is none. */
typedef struct rkv_confined_section {
    void **bytes; /* in the child where it lies; in the parent allocated */
    size_t length;
} rkv_confined_section;

#define RKV_CONFINED_SECTIONS 4

typedef struct rkv_confined_task {
    void *contents;    /* the child's copy of it is filled there, the caller's here */
    size_t head_bytes; /* plain data at the beginning of contents, which crosses as it is */
    /* In the child: fills contents from the open file. */
    rkv_status (*inspect)(void *contents, int descriptor);
    /* In the parent: whether the head can be true, as if a stranger had sent it, before anything is allocated
     * for the sections. */
    rkv_status (*check)(void *contents);
    void (*sections)(void *contents, rkv_confined_section out[RKV_CONFINED_SECTIONS]);
} rkv_confined_task;

/* On failure contents may be filled in part. RKV_DATA: the child crashed, ran out of its limits or gave no
 * answer, or what inspect and check say; RKV_UNAVAILABLE: no process could be started. */
rkv_status rkv_confined_run(const rkv_confined_task *task, int descriptor);

#endif
