/* eval_texts.h: what settings generated, beside the full cache's text. */
#ifndef RKV_CLI_EVAL_TEXTS_H
#define RKV_CLI_EVAL_TEXTS_H

#include <stdio.h>

#include <rankkv/eval.h>

/* Of the first window that has texts (the others are in results.json): each setting's beside the full
 * cache's, with a mark where they part. Nothing when none were generated. */
void eval_texts_write(FILE *out, const rkv_results *results);

#endif
