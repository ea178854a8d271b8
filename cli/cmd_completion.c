/* cmd_completion.c: `rankkv completion bash`: the completion script, made of the tables. */
#include <string.h>

#include "cli/command.h"
#include "cli/message.h"

static const option_group groups[] = {{0}};

static const cli_example examples[] = {
    {"rankkv completion bash", "the script; installed, bash finds it by itself"}, {0}};

static const char *shell_name(size_t index) {
    return index == 0 ? "bash" : NULL;
}
static const cli_choices choices_shell = {shell_name, NULL};

static void print_words(const cli_choices *choices) {
    for (size_t i = 0; choices->name(i); i++)
        printf("%s%s", i ? " " : "", choices->name(i));
}

/* "analyze,--policy|analyze,-p) words="..." ;;": what may follow an option that takes a value. */
static void print_value_case(const cli_command *command, const option_row *row) {
    if (row->kind == OPTION_FLAG) return;
    printf("    %s,--%s", command->name, row->name);
    if (row->letter) printf(" | %s,-%c", command->name, row->letter);
    fputs(") ", stdout);
    if (row->choices) {
        fputs("words=\"", stdout);
        print_words(row->choices);
        puts("\" ;;");
    } else {
        puts(row->kind == OPTION_FILE     ? "kind=file ;;"
             : row->kind == OPTION_FOLDER ? "kind=directory ;;"
                                          : "return ;;");
    }
}

static void print_option_case(const cli_command *command) {
    printf("        %s) words=\"--help --usage --version", command->name);
    for (const option_group *group = command->options; group->title; group++)
        for (const option_row *row = group->rows; row->name; row++)
            printf(" --%s", row->name);
    puts("\" ;;");
}

static void print_argument_case(const cli_command *command) {
    printf("        %s) ", command->name);
    if (command->argument_choice) {
        fputs("words=\"", stdout);
        print_words(command->argument_choice);
        puts("\" ;;");
    } else {
        puts(command->most_arguments ? "kind=file ;;" : "return ;;");
    }
}

static const char head[] = "# bash completion for rankkv; made by `rankkv completion bash`.\n"
                           "_rankkv() {\n"
                           "  local current=\"${COMP_WORDS[COMP_CWORD]}\" "
                           "previous=\"${COMP_WORDS[COMP_CWORD-1]}\" words=\"\" kind=\"\"\n"
                           "  # bash cuts --option=value at the equals sign\n"
                           "  if [[ $current == = ]]; then\n"
                           "    current=\"\"\n"
                           "  elif [[ $previous == = ]]; then\n"
                           "    previous=\"${COMP_WORDS[COMP_CWORD-2]}\"\n"
                           "  fi\n"
                           "  COMPREPLY=()\n";

static const char tail[] = "  if [[ -n $kind ]]; then\n"
                           "    compopt -o filenames 2>/dev/null\n"
                           "    mapfile -t COMPREPLY < <(compgen -A \"$kind\" -- \"$current\")\n"
                           "  else\n"
                           "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                           "  fi\n"
                           "}\n"
                           "complete -F _rankkv rankkv\n";

static void print_values(void) {
    puts("  case \"${COMP_WORDS[1]},$previous\" in");
    for (size_t i = 0; command_at(i); i++)
        for (const option_group *group = command_at(i)->options; group->title; group++)
            for (const option_row *row = group->rows; row->name; row++)
                print_value_case(command_at(i), row);
}

static void print_bash(void) {
    fputs(head, stdout);
    fputs("  if ((COMP_CWORD == 1)); then\n    COMPREPLY=($(compgen -W \"--help --version ", stdout);
    print_words(&choices_command);
    puts("\" -- \"$current\"))\n    return\n  fi");
    print_values();
    puts("    *)\n      if [[ $current == -* ]]; then\n        case \"${COMP_WORDS[1]}\" in");
    for (size_t i = 0; command_at(i); i++)
        print_option_case(command_at(i));
    puts("        esac\n      else\n        case \"${COMP_WORDS[1]}\" in");
    for (size_t i = 0; command_at(i); i++)
        print_argument_case(command_at(i));
    puts("        esac\n      fi ;;\n  esac");
    fputs(tail, stdout);
}

static rkv_status run(const void *options, char **arguments, size_t n_arguments) {
    (void)options;
    (void)n_arguments;
    if (strcmp(arguments[0], "bash") != 0)
        return complain(RKV_USAGE, "unknown shell '%s'; there is completion for bash", arguments[0]);
    print_bash();
    return RKV_OK;
}

const cli_command cmd_completion = {
    .name = "completion",
    .summary = "Print the completion script of a shell",
    .arguments = "bash",
    .least_arguments = 1,
    .most_arguments = 1,
    .argument_choice = &choices_shell,
    .description = "To try it: source <(rankkv completion bash)",
    .examples = examples,
    .options = groups,
    .run = run,
};
