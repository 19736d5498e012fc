/*
 * An event of a QUIC log in every form that drafts gave it: an object with a name, one whose name
 * is in two parts, or an array whose places a header names.
 */
#ifndef NET_QLOG_EVENT_H
#define NET_QLOG_EVENT_H

#include <jansson.h>

#include "common/buffer.h"
#include "net/qlog/json.h"
#include "net/qlog/log.h"

enum { QLOG_EVENT_NAME_SIZE = 128 };

/* Which place of events that are arrays holds what, told by `event_fields` in a trace's header; or
 * by what stands there where that is not known. */
struct qlog_event_fields {
    bool known;
    int time, group, category, type, data; /* -1: in none */
    bool group_is_id;                      /* its place has original connection ids */
    bool deltas;                           /* times are since the event before */
};

struct qlog_event {
    char name[QLOG_EVENT_NAME_SIZE]; /* "transport:packet_sent", cut where it is longer */
    double time;                     /* as the log has it; NaN where it cannot be read */
    enum qlog_time_form time_form;   /* how it is meant, where the event says so itself */
    double reference;                /* what it is relative to by what the event says; or 0 */
    const json_t *data;              /* NULL where there are none */
    struct bytes group;              /* its data are NULL where not said; may be in `number` */
    bool group_is_id;                /* that is the original connection id */
    bool group_unreadable;           /* it is said, and neither a text nor a whole number */
    char number[QLOG_NUMBER_SIZE];
};

/* Sets FIELDS to what the trace's header says, if it does. */
void qlog_event_fields_read(struct qlog_event_fields *fields, const json_t *trace);
/* False where VALUE has no name, and so is no event that can be read. What EVENT points to is
 * VALUE's. */
bool qlog_event_read(struct qlog_event *event, const json_t *value,
                     const struct qlog_event_fields *fields);
/* Whether events called NAME are of a kind that drafts have. */
bool qlog_event_is_known(struct bytes name);
/* Appends a record of the event to OUTPUT; TIME and DATA are taken. */
void qlog_event_append(struct buffer *output, json_t *time, const char *name, json_t *data);

#endif
