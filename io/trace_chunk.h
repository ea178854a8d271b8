/* trace_chunk.h: one chunk of a dataset on its way through the filters shuffle, deflate and fletcher32,
 * outside HDF5: in any thread, and with every size bounded before anything is unpacked. */
#ifndef RKV_IO_TRACE_CHUNK_H
#define RKV_IO_TRACE_CHUNK_H

#include <stdint.h>

#include <rankkv/status.h>

/* The filters that are read, by their numbers in HDF5 files. */
typedef enum rkv_chunk_filter {
    RKV_FILTER_DEFLATE = 1,
    RKV_FILTER_SHUFFLE = 2,
    RKV_FILTER_FLETCHER32 = 3
} rkv_chunk_filter;

/* Chosen on the attention of a real model as float16: see docs/FORMATS.md. */
#define RKV_DEFLATE_LEVEL 1

/* Packs chunks of one size with shuffle and deflate. One per thread; start from {0}. */
typedef struct rkv_chunk_packer {
    unsigned char *raw; /* [raw_bytes] filled by the caller before each pack */
    unsigned char *packed;
    size_t packed_bytes; /* of the last pack */
    unsigned char *shuffled;
    void *compressor;
    size_t raw_bytes, element_bytes, capacity;
} rkv_chunk_packer;

rkv_status rkv_chunk_packer_open(rkv_chunk_packer *packer, size_t raw_bytes, size_t element_bytes);
/* packed [packed_bytes] = deflate(shuffle(raw)). */
rkv_status rkv_chunk_pack(rkv_chunk_packer *packer);
void rkv_chunk_packer_close(rkv_chunk_packer *packer);

/* What a chunk went through when it was written. */
typedef struct rkv_chunk_form {
    size_t raw_bytes, element_bytes;
    size_t n_filters;
    int filter[8]; /* rkv_chunk_filter, in the order of writing */
} rkv_chunk_form;

/* Most bytes that a chunk of this form takes in a file; more is damage. */
size_t rkv_chunk_packed_limit(const rkv_chunk_form *form);

/* Unpacks chunks of one form. One per thread; start from {0}. */
typedef struct rkv_chunk_unpacker {
    const rkv_chunk_form *form; /* the caller's */
    unsigned char *packed;      /* [rkv_chunk_packed_limit] filled by the caller before each unpack */
    unsigned char *spare[2];
    void *decompressor;
} rkv_chunk_unpacker;

rkv_status rkv_chunk_unpacker_open(rkv_chunk_unpacker *unpacker, const rkv_chunk_form *form);
/* *raw [raw_bytes] = packed [length] with its filters undone, those in the bit mask skipped left out; it lies
 * in the unpacker until the next call. RKV_DATA: it does not unpack to raw_bytes, or its checksum is wrong.
 */
rkv_status rkv_chunk_unpack(rkv_chunk_unpacker *unpacker, size_t length, uint32_t skipped,
                            const unsigned char **raw);
void rkv_chunk_unpacker_close(rkv_chunk_unpacker *unpacker);

#endif
