/* An event loop that SIGINT and SIGTERM end, so that what was started can be taken down. */
#ifndef DEVNET_LOOP_H
#define DEVNET_LOOP_H

#include <event2/event.h>
#include <stdbool.h>

struct loop {
    struct event_base *base;
    struct event *signals[2];
    bool interrupted;
};

void loop_init(struct loop *loop);
/* Until event_base_loopbreak; false where a signal ended it. */
bool loop_run(struct loop *loop);
void loop_clear(struct loop *loop);

#endif
