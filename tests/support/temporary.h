/* temporary.h: a folder that a test writes into and removes. */
#ifndef RKV_TESTS_TEMPORARY_H
#define RKV_TESTS_TEMPORARY_H

#include <stddef.h>

/* Makes a folder; temporary_path gives the path of a file in it (its own buffer, valid until the 8th next
 * call); temporary_remove removes it with its files. One folder at a time. A failure ends the test. */
void temporary_make(void);
const char *temporary_path(const char *name);
void temporary_remove(void);

/* The first and the last as a cmocka group wants them. */
int temporary_set_up(void **state);
int temporary_tear_down(void **state);

/* Writes bytes plainly, without the syncs of a real output: for thousands of small inputs. */
void temporary_write(const char *path, const char *bytes, size_t length);

#endif
