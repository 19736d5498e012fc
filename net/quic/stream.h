/* One bidirectional QUIC stream. RFC 9000, sections 2 and 3. */
#ifndef NET_QUIC_STREAM_H
#define NET_QUIC_STREAM_H

#include "common/chunk.h"
#include "net/quic/endpoint.h"

/* NULL where the peer allows no further stream now. */
struct quic_stream *quic_stream_open(struct quic_connection *connection);

int64_t quic_stream_id(const struct quic_stream *stream);
struct quic_connection *quic_stream_connection(const struct quic_stream *stream);
bool quic_stream_is_local(const struct quic_stream *stream); /* we opened it */
void *quic_stream_user(const struct quic_stream *stream);
void quic_stream_set_user(struct quic_stream *stream, void *user);

/* Queues a chunk, of which a reference is taken. After finish or reset nothing is queued. */
void quic_stream_write(struct quic_stream *stream, struct chunk *chunk);
void quic_stream_write_bytes(struct quic_stream *stream, struct bytes data);
/* Sends FIN with the last of what is queued. */
void quic_stream_finish(struct quic_stream *stream);
/* Sends FIN after it, in a packet of its own: a peer in the field breaks where a response's last
 * byte and the FIN share a STREAM frame. */
void quic_stream_finish_apart(struct quic_stream *stream);
/* Makes room for SIZE bytes more of the peer's, where the policy leaves that to the owner: as many
 * as `stream_data` told, once they are not held any more. */
void quic_stream_credit(struct quic_stream *stream, size_t size);
/* Of what was made room for in advance, SIZE bytes will not come: room for as much of what comes on
 * the connection is there already. */
void quic_stream_owe(struct quic_stream *stream, size_t size);
/* RESET_STREAM and STOP_SENDING, as far as each direction is still open. */
void quic_stream_reset(struct quic_stream *stream, uint64_t code);
/* The one without the other (RFC 9000, sections 3.1 and 3.2). What was written and is not
 * acknowledged is given up with the writing half. */
void quic_stream_reset_write(struct quic_stream *stream, uint64_t code);
/* `stream_data` tells nothing more; `stream_reset` still tells the peer's RESET_STREAM. */
void quic_stream_stop_read(struct quic_stream *stream, uint64_t code);
/* Bytes written and not yet handed to the network. */
size_t quic_stream_unsent(const struct quic_stream *stream);
/* What is unsent waits for room that the peer has not given, on the stream or the connection. */
bool quic_stream_is_blocked(const struct quic_stream *stream);
/* Bytes written, and how many of them, from the first on, the peer has acknowledged. */
uint64_t quic_stream_written(const struct quic_stream *stream);
uint64_t quic_stream_acknowledged(const struct quic_stream *stream);

#endif
