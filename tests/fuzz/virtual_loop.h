/*
 * Time that only goes on when it is told to, and libevent's events on it: what the library asks of
 * libevent and of common/clock.h is answered here, so that an input means the same every time and
 * waiting costs nothing.
 */
#ifndef TESTS_FUZZ_VIRTUAL_LOOP_H
#define TESTS_FUZZ_VIRTUAL_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets the clock to where every input begins. There must be no events. */
void virtual_loop_begin(void);
/* Lets that much time pass, and everything happen that is due by then. */
void virtual_loop_run(uint64_t nanoseconds);
/* As above, but no longer than until CONDITION holds; tells whether it does. */
bool virtual_loop_run_until(bool (*condition)(const void *context), const void *context,
                            uint64_t nanoseconds);
/* There is something to be read at the descriptor. */
void virtual_loop_readable(int fd);
/* Those that exist, pending or not. */
size_t virtual_loop_event_count(void);

#endif
