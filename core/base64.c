/* base64.c: bytes as text. */
#include "core/base64.h"

/* Three bytes are four characters of six bits each, the first bits first. */
static void encode(const unsigned char in[3], char out[4]) {
    static const char letters[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out[0] = letters[in[0] >> 2];
    out[1] = letters[(in[0] & 3) << 4 | in[1] >> 4];
    out[2] = letters[(in[1] & 15) << 2 | in[2] >> 6];
    out[3] = letters[in[2] & 63];
}

void rkv_text_add_base64(rkv_text *text, const void *bytes, size_t length) {
    const unsigned char *in = bytes;
    char chunk[1024];
    size_t used = 0;
    for (; length >= 3; in += 3, length -= 3) {
        encode(in, chunk + used);
        used += 4;
        if (used == sizeof chunk) {
            rkv_text_add(text, chunk, used);
            used = 0;
        }
    }
    rkv_text_add(text, chunk, used);
    if (length == 0) return;
    unsigned char last[3] = {in[0], length == 2 ? in[1] : 0, 0};
    encode(last, chunk);
    chunk[3] = '=';
    if (length == 1) chunk[2] = '=';
    rkv_text_add(text, chunk, 4);
}
