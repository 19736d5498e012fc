/* Time: monotonic for intervals, the calendar's for people. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <sys/time.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_now_ns(void);
/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t clock_now_ms(void);
/* Milliseconds since 1970-01-01 UTC. */
uint64_t clock_epoch_ms(void);
enum { CLOCK_TEXT_SIZE = sizeof("YYYY-MM-DDTHH:MM:SS.mmmZ") };

/* A time of clock_epoch_ms as RFC 3339 has it, in UTC with milliseconds; "" past the year 9999. */
void clock_text(uint64_t epoch_ms, char text[CLOCK_TEXT_SIZE]);
/* A span as libevent's timers take it. */
struct timeval clock_timeval(uint64_t microseconds);

#endif
