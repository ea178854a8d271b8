/* kv_shape.h: the shape of bare keys and values, as --kv spells it. */
#ifndef RKV_CLI_KV_SHAPE_H
#define RKV_CLI_KV_SHAPE_H

#include <rankkv/compress.h>

/* The shape of what --kv leaves out. */
#define KV_SHAPE_DEFAULT "batch=1,heads=8,tokens=512,dim=128,dtype=bf16"

/* "batch=512,heads=8,tokens=512,dim=128,dtype=bf16", any of them, in any order; tensor->data is left alone. A
 * failure has been told. */
rkv_status kv_shape_parse(const char *text, rkv_kv_tensor *tensor);

/* "[1, 8, 512, 128] bf16" */
void kv_shape_print(const rkv_kv_tensor *tensor);

#endif
