/* bar.c: a number as a bar of characters. */
#include "cli/bar.h"

#include "cli/terminal.h"

int bar_write(FILE *out, double part, size_t columns) {
    static const char *const eighths[] = {"",       "\u258F", "\u258E", "\u258D",
                                          "\u258C", "\u258B", "\u258A", "\u2589"};
    if (!(part > 0)) part = 0; /* NaN too */
    size_t units = part >= 1 ? 8 * columns : (size_t)(part * 8 * (double)columns + 0.5);
    if (units == 0 && part > 0) units = 1; /* little is not nothing */
    fputs(terminal_style(out, STYLE_BAR), out);
    for (size_t i = 0; i < units / 8; i++)
        fputs("\u2588", out);
    fputs(eighths[units % 8], out);
    fputs(terminal_style(out, STYLE_PLAIN), out);
    return (int)(columns - units / 8 - (units % 8 != 0));
}
