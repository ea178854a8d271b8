/* message.h: what the program says on stderr: one clear line per failure, and notes. */
#ifndef RKV_CLI_MESSAGE_H
#define RKV_CLI_MESSAGE_H

#include <stdbool.h>

#include <rankkv/status.h>

/* The words before each message ("rankkv analyze"; borrowed), and whether notes are left out. */
void message_set_program(const char *program);
void message_set_quiet(bool quiet);

/* Says why the program fails and returns status. A function of the program that returns a failure has said
 * it. */
rkv_status complain(rkv_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Passes a library call's status on, and says its message when it failed (a cancelled one is told in main.c).
 */
rkv_status said(rkv_status status);

/* Something worth knowing that is no failure; left out when quiet. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
