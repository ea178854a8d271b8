/* model_info.h: copies of rkv_model_info that own their strings. */
#ifndef RKV_IO_MODEL_INFO_H
#define RKV_IO_MODEL_INFO_H

#include <rankkv/model.h>

/* Deep copy; cleared by rkv_model_info_clear, which frees the strings. */
rkv_status rkv_model_info_copy(rkv_model_info *out, const rkv_model_info *info);
void rkv_model_info_clear(rkv_model_info *info);

#endif
