/* libevent without the failures after which nobody can go on: the program says which, and ends. */
#ifndef COMMON_EVENT_H
#define COMMON_EVENT_H

#include <event2/event.h>

/* FLAGS is 0 or of enum event_base_config_flag. */
struct event_base *event_base_make(int flags);
/* event_add and evtimer_add. What was not registered would never be heard of. */
void event_arm(struct event *event, const struct timeval *delay);

#endif
