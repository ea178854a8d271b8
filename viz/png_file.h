/* png_file.h: a PNG written row by row through libpng; the file appears whole or not at all. */
#ifndef RKV_VIZ_PNG_FILE_H
#define RKV_VIZ_PNG_FILE_H

#include <stddef.h>

#include <rankkv/status.h>

/* One entry of the picture's text: where it comes from. value is UTF-8: what is not ASCII becomes an iTXt
 * chunk, the rest tEXt. */
typedef struct rkv_png_text {
    const char *key; /* 1 .. 79 ASCII characters */
    char *value;
} rkv_png_text;

typedef struct rkv_png rkv_png;

/* Opens path's temporary neighbour for an 8-bit RGB picture and writes all that precedes the pixels.
 * RKV_CANNOT_CREATE, RKV_IO. */
rkv_status rkv_png_open(rkv_png **out, const char *path, size_t width, size_t height,
                        const rkv_png_text *text, size_t n_text);
/* Writes the next row, rgb [width, 3]. RKV_IO names the reason (a full disk). */
rkv_status rkv_png_write_row(rkv_png *png, const unsigned char *rgb);
/* Ends the file after its last row and renames it into place. png is freed whatever the result. */
rkv_status rkv_png_finish(rkv_png *png);
/* Gives up: removes the temporary. NULL is fine. */
void rkv_png_abandon(rkv_png *png);

#endif
