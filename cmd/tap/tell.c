#include "cmd/tap/tell.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/line_writer.h"
#include "common/memory.h"
#include "net/address/enr_make.h"

struct teller {
    struct line_writer *output;
};

static void say_lost(uint64_t count, struct buffer *line)
{
    char *text =
        text_format("{\"count\":%llu,\"event\":\"events_lost\"}", (unsigned long long)count);
    buffer_append_text(line, text);
    free(text);
}

struct teller *teller_new(struct event_base *base)
{
    struct teller *teller = memory_new(sizeof(*teller));
    teller->output = line_writer_new(base, STDOUT_FILENO, "standard output", say_lost);
    return teller;
}

bool teller_free(struct teller *teller)
{
    bool whole = teller == NULL || line_writer_free(teller->output);
    free(teller);
    return whole;
}

/* Takes over the reference. */
static void print(const struct teller *teller, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    line_writer_add(teller->output, bytes_of_text(text));
    free(text);
    json_decref(object);
}

static void add_address(json_t *object, const char *name, const struct multiaddr *address)
{
    char text[MULTIADDR_TEXT_SIZE];
    multiaddr_text(address, text);
    json_object_set_new(object, name, json_string(text));
}

/* The record that names the tap's address, signed with the node's own key. */
static void add_enr(json_t *object, const struct tap_node *node)
{
    struct enr_draft draft = {.sequence = 1};
    struct enr record;
    if (enr_draft_set_place(&draft, tap_node_address(node), NULL) &&
        enr_draft_sign(&draft, tap_node_identity(node), &record, NULL)) {
        char text[ENR_TEXT_SIZE];
        enr_text(&record, text);
        json_object_set_new(object, "enr", json_string(text));
    }
    enr_draft_clear(&draft);
}

static json_t *node_json(const struct tap_node *node)
{
    char peer_id[PEER_ID_TEXT_SIZE];
    peer_id_text(tap_node_peer_id(node), peer_id);
    json_t *object = json_pack("{s:s, s:s}", "name", tap_node_name(node), "peer_id", peer_id);
    add_address(object, "address", tap_node_address(node));
    add_address(object, "real", tap_node_real(node));
    add_enr(object, node);
    return object;
}

void teller_ready(struct teller *teller, const struct tap *tap)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < tap_node_count(tap); i++)
        json_array_append_new(nodes, node_json(tap_node(tap, i)));
    print(teller, json_pack("{s:s, s:o}", "event", "ready", "nodes", nodes));
}

/* ---- of pairs ---- */

static void add_name(json_t *object, const char *member, const struct tap_node *node)
{
    json_object_set_new(object, member,
                        node != NULL ? json_string(tap_node_name(node)) : json_null());
}

static json_t *pair_event(const char *name, const struct tap_pair *pair)
{
    json_t *object = json_pack("{s:s, s:s}", "event", name, "connection", tap_pair_id(pair));
    add_name(object, "dialler", tap_pair_node(pair, TAP_DIALLER));
    add_name(object, "listener", tap_pair_node(pair, TAP_LISTENER));
    return object;
}

static void on_connected(void *context, struct tap_pair *pair)
{
    json_t *object = pair_event("connected", pair);
    json_object_set_new(object, "front_first", json_boolean(tap_pair_front_first(pair)));
    print(context, object);
}

static const char *side_name(enum tap_side side)
{
    return side == TAP_DIALLER ? "dialler" : "listener";
}

static void on_closed(void *context, struct tap_pair *pair, enum tap_side side,
                      const struct quic_close *close)
{
    json_t *object = pair_event("closed", pair);
    json_object_set_new(object, "side", json_string(side_name(side)));
    json_object_set_new(object, "cause", json_string(quic_close_cause_name(close->cause)));
    json_object_set_new(object, "reason", json_string(close->reason.text));
    json_object_set_new(object, "code", json_integer((json_int_t)close->code));
    json_object_set_new(object, "application", json_boolean(close->application));
    print(context, object);
}

const struct tap_watcher teller_watcher = {
    .connected = on_connected,
    .closed = on_closed,
};
