/* calibrate_dry_run.c: `rankkv calibrate --dry-run`: the memory that its two evaluations would take. What
 * signals are measured in is not foretold, and they are taken as if all were equal. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/calibrate.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/output.h"

/* The evaluations, and what their settings point to. */
typedef struct stages {
    eval_foretold at[2]; /* of the candidates, of the choice */
    char **specs[2];
    size_t n_specs[2];
    char *ada;
} stages;

static void stages_clear(stages *s) {
    for (size_t i = 0; i < 2; i++)
        calibrate_free_specs(s->specs[i], s->n_specs[i]);
    free(s->ada);
}

/* Which candidate is chosen is not known: all hold as much. The last has shuffles, as any but uniform. */
static rkv_status list_settings(stages *s, eval_inputs *inputs, eval_inputs *test,
                                const calibrate_options *options, char *const *signals, size_t n_signals) {
    rkv_status status =
        calibrate_list_candidates(inputs, options, signals, n_signals, &s->specs[0], &s->n_specs[0]);
    if (status) return status;
    s->ada = calibrate_name_ada(options->method);
    return calibrate_list_judgement(test, options, s->specs[0][s->n_specs[0] - 1], s->ada, &s->specs[1],
                                    &s->n_specs[1]);
}

static void tell(const stages *s, const eval_inputs *inputs, const calibrate_options *options) {
    if (!options->eval.json) {
        for (size_t i = 0; i < 2; i++)
            eval_foretold_tell(&s->at[i]);
        puts("what signals are measured in before is not foretold");
        return;
    }
    cli_json json = json_begin(stdout, "rankkv-dry-run");
    json_text(&json, "device", rkv_model_device(inputs->model));
    json_open(&json, "evaluations", '[');
    for (size_t i = 0; i < 2; i++)
        eval_foretold_json(&json, &s->at[i]);
    json_close(&json, ']');
    json_end(&json);
}

rkv_status calibrate_dry_run(eval_inputs *inputs, eval_inputs *test, const calibrate_options *options,
                             char *const *signals, size_t n_signals) {
    stages s = {.at = {{.name = "candidates", .inputs = inputs}, {.name = "judgement", .inputs = test}}};
    rkv_status status = calibrate_level_signals(inputs, signals, n_signals);
    test->profile = inputs->profile;
    if (!status) status = list_settings(&s, inputs, test, options, signals, n_signals);
    for (size_t i = 0; !status && i < 2; i++)
        status = eval_foretell(&s.at[i], &options->eval);
    if (!status) tell(&s, inputs, options);
    if (!status) status = output_flush();
    for (size_t i = 0; !status && i < 2; i++)
        status = eval_foretold_judge(&s.at[i]);
    test->profile = NULL;
    stages_clear(&s);
    return status;
}
