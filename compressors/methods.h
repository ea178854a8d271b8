/* methods.h: the rows of the table of methods, one file each. */
#ifndef RKV_COMPRESSORS_METHODS_H
#define RKV_COMPRESSORS_METHODS_H

#include "compressors/method.h"

extern const rkv_method rkv_method_full;
extern const rkv_method rkv_method_window;
extern const rkv_method rkv_method_streaming_llm;
extern const rkv_method rkv_method_knorm;
extern const rkv_method rkv_method_keydiff;
extern const rkv_method rkv_method_fix_size_l2;
extern const rkv_method rkv_method_sparse_magnitude;
extern const rkv_method rkv_method_tova;
extern const rkv_method rkv_method_h2o;
extern const rkv_method rkv_method_sparse_attention;
extern const rkv_method rkv_method_snapkv;
extern const rkv_method rkv_method_pyramidkv;
extern const rkv_method rkv_method_ada_snapkv;
extern const rkv_method rkv_method_expected_attention;
extern const rkv_method rkv_method_fastgen;
extern const rkv_method rkv_method_random;

extern const rkv_method rkv_method_f16;
extern const rkv_method rkv_method_bf16;
extern const rkv_method rkv_method_int8;
extern const rkv_method rkv_method_int4;
extern const rkv_method rkv_method_lowrank;

#endif
