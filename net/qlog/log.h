/*
 * What one QUIC log says about one connection: who saw it, how it ended, and what passed on each
 * stream. Filled in one pass, in memory that depends on the number of streams alone.
 *
 * Times are milliseconds since the log's first event; NEVER where something did not happen.
 */
#ifndef NET_QLOG_LOG_H
#define NET_QLOG_LOG_H

#include "common/bytes.h"
#include "common/error.h"

enum {
    QLOG_STREAMS_LIMIT = 65536,  /* streams of one connection; closed ones make room for more */
    QLOG_TEXT_LIMIT = 256,       /* a name taken from a log: longer ones are cut */
    QLOG_UNDELIVERED_LIMIT = 64, /* openings whose delivery is watched at a time */
    QLOG_NEGOTIATION_SIZE = 36,  /* header and a 14-character protocol such as /meshsub/1.2.0 */
    QLOG_FULL_FRAME = 1000, /* bytes: what is cut into packets has no shorter frame but the last */
    QLOG_CUTS = 128,        /* bytes of a half whose write boundaries are remembered */
    QLOG_GAPS = 16,         /* runs of packet numbers that are watched for, by direction */
};

#define QLOG_NEVER (-1.0)
#define QLOG_CLOSED_KEPT                                                                           \
    10000.0 /* milliseconds for which frames of a closed stream may be sent again */
#define QLOG_STREAM_ID_MAX ((UINT64_C(1) << 62) - 1)

/* Of two times of which either may be NEVER: the one that is a time, or of two the earlier. */
static inline double qlog_earlier(double a, double b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

static inline double qlog_later(double a, double b)
{
    return a > b ? a : b;
}

/* As seen by the log's owner. */
enum qlog_direction { QLOG_SENT, QLOG_RECEIVED };
/* What the times of events are: since a reference, the calendar's, or since the event before. */
enum qlog_time_form { QLOG_TIME_UNSAID, QLOG_TIME_RELATIVE, QLOG_TIME_ABSOLUTE, QLOG_TIME_DELTA };
enum qlog_role { QLOG_CLIENT, QLOG_SERVER, QLOG_ROLE_UNKNOWN };

/* One direction of a stream. */
struct qlog_half {
    uint64_t bytes;                /* the highest offset seen */
    uint64_t head;                 /* which of the first 64 bytes have been seen */
    uint64_t cuts[QLOG_CUTS / 64]; /* offsets at which a frame ended: writes show through */
    double first, last;            /* first and last frame of any kind */
    double grew;                   /* the last time that bytes beyond all before passed */
    uint64_t growths;              /* how often that happened */
    uint64_t said;                 /* how many writes after those 36 bytes ended in it */
    double began;                  /* the first byte passed */
    double negotiated;             /* the first 36 bytes have all passed */
    double head_last;              /* the last time that one of those 36 passed */
    double fin, reset, stop;       /* FIN, RESET_STREAM, and STOP_SENDING by the sender of this */
    uint64_t final_size;           /* with FIN */
    bool final_size_changed;       /* a second FIN at another offset */
    /* A frame that the log gives no length of, until one behind it tells where it ended. */
    bool open; /* there is one, and nothing behind it yet */
    uint64_t open_offset;
    uint64_t
        open_limit; /* it is of no more bytes, and of so many where no header counts; 0: unknown */
    double open_time;
    /* Bytes that were passed over, the first run of them: a log that misses some, or a loss. */
    bool hole;
    uint64_t hole_first, hole_end; /* from, and up to where others follow */
    double hole_time;
};

/* Packet numbers that have been passed over, in the space of 1-RTT packets: some stacks leave out
 * one now and then, but nobody acknowledges what was not sent. */
struct qlog_gaps {
    uint64_t next; /* after the highest */
    struct {
        uint64_t first, last;
        bool acked;
    } items[QLOG_GAPS];
    size_t count;
};

/* The packets of one direction, by their numbers, and what may be missing between them. */
struct qlog_sequence {
    uint64_t open;   /* records of which nothing tells, since the last packet that was in order */
    double since;    /* the first of them */
    uint64_t next;   /* after the highest number of a 1-RTT packet, or if SHARED of any */
    uint64_t passed; /* numbers that were passed over, and have not come late */
    bool begun;      /* there has been a 1-RTT packet */
    bool shared;     /* its number followed that of one of the handshake */
};

/* Records that cannot be read, by what they were of (net/qlog/lost.h). */
struct qlog_lost {
    uint64_t packets;
    uint64_t own_events; /* a node's or a tap's of ours */
    uint64_t untold;     /* of these or of any other kind: nothing tells */
    uint64_t in_gaps;    /* of the untold, those where the number of a packet is missing */
    struct qlog_sequence sequence[2]; /* by direction */
};

/* What events of ours say about a stream (net/qlog/events.h). */
struct qlog_claims {
    double opened, negotiated, failed, registered, deregistered, closed;
    char *protocol, *role, *peer, *reason; /* NULL where not said */
};

/* What a tap heard on a stream that it carried. */
struct qlog_heard {
    uint64_t proposed;          /* bytes of the proposals */
    double negotiated, refused; /* the last of each */
    char *protocol; /* that was agreed upon, or else proposed or refused last; or NULL */
};

struct qlog_stream {
    uint64_t id;
    struct qlog_half half[2]; /* by enum qlog_direction */
    double delivered;         /* when the first packet with byte 0 left that was acknowledged */
    uint64_t delivered_packet;
    struct qlog_claims *claims; /* NULL where no event of ours names the stream */
    struct qlog_heard *heard;   /* NULL where no event of a tap's does */
};

/* One of the two connections that a tap makes of one: to the dialler, where it plays the server, or
 * to the listener. */
enum qlog_leg { QLOG_NO_TAP, QLOG_FRONT, QLOG_BACK };

/* One of the two nodes between which a tap stands; NULL where not said. */
struct qlog_node {
    char *name, *peer, *agent;
};

struct qlog_close {
    double time; /* of CONNECTION_CLOSE */
    enum qlog_direction direction;
    bool application;
    bool uncoded; /* the log does not tell the code */
    uint64_t code;
    char *reason;
};

struct qlog_undelivered {
    uint64_t stream, packet;
    double time;
};

struct qlog_log {
    char *path, *writer;
    enum qlog_role role;
    bool role_inferred;   /* from the first Initial packet, or from who began streams */
    enum qlog_role guess; /* what the first Initial packet alone says */
    bool truncated;       /* a record is cut off */
    bool followed;        /* the reader goes on: where it ends now tells nothing */
    uint64_t part;        /* of a rotated log, from the second on; 0: the first, or all there is */
    uint64_t parts_dropped, packets_dropped; /* before that part began */
    bool superseded;                         /* another part of it says more */
    bool carrying; /* what it repeats of the parts before it has not all been read */
    char *original_id, *group_id, *initial_id; /* lower-case hex, or NULL */
    bool initial_sent;                         /* the packet that the last of them is of was sent */
    char *retry_id;                            /* what a Retry replaced the original id by */
    char *event_group;             /* the group that its events name, as they write it; or NULL */
    double origin;                 /* the first event's time, as the log has it */
    double reference;              /* of relative times, epoch milliseconds; or 0 */
    enum qlog_time_form time_form; /* of events that do not say it themselves */
    bool has_origin;               /* an event had a time that can be read */
    bool set_back;                 /* one had a time long before that of the first */
    double last_since;             /* the last event, before ties were broken */
    uint64_t ties;                 /* events in a row at that time */
    double end;                    /* the last event */
    double active[2];              /* the last packet, by direction */
    double idle_limit;             /* the smaller idle timeout that was announced, or NEVER */
    double quiet;     /* known to have passed since its end, where it is followed; 0 otherwise */
    bool done;        /* the follower's: nothing more is expected of it */
    double keys_gone; /* the keys were dropped: the connection is over */
    bool peer_heard;  /* the peer's transport parameters are there */
    struct qlog_close close;
    bool configured;   /* its own transport parameters are there */
    double time_unit;  /* of its times, milliseconds */
    bool document_cut; /* truncated, and a document, which is written at once */
    char *trace_error; /* what stands in place of its events, in words; NULL where they are there */
    uint64_t records, packets, bad_records;
    struct qlog_lost lost;  /* the bad ones that may be missed */
    uint64_t unread_events; /* that have no name */
    char *unknown_event; /* the name of the first of a kind that is not known, where no packet was
                            before it; or NULL */
    uint64_t frames, stream_frames; /* of all kinds; the STREAM frames among them */
    uint64_t framed[2], bare[2];    /* packets with frames, and without, by direction */
    uint64_t stream_framed[2];      /* STREAM frames by direction */
    uint64_t unknown_packets;       /* with frames of which none is known */
    uint64_t unknown_beside;        /* with such frames, of streams, beside others */
    uint64_t unread_frames;         /* that are not as QUIC allows */
    char *unread_why;               /* of the first of them, in words; or NULL */
    char *unknown_frame;            /* the type of the first frame of those packets; or NULL */
    bool has_application[2];        /* 1-RTT packets are there, by direction */
    struct qlog_gaps gaps[2];       /* by direction */
    struct qlog_gaps all_gaps;      /* of packets of all kinds, in either direction */
    bool has_acks;
    bool has_claims; /* the log has events of ours */
    /* Of lengths that may count frames' headers: offsets show that some do not, that some do. */
    bool plain_lengths, framed_lengths;
    bool foreign; /* an application protocol other than libp2p */
    bool libp2p;  /* that one, as its handshake says */
    char *local_peer, *peer;
    char *agent;               /* the peer's, by identify; or NULL */
    enum qlog_leg leg;         /* whether its owner is a tap, and of which leg it is */
    struct qlog_node nodes[2]; /* a tap's: the dialler, which is the client, and the listener */
    struct qlog_stream **streams;
    size_t stream_count;
    uint64_t let_go;       /* closed streams that were forgotten */
    uint64_t forgotten[4]; /* by kind, the low bits of ids: streams below are known or forgotten */
    uint32_t *slots;       /* hash table: index in streams + 1 */
    size_t slot_count;
    struct qlog_undelivered undelivered[QLOG_UNDELIVERED_LIMIT];
    size_t undelivered_count;
};

struct qlog_packet {
    double time; /* since the log's first event */
    enum qlog_direction direction;
    bool initial;
    bool application; /* 1-RTT or 0-RTT: numbered together */
    bool untold;      /* of what type it is the log does not tell: it may be one of these */
    uint64_t number;  /* UINT64_MAX where not said */
    struct bytes destination_id; /* its data are NULL where not said */
};

enum qlog_frame_type {
    QLOG_FRAME_STREAM,
    QLOG_FRAME_RESET,
    QLOG_FRAME_STOP,
    QLOG_FRAME_CLOSE,
    QLOG_FRAME_ACK,     /* one range */
    QLOG_FRAME_OTHER,   /* known, and says nothing of streams */
    QLOG_FRAME_UNKNOWN, /* of a type that is not known: it may be any of the above */
};

struct qlog_frame {
    enum qlog_frame_type type;
    /* ACK: offset is the smallest, length the count; RESET_STREAM: length is the final size. */
    uint64_t stream_id, offset, length;
    bool sized;  /* the log says the length: it need not */
    bool framed; /* the length is there, but may count the frame's header, too */
    bool fin;
    uint64_t code;       /* of RESET_STREAM, STOP_SENDING and CONNECTION_CLOSE */
    bool uncoded;        /* CONNECTION_CLOSE whose code the log does not tell */
    bool application;    /* CONNECTION_CLOSE by the application */
    struct bytes reason; /* CONNECTION_CLOSE; its data are NULL where not said */
};

/* Equal for files that are equal byte for byte, unpacked, and hardly ever for others. */
struct qlog_mark {
    uint64_t size, fingerprint;
};

/* "front" or "back"; NULL for no tap's. */
const char *qlog_leg_name(enum qlog_leg leg);
/* "client", "server" or "unknown". */
const char *qlog_role_name(enum qlog_role role);

struct qlog_log *qlog_log_new(const char *path);
/* NULL is allowed. */
void qlog_log_free(struct qlog_log *log);

/* The calendar's time that is 0 in the log's own terms, epoch milliseconds; 0 where these are the
 * calendar's, or it is unknown. */
double qlog_log_zero(const struct qlog_log *log);
/* The time of an event in the log's own terms, and of differences their sum, as milliseconds since
 * its first event. */
double qlog_log_time(struct qlog_log *log, double time);
/* A time as any may be: QLOG_NEVER in place of what is negative, and no later than can be told. */
double qlog_log_clamp(double time);
/* The time of one that gives none: the last one's. */
double qlog_log_same_time(struct qlog_log *log);
void qlog_log_packet(struct qlog_log *log, const struct qlog_packet *packet);
/* Counts the frames of the packet that was added last, read or not. */
struct qlog_packet_event;
void qlog_log_count_frames(struct qlog_log *log, const struct qlog_packet_event *event);
/* False where a limit is passed. */
bool qlog_log_frame(struct qlog_log *log, const struct qlog_packet *packet,
                    const struct qlog_frame *frame, struct error *error);
/* The claims of a stream, made where there are none; NULL where a limit is passed. */
struct qlog_claims *qlog_log_claims(struct qlog_log *log, uint64_t stream_id, struct error *error);
/* The same, of what a tap heard. */
struct qlog_heard *qlog_log_heard(struct qlog_log *log, uint64_t stream_id, struct error *error);
/* The stream, made where there is none; NULL where a limit is passed. */
struct qlog_stream *qlog_log_stream(struct qlog_log *log, uint64_t id, struct error *error);
/* The same; no limit is looked at. */
struct qlog_stream *qlog_log_add(struct qlog_log *log, uint64_t stream_id);
const struct qlog_stream *qlog_log_find(const struct qlog_log *log, uint64_t stream_id);

/* Forgets the streams whose indices in `streams` are marked: what is still said of them later is
 * passed over, so that a log can be followed for days. */
void qlog_log_forget(struct qlog_log *log, const bool *marked);
bool qlog_log_is_forgotten(const struct qlog_log *log, uint64_t stream_id);
/* Takes from EARLIER, a part of the same log, the closed streams that LOG has let go of since;
 * EARLIER is empty then, and remains so. */
void qlog_log_take_over(struct qlog_log *log, struct qlog_log *earlier);

/* Takes the lengths of the last frames on streams for those of their data, where all that offsets
 * show is that others are. */
void qlog_log_settle(struct qlog_log *log);

/* The connection's id: the original destination connection id where the log tells; NULL where it
 * names none. */
const char *qlog_log_id(const struct qlog_log *log);
/* Whether the connection was given up before a packet was sent: it had no streams. */
bool qlog_log_never_began(const struct qlog_log *log);
/* What the log itself shows to be missing from it, in words; NULL where nothing is. */
const char *qlog_log_missing(const struct qlog_log *log);
/* The calendar's time of the log's first event, epoch milliseconds; 0 where unknown. */
double qlog_log_epoch(const struct qlog_log *log);
/* Replaces *TEXT by a copy of at most QLOG_TEXT_LIMIT bytes, made fit for terminals and JSON. NULL
 * changes nothing. */
void qlog_text_set(char **text, const char *value);
void qlog_text_set_bytes(char **text, struct bytes value);

#endif
