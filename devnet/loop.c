#include "devnet/loop.h"
#include "common/event.h"

#include <signal.h>

static void interrupted(evutil_socket_t signal, short events, void *argument)
{
    (void)signal;
    (void)events;
    struct loop *loop = argument;
    loop->interrupted = true;
    event_base_loopbreak(loop->base);
}

void loop_init(struct loop *loop)
{
    *loop = (struct loop){.base = event_base_make(0)};
    loop->signals[0] = evsignal_new(loop->base, SIGINT, interrupted, loop);
    loop->signals[1] = evsignal_new(loop->base, SIGTERM, interrupted, loop);
    event_arm(loop->signals[0], NULL);
    event_arm(loop->signals[1], NULL);
}

bool loop_run(struct loop *loop)
{
    event_base_dispatch(loop->base);
    return !loop->interrupted;
}

void loop_clear(struct loop *loop)
{
    event_free(loop->signals[0]);
    event_free(loop->signals[1]);
    event_base_free(loop->base);
}
