/*
 * The events that make up nearly all of a QUIC log: packets, whose frames matter, and others that
 * say nothing of streams. Read in two ways that agree: a scanner takes what it knows with certainty
 * from a record's bytes in one pass, and Jansson's tree gives everything else.
 */
#ifndef NET_QLOG_PACKET_H
#define NET_QLOG_PACKET_H

#include <jansson.h>

#include "net/qlog/log.h"

/* A zeroed struct is ready for use, again and again. Texts are borrowed from the record. */
struct qlog_packet_event {
    bool is_packet;     /* false: an event that says nothing of streams; the packet is unset
                         */
    struct bytes name;  /* where it is no packet */
    double time;        /* as the log has it */
    struct bytes group; /* the connection of the file it is of; its data are NULL where not said */
    struct qlog_packet packet; /* its time is unset */
    uint64_t listed;           /* frames of all kinds */
    uint64_t pings;            /* PINGs among them, by name */
    struct qlog_frame *frames; /* those that are read; every range of an ACK is one */
    size_t frame_count, frame_capacity;
    uint64_t unknown;            /* of those listed, the ones whose type is not known */
    uint64_t unknown_of_streams; /* of those, the ones that name a stream */
    struct bytes unknown_type; /* the first of these, or else of those, as the log has it; no data:
                                  none is given */
    char unknown_number[24];   /* where it is a number */
    uint64_t unreadable;       /* of those listed, the ones that are not as QUIC allows */
    char fault[96];            /* of the first of them, in words */
};

void qlog_packet_event_clear(struct qlog_packet_event *event);
/* A zeroed frame after the others. */
struct qlog_frame *qlog_packet_event_add(struct qlog_packet_event *event);

/* Forgets the event before; what it had room for stays. */
void qlog_packet_event_begin(struct qlog_packet_event *event);

/* Reads the event that INPUT begins with, and returns its size in bytes; 0 where it is cut off, is
 * not JSON, is of a kind that is read elsewhere, or is written in a way that only Jansson is left
 * to judge, such as with escapes. */
size_t qlog_packet_scan(struct qlog_packet_event *event, struct bytes input);

/* The length of the frame, which is set, may count its header. */
void qlog_frame_doubt_length(struct qlog_frame *frame);

/* What frames of the type called NAME are, in letters of any case. */
enum qlog_frame_type qlog_frame_type_of(struct bytes name);
/* What frames are on the wire: RFC 9000, table 3. */
enum qlog_frame_type qlog_frame_type_numbered(uint64_t number);
/* Whether an error's space is the application's. */
bool qlog_space_is_application(struct bytes space);
void qlog_packet_set_type(struct qlog_packet *packet, struct bytes type);
/* Whether it may hold frames of streams. */
static inline bool qlog_packet_may_be_application(const struct qlog_packet *packet)
{
    return packet->application || packet->untold;
}
/* Which way packets of the event called NAME went: false where it is none of packets. */
bool qlog_packet_direction(struct bytes name, enum qlog_direction *direction);
/* Whether events called NAME are read, as packets or otherwise. */
bool qlog_event_is_read(struct bytes name);
/* The same from the event's data, but for the time. A frame that cannot be read is counted, and
 * costs no other. */
void qlog_packet_parse(struct qlog_packet_event *event, enum qlog_direction direction,
                       const json_t *data);

#endif
