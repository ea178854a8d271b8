/* output.h: a program that printed has done so only when every byte was written. */
#ifndef RKV_CLI_OUTPUT_H
#define RKV_CLI_OUTPUT_H

#include <rankkv/status.h>

/* Makes sure that descriptors 0 to 2 are taken (or an output file would get one of them), and that the
 * process ends with 74 and a message when standard output could not be written, however it ends. */
void output_begin(void);

/* Writes what was printed so far. RKV_IO, told once, when it cannot be written: more work would be in vain.
 */
rkv_status output_flush(void);

#endif
