/*
 * Clocks that can be stepped, for shell tests: LD_PRELOAD this, and CLOCK_STEP names a file that
 * says by how many seconds each clock is off, "+REALTIME +MONOTONIC\n" in fields of nine
 * characters, so that it can be written anew by one write(2). It may not shrink while a program
 * runs.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { FIELD = 10 };

static int file = -1;

static __attribute__((constructor)) void open_file(void)
{
    const char *path = getenv("CLOCK_STEP");
    file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static long offset_of(clockid_t id)
{
    char text[2 * FIELD + 1];
    if (file < 0 || pread(file, text, 2 * FIELD, 0) != 2 * FIELD)
        return 0;
    text[2 * FIELD] = '\0';
    bool calendar = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
    return strtol(calendar ? text : text + FIELD, NULL, 10);
}

int clock_gettime(clockid_t id, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(id, time);
    if (code == 0 && id != CLOCK_PROCESS_CPUTIME_ID && id != CLOCK_THREAD_CPUTIME_ID)
        time->tv_sec += offset_of(id);
    return code;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    (void)zone;
    struct timespec now;
    int code = clock_gettime(CLOCK_REALTIME, &now);
    *time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return code;
}

time_t time(time_t *seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (seconds != NULL)
        *seconds = now.tv_sec;
    return now.tv_sec;
}
