#include "common/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_now_ms(void)
{
    return clock_now_ns() / 1000000;
}

uint64_t clock_epoch_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

void clock_text(uint64_t epoch_ms, char text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(epoch_ms / 1000);
    struct tm utc;
    size_t length = 0;
    if (gmtime_r(&seconds, &utc) != NULL)
        length = strftime(text, CLOCK_TEXT_SIZE - sizeof(".mmmZ") + 1, "%Y-%m-%dT%H:%M:%S", &utc);
    text[length] = '\0';
    if (length > 0)
        snprintf(text + length, CLOCK_TEXT_SIZE - length, ".%03uZ", (unsigned)(epoch_ms % 1000));
}

struct timeval clock_timeval(uint64_t microseconds)
{
    return (struct timeval){.tv_sec = (time_t)(microseconds / 1000000),
                            .tv_usec = (suseconds_t)(microseconds % 1000000)};
}
