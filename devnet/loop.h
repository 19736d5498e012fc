/* An event loop that SIGINT, SIGTERM and SIGHUP end, so that what was started can be taken down. */
#ifndef DEVNET_LOOP_H
#define DEVNET_LOOP_H

#include <event2/event.h>
#include <stdbool.h>

struct loop {
    struct event_base *base;
    struct event *signals[3];
    bool interrupted;
};

/* From now on these signals end no more than the loops, and are not lost between two of them. */
void loop_catch_signals(void);
/* Whether one has come. */
bool loop_was_interrupted(void);
/* Which one came last; 0: none. */
int loop_signal(void);

void loop_init(struct loop *loop);
/* Until event_base_loopbreak; false where a signal ended it, or had come before. */
bool loop_run(struct loop *loop);
void loop_clear(struct loop *loop);

#endif
