/* rows_move.cu: what stays of a list of rows, side by side, in its own memory or in other.
 *
 * A block has some bytes of every item, 32 units of them, so blocks never meet. In its own memory the items
 * go up chunk by chunk: all of a chunk is read before any of it is written, and as no place is above where
 * its item comes from, what is written was read by this chunk or an earlier one. So one barrier is enough. */
#include "cuda/rows_kernels.h"
#include "cuda/warp_rows.h"

#define ROWS         16 /* of a warp in a chunk */
#define MOST_WARPS   32 /* of a block: a list has but one in its own memory, which takes large chunks */
#define WARPS        8  /* of a block among many */
#define MOST_THREADS (MOST_WARPS * RKV_WARP)
#define MOST_BLOCKS  1024

/* The run that the item of a place belongs to. */
RKV_DEVICE uint32_t run_of(const rkv_move_rows_task *t, uint32_t place) {
    uint32_t low = 0, high = t->n_runs;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (t->run[middle].place <= place)
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
RKV_DEVICE void read_units(const rkv_move_rows_task *t, uint32_t place, uint32_t n, size_t at, bool whole,
                           uint32_t unit[ROWS]) {
    uint32_t run = n ? run_of(t, place) : 0;
    for (uint32_t i = 0; i < ROWS; i++) { /* as many as there are registers for: reads go out together */
        if (i >= n) continue;
        if (run + 1 < t->n_runs && t->run[run + 1].place <= place + i) run++;
        size_t item = (size_t)t->run[run].from + (place + i - t->run[run].place);
        unit[i] = read_unit(t->from + item * t->item_bytes + at, whole);
    }
}

RKV_KERNEL_OF(MOST_THREADS, move_rows, rkv_move_rows_task) {
    bool whole = t.item_bytes % sizeof(uint32_t) == 0;
    size_t unit_bytes = whole ? sizeof(uint32_t) : 1, at = (blockIdx.x * RKV_WARP + rkv_lane()) * unit_bytes;
    size_t first = t.run[0].place + (size_t)blockIdx.y * t.rows_of_block,
           end = first + t.rows_of_block < t.end ? first + t.rows_of_block : t.end;
    for (size_t chunk = first; chunk < end; chunk += blockDim.x / RKV_WARP * ROWS) {
        uint32_t unit[ROWS];
        size_t place = chunk + threadIdx.x / RKV_WARP * ROWS, left = place < end ? end - place : 0;
        uint32_t n = at < t.item_bytes ? (uint32_t)(left < ROWS ? left : ROWS) : 0;
        read_units(&t, (uint32_t)place, n, at, whole, unit);
        __syncthreads();
        for (uint32_t i = 0; i < ROWS; i++)
            if (i < n) write_unit(t.to + (place + i) * t.item_bytes + at, whole, unit[i]);
    }
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

cudaError_t rkv_launch_move_rows(rkv_move_rows_task *task, cudaStream_t stream) {
    size_t unit_bytes = task->item_bytes % sizeof(uint32_t) ? 1 : sizeof(uint32_t);
    size_t n = task->end - task->run[0].place, pieces = (n + ROWS - 1) / ROWS;
    bool in_place = task->from == task->to;
    size_t warps = least(pieces, in_place ? MOST_WARPS : WARPS);
    size_t across = (task->item_bytes / unit_bytes + RKV_WARP - 1) / RKV_WARP;
    size_t down = in_place ? 1 : least((pieces + warps - 1) / warps, MOST_BLOCKS);
    dim3 blocks = {(unsigned)across, (unsigned)down, 1};
    task->rows_of_block = (uint32_t)((n + down - 1) / down);
    return RKV_LAUNCH(move_rows, *task, blocks, (unsigned)warps * RKV_WARP, stream);
}
