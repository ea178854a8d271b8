/* bench_rounds.c: all cases of `rankkv bench`, round by round: what slows the machine down for a while slows
 * all of them. */
#include <stdlib.h>

#include "cli/bench.h"
#include "cli/clock.h"
#include "cli/message.h"
#include "cli/progress.h"

/* Progress is counted in tokens, so that the time that is left is told as if each took the same. */
typedef struct rounds {
    bench_report *report;
    rkv_progress progress;
    const char *method; /* that runs now */
    size_t done, total; /* tokens */
} rounds;

static void tick(void *user) {
    rounds *r = user;
    r->progress.report(r->progress.user, r->method, r->done, r->total);
}

static size_t tokens_of(const bench_case *c) {
    return c->context * (c->warm_up + 1) + c->new_tokens;
}

static rkv_status run_row(rounds *r, bench_row *row) {
    bench_sample sample;
    char *reason = NULL;
    rkv_status failure = RKV_OK;
    r->method = row->c.method;
    tick(r);
    rkv_status status = bench_child_run(&row->c, r->report->text.ids, tick, r, &sample, &reason, &failure);
    r->done += tokens_of(&row->c);
    if (status) {
        free(reason);
    } else if (reason) {
        row->reason = reason;
        r->report->worst = failure;
        note("%s at %zu tokens: %s", row->c.method, row->c.context, reason);
    } else {
        row->samples[row->n++] = sample;
    }
    return status;
}

rkv_status bench_rounds(bench_report *report) {
    progress_bar bar;
    rounds r = {.report = report, .progress = progress_begin(&bar, "bench", report->options->quiet)};
    size_t n_rounds = report->options->repeats;
    double start_s = now_s();
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < report->n_rows; i++)
        r.total += n_rounds * tokens_of(&report->rows[i].c);
    for (size_t round = 0; round < n_rounds && !status; round++)
        for (size_t i = 0; i < report->n_rows && !status; i++) {
            if (report->rows[i].reason)
                r.done += tokens_of(&report->rows[i].c); /* it would fail again */
            else
                status = run_row(&r, &report->rows[i]);
        }
    progress_erase();
    report->seconds = now_s() - start_s;
    report->stopped = status == RKV_CANCELLED;
    return status;
}
