/* png_file.c: libpng's row writer over an atomic output.
 *
 * libpng reports errors by longjmp. Every function here that calls it does so in a leaf of its own, which
 * sets its own jump target and changes no local variable after that. */
#include "viz/png_file.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/file.h"
#include "core/memory.h"

struct rkv_png {
    rkv_output output;
    png_structp writer;
    png_infop info;
    rkv_status status; /* of the first failure; its message is the thread's */
};

/* Level 6 takes twice the time of 3 for pictures a tenth smaller. */
#define COMPRESSION_LEVEL 3

static void on_error(png_structp writer, png_const_charp message) {
    rkv_png *png = png_get_error_ptr(writer);
    if (!png->status) png->status = rkv_fail(RKV_ERROR, "%s: libpng: %s", png->output.path, message);
    png_longjmp(writer, 1);
}

static void on_warning(png_structp writer, png_const_charp message) {
    (void)writer;
    (void)message;
}

static void write_bytes(png_structp writer, png_bytep bytes, size_t length) {
    rkv_png *png = png_get_io_ptr(writer);
    png->status = rkv_output_write(&png->output, bytes, length);
    if (png->status) png_longjmp(writer, 1);
}

static void flush_nothing(png_structp writer) {
    (void)writer;
}

static png_voidp allocate(png_structp writer, png_alloc_size_t size) {
    rkv_png *png = png_get_mem_ptr(writer);
    void *memory = NULL;
    rkv_status status = rkv_alloc_raw(&memory, size, 1);
    if (!png->status) png->status = status; /* libpng then calls on_error */
    return memory;
}

static void release(png_structp writer, png_voidp memory) {
    (void)writer;
    free(memory);
}

static int is_ascii(const char *text) {
    while (*text && (unsigned char)*text < 0x80)
        text++;
    return *text == '\0';
}

static rkv_status write_head(rkv_png *png, png_uint_32 width, png_uint_32 height, png_text *text,
                             int n_text) {
    if (setjmp(png_jmpbuf(png->writer))) return png->status;
    png_set_write_fn(png->writer, png, write_bytes, flush_nothing);
    png_set_compression_level(png->writer, COMPRESSION_LEVEL);
    png_set_IHDR(png->writer, png->info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_sRGB(png->writer, png->info, PNG_sRGB_INTENT_PERCEPTUAL);
    png_set_text(png->writer, png->info, text, n_text);
    png_write_info(png->writer, png->info);
    return RKV_OK;
}

/* The text in libpng's form; its strings stay the caller's. */
static rkv_status open_with_text(rkv_png *png, size_t width, size_t height, const rkv_png_text *text,
                                 size_t n_text) {
    png_text *entries = NULL;
    rkv_status status = rkv_alloc(&entries, n_text, sizeof *entries);
    if (status) return status;
    for (size_t i = 0; i < n_text; i++) {
        entries[i].compression =
            is_ascii(text[i].value) ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
        entries[i].key = (char *)text[i].key;
        entries[i].text = text[i].value;
        entries[i].text_length = strlen(text[i].value);
    }
    status = write_head(png, (png_uint_32)width, (png_uint_32)height, entries, (int)n_text);
    free(entries);
    return status;
}

rkv_status rkv_png_open(rkv_png **out, const char *path, size_t width, size_t height,
                        const rkv_png_text *text, size_t n_text) {
    *out = NULL;
    rkv_png *png = NULL;
    rkv_status status = rkv_alloc(&png, 1, sizeof *png);
    if (status) return status;
    status = rkv_output_open(&png->output, path);
    if (!status) {
        png->writer = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, png, on_error, on_warning, png,
                                                allocate, release);
        png->info = png->writer ? png_create_info_struct(png->writer) : NULL;
        if (!png->info) status = rkv_fail(RKV_NO_MEMORY, "%s: out of memory in libpng", path);
    }
    if (!status) status = open_with_text(png, width, height, text, n_text);
    if (status)
        rkv_png_abandon(png);
    else
        *out = png;
    return status;
}

rkv_status rkv_png_write_row(rkv_png *png, const unsigned char *rgb) {
    if (setjmp(png_jmpbuf(png->writer))) return png->status;
    png_write_row(png->writer, rgb);
    return RKV_OK;
}

static rkv_status write_tail(rkv_png *png) {
    if (setjmp(png_jmpbuf(png->writer))) return png->status;
    png_write_end(png->writer, NULL);
    return RKV_OK;
}

rkv_status rkv_png_finish(rkv_png *png) {
    rkv_status status = write_tail(png);
    if (!status) status = rkv_output_commit(&png->output);
    rkv_png_abandon(png);
    return status;
}

void rkv_png_abandon(rkv_png *png) {
    if (!png) return;
    if (png->writer) png_destroy_write_struct(&png->writer, &png->info);
    rkv_output_abandon(&png->output);
    free(png);
}
