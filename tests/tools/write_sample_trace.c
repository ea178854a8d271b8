/* write_sample_trace.c: writes the sample of support/sample_trace.h, for scripts that read it with other
 * tools.
 *
 * usage: write_sample_trace PATH N_TOKENS float16|float32 layer|head */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sample_trace.h"

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: %s PATH N_TOKENS float16|float32 layer|head\n", argv[0]);
        return 2;
    }
    rkv_status status =
        sample_trace_write(argv[1], strtoul(argv[2], NULL, 10),
                           strcmp(argv[3], "float16") ? RKV_FLOAT32 : RKV_FLOAT16, !strcmp(argv[4], "head"));
    if (status) fprintf(stderr, "%s\n", rkv_message());
    return rkv_status_exit_code(status);
}
