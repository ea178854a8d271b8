/* overview.c: what `rankkv` says about itself as a whole. */
#include "cli/overview.h"

#include <string.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/terminal.h"

const char overview_sentence[] =
    "measures the effective rank of a language model's attention and turns it into key/value-cache budgets";

void overview_print(FILE *stream) {
    char sentence[256];
    snprintf(sentence, sizeof sentence, "rankkv %s.", overview_sentence);
    write_wrapped(stream, sentence, terminal_width(stream), 0);
    fputs("\nUsage: rankkv COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n", stream);
    for (size_t i = 0; command_at(i); i++)
        fprintf(stream, "  %-11s %s\n", command_at(i)->name, command_at(i)->summary);
    fputs("\n`rankkv analyze` alone runs the default model on the sample prompts.\n"
          "`rankkv COMMAND --help` says what a command takes; `man rankkv` has it all.\n",
          stream);
}

int overview_run(int argc, char **argv) {
    static const char *const help[] = {"--help", "-h", "-?", "--usage"};
    static const char *const version[] = {"--version", "-V"};
    (void)argc;
    for (size_t i = 0; i < sizeof help / sizeof *help; i++)
        if (strcmp(argv[1], help[i]) == 0) {
            overview_print(stdout);
            return 0;
        }
    for (size_t i = 0; i < sizeof version / sizeof *version; i++)
        if (strcmp(argv[1], version[i]) == 0) {
            printf("rankkv %s\n", rkv_version());
            return 0;
        }
    return rkv_status_exit_code(
        complain(RKV_USAGE, "unknown option '%s': options come after a command; see rankkv --help", argv[1]));
}

rkv_status overview_unknown_command(const char *name) {
    const char *near = choices_suggest(&choices_command, name);
    if (near) return complain(RKV_USAGE, "unknown command '%s'; did you mean '%s'?", name, near);
    return complain(RKV_USAGE, "unknown command '%s'; see rankkv --help", name);
}
