#include "common/output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"

static void *allocate(size_t size)
{
    return memory_resize(NULL, size);
}

/* What Jansson cannot allocate it leaves out without a word: a report that lacks something must not
 * pass for one that has nothing to say. */
__attribute__((constructor)) static void set_allocation(void)
{
    json_set_alloc_funcs(allocate, free);
}

static int output_error; /* the first */

bool output_flush(void)
{
    if (fflush(stdout) != 0 && output_error == 0)
        output_error = errno;
    return output_error == 0 && !ferror(stdout);
}

bool output_is_read(void)
{
    struct pollfd entry = {.fd = STDOUT_FILENO};
    if (poll(&entry, 1, 0) <= 0 || (entry.revents & (POLLERR | POLLNVAL)) == 0)
        return true;
    if (output_error == 0)
        output_error = EPIPE;
    return false;
}

bool output_end(struct error *error)
{
    if (output_flush())
        return true;
    return error_set_kind(error, ERROR_SYSTEM, "standard output: %s",
                          output_error != 0 ? strerror(output_error) : "not all could be written");
}

int output_end_status(int status, int failure)
{
    struct error error;
    if (output_end(&error))
        return status;
    log_error("%s", error.text);
    return failure;
}

static void write_value(const json_t *value, size_t flags)
{
    json_dumpf(value, stdout, flags | JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    fputc('\n', stdout);
    output_flush();
}

void output_json_line(const json_t *value)
{
    write_value(value, JSON_COMPACT);
}

void output_json(const json_t *value)
{
    write_value(value, JSON_INDENT(2));
}

static bool wants_colour(FILE *file)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return (no_color == NULL || *no_color == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0) && isatty(fileno(file));
}

const char *output_colour(FILE *file, enum output_colour colour)
{
    static const char *const sequences[] = {
        [COLOUR_RED] = "\033[31m", [COLOUR_GREEN] = "\033[32m", [COLOUR_YELLOW] = "\033[33m",
        [COLOUR_DIM] = "\033[2m",  [COLOUR_BOLD] = "\033[1m",
    };
    return wants_colour(file) ? sequences[colour] : "";
}

const char *output_colour_end(FILE *file)
{
    return wants_colour(file) ? "\033[0m" : "";
}
