/* choices.h: the values that an option can take, read from the library's tables, so that a new policy or
 * colour map shows up in help, parsing, completion and the man page by itself. */
#ifndef RKV_CLI_CHOICES_H
#define RKV_CLI_CHOICES_H

#include <stddef.h>

typedef struct cli_choices {
    const char *(*name)(size_t index);    /* NULL past the end */
    const char *(*summary)(size_t index); /* NULL past the end; the member may be NULL */
} cli_choices;

/* By the library's tables. */
extern const cli_choices choices_policy, choices_metric, choices_aggregate, choices_combine, choices_solver,
    choices_colormap, choices_scale, choices_exporter, choices_compressor, choices_precision;
/* By the public enumerations that have no names of their own, in their order. */
extern const cli_choices choices_granularity, choices_dtype, choices_reduce, choices_hold,
    choices_group_score, choices_positions;
/* Names that are only suggested: a device may also be "cuda:1". */
extern const cli_choices choices_device;

/* Index of name; the number of choices when there is none. */
size_t choices_find(const cli_choices *choices, const char *name);
size_t choices_count(const cli_choices *choices);

/* The choice that is nearest to name by edit distance, NULL when none is near: "did you mean". */
const char *choices_suggest(const cli_choices *choices, const char *name);

#endif
