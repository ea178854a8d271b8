/* run_stream.c: generated text, shown as it is made. */
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/progress.h"
#include "cli/run.h"
#include "cli/terminal.h"
#include "cli/utf8.h"

run_stream run_stream_begin(FILE *out) {
    return (run_stream){.out = out, .harmless = out == stderr || isatty(fileno(out)), .last = '\n'};
}

/* A token can end in the middle of a character: its bytes wait for the rest. */
static size_t whole_part(const char *bytes, size_t length) {
    for (size_t back = 1; back <= 3 && back <= length; back++)
        if (utf8_is_cut(bytes + length - back, back)) return length - back;
    return length;
}

static void write_now(run_stream *stream, const char *bytes, size_t length) {
    if (length == 0) return;
    if (stream->harmless)
        write_text(stream->out, bytes, length);
    else
        fwrite(bytes, 1, length, stream->out);
    stream->last = bytes[length - 1];
}

/* Writes all of bytes but a character that is cut at their end, which waits. */
static void write_whole(run_stream *stream, const char *bytes, size_t length) {
    size_t whole = whole_part(bytes, length);
    write_now(stream, bytes, whole);
    stream->n_waiting = length - whole;
    memcpy(stream->waiting, bytes + whole, stream->n_waiting);
}

rkv_status run_stream_add(run_stream *stream, const char *bytes, size_t length) {
    char joined[8];
    progress_erase();
    while (stream->n_waiting > 0 && length > 0) { /* one byte at a time until the character is whole */
        memcpy(joined, stream->waiting, stream->n_waiting);
        joined[stream->n_waiting] = *bytes++;
        length--;
        write_whole(stream, joined, stream->n_waiting + 1);
    }
    if (length > 0) write_whole(stream, bytes, length);
    if (stream->out == stdout) return output_flush();
    fflush(stream->out);
    return RKV_OK;
}

rkv_status run_stream_end(run_stream *stream) {
    write_now(stream, stream->waiting, stream->n_waiting);
    stream->n_waiting = 0;
    if (stream->last != '\n') fputc('\n', stream->out);
    stream->last = '\n';
    return stream->out == stdout ? output_flush() : RKV_OK;
}
