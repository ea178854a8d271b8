/* message.c: what the program says on stderr. */
#include "cli/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/progress.h"
#include "cli/terminal.h"

/* The program may have what the library may not: a name and a manner for the whole process. */
static const char *program = "rankkv";
static bool quiet;

void message_set_program(const char *name) {
    program = name;
}

void message_set_quiet(bool be_quiet) {
    quiet = be_quiet;
}

static void say(const char *kind, const char *format, va_list arguments) {
    char *text = NULL;
    progress_erase(); /* a message does not share the bar's line */
    fprintf(stderr, "%s: %s", program, kind);
    int length = vasprintf(&text, format, arguments);
    if (length >= 0) write_printable(stderr, text, (size_t)length); /* one line, whatever a file is called */
    fputc('\n', stderr);
    if (length >= 0) free(text);
}

rkv_status complain(rkv_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("", format, arguments);
    va_end(arguments);
    return status;
}

rkv_status said(rkv_status status) {
    if (status == RKV_OK || status == RKV_CANCELLED) return status;
    const char *why = rkv_message();
    return complain(status, "%s", *why ? why : rkv_status_meaning(status));
}

void note(const char *format, ...) {
    if (quiet) return;
    va_list arguments;
    va_start(arguments, format);
    say("note: ", format, arguments);
    va_end(arguments);
}
