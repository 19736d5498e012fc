#include "common/program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_SIZE = 450, LINE_SIZE = 512 };

static const char *program_name;
static int failure_status;

/* Where a standard stream is closed, nothing else may get its number: what is printed would end up
 * there. In place of standard output comes what nothing can be written to, so that it is missed. */
static void fill_standard_streams(void)
{
    while (fcntl(STDERR_FILENO, F_GETFD) < 0) {
        bool error_is_next =
            fcntl(STDIN_FILENO, F_GETFD) >= 0 && fcntl(STDOUT_FILENO, F_GETFD) >= 0;
        if (open("/dev/null", error_is_next ? O_WRONLY : O_RDONLY) < 0)
            return;
    }
    while (fcntl(STDIN_FILENO, F_GETFD) < 0 || fcntl(STDOUT_FILENO, F_GETFD) < 0)
        if (open("/dev/null", O_RDONLY) < 0)
            return;
}

void program_begin(const char *name, int status)
{
    program_name = name;
    failure_status = status;
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    fill_standard_streams();
}

void program_fail(const char *format, ...)
{
    char what[TEXT_SIZE], line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    bool begun = program_name != NULL;
    int size = snprintf(line, sizeof(line), "%s: %s\n", begun ? program_name : "failed", what);
    ssize_t written = write(STDERR_FILENO, line, (size_t)size);
    (void)written; /* there is nobody else to tell */
    if (!begun)
        abort();
    _exit(failure_status);
}
