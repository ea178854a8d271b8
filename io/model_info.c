/* model_info.c: copies of rkv_model_info that own their strings. */
#include "io/model_info.h"

#include "core/memory.h"

/* The strings are const in the public struct because most holders borrow them; a copy owns its own. */
static rkv_status own(const char **string) {
    char *copy;
    rkv_status status = rkv_copy_string(&copy, *string);
    *string = copy;
    return status;
}

rkv_status rkv_model_info_copy(rkv_model_info *out, const rkv_model_info *info) {
    *out = *info;
    const char **strings[] = {&out->path, &out->name, &out->architecture, &out->file_type};
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        if (!status)
            status = own(strings[i]);
        else
            *strings[i] = NULL;
    }
    if (status) rkv_model_info_clear(out);
    return status;
}

void rkv_model_info_clear(rkv_model_info *info) {
    free((char *)info->path);
    free((char *)info->name);
    free((char *)info->architecture);
    free((char *)info->file_type);
    *info = (rkv_model_info){0};
}
