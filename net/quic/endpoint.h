/*
 * A QUIC endpoint: UDP sockets for dialling and listening alike, its connections and the pump that
 * moves datagrams. RFC 9000; libp2p specification: quic/README.md.
 *
 * Everything happens on one libevent loop. Datagrams are read in batches; what they cause is told
 * through the handlers; then `settle` is called once, so that handlers need only mark what is to be
 * done; then packets are written, and only after that are closed connections and streams freed.
 * Handlers may call any function of endpoint.h, connection.h and stream.h, quic_endpoint_free
 * excepted.
 */
#ifndef NET_QUIC_ENDPOINT_H
#define NET_QUIC_ENDPOINT_H

#include <event2/event.h>

#include "net/address/identity.h"
#include "net/address/multiaddr.h"
#include "net/address/public_key.h"

enum {
    QUIC_SOCKETS_MAX = 8,
    QUIC_CONNECTIONS_MAX = 1024,        /* those that live and those that are being set up */
    QUIC_CONNECTIONS_INBOUND_MAX = 960, /* of them; the other places are kept for dialling */
    QUIC_HANDSHAKES_BEFORE_RETRY = 32, /* half-open inbound ones, before addresses must be proven */
    QUIC_HELD_DATAGRAMS_MAX = 8,       /* of a connection that waits to be admitted, or early */
    QUIC_RESETS_PER_SECOND = 100,      /* for packets of no connection, and as many at once */
    QUIC_CLOSE_REASON_MAX = 1024,      /* bytes that are kept of a reason, ours or a peer's */
};

struct quic_endpoint;
struct quic_connection;
struct quic_stream;

enum quic_close_cause {
    QUIC_CLOSED_BY_US,
    QUIC_CLOSED_BY_PEER,  /* CONNECTION_CLOSE, of the application's or of the transport's */
    QUIC_REFUSED_BY_PEER, /* the same, with a TLS alert: it did not accept our handshake */
    QUIC_TLS_FAILED,      /* we did not accept the peer's handshake or certificate */
    QUIC_PROTOCOL_ERROR,  /* the peer broke the transport's rules */
    QUIC_HANDSHAKE_TIMEOUT,
    QUIC_IDLE_TIMEOUT,
    QUIC_STATELESS_RESET,
    QUIC_NO_COMMON_VERSION,
};

struct quic_close {
    enum quic_close_cause cause;
    bool application; /* `code` is the application's */
    bool answered;    /* the peer sent at least one packet that we understood */
    uint64_t code;
    struct bytes said; /* the reason in the peer's CONNECTION_CLOSE; borrowed from the connection */
    struct error reason; /* in words, for people */
};

/* What holds for one connection: the settings' policy, unless a dial brings another or `admit`
 * changes it. */
struct quic_policy {
    uint64_t idle_timeout_ms; /* after which silence ends it; the peer's may be shorter */
    uint64_t handshake_timeout_ms;
    /* A PING goes out after so long without a packet, and after half of the shorter idle timeout at
     * the latest; 0: never. */
    uint64_t keep_alive_ms;
    /* A peer of which nothing has come for so long while something is unacknowledged is asked for a
     * sign of life, and given up without one: see quic_connection_probe. 0: never. */
    uint64_t unanswered_ms;
    uint64_t stream_window; /* bytes that the peer may have under way on a stream */
    uint64_t connection_window;
    uint32_t remote_streams_max; /* bidirectional ones that the peer may have open at a time */
    bool credit_by_hand;         /* what arrives makes room again by quic_stream_credit alone */
    /* Streams that are over make room for others by quic_connection_allow_streams alone. */
    bool streams_by_hand;
    bool chunks_apart; /* what is written at once shares no STREAM frame with what comes after */
    /* A listener that asks for no certificate is taken, too: see quic_connection_facts.asked. */
    bool may_not_ask;
};

enum quic_admission {
    QUIC_ADMIT,
    QUIC_REFUSE, /* it is told so, with CONNECTION_REFUSED (RFC 9000, section 20.1) */
    QUIC_HOLD,   /* it hears nothing until quic_connection_admit or quic_connection_refuse */
};

struct quic_handlers {
    /* Optional. A connection has arrived from REMOTE, of which nothing has been read yet: decides,
     * and may change what is to hold for it. Where it is held, or admitted, `connection_closed`
     * tells its end as that of any other. */
    enum quic_admission (*admit)(void *context, struct quic_connection *connection,
                                 const struct multiaddr *remote, struct quic_policy *policy);
    /* Optional, in place of holding the peer id against the one that was dialled: whether PEER, its
     * certificate in order, is who it should be. The reason is told as the connection's end. */
    bool (*judge)(void *context, struct quic_connection *connection, const struct peer_id *peer,
                  enum key_type type, struct error *reason);
    /* The handshake is complete and the peer's identity verified. A dialled peer may not have
     * judged our certificate yet; `confirmed` tells that it has. */
    void (*connection_established)(void *context, struct quic_connection *connection);
    void (*connection_confirmed)(void *context, struct quic_connection *connection);
    /* Once for each connection, never from within a call of the handlers' owner; every stream was
     * reported closed before. The connection is freed afterwards. */
    void (*connection_closed)(void *context, struct quic_connection *connection,
                              const struct quic_close *close);
    /* Optional, in place of probing such a peer and giving it up: nothing has come for the policy's
     * `unanswered_ms` while something is unacknowledged, or, with false, all has been since.
     */
    void (*connection_unanswered)(void *context, struct quic_connection *connection,
                                  bool unanswered);
    /* Optional: the peer allows more streams, of which quic_stream_open may have been refused one.
     */
    void (*streams_allowed)(void *context, struct quic_connection *connection);
    void (*stream_opened)(void *context, struct quic_stream *stream); /* by the peer */
    void (*stream_data)(void *context, struct quic_stream *stream, struct bytes data, bool fin);
    /* More of what was written has been acknowledged: see quic_stream_acknowledged. */
    void (*stream_acknowledged)(void *context, struct quic_stream *stream);
    void (*stream_reset)(void *context, struct quic_stream *stream, uint64_t code);
    /* The peer does not want what we write: nothing can be written any more. */
    void (*stream_stopped)(void *context, struct quic_stream *stream);
    /* Both directions are over, or the connection is. The stream is freed afterwards. */
    void (*stream_closed)(void *context, struct quic_stream *stream);
    /*
     * Optional. RECORD, the next of the connection's QUIC log, as ngtcp2 writes it whether or not
     * there is a log: PINGs and the codes of STOP_SENDING are told nowhere else. It comes while
     * packets are read and written: only mark.
     */
    void (*recorded)(void *context, struct quic_connection *connection, struct bytes record);
    void (*settle)(void *context);
    /* What could be was handed to the network: see quic_stream_unsent. What is written now follows
     * in the loop's next turn. May be NULL. */
    void (*sent)(void *context);
};

struct quic_settings {
    struct event_base *base;
    const struct identity *identity; /* borrowed */
    const char *keylog_path;         /* NULL: $SSLKEYLOGFILE, if set */
    const char *qlog_folder;         /* NULL: no logs */
    uint64_t qlog_limit;             /* bytes of each on disk, at least 64 KiB; 0: no limit */
    /* Half-open connections to us from which on addresses must be proven (RFC 9000, section 8.1.2):
     * of an owner that knows who dials it, and holds them. 0: QUIC_HANDSHAKES_BEFORE_RETRY. */
    size_t handshakes_before_retry;
    struct quic_policy policy;
    const struct quic_handlers *handlers;
    void *context;
};

void quic_settings_default(struct quic_settings *settings);
/* Makes the certificate and opens the log files' folder; no socket yet. */
struct quic_endpoint *quic_endpoint_new(const struct quic_settings *settings, struct error *error);
/* Closes connections without a word; call quic_endpoint_shutdown before, and run the loop until
 * quic_endpoint_connection_count is 0, to part cleanly. */
void quic_endpoint_free(struct quic_endpoint *endpoint);

/* Binds a socket. Only IP multiaddrs; port 0 asks for any. */
bool quic_endpoint_listen(struct quic_endpoint *endpoint, const struct multiaddr *address,
                          struct error *error);
size_t quic_endpoint_listen_count(const struct quic_endpoint *endpoint);
/* With the real port, without a peer id. */
struct multiaddr quic_endpoint_listen_address(const struct quic_endpoint *endpoint, size_t index);

/*
 * Begins a connection from the first socket that can reach the address, or from a new one of any
 * port. The unspecified address, 0.0.0.0 or ::, stands for loopback.
 * EXPECTED may be NULL: any peer id is accepted. POLICY may be NULL: the settings' holds. The
 * outcome is told through the handlers.
 */
struct quic_connection *quic_endpoint_dial(struct quic_endpoint *endpoint,
                                           const struct multiaddr *address,
                                           const struct peer_id *expected,
                                           const struct quic_policy *policy, struct error *error);
/* What a dial may ask for beside the address: all zero is the same as quic_endpoint_dial(). */
struct quic_dial {
    const struct peer_id *expected;
    const struct quic_policy *policy;
    const char *id; /* NULL, or the original connection id: 8 to 20 bytes, hexadecimal */
};

struct quic_connection *quic_endpoint_dial_as(struct quic_endpoint *endpoint,
                                              const struct multiaddr *address,
                                              const struct quic_dial *dial, struct error *error);
/* Closes every connection with application code 0. New ones are refused from now on. */
void quic_endpoint_shutdown(struct quic_endpoint *endpoint);
/* Those in their closing period included. */
size_t quic_endpoint_connection_count(const struct quic_endpoint *endpoint);
struct quic_connection *quic_endpoint_first(const struct quic_endpoint *endpoint);

struct quic_endpoint_statistics {
    uint64_t datagrams_in, datagrams_out, bytes_in, bytes_out, datagrams_dropped, retries_sent,
        resets_sent, resets_withheld, version_negotiations_sent,
        refused;              /* connections, by the owner or because the table is full */
    uint64_t session_tickets; /* of peers that are servers; dropped */
    uint64_t
        datagrams_from_elsewhere; /* of a connection, but not from its peer's address: dropped */
};

const struct quic_endpoint_statistics *
quic_endpoint_statistics(const struct quic_endpoint *endpoint);

#endif
