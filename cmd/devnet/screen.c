#include "cmd/devnet/screen.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/output.h"

/* Another screen and no cursor; then back. Every terminal since xterm knows these. */
#define TAKE "\033[?1049h\033[?25l"
#define GIVE_BACK "\033[?25h\033[?1049l"

static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static volatile sig_atomic_t is_taken, is_stale;

static void say(const char *sequence)
{
    int before = errno;
    if (write(STDOUT_FILENO, sequence, strlen(sequence)) < 0)
        is_stale = 1; /* nobody is there to see it */
    errno = before;
}

static void on_ending(int signal_number)
{
    if (is_taken)
        say(GIVE_BACK);
    is_taken = 0;
    raise(signal_number); /* by SA_RESETHAND it does what it would */
}

/* Comes back when we are told to go on. */
static void on_stop(int signal_number)
{
    (void)signal_number;
    if (is_taken)
        say(GIVE_BACK);
    raise(SIGSTOP);
    if (is_taken)
        say(TAKE);
    is_stale = 1;
}

static void on_resize(int signal_number)
{
    (void)signal_number;
    is_stale = 1;
}

static void handle(int signal_number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, before;
    sigaction(signal_number, NULL, &before);
    if (before.sa_handler != SIG_IGN)
        sigaction(signal_number, &action, NULL);
}

bool screen_begin(void)
{
    const char *kind = getenv("TERM");
    if (!isatty(STDOUT_FILENO) || kind == NULL || *kind == '\0' || strcmp(kind, "dumb") == 0)
        return false;
    is_taken = 1;
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
        handle(endings[i], on_ending, (int)SA_RESETHAND);
    handle(SIGTSTP, on_stop, 0);
    handle(SIGWINCH, on_resize, 0);
    say(TAKE);
    return true;
}

void screen_end(void)
{
    if (is_taken)
        say(GIVE_BACK);
    is_taken = 0;
}

/* How many lines and columns there are now; 24 and 80 where the terminal does not tell. */
static void screen_size(size_t *lines, size_t *columns)
{
    struct winsize size = {0};
    bool told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    *lines = told && size.ws_row > 0 ? size.ws_row : 24;
    *columns = told && size.ws_col > 0 ? size.ws_col : 80;
}

/* ---- drawing ---- */

/* The bytes of the first line of TEXT that stand in so many columns: escape sequences take none,
 * a character one. */
static size_t fitting(const char *text, size_t columns)
{
    size_t at = 0, used = 0;
    while (text[at] != '\0' && text[at] != '\n') {
        if (text[at] == '\033') {
            while (text[at] != '\0' && text[at] != '\n' && text[at] != 'm')
                at++;
            at += text[at] == 'm';
            continue;
        }
        if (((unsigned char)text[at] & 0xc0) != 0x80 && ++used > columns)
            break;
        at++;
    }
    return at;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

void screen_draw(const char *text)
{
    size_t lines, columns, left = count_lines(text);
    screen_size(&lines, &columns);
    size_t shown = left < lines ? left : lines - 1;
    fputs("\033[H", stdout);
    for (size_t i = 0; i < shown; i++) {
        bool more = i + 1 == shown && left > shown;
        if (more)
            printf("... and %zu more lines", left - i);
        else
            fwrite(text, 1, fitting(text, columns), stdout);
        printf("%s\033[K\n", output_colour_end(stdout));
        text = strchr(text, '\n') + 1;
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}

bool screen_wait(unsigned long *left_ms)
{
    uint64_t begun = clock_now_ms(), passed = 0;
    while (!is_stale && passed < *left_ms) {
        unsigned long left = *left_ms - (unsigned long)passed;
        nanosleep(&(struct timespec){.tv_sec = (time_t)(left / 1000),
                                     .tv_nsec = (long)(left % 1000) * 1000000},
                  NULL);
        passed = clock_now_ms() - begun;
    }
    bool whole = !is_stale;
    is_stale = 0;
    *left_ms = passed < *left_ms ? *left_ms - (unsigned long)passed : 0;
    return whole;
}
