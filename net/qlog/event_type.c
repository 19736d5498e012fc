/* The kinds of events that drafts of qlog name, beside those that are read. */
#include "net/qlog/event.h"

#include "net/qlog/json.h"
#include "net/qlog/packet.h"

/* Those of which all events say nothing of what streams carry. */
static const char *const categories[] = {"connectivity", "security",   "recovery", "http",
                                         "h3",           "http3",      "qpack",    "generic",
                                         "loglevel",     "simulation", "libp2p"};

/* What is in `transport` and `quic`. */
static const char *const types[] = {
    "version_information",
    "parameters_restored",
    "packet_dropped",
    "packet_buffered",
    "packets_acked",
    "datagrams_sent",
    "datagrams_received",
    "datagram_dropped",
    "udp_datagrams_sent",
    "udp_datagrams_received",
    "udp_datagram_dropped",
    "stream_state_updated",
    "frames_processed",
    "data_moved",
    "stream_data_moved",
    "datagram_data_moved",
    "connection_data_moved",
    "server_listening",
    "connection_started",
    "connection_id_updated",
    "spin_bit_updated",
    "connection_retried",
    "connection_state_updated",
    "path_assigned",
    "mtu_updated",
    "migration_state_updated",
    "timer_updated",
    "congestion_state_updated",
    "metrics_updated",
    "loss_timer_updated",
    "packet_lost",
    "marked_for_retransmit",
    "ecn_state_updated",
};

static bool is_one_of(struct bytes text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (qlog_text_is(text, words[i]))
            return true;
    return false;
}

#define IS_ONE_OF(text, words) is_one_of(text, words, sizeof(words) / sizeof(*(words)))

bool qlog_event_is_known(struct bytes name)
{
    const uint8_t *colon = name.size > 0 ? memrchr(name.data, ':', name.size) : NULL;
    size_t before = colon != NULL ? (size_t)(colon - name.data) : 0;
    struct bytes type = colon != NULL ? bytes_after(name, before + 1) : name;
    return qlog_event_is_read(name) || IS_ONE_OF(bytes_of(name.data, before), categories) ||
           IS_ONE_OF(type, types);
}
