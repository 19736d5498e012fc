#include "cmd/tap/connected_json.h"

#include "common/clock.h"

enum { SECOND_MS = 1000 };

/* ---- certificates ---- */

/* Some stacks write the end of time, which is no time of ours. */
static json_t *calendar(time_t time)
{
    char text[CLOCK_TEXT_SIZE];
    if (time < 0)
        return json_null();
    clock_text((uint64_t)time * SECOND_MS, text);
    return json_string(text);
}

static json_t *certificate_json(const struct quic_connection *leg)
{
    const struct certificate_peer *peer = quic_connection_certificate(leg);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:b, s:b}", "key_type",
                     key_type_name(peer->key_type), "signature", peer->signature,
                     "handshake_signature", quic_connection_signature(leg), "valid_from",
                     calendar(peer->valid_from), "valid_until", calendar(peer->valid_until),
                     "extension_critical", (int)peer->extension_critical, "high_s",
                     (int)peer->high_s, "own_high_s", (int)peer->own_high_s);
}

/* ---- what the other side is shown otherwise ---- */

static void add(json_t *list, enum tap_side side, const char *what, json_t *said, json_t *shown)
{
    json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o}", "of", tap_side_name(side), "what",
                                          what, "said", said, "shown", shown));
}

static void add_limit(json_t *list, enum tap_side side, const char *what, uint64_t said,
                      uint64_t shown)
{
    if (said != shown)
        add(list, side, what, json_integer((json_int_t)said), json_integer((json_int_t)shown));
}

static void add_limits(json_t *list, const struct tap_pair *pair, enum tap_side side)
{
    struct quic_limits said, shown;
    if (!quic_connection_peer_limits(tap_pair_leg(pair, side), &said))
        return;
    quic_connection_own_limits(tap_pair_leg(pair, tap_other(side)), &shown);
    add_limit(list, side, "idle_timeout_ms", said.idle_timeout_ms, shown.idle_timeout_ms);
    add_limit(list, side, "stream_window", said.stream_window, shown.stream_window);
    add_limit(list, side, "connection_window", said.connection_window, shown.connection_window);
    add_limit(list, side, "streams_max", said.streams_max, shown.streams_max);
    add_limit(list, side, "uni_streams_max", said.uni_streams_max, shown.uni_streams_max);
}

/* Ours is never critical, and of low S where that matters to anybody. */
static void add_certificate(json_t *list, const struct tap_pair *pair, enum tap_side side)
{
    const struct certificate_peer *peer = quic_connection_certificate(tap_pair_leg(pair, side));
    if (peer->high_s)
        add(list, side, "high_s", json_true(), json_false());
    if (peer->extension_critical)
        add(list, side, "extension_critical", json_true(), json_false());
}

void connected_json_add(json_t *object, const struct tap_pair *pair)
{
    struct quic_connection_facts back;
    json_t *certificates = json_object(), *not_kept = json_array();
    quic_connection_facts(tap_pair_leg(pair, TAP_LISTENER), &back);
    for (size_t i = 0; i < TAP_SIDES; i++) {
        enum tap_side side = (enum tap_side)i;
        json_object_set_new(certificates, tap_side_name(side),
                            certificate_json(tap_pair_leg(pair, side)));
        add_certificate(not_kept, pair, side);
        add_limits(not_kept, pair, side);
    }
    json_object_set_new(object, "front_first", json_boolean(tap_pair_front_first(pair)));
    json_object_set_new(object, "listener_asks", json_boolean(back.asked));
    json_object_set_new(object, "certificates", certificates);
    json_object_set_new(object, "not_kept", not_kept);
}
