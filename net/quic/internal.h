/* What the files of this folder share; nobody else includes it. */
#ifndef NET_QUIC_INTERNAL_H
#define NET_QUIC_INTERNAL_H

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <sys/queue.h>

#include "common/budget.h"
#include "common/hash_table.h"
#include "net/qlog/writer.h"
#include "net/quic/certificate.h"
#include "net/quic/compat.h"
#include "net/quic/connection.h"
#include "net/quic/crypto_guard.h"
#include "net/quic/stream.h"

enum {
    CID_SIZE = 8,             /* of those we make */
    DATAGRAM_SIZE_MAX = 2048, /* received; larger ones are dropped */
    PACKET_SIZE_MAX = 1452,   /* sent */
    MILLISECOND_NS = 1000000,
    HEADER_FORM_LONG = 0x80,   /* of a packet's first byte: RFC 9000, section 17.2 */
    CONNECTION_REFUSED = 0x02, /* RFC 9000, section 20.1 */
};

/* One of our connection ids, or the client's first one: datagrams are routed by it. */
struct route {
    ngtcp2_cid cid;
    struct quic_connection *connection;
    UT_hash_handle hh;
    SLIST_ENTRY(route) link; /* of the connection's */
};

/* The reset token of one of the peer's connection ids. */
struct reset_token {
    uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN];
    struct quic_connection *connection;
    UT_hash_handle hh;
    SLIST_ENTRY(reset_token) link;
};

struct quic_socket {
    struct quic_endpoint *endpoint;
    int fd;
    struct event *readable;
    struct sockaddr_storage address;
    socklen_t address_size;
    bool listening;
};

/* One piece of a stream's send queue. */
struct send_piece {
    struct chunk *chunk;
    STAILQ_ENTRY(send_piece) link;
};

struct quic_stream {
    struct quic_connection *connection;
    int64_t id;
    void *user;
    /* Pieces from the first unacknowledged byte on: ngtcp2 needs them where they are until then. */
    STAILQ_HEAD(, send_piece) pieces;
    struct send_piece *next_piece; /* that holds the next byte to be sent */
    size_t next_offset;            /* in that piece */
    size_t first_acknowledged;     /* bytes of the first piece that are acknowledged */
    size_t unsent;
    uint64_t written, acknowledged; /* bytes, from the first on */
    uint64_t last_packet;           /* the connection's packet count when data last went in */
    bool finishing, fin_apart, fin_sent, write_closed, read_closed, blocked, queued, closed;
    TAILQ_ENTRY(quic_stream) ready_link;
    LIST_ENTRY(quic_stream) link;
};

/* What came for a connection that waits to be admitted, or came early. */
struct held_datagram {
    STAILQ_ENTRY(held_datagram) link;
    struct sockaddr_storage remote;
    socklen_t remote_size;
    size_t size;
    uint8_t data[];
};

/* What is to be said in our CONNECTION_CLOSE. */
struct wanted_close {
    bool application;
    uint64_t code;
    struct chunk *reason;
};

enum connection_state {
    CONNECTION_HELD, /* has arrived, and waits to be admitted: `conn` is NULL */
    CONNECTION_LIVE,
    CONNECTION_CLOSING,  /* our CONNECTION_CLOSE is out and repeated on input */
    CONNECTION_DRAINING, /* the peer's has arrived */
    CONNECTION_LEFT,     /* in silence: `conn` may be NULL */
    CONNECTION_GONE,     /* to be freed at the end of the pump */
};

struct quic_connection {
    struct quic_endpoint *endpoint;
    struct quic_socket *socket;
    struct quic_policy policy;
    enum connection_state state;
    uint64_t number;
    void *user;
    ngtcp2_conn *conn;
    gnutls_session_t session;
    ngtcp2_crypto_conn_ref reference;
    bool server, established, confirmed, answered, dirty, reported;
    bool flight_written; /* a client's last one of the handshake */
    bool close_wanted;
    struct wanted_close wanted_close;
    bool has_expected;
    struct peer_id expected;
    struct certificate_peer peer;
    struct error tls_error; /* what our check of the certificate found */
    bool asked;             /* of a dial: for our certificate */
    struct crypto_guard crypto_guard;
    uint32_t offered_version;
    /* In place of an answer to a dial. */
    int icmp_error; /* an errno; 0: none */
    uint64_t foreign_datagrams, stray_datagrams;
    ngtcp2_cid original;
    ngtcp2_cid last_used; /* of ours, by the peer's last packet with a short header */
    bool retried;         /* `original` is what a Retry token of ours vouched for */
    STAILQ_HEAD(, held_datagram) held;
    size_t held_count;
    bool admitted;                      /* while held: it begins with the next pump */
    struct quic_connection *awaited_by; /* sends nothing before what is held here was read */
    struct quic_connection *awaits;     /* the same, from its side */
    ngtcp2_tstamp started, established_at;
    uint64_t bytes_in, bytes_out;
    uint64_t packets_written;
    size_t owed; /* room that was made in advance, for what does not come */
    struct quic_close close;
    struct chunk *close_packet;
    uint64_t received_since_close;
    ngtcp2_tstamp gone_at; /* when closing, draining or being held ends */
    bool retry_wanted;     /* to be begun anew, by a client that has proven its address */
    bool probe_wanted, ping_wanted;
    ngtcp2_tstamp unanswered_at; /* when it is probed for being silent; 0: all is acknowledged */
    bool unanswered_told, deaf;  /* see quic_handlers.connection_unanswered */
    ngtcp2_tstamp silent_at;     /* when an unanswered probe ends it; 0: none is out */
    struct event *timer;
    struct qlog_writer *log;
    LIST_HEAD(, quic_stream) streams;
    LIST_HEAD(, quic_stream) dead_streams;
    TAILQ_HEAD(ready_streams, quic_stream) ready; /* have something to send and may */
    SLIST_HEAD(, route) routes;
    SLIST_HEAD(, reset_token) reset_tokens;
    LIST_ENTRY(quic_connection) link;
    STAILQ_ENTRY(quic_connection) dirty_link;
};

struct send_batch;

struct quic_endpoint {
    struct quic_settings settings;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priorities;
    int keylog; /* -1: none, or none any more */
    const char *keylog_path;
    uint8_t secret[32]; /* for reset and retry tokens; from the identity, so that it outlives us */
    struct quic_socket *sockets[QUIC_SOCKETS_MAX];
    size_t socket_count;
    struct route *routes;
    struct reset_token *reset_tokens;
    LIST_HEAD(, quic_connection) connections;
    STAILQ_HEAD(, quic_connection) dirty;
    size_t connection_count, inbound_count;
    size_t handshakes, dials; /* half-open ones: inbound, ours */
    uint64_t last_number;
    struct event *wake; /* something is to be written, asked for from outside the pump */
    bool pumping, shut_down;
    ngtcp2_tstamp now;
    struct send_batch *batch;
    struct budget resets;
    struct budget refusals_told; /* in the log */
    struct quic_endpoint_statistics statistics;
};

/* ---- endpoint.c ---- */
ngtcp2_tstamp endpoint_update_now(struct quic_endpoint *endpoint);
/* Asks for a pump once the caller has returned to the loop. */
void endpoint_wake(struct quic_endpoint *endpoint);
void endpoint_pump(struct quic_endpoint *endpoint);
void endpoint_mark_dirty(struct quic_connection *connection);
void endpoint_add_route(struct quic_connection *connection, const ngtcp2_cid *cid);
void endpoint_remove_route(struct quic_connection *connection, const ngtcp2_cid *cid);
void endpoint_add_reset_token(struct quic_connection *connection, const uint8_t *token);
void endpoint_remove_reset_token(struct quic_connection *connection, const uint8_t *token);

/* ---- socket.c ---- */
struct quic_socket *socket_open(struct quic_endpoint *endpoint, const struct sockaddr *address,
                                socklen_t size, struct error *error);
void socket_close(struct quic_socket *socket);
typedef void (*datagram_handler)(struct quic_socket *socket, const struct sockaddr *remote,
                                 socklen_t remote_size, const uint8_t *data, size_t size);
/* Reads what is there, up to a number of batches. */
void socket_receive(struct quic_socket *socket, datagram_handler handler);

/* ---- send_batch.c ---- */
struct send_batch *send_batch_new(void);
void send_batch_free(struct send_batch *batch);
/* Room for one packet of PACKET_SIZE_MAX. */
uint8_t *send_batch_room(struct quic_endpoint *endpoint);
/* The packet that was written to that room is to be sent. */
void send_batch_add(struct quic_endpoint *endpoint, struct quic_socket *socket,
                    const ngtcp2_addr *remote, size_t size);
void send_batch_flush(struct quic_endpoint *endpoint);

/* ---- unanswered.c: what comes in place of an answer to a dial ---- */
/* Empties the socket's error queue. */
void unanswered_read_errors(struct quic_socket *socket);
/* A datagram that belongs to no connection. */
void unanswered_note_datagram(struct quic_endpoint *endpoint, const struct sockaddr *remote,
                              const uint8_t *data, bool is_quic);

/* ---- accept.c: what arrives for no connection of ours ---- */
void accept_datagram(struct quic_socket *socket, const struct sockaddr *remote,
                     socklen_t remote_size, const uint8_t *data, size_t size,
                     const ngtcp2_version_cid *ids);
void accept_version_negotiation(struct quic_socket *socket, const struct sockaddr *remote,
                                socklen_t remote_size, size_t size, const ngtcp2_version_cid *ids);
void accept_send_retry(struct quic_socket *socket, const struct sockaddr *remote,
                       socklen_t remote_size, const ngtcp2_pkt_hd *header);
/* Answers an Initial with CONNECTION_CLOSE, of the transport's. */
void accept_send_refusal(struct quic_socket *socket, const struct sockaddr *remote,
                         socklen_t remote_size, const ngtcp2_pkt_hd *header, uint64_t code,
                         struct bytes reason);
/* In answer to SIZE bytes, more than a reset's least, that were sent to ID, one of ours, or that
 * might be. What strangers can ask for is bounded by the caller. */
void accept_send_reset(struct quic_socket *socket, const struct sockaddr *remote,
                       socklen_t remote_size, size_t size, const ngtcp2_cid *id);

/* ---- admission.c: whether a connection that arrives is taken, and when ---- */
/* DATA is the first of it, an Initial with HEADER; ORIGINAL_OF_RETRY may be NULL. */
void admission_ask(struct quic_socket *socket, const struct sockaddr *remote, socklen_t remote_size,
                   const ngtcp2_pkt_hd *header, const ngtcp2_cid *original_of_retry,
                   struct bytes data);
/* Keeps what has come of a connection until it is read; dropped and counted beyond
 * QUIC_HELD_DATAGRAMS_MAX. */
void admission_hold(struct quic_connection *connection, const struct sockaddr *remote,
                    socklen_t remote_size, struct bytes data);
/* Makes it live, and reads what has come. */
void admission_begin(struct quic_connection *connection);
void admission_forget(struct quic_connection *connection);
/* Nothing waits for what CONNECTION holds any more, nor it for another. */
void admission_stop_waiting(struct quic_connection *connection);

/* ---- early.c: what comes under 1-RTT keys before a client has written its Finished ---- */
/* Holds what is early of DATAGRAM, and returns how many bytes of it, from the first on, are not. */
size_t early_hold(struct quic_connection *connection, const struct sockaddr *remote,
                  socklen_t remote_size, struct bytes datagram);
/* All that is due has been written: reads what was held, once that was the last of the handshake.
 */
void early_read(struct quic_connection *connection);

/* ---- connection.c ---- */
struct quic_connection *connection_new_client(struct quic_socket *socket,
                                              const struct sockaddr *remote, socklen_t remote_size,
                                              const struct quic_dial *dial, struct error *error);
/* Held, and known by the connection id that the client chose. */
struct quic_connection *connection_new_arrival(struct quic_socket *socket,
                                               const ngtcp2_pkt_hd *header,
                                               const ngtcp2_cid *original_of_retry);
/* Makes it live. What has arrived of it is to be received afterwards. */
bool connection_begin_server(struct quic_connection *connection, const struct sockaddr *remote,
                             socklen_t remote_size, const ngtcp2_pkt_hd *header,
                             struct error *error);
ngtcp2_path connection_path(struct quic_connection *connection, const struct sockaddr *remote,
                            socklen_t remote_size);
/* Tells the handlers of every stream and of the connection that they are over, once. */
void connection_report_closed(struct quic_connection *connection);
void connection_free_dead_streams(struct quic_connection *connection);
void connection_free(struct quic_connection *connection);

/* ---- connection_packets.c ---- */
/* By address and port. */
bool connection_is_with(const struct quic_connection *connection, const struct sockaddr *remote);
void connection_receive(struct quic_connection *connection, const struct sockaddr *remote,
                        socklen_t remote_size, const uint8_t *data, size_t size);
void connection_write(struct quic_connection *connection);

/* ---- connection_close.c ---- */
void connection_close_by_us(struct quic_connection *connection);
/* It was held for too long, or refused: the peer has heard nothing, or that. */
void connection_close_held(struct quic_connection *connection, enum quic_close_cause cause,
                           const char *reason);
/* When it is forgotten that the connection was left, if nothing more comes. */
void connection_stay_left(struct quic_connection *connection);
/* A probe was not answered. */
void connection_close_silent(struct quic_connection *connection);
/* What a failing call of ngtcp2 means for the connection. */
void connection_fail(struct quic_connection *connection, int code);
/* The peer has closed it, or no longer knows it. */
void connection_draining(struct quic_connection *connection);
/* Answers what still arrives with our CONNECTION_CLOSE. */
void connection_repeat_close(struct quic_connection *connection, const ngtcp2_addr *remote);

/* ---- callbacks.c: what ngtcp2 tells us ---- */
/* The shorter of both sides'; our own until the peer's is known. */
ngtcp2_duration connection_idle_timeout(const struct quic_connection *connection);
/* Sets the keep-alive timeout to what both ends' idle timeouts ask for. */
void connection_start_keep_alive(struct quic_connection *connection);
extern const ngtcp2_callbacks connection_client_callbacks, connection_server_callbacks;
void connection_make_cid(ngtcp2_cid *cid);

/* ---- stream.c ---- */
struct quic_stream *stream_new(struct quic_connection *connection, int64_t id);
void stream_free(struct quic_stream *stream);
/* Puts the stream among the ready ones if it has something to send and may. */
void stream_update_ready(struct quic_stream *stream);
/* Fills VECTORS with what is to be sent next; FIN tells that it ends the stream. */
size_t stream_vectors(struct quic_stream *stream, ngtcp2_vec *vectors, size_t count, bool *fin);
void stream_sent(struct quic_stream *stream, size_t size, bool fin);
void stream_acknowledged(struct quic_stream *stream, size_t size);
/* Nothing can be sent any more: what is queued is let go. */
void stream_shut_write(struct quic_stream *stream);
/* Reports the end once, and leaves the stream to be freed at the end of the pump. */
void stream_closed(struct quic_stream *stream);

/* ---- tls.c ---- */
bool tls_endpoint_init(struct quic_endpoint *endpoint, struct error *error);
void tls_endpoint_clear(struct quic_endpoint *endpoint);
bool tls_session_new(struct quic_connection *connection, struct error *error);
/* On the client once the handshake is complete, what TLS itself lets pass: whether the server is
 * one of libp2p's. Otherwise `tls_error` and the alert are set. */
bool tls_check_server(struct quic_connection *connection);
/* "AES-128-GCM", "X25519": static. */
const char *tls_cipher_name(gnutls_session_t session);
const char *tls_group_name(gnutls_session_t session);
/* Of the client's signature in the handshake, or the server's: "ECDSA-SECP256R1-SHA256"; static. */
const char *tls_signature_name(gnutls_session_t session, bool of_client);

#endif
