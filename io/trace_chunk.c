/* trace_chunk.c: shuffle, deflate and fletcher32 for one chunk. */
#include "io/trace_chunk.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"

/* Room for what a filter may add: deflate stores what it cannot shrink with 5 bytes per 32 KiB and a frame.
 */
#define FILTER_SLACK(bytes) ((bytes) / 1000 + 256)

/* Byte k of every element goes to plane k: the exponents of neighbours are alike and compress well together.
 * Bytes after the last whole element stay behind. */
static void shuffle(const unsigned char *in, unsigned char *out, size_t bytes, size_t element_bytes) {
    size_t n = bytes / element_bytes;
    for (size_t k = 0; k < element_bytes; k++)
        for (size_t i = 0; i < n; i++)
            out[k * n + i] = in[i * element_bytes + k];
    memcpy(out + n * element_bytes, in + n * element_bytes, bytes - n * element_bytes);
}

static void unshuffle(const unsigned char *in, unsigned char *out, size_t bytes, size_t element_bytes) {
    size_t n = bytes / element_bytes;
    for (size_t k = 0; k < element_bytes; k++)
        for (size_t i = 0; i < n; i++)
            out[i * element_bytes + k] = in[k * n + i];
    memcpy(out + n * element_bytes, in + n * element_bytes, bytes - n * element_bytes);
}

/* Fletcher's checksum (1982) over big-endian 16-bit words, as HDF5 has it: the sums are folded every 360
 * words, before 32 bits could overflow; a last odd byte counts as the upper half of a word. */
static uint32_t fletcher32(const unsigned char *bytes, size_t length) {
    uint32_t a = 0, b = 0;
    for (size_t i = 0; i + 1 < length;) {
        for (size_t n = 0; n < 360 && i + 1 < length; n++, i += 2) {
            a += (uint32_t)bytes[i] << 8 | bytes[i + 1];
            b += a;
        }
        a = (a & 0xFFFF) + (a >> 16);
        b = (b & 0xFFFF) + (b >> 16);
    }
    if (length % 2) {
        a += (uint32_t)bytes[length - 1] << 8;
        b += a;
    }
    a = (a & 0xFFFF) + (a >> 16);
    b = (b & 0xFFFF) + (b >> 16);
    a = (a & 0xFFFF) + (a >> 16);
    b = (b & 0xFFFF) + (b >> 16);
    return b << 16 | a;
}

/* ---- packing ---- */

rkv_status rkv_chunk_packer_open(rkv_chunk_packer *packer, size_t raw_bytes, size_t element_bytes) {
    *packer = (rkv_chunk_packer){.raw_bytes = raw_bytes, .element_bytes = element_bytes};
    packer->compressor = libdeflate_alloc_compressor(RKV_DEFLATE_LEVEL);
    if (!packer->compressor) return rkv_fail(RKV_NO_MEMORY, "out of memory: a deflate compressor");
    packer->capacity = libdeflate_zlib_compress_bound(packer->compressor, raw_bytes);
    rkv_status status = rkv_alloc_raw(&packer->raw, raw_bytes, 1);
    if (!status) status = rkv_alloc_raw(&packer->shuffled, raw_bytes, 1);
    if (!status) status = rkv_alloc_raw(&packer->packed, packer->capacity, 1);
    return status;
}

rkv_status rkv_chunk_pack(rkv_chunk_packer *packer) {
    shuffle(packer->raw, packer->shuffled, packer->raw_bytes, packer->element_bytes);
    packer->packed_bytes = libdeflate_zlib_compress(packer->compressor, packer->shuffled, packer->raw_bytes,
                                                    packer->packed, packer->capacity);
    return packer->packed_bytes
               ? RKV_OK
               : rkv_fail(RKV_ERROR, "cannot compress a chunk of %zu bytes", packer->raw_bytes);
}

void rkv_chunk_packer_close(rkv_chunk_packer *packer) {
    if (packer->compressor) libdeflate_free_compressor(packer->compressor);
    free(packer->raw);
    free(packer->shuffled);
    free(packer->packed);
    *packer = (rkv_chunk_packer){0};
}

/* ---- unpacking ---- */

size_t rkv_chunk_packed_limit(const rkv_chunk_form *form) {
    size_t limit = form->raw_bytes;
    for (size_t i = 0; i < form->n_filters; i++)
        limit += FILTER_SLACK(limit);
    return limit;
}

rkv_status rkv_chunk_unpacker_open(rkv_chunk_unpacker *unpacker, const rkv_chunk_form *form) {
    *unpacker = (rkv_chunk_unpacker){.form = form};
    size_t limit = rkv_chunk_packed_limit(form);
    rkv_status status = rkv_alloc_raw(&unpacker->packed, limit, 1);
    for (int i = 0; i < 2 && form->n_filters && !status; i++)
        status = rkv_alloc_raw(&unpacker->spare[i], limit, 1);
    if (!status) unpacker->decompressor = libdeflate_alloc_decompressor();
    if (!status && !unpacker->decompressor)
        status = rkv_fail(RKV_NO_MEMORY, "out of memory: a deflate decompressor");
    return status;
}

static rkv_status undo_deflate(const rkv_chunk_unpacker *unpacker, const unsigned char *in, size_t *length,
                               unsigned char *out) {
    size_t capacity = rkv_chunk_packed_limit(unpacker->form), got = 0;
    enum libdeflate_result result =
        libdeflate_zlib_decompress(unpacker->decompressor, in, *length, out, capacity, &got);
    *length = got;
    if (result == LIBDEFLATE_SUCCESS) return RKV_OK;
    return rkv_fail(RKV_DATA, "damaged deflate data%s",
                    result == LIBDEFLATE_INSUFFICIENT_SPACE ? ": larger than the chunk" : "");
}

static rkv_status check_fletcher32(const unsigned char *in, size_t *length) {
    if (*length < 4) return rkv_fail(RKV_DATA, "%zu bytes are too few for a fletcher32 checksum", *length);
    *length -= 4;
    const unsigned char *p = in + *length;
    uint32_t stored = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    uint32_t computed = fletcher32(in, *length);
    if (stored == computed) return RKV_OK;
    return rkv_fail(RKV_DATA, "fletcher32 checksum is %08x, the data has %08x", (unsigned)stored,
                    (unsigned)computed);
}

rkv_status rkv_chunk_unpack(rkv_chunk_unpacker *unpacker, size_t length, uint32_t skipped,
                            const unsigned char **raw) {
    const rkv_chunk_form *form = unpacker->form;
    const unsigned char *bytes = unpacker->packed;
    rkv_status status = RKV_OK;
    for (size_t i = form->n_filters; i-- > 0 && !status;) {
        if (skipped >> i & 1u) continue;
        unsigned char *out = bytes == unpacker->spare[0] ? unpacker->spare[1] : unpacker->spare[0];
        if (form->filter[i] == RKV_FILTER_FLETCHER32) {
            status = check_fletcher32(bytes, &length);
            continue;
        }
        if (form->filter[i] == RKV_FILTER_DEFLATE)
            status = undo_deflate(unpacker, bytes, &length, out);
        else
            unshuffle(bytes, out, length, form->element_bytes);
        bytes = out;
    }
    if (!status && length != form->raw_bytes)
        status = rkv_fail(RKV_DATA, "unpacks to %zu bytes instead of %zu", length, form->raw_bytes);
    *raw = bytes;
    return status;
}

void rkv_chunk_unpacker_close(rkv_chunk_unpacker *unpacker) {
    if (unpacker->decompressor) libdeflate_free_decompressor(unpacker->decompressor);
    free(unpacker->packed);
    free(unpacker->spare[0]);
    free(unpacker->spare[1]);
    *unpacker = (rkv_chunk_unpacker){0};
}
