/* The types of frames, by the names that writers give them and by number. */
#include "net/qlog/packet.h"

#include "net/qlog/json.h"

/* RFC 9000, section 19, RFC 9221, and the extensions that are implemented somewhere. */
static const struct {
    const char *name;
    unsigned char size;
    enum qlog_frame_type type;
} names[] = {
#define NAME(text, kind)                                                                           \
    {                                                                                              \
        text, sizeof(text) - 1, QLOG_FRAME_##kind                                                  \
    }
    NAME("stream", STREAM),
    NAME("ack", ACK),
    NAME("reset_stream", RESET),
    NAME("stop_sending", STOP),
    NAME("connection_close", CLOSE),
    NAME("padding", OTHER),
    NAME("ping", OTHER),
    NAME("crypto", OTHER),
    NAME("max_data", OTHER),
    NAME("max_stream_data", OTHER),
    NAME("max_streams", OTHER),
    NAME("data_blocked", OTHER),
    NAME("stream_data_blocked", OTHER),
    NAME("streams_blocked", OTHER),
    NAME("new_connection_id", OTHER),
    NAME("retire_connection_id", OTHER),
    NAME("path_challenge", OTHER),
    NAME("path_response", OTHER),
    NAME("new_token", OTHER),
    NAME("handshake_done", OTHER),
    NAME("datagram", OTHER),
    NAME("reset_stream_at", RESET),
    NAME("rst_stream", RESET),   /* mvfst */
    NAME("crypto_frame", OTHER), /* mvfst */
    NAME("application_close", CLOSE),
    NAME("ack_ecn", ACK),
    NAME("ack_frequency", OTHER),
    NAME("immediate_ack", OTHER),
    NAME("max_streams_bidi", OTHER),
    NAME("max_streams_uni", OTHER),
    NAME("streams_blocked_bidi", OTHER),
    NAME("streams_blocked_uni", OTHER),
    NAME("knob", OTHER), /* mvfst */
    NAME("time_stamp", OTHER),
    NAME("timestamp", OTHER),
    NAME("path_ack", OTHER),
    NAME("path_abandon", OTHER),
    NAME("path_status_available", OTHER),
    NAME("path_status_backup", OTHER),
    NAME("path_available", OTHER), /* picoquic */
    NAME("path_backup", OTHER),
    NAME("bdp", OTHER),
    NAME("path_new_connection_id", OTHER),
    NAME("path_retire_connection_id", OTHER),
    NAME("max_path_id", OTHER),
    NAME("paths_blocked", OTHER),
    NAME("path_cids_blocked", OTHER),
    NAME("observed_address", OTHER),
#undef NAME
};

enum { NAMES = sizeof(names) / sizeof(*names) };

enum qlog_frame_type qlog_frame_type_of(struct bytes name)
{
    for (size_t i = 0; i < NAMES; i++)
        if (name.size == names[i].size && memcmp(name.data, names[i].name, name.size) == 0)
            return names[i].type;
    for (size_t i = 0; i < NAMES; i++)
        if (qlog_text_is(name, names[i].name))
            return names[i].type;
    return QLOG_FRAME_UNKNOWN;
}

enum qlog_frame_type qlog_frame_type_numbered(uint64_t number)
{
    if (number >= 0x08 && number <= 0x0f)
        return QLOG_FRAME_STREAM;
    switch (number) {
    case 0x02:
    case 0x03:
        return QLOG_FRAME_ACK;
    case 0x04:
    case 0x24: /* RESET_STREAM_AT */
        return QLOG_FRAME_RESET;
    case 0x05:
        return QLOG_FRAME_STOP;
    case 0x1c:
    case 0x1d:
        return QLOG_FRAME_CLOSE;
    case 0x1f: /* IMMEDIATE_ACK */
    case 0x30: /* DATAGRAM */
    case 0x31:
    case 0xaf: /* ACK_FREQUENCY */
        return QLOG_FRAME_OTHER;
    default:
        return number <= 0x1e ? QLOG_FRAME_OTHER : QLOG_FRAME_UNKNOWN;
    }
}
