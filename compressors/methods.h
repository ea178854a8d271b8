/* methods.h: the rows of the table of methods, one file each. */
#ifndef RKV_COMPRESSORS_METHODS_H
#define RKV_COMPRESSORS_METHODS_H

#include "compressors/method.h"

#endif
