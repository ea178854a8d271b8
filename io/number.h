/* number.h: doubles as decimal text. */
#ifndef RKV_IO_NUMBER_H
#define RKV_IO_NUMBER_H

#include "core/text.h"

/* Adds the shortest decimal form that reads back as the same double, with "." whatever the locale says; -0 as
 * 0. value is finite: what NaN looks like is each format's own matter. */
void rkv_text_add_number(rkv_text *text, double value);

#endif
