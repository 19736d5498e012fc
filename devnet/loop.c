#include "devnet/loop.h"
#include "common/event.h"

#include <signal.h>

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
static volatile sig_atomic_t came;

static void note(int signal)
{
    came = signal;
}

void loop_catch_signals(void)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        struct sigaction before;
        sigaction(ends[i], NULL, &before);
        if (ends[i] != SIGHUP || before.sa_handler != SIG_IGN) /* nohup(1) */
            sigaction(ends[i], &(struct sigaction){.sa_handler = note, .sa_flags = SA_RESTART},
                      NULL);
    }
}

bool loop_was_interrupted(void)
{
    return came != 0;
}

int loop_signal(void)
{
    return came;
}

static void interrupted(evutil_socket_t signal, short events, void *argument)
{
    (void)events;
    struct loop *loop = argument;
    loop->interrupted = true;
    came = (int)signal;
    event_base_loopbreak(loop->base);
}

static bool is_ignored(int signal)
{
    struct sigaction now;
    return sigaction(signal, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void loop_init(struct loop *loop)
{
    *loop = (struct loop){.base = event_base_make(0)};
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        if (ends[i] == SIGHUP && is_ignored(SIGHUP))
            continue;
        loop->signals[i] = evsignal_new(loop->base, ends[i], interrupted, loop);
        event_arm(loop->signals[i], NULL);
    }
}

bool loop_run(struct loop *loop)
{
    loop->interrupted |= came != 0;
    if (!loop->interrupted)
        event_base_dispatch(loop->base);
    return !loop->interrupted;
}

void loop_clear(struct loop *loop)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (loop->signals[i] != NULL)
            event_free(loop->signals[i]);
    event_base_free(loop->base);
}
