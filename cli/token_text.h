/* token_text.h: tokens as text that can be shown on an axis. */
#ifndef RKV_CLI_TOKEN_TEXT_H
#define RKV_CLI_TOKEN_TEXT_H

#include <rankkv/model.h>

/* text [n]: the printable UTF-8 form of each id: a newline as its picture, bytes that are no character alone
 * as \xNN. token_text_free frees it. */
rkv_status token_text_make(char ***text, const rkv_model *model, const int32_t *ids, size_t n);
void token_text_free(char **text, size_t n);

#endif
