/* Reads what our nodes and taps add to their logs (net/qlog/events.h). */
#ifndef NET_QLOG_OWN_EVENT_H
#define NET_QLOG_OWN_EVENT_H

#include <jansson.h>

#include "net/qlog/log.h"

/* Whether the event called NAME is a node's or a tap's of ours. */
bool qlog_own_event_is(struct bytes name);
/* Takes one in, TIME being since the log's first event. False where a limit is passed. */
bool qlog_own_event_read(struct qlog_log *log, double time, const char *name, const json_t *data,
                         struct error *error);

#endif
