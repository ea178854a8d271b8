/* bench_model.c: `rankkv bench` on a model: what is planned, measured, written and told. */
#include "cli/bench.h"
#include "cli/message.h"
#include "cli/output.h"

/* Said of what is right but may not be meant. */
static void note_surprises(const bench_report *report) {
    if (report->text.repeated)
        note("%s: its %zu tokens begin anew where a context is longer", report->text.name,
             report->text.n_tokens);
}

/* What there is goes to the disk and to standard output, whether or not it is all. */
static rkv_status tell(const bench_report *report) {
    rkv_status status = bench_files_write(report);
    if (status) return status;
    if (report->options->json)
        bench_json_write(stdout, report);
    else
        bench_table_write(stdout, report);
    status = output_flush();
    if (!status)
        note("%zu of %zu runs are measured; results are in %s", bench_runs_done(report), bench_runs(report),
             report->options->folder);
    return status;
}

static rkv_status measure(bench_report *report) {
    rkv_status status = bench_rounds(report);
    bool any = bench_runs_done(report) > 0;
    if (status && status != RKV_CANCELLED) return status;
    rkv_status told = any || !report->stopped ? tell(report) : RKV_OK;
    if (told) return told;
    if (!status && !any) status = complain(report->worst, "no case could be measured");
    return status;
}

rkv_status bench_model_run(const bench_options *options, const char *path) {
    bench_report report;
    rkv_status status = options->dry_run ? RKV_OK : bench_files_check(options);
    if (!status) {
        status = bench_plan(&report, options, path);
        if (!status) note_surprises(&report);
        if (!status) status = options->dry_run ? bench_dry_run(&report) : measure(&report);
        bench_report_clear(&report);
    }
    return status;
}
