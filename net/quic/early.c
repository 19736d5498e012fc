/*
 * What a server sends under 1-RTT keys beside its handshake, before our Finished has gone out
 * (RFC 9001, section 5.7, allows it). ngtcp2 would read it at once, though what is left for a
 * client to write belongs to the handshake: HANDSHAKE_DONE takes the keys away that this needs, a
 * null pointer then, and NEW_CONNECTION_ID may replace the connection id that an assertion takes
 * for the first. Both end the process, in 0.12 and in 1.x. So it waits until we have written.
 */
#include <stdlib.h>

#include "net/quic/internal.h"

/* Where the packets with long headers end in a datagram, as ngtcp2 reads it. */
static size_t long_packets_size(struct bytes datagram)
{
    struct bytes rest = datagram;
    while (rest.size > 0 && (rest.data[0] & HEADER_FORM_LONG) != 0) {
        ngtcp2_pkt_hd header;
        ngtcp2_ssize size = ngtcp2_pkt_decode_hd_long(&header, rest.data, rest.size);
        /* These two have no length: they are all of the datagram. */
        if (size < 0 || header.type == NGTCP2_PKT_RETRY ||
            header.type == NGTCP2_PKT_VERSION_NEGOTIATION || header.len > rest.size - (size_t)size)
            return datagram.size;
        rest = bytes_after(rest, (size_t)size + header.len);
    }
    return datagram.size - rest.size;
}

size_t early_hold(struct quic_connection *connection, const struct sockaddr *remote,
                  socklen_t remote_size, struct bytes datagram)
{
    if (connection->server || connection->flight_written)
        return datagram.size;
    size_t size = long_packets_size(datagram);
    struct bytes early = bytes_after(datagram, size);
    if (early.size == 0)
        return size;
    connection->bytes_in -= early.size; /* it counts when it is read */
    admission_hold(connection, remote, remote_size, early);
    return size;
}

void early_read(struct quic_connection *connection)
{
    if (connection->server || connection->flight_written || !connection->established)
        return;
    connection->flight_written = true;
    const struct held_datagram *datagram;
    STAILQ_FOREACH(datagram, &connection->held, link)
    connection_receive(connection, (const struct sockaddr *)&datagram->remote,
                       datagram->remote_size, datagram->data, datagram->size);
    admission_forget(connection);
}
