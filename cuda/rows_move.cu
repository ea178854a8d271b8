/* rows_move.cu: items of lists of rows, side by side, in their list's own memory or in other.
 *
 * A block has some bytes of every item of a list, so blocks never meet. In its own memory the items go up
 * chunk by chunk: all of a chunk is read before any of it is written, and as no place is above where its item
 * comes from, what is written was read by this chunk or an earlier one. So one barrier is enough. */
#include "cuda/kernel.h"
#include "cuda/rows_kernels.h"

/* Threads side by side have a unit of an item each, of four bytes where items are of whole fours: together
 * 32, what memory hands out at once. So a list has as many blocks as it can in its own memory, too, where a
 * block has all items of it and one chunk waits for the other. */
#define UNITS        8
#define ROWS         16   /* of a thread in a chunk */
#define MOST_THREADS 1024 /* of a block that has all rows: large chunks */
#define THREADS      256  /* of a block among many */
#define MOST_BLOCKS  1024

/* Of a list's runs, the one that the item of a place belongs to. */
RKV_DEVICE uint32_t run_of(const rkv_move_run *run, uint32_t n_runs, uint32_t place) {
    uint32_t low = 0, high = n_runs;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (run[middle].place <= place)
            low = middle;
        else
            high = middle;
    }
    return low;
}

RKV_DEVICE uint32_t read_unit(const unsigned char *at, bool whole) {
    return whole ? *(const uint32_t *)(const void *)at : *at;
}

RKV_DEVICE void write_unit(unsigned char *at, bool whole, uint32_t unit) {
    if (whole)
        *(uint32_t *)(void *)at = unit;
    else
        *at = (unsigned char)unit;
}

/* This thread's unit of the items of places [place, place + n). */
RKV_DEVICE void read_units(const rkv_move_list *l, const rkv_move_run *run, uint32_t place, uint32_t n,
                           size_t at, bool whole, uint32_t unit[ROWS]) {
    uint32_t r = n ? run_of(run, l->n_runs, place) : 0;
    for (uint32_t i = 0; i < ROWS; i++) { /* as many as there are registers for: reads go out together */
        if (i >= n) continue;
        if (r + 1 < l->n_runs && run[r + 1].place <= place + i) r++;
        size_t item = (size_t)run[r].from + (place + i - run[r].place);
        unit[i] = read_unit(l->from + item * l->item_bytes + at, whole) - (at ? 0 : run[r].less);
    }
}

RKV_KERNEL_OF(MOST_THREADS, move_rows, rkv_move_rows_task) {
    const rkv_move_list *l = &t.list[blockIdx.z];
    const rkv_move_run *run = t.run + l->first_run;
    bool whole = l->item_bytes % sizeof(uint32_t) == 0;
    size_t unit_bytes = whole ? sizeof(uint32_t) : 1,
           at = (blockIdx.x * UNITS + threadIdx.x % UNITS) * unit_bytes;
    size_t first = run->place + (size_t)blockIdx.y * l->rows_of_block,
           end = first + l->rows_of_block < l->end ? first + l->rows_of_block : l->end;
    if (blockIdx.x * UNITS * unit_bytes >= l->bytes) return;
    for (size_t chunk = first; chunk < end; chunk += blockDim.x / UNITS * ROWS) {
        uint32_t unit[ROWS];
        size_t place = chunk + threadIdx.x / UNITS * ROWS, left = place < end ? end - place : 0;
        uint32_t n = at < l->bytes ? (uint32_t)(left < ROWS ? left : ROWS) : 0;
        read_units(l, run, (uint32_t)place, n, at, whole, unit);
        __syncthreads();
        for (uint32_t i = 0; i < ROWS; i++)
            if (i < n) write_unit(l->to + (place + i) * l->item_bytes + at, whole, unit[i]);
    }
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t largest(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t items_of(const rkv_move_rows_task *task, const rkv_move_list *l) {
    return l->end - task->run[l->first_run].place;
}

/* So many that the list with the most items has a chunk of them, in whole warps. */
static size_t threads_of_block(const rkv_move_rows_task *task) {
    size_t threads = RKV_WARP;
    for (const rkv_move_list *l = task->list; l < task->list + task->n_lists; l++) {
        size_t wanted = (items_of(task, l) + ROWS - 1) / ROWS * UNITS;
        threads = largest(threads, least(wanted, l->from == l->to ? MOST_THREADS : THREADS));
    }
    return (threads + RKV_WARP - 1) / RKV_WARP * RKV_WARP;
}

cudaError_t rkv_launch_move_rows(rkv_move_rows_task *task, cudaStream_t stream) {
    size_t threads = threads_of_block(task), chunk = threads / UNITS * ROWS;
    dim3 blocks = {1, 1, task->n_lists};
    for (rkv_move_list *l = task->list; l < task->list + task->n_lists; l++) {
        size_t units = l->item_bytes % sizeof(uint32_t) ? l->bytes : l->bytes / sizeof(uint32_t);
        size_t n = items_of(task, l);
        size_t down = l->from == l->to ? 1 : least((n + chunk - 1) / chunk, MOST_BLOCKS);
        l->rows_of_block = (uint32_t)((n + down - 1) / down);
        blocks.x = (unsigned)largest(blocks.x, (units + UNITS - 1) / UNITS);
        blocks.y = (unsigned)largest(blocks.y, down);
    }
    return RKV_LAUNCH(move_rows, *task, blocks, (unsigned)threads, stream);
}
