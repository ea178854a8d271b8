/* cmd_methods.c: `rankkv methods`: the tables of the library. */
#include <string.h>

#include "cli/command.h"
#include "cli/compressors.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/terminal.h"

typedef struct methods_options {
    bool json;
} methods_options;

static const option_row rows[] = {
    {"json", 'j', OPTION_FLAG, NULL, "Print one JSON document", .offset = offsetof(methods_options, json)},
    {0}};
static const option_group groups[] = {{"Options:", rows, 0}, {0}};
static const cli_example examples[] = {
    {"rankkv methods", "everything"},
    {"rankkv methods policies", "how ranks can become budgets"},
    {"rankkv methods compressors", "what can hold a cache to them, with all options"},
    {0}};

/* ---- what a row has beyond name and summary ---- */

static void policy_details(cli_json *json, size_t index) {
    const rkv_policy *policy = rkv_policy_at(index);
    json_text(json, "formula", policy->formula);
    json_text(json, "source", policy->source);
    json_bool(json, "needs_signal", policy->needs_signal);
}

static void metric_details(cli_json *json, size_t index) {
    const rkv_metric_info *metric = rkv_metric_get_info((rkv_metric)index);
    json_text(json, "unit", metric->unit);
    json_text(json, "per", metric->per_kv_head ? "kv_head" : "head");
}

static void exporter_details(cli_json *json, size_t index) {
    const rkv_exporter *exporter = rkv_exporter_at(index);
    json_text(json, "tool", exporter->tool);
    json_text(json, "file_name", exporter->file_name);
    json_bool(json, "needs_analysis", exporter->needs_analysis);
}

/* What stands under a row in text. */
static void policy_lines(size_t index) {
    printf("      %s\n", rkv_policy_at(index)->formula);
}

static const struct section {
    const char *name, *title;
    const cli_choices *choices;
    void (*details)(cli_json *json, size_t index); /* may be NULL */
    void (*lines)(size_t index);                   /* may be NULL */
    void (*tail)(void);                            /* may be NULL */
} sections[] = {
    {"policies", "how a signal becomes budgets (--policy)", &choices_policy, policy_details, policy_lines,
     NULL},
    {"metrics", "what is measured of each head; any of them can be the signal (--signal)", &choices_metric,
     metric_details, NULL, NULL},
    {"aggregates", "how the heads of a layer become one value (--aggregate)", &choices_aggregate, NULL, NULL,
     NULL},
    {"solvers", "how singular values are found (--solver)", &choices_solver, NULL, NULL, NULL},
    {"colormaps", "colours of pictures (--colormap)", &choices_colormap, NULL, NULL, NULL},
    {"scales", "how attention becomes a colour (--scale)", &choices_scale, NULL, NULL, NULL},
    {"compressors", "how a cache is held to a budget (rankkv run --method)", &choices_compressor,
     compressor_details, compressor_lines, compressor_tail},
    {"exporters", "forms of budgets for other tools (rankkv export --to)", &choices_exporter,
     exporter_details, NULL, NULL},
};
enum { N_SECTIONS = sizeof sections / sizeof *sections };

static const char *section_name(size_t index) {
    return index < N_SECTIONS ? sections[index].name : NULL;
}
static const char *section_title(size_t index) {
    return index < N_SECTIONS ? sections[index].title : NULL;
}
static const cli_choices choices_section = {section_name, section_title};

/* ---- printing ---- */

static void print_section(const struct section *section) {
    printf("%s%s%s: %s\n", terminal_style(stdout, STYLE_BOLD), section->name,
           terminal_style(stdout, STYLE_PLAIN), section->title);
    size_t width = 0;
    const char *name;
    for (size_t i = 0; (name = section->choices->name(i)); i++)
        width = strlen(name) > width ? strlen(name) : width;
    for (size_t i = 0; (name = section->choices->name(i)); i++) {
        const char *summary = section->choices->summary ? section->choices->summary(i) : "";
        printf("  %-*s%s%s\n", *summary ? (int)width : 0, name, *summary ? "  " : "", summary);
        if (section->lines) section->lines(i);
    }
    if (section->tail) section->tail();
}

static void write_section(cli_json *json, const struct section *section) {
    json_open(json, section->name, '[');
    for (size_t i = 0; section->choices->name(i); i++) {
        json_open(json, NULL, '{');
        json_text(json, "name", section->choices->name(i));
        if (section->choices->summary) json_text(json, "summary", section->choices->summary(i));
        if (section->details) section->details(json, i);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static rkv_status run(const void *memory, char **arguments, size_t n_arguments) {
    const methods_options *options = memory;
    size_t only = N_SECTIONS;
    if (n_arguments && (only = choices_find(&choices_section, arguments[0])) == N_SECTIONS) {
        const char *near = choices_suggest(&choices_section, arguments[0]);
        return complain(RKV_USAGE, "unknown table '%s'%s%s%s", arguments[0], near ? "; did you mean '" : "",
                        near ? near : "", near ? "'?" : "; see rankkv methods --help");
    }
    cli_json json = {0};
    if (options->json) json = json_begin(stdout, "rankkv-methods");
    for (size_t i = 0; i < N_SECTIONS; i++) {
        if (only != N_SECTIONS && only != i) continue;
        if (options->json) {
            write_section(&json, &sections[i]);
        } else {
            if (i > 0 && only == N_SECTIONS) putchar('\n');
            print_section(&sections[i]);
        }
    }
    if (options->json) json_end(&json);
    return RKV_OK;
}

const cli_command cmd_methods = {
    .name = "methods",
    .summary = "List policies, metrics, compression methods, colour maps and the like",
    .arguments = "[TABLE]",
    .most_arguments = 1,
    .argument_choice = &choices_section,
    .description = "Prints the tables that the library works from, or one of them: policies, metrics, "
                   "aggregates, solvers, colormaps, scales, compressors or exporters.",
    .examples = examples,
    .options = groups,
    .options_size = sizeof(methods_options),
    .run = run,
};
