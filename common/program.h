/* What every program begins with, and how it ends where it cannot go on. */
#ifndef COMMON_PROGRAM_H
#define COMMON_PROGRAM_H

/*
 * To be called before all else; NAME begins what is said on stderr, and is not copied. STATUS is
 * the exit status for what the program cannot go on after. From now on a file that has grown to its
 * limit (SIGXFSZ), a pipe that nobody reads (SIGPIPE) and a standard output that was closed are
 * write errors like any other.
 */
void program_begin(const char *name, int status);
/* Says why on stderr, and ends the program at once: nothing that was to be printed is. Allocates
 * nothing. Aborts in what has not called program_begin, such as tests. */
_Noreturn void program_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
