#include "net/tap/wire_mesh.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/gossipsub/rpc.h"

enum {
    BACKOFF_DEFAULT = 60 /* seconds, where a PRUNE has none */,
    SECOND_US = 1000000,
    ANY_STREAM = -1
};

struct wire_node {
    struct wire_peer *peers;
    size_t count;
    bool has_last; /* a topic that was_subscribed */
};

struct wire_mesh {
    struct wire_node nodes[WIRE_NODES_MAX];
    uint64_t left_out, connections; /* since the start */
    wire_changed *changed;
    void *context;
};

/* Who says it to whom, now. */
struct saying {
    struct wire_mesh *mesh;
    struct wire_peer *to, *back; /* what it says to the other, and the other to it */
    const struct tap_fact *fact;
    const char *connection;
};

static void copy_text(char to[WIRE_TEXT_SIZE], struct bytes text)
{
    size_t size = text.size < WIRE_TEXT_SIZE ? text.size : WIRE_TEXT_SIZE - 1;
    if (size > 0)
        memcpy(to, text.data, size);
    to[size] = '\0';
}

/* Something that PEER said, or that is there. */
static void leave_out(struct wire_mesh *mesh, struct wire_peer *peer)
{
    mesh->left_out++;
    peer->left_out++;
}

/* NULL where LIMIT are there. The items are zeroed. */
static void *add_item(void *items, size_t *count, size_t size, size_t limit)
{
    void **list = items;
    if (*count == limit)
        return NULL;
    *list = memory_resize(*list, (*count + 1) * size);
    void *item = (char *)*list + *count * size;
    memset(item, 0, size);
    ++*count;
    return item;
}

static void remove_item(void *items, size_t *count, size_t size, size_t index)
{
    char *at = (char *)items + index * size;
    memmove(at, at + size, (--*count - index) * size);
}

static struct wire_peer *find_peer(struct wire_mesh *mesh, size_t from, size_t to)
{
    struct wire_node *node = &mesh->nodes[from];
    for (size_t i = 0; i < node->count; i++)
        if (node->peers[i].node == to)
            return &node->peers[i];
    return NULL;
}

static void add_peer(struct wire_mesh *mesh, size_t from, size_t to)
{
    struct wire_node *node = &mesh->nodes[from];
    if (find_peer(mesh, from, to) != NULL)
        return;
    struct wire_peer *peer =
        add_item(&node->peers, &node->count, sizeof(*node->peers), WIRE_NODES_MAX);
    if (peer != NULL)
        peer->node = to;
}

/* ---- connections ---- */

static void add_connection(struct wire_mesh *mesh, struct wire_peer *peer, const char *id,
                           bool dialled, uint64_t time_us)
{
    struct wire_connection *connection = add_item(&peer->connections, &peer->connection_count,
                                                  sizeof(*connection), WIRE_CONNECTIONS_MAX);
    if (connection == NULL) {
        peer->unlisted_count++;
        leave_out(mesh, peer);
        return;
    }
    strncpy(connection->id, id, sizeof(connection->id) - 1);
    connection->dialled = dialled;
    connection->number = mesh->connections;
    connection->began_us = time_us;
}

void wire_mesh_connected(struct wire_mesh *mesh, const char *id, size_t dialler, size_t listener,
                         uint64_t time_us)
{
    if (dialler >= WIRE_NODES_MAX || listener >= WIRE_NODES_MAX) {
        mesh->left_out++;
        return;
    }
    mesh->connections++;
    add_peer(mesh, dialler, listener);
    add_peer(mesh, listener, dialler);
    add_connection(mesh, find_peer(mesh, dialler, listener), id, true, time_us);
    add_connection(mesh, find_peer(mesh, listener, dialler), id, false, time_us);
}

void wire_mesh_missed(struct wire_mesh *mesh, const size_t nodes[TAP_SIDES])
{
    struct wire_peer *peer = nodes[TAP_DIALLER] < WIRE_NODES_MAX
                                 ? find_peer(mesh, nodes[TAP_DIALLER], nodes[TAP_LISTENER])
                                 : NULL;
    if (peer != NULL)
        leave_out(mesh, peer);
}

static void tell(const struct wire_mesh *mesh, const struct wire_event *event)
{
    if (mesh->changed != NULL)
        mesh->changed(mesh->context, event);
}

/* Whether one of the connection was there: that of ID, or ANY_STREAM. REMOVED, if it is not NULL,
 * becomes what it was. */
static bool remove_stream(struct wire_stream *streams, size_t *count, const char *connection,
                          int64_t id, struct wire_stream *removed)
{
    for (size_t i = *count; i > 0; i--) {
        const struct wire_stream *stream = &streams[i - 1];
        if ((id != ANY_STREAM && stream->id != id) || strcmp(stream->connection, connection) != 0)
            continue;
        if (removed != NULL)
            *removed = *stream;
        remove_item(streams, count, sizeof(*streams), i - 1);
        return true;
    }
    return false;
}

/* What ends with the connection CALLED so, or on it: of NODE's, which is SIDE of it, towards PEER.
 */
struct parting {
    struct wire_mesh *mesh;
    struct wire_node *node;
    struct wire_peer *peer;
    const char *called;
    enum tap_side side, by; /* who ends it */
    bool lost;
    uint64_t time_us;
};

/* Whether NODE wrote on it still. */
static bool end_stream(const struct parting *parting, int64_t id)
{
    struct wire_peer *peer = parting->peer;
    struct wire_stream ended;
    if (!remove_stream(peer->streams, &peer->stream_count, parting->called, id, &ended))
        return false;
    const struct wire_event event = {.change = WIRE_STREAM_ENDED,
                                     .by = parting->side,
                                     .time_us = parting->time_us,
                                     .stream = &ended};
    tell(parting->mesh, &event);
    return true;
}

/* Of an edge, which is of both, it is told once. */
static void leave_mesh(const struct parting *parting, struct wire_topic *topic)
{
    const struct wire_event event = {
        .change = WIRE_LEFT, .by = parting->by, .time_us = parting->time_us, .topic = topic->name};
    if (topic->mesh && parting->side == parting->by)
        tell(parting->mesh, &event);
    topic->mesh = false;
}

/* To the other nothing of it is in force any more, nor missing; what it told of itself is not over
 * with that. */
static void part(const struct parting *parting)
{
    struct wire_peer *peer = parting->peer;
    struct wire_node *node = parting->node;
    peer->left_out = 0;
    for (size_t i = 0; i < peer->topic_count; i++) {
        struct wire_topic *topic = &peer->topics[i];
        leave_mesh(parting, topic);
        topic->was_subscribed |= topic->subscribed;
        node->has_last |= topic->was_subscribed;
        topic->subscribed = false;
    }
}

/* Of what NODE said on the connection of that number, and has not said again. */
static void forget_lost(const struct parting *parting, uint64_t number)
{
    for (size_t i = 0; i < parting->peer->topic_count; i++) {
        struct wire_topic *topic = &parting->peer->topics[i];
        if (topic->subscribed_on == number)
            topic->subscribed = false;
        if (topic->mesh_on == number || !topic->subscribed)
            leave_mesh(parting, topic);
    }
}

static const struct wire_connection *find_connection(const struct wire_peer *peer, const char *id)
{
    for (size_t i = 0; i < peer->connection_count; i++)
        if (strcmp(peer->connections[i].id, id) == 0)
            return &peer->connections[i];
    return NULL;
}

/* Whether it was there. */
static bool remove_connection(const struct parting *parting)
{
    struct wire_peer *peer = parting->peer;
    const char *id = parting->called;
    const struct wire_connection *listed = find_connection(peer, id);
    bool was = listed != NULL || peer->unlisted_count > 0;
    if (listed != NULL && parting->lost && parting->side == parting->by &&
        peer->connection_count + peer->unlisted_count > 1)
        forget_lost(parting, listed->number);
    if (listed != NULL)
        remove_item(peer->connections, &peer->connection_count, sizeof(*listed),
                    (size_t)(listed - peer->connections));
    else if (was)
        peer->unlisted_count--;
    if (peer->connection_count + peer->unlisted_count == 0)
        part(parting);
    while (end_stream(parting, ANY_STREAM))
        continue;
    while (remove_stream(peer->ended, &peer->ended_count, id, ANY_STREAM, NULL))
        continue;
    return was;
}

bool wire_mesh_closed(struct wire_mesh *mesh, const char *id, const size_t nodes[TAP_SIDES],
                      enum tap_side by, bool lost, uint64_t time_us)
{
    bool was = false;
    if (nodes[TAP_DIALLER] >= WIRE_NODES_MAX || nodes[TAP_LISTENER] >= WIRE_NODES_MAX)
        return false;
    for (int i = 0; i < TAP_SIDES; i++) {
        enum tap_side side = (enum tap_side)i;
        const struct parting parting = {.mesh = mesh,
                                        .node = &mesh->nodes[nodes[side]],
                                        .peer =
                                            find_peer(mesh, nodes[side], nodes[tap_other(side)]),
                                        .called = id,
                                        .side = side,
                                        .by = by,
                                        .lost = lost,
                                        .time_us = time_us};
        if (parting.peer != NULL && remove_connection(&parting))
            was = true;
    }
    return was;
}

/* ---- gossip ---- */

/* Of which there is nothing to tell any more; NULL where there is none. */
static struct wire_topic *idle_topic(struct wire_peer *peer, uint64_t now_us)
{
    for (size_t i = 0; i < peer->topic_count; i++) {
        struct wire_topic *topic = &peer->topics[i];
        if (!topic->subscribed && !topic->was_subscribed && !topic->mesh &&
            topic->backoff_until_us <= now_us)
            return topic;
    }
    return NULL;
}

static struct wire_topic *add_topic(struct wire_peer *peer, const char name[WIRE_TEXT_SIZE],
                                    uint64_t now_us)
{
    struct wire_topic *topic =
        add_item(&peer->topics, &peer->topic_count, sizeof(*topic), WIRE_TOPICS_MAX);
    if (topic == NULL)
        topic = idle_topic(peer, now_us);
    if (topic == NULL)
        return NULL;
    *topic = (struct wire_topic){0};
    memcpy(topic->name, name, WIRE_TEXT_SIZE);
    return topic;
}

static struct wire_topic *topic_of(const struct saying *saying, struct wire_peer *peer,
                                   struct bytes name)
{
    char text[WIRE_TEXT_SIZE];
    copy_text(text, name);
    for (size_t i = 0; i < peer->topic_count; i++)
        if (strcmp(peer->topics[i].name, text) == 0)
            return &peer->topics[i];
    return add_topic(peer, text, saying->fact->time_us);
}

static struct bytes bytes_of_binary(ProtobufCBinaryData data)
{
    return bytes_of(data.data, data.len);
}

/* Of both: what one has of the other. */
struct both {
    struct wire_topic *own, *other;
};

static bool topics_of(const struct saying *saying, struct bytes name, struct both *both)
{
    both->own = topic_of(saying, saying->to, name);
    both->other = topic_of(saying, saying->back, name);
    bool fit = both->own != NULL && both->other != NULL;
    if (!fit)
        leave_out(saying->mesh, saying->to);
    return fit;
}

static void tell_topic(const struct saying *saying, enum wire_change change,
                       const struct wire_topic *topic)
{
    const struct wire_event event = {.change = change,
                                     .by = saying->fact->by,
                                     .time_us = saying->fact->time_us,
                                     .topic = topic->name};
    tell(saying->mesh, &event);
}

/* The number of the connection that it is said on; 0 where that is not listed. */
static uint64_t number_here(const struct saying *saying)
{
    const struct wire_connection *here = find_connection(saying->to, saying->connection);
    return here != NULL ? here->number : 0;
}

/* They have each other in the mesh, or not. */
static void set_mesh(const struct saying *saying, const struct both *both, bool mesh)
{
    bool before = both->own->mesh && both->other->mesh;
    both->own->mesh = both->other->mesh = mesh;
    both->own->mesh_on = both->other->mesh_on = number_here(saying);
    if (before != mesh)
        tell_topic(saying, mesh ? WIRE_JOINED : WIRE_LEFT, both->own);
}

static void hear_subscription(const struct saying *saying, const Gossipsub__RPC__SubOpts *said)
{
    struct both both;
    if (!topics_of(saying, bytes_of_binary(said->topic), &both))
        return;
    bool before = both.own->subscribed;
    both.own->subscribed = said->subscribe;
    both.own->subscribed_on = number_here(saying);
    if (!said->subscribe)
        set_mesh(saying, &both, false);
    if (before != both.own->subscribed)
        tell_topic(saying, before ? WIRE_UNSUBSCRIBED : WIRE_SUBSCRIBED, both.own);
}

/* Who says to anybody what it is subscribed to says all of it, on a connection that is new: what it
 * said on those that are over does not count any more. */
static void forget_last(struct wire_node *node)
{
    for (size_t i = 0; i < node->count && node->has_last; i++)
        for (size_t n = 0; n < node->peers[i].topic_count; n++)
            node->peers[i].topics[n].was_subscribed = false;
    node->has_last = false;
}

/* One that is not subscribed takes no notice. */
static void hear_graft(const struct saying *saying, const Gossipsub__ControlGraft *said)
{
    struct both both;
    if (!topics_of(saying, bytes_of_binary(said->topic), &both))
        return;
    saying->to->grafts++;
    if (both.other->subscribed)
        set_mesh(saying, &both, true);
}

/* Neither grafts the other before the backoff is over. */
static void hear_prune(const struct saying *saying, const Gossipsub__ControlPrune *said)
{
    struct both both;
    if (!topics_of(saying, bytes_of_binary(said->topic), &both))
        return;
    uint64_t seconds = said->has_backoff ? said->backoff : BACKOFF_DEFAULT;
    if (seconds > WIRE_BACKOFF_MAX)
        seconds = WIRE_BACKOFF_MAX;
    saying->to->prunes++;
    set_mesh(saying, &both, false);
    both.own->backoff_until_us = both.other->backoff_until_us =
        saying->fact->time_us + seconds * SECOND_US;
}

static void hear_slice(void *context, const Gossipsub__RPC *slice, enum rpc_list continued)
{
    (void)continued;
    const struct saying *saying = context;
    if (slice->n_subscriptions > 0)
        forget_last(&saying->mesh->nodes[saying->back->node]);
    for (size_t i = 0; i < slice->n_subscriptions; i++)
        hear_subscription(saying, slice->subscriptions[i]);
    saying->to->messages += slice->n_publish;
    const Gossipsub__ControlMessage *control = slice->control;
    if (control == NULL)
        return;
    for (size_t i = 0; i < control->n_graft; i++)
        hear_graft(saying, control->graft[i]);
    for (size_t i = 0; i < control->n_prune; i++)
        hear_prune(saying, control->prune[i]);
}

static void hear_rpc(const struct saying *saying)
{
    saying->to->rpcs++;
    if (saying->fact->rpc->cut)
        leave_out(saying->mesh, saying->to);
    if (!saying->fact->rpc->malformed)
        rpc_read_all(saying->fact->rpc->rpc, hear_slice, (void *)(uintptr_t)saying);
}

/* ---- streams ---- */

static const struct wire_stream *add_stream(const struct saying *saying,
                                            struct wire_stream **streams, size_t *count)
{
    struct wire_stream *stream =
        add_item((void *)streams, count, sizeof(*stream), WIRE_STREAMS_MAX);
    if (stream == NULL) {
        leave_out(saying->mesh, saying->to);
        return NULL;
    }
    strncpy(stream->connection, saying->connection, sizeof(stream->connection) - 1);
    stream->id = saying->fact->stream;
    copy_text(stream->protocol, bytes_of_text(saying->fact->protocol));
    return stream;
}

/* The one who agrees did not open it. */
static void hear_agreement(const struct saying *saying)
{
    struct wire_peer *opener = saying->back;
    struct wire_event event = {.change = WIRE_STREAM_OPENED,
                               .by = tap_other(saying->fact->by),
                               .time_us = saying->fact->time_us};
    if (!saying->fact->gossip || remove_stream(opener->ended, &opener->ended_count,
                                               saying->connection, saying->fact->stream, NULL))
        return;
    event.stream = add_stream(saying, &opener->streams, &opener->stream_count);
    if (event.stream != NULL)
        tell(saying->mesh, &event);
}

/* Remembered for the agreement that may come after it. */
static void remember_end(const struct saying *saying, struct wire_peer *opener)
{
    if (opener->ended_count == WIRE_STREAMS_MAX)
        remove_item(opener->ended, &opener->ended_count, sizeof(*opener->ended), 0);
    add_stream(saying, &opener->ended, &opener->ended_count);
}

/* Whether the opener, whose words these are, could write on the stream still. */
static bool end_its_stream(const struct saying *saying, struct wire_peer *opener)
{
    const struct tap_fact *fact = saying->fact;
    const struct parting parting = {.mesh = saying->mesh,
                                    .peer = opener,
                                    .called = saying->connection,
                                    .side = fact->opener,
                                    .time_us = fact->time_us};
    remove_stream(opener->ended, &opener->ended_count, saying->connection, fact->stream, NULL);
    return end_stream(&parting, fact->stream);
}

/* Nothing goes over it any more once its opener says no more, or the other takes no more. What the
 * other may still say there, and whether the opener wants that, is nothing to gossipsub: js-libp2p
 * ends that direction of every stream. */
static void hear_end(const struct saying *saying)
{
    const struct tap_fact *fact = saying->fact;
    bool by_opener = fact->by == fact->opener;
    struct wire_peer *opener = by_opener ? saying->to : saying->back;
    if (!fact->gossip || by_opener == (fact->how == TAP_STOP))
        return;
    if (!end_its_stream(saying, opener))
        remember_end(saying, opener);
}

void wire_mesh_fact(struct wire_mesh *mesh, const char *id, const size_t nodes[TAP_SIDES],
                    const struct tap_fact *fact)
{
    size_t by = nodes[fact->by], other = nodes[tap_other(fact->by)];
    if (by >= WIRE_NODES_MAX || other >= WIRE_NODES_MAX)
        return;
    const struct saying saying = {mesh, find_peer(mesh, by, other), find_peer(mesh, other, by),
                                  fact, id};
    if (saying.to == NULL || saying.back == NULL)
        return;
    if (fact->kind == TAP_FACT_RPC) {
        hear_rpc(&saying);
    } else if (fact->kind == TAP_FACT_AGREED) {
        hear_agreement(&saying);
    } else if (fact->kind == TAP_FACT_ENDED) {
        hear_end(&saying);
    } else if (fact->kind == TAP_FACT_CLOSED) {
        end_its_stream(&saying, saying.to); /* by its opener */
    } else if (fact->kind == TAP_FACT_STATUS) {
        saying.to->has_status = true;
        saying.to->status = *fact->status;
    } else if (fact->kind == TAP_FACT_AGENT) {
        copy_text(saying.to->agent, fact->text);
    }
}

/* ---- the whole ---- */

struct wire_mesh *wire_mesh_new(wire_changed *changed, void *context)
{
    struct wire_mesh *mesh = memory_new(sizeof(*mesh));
    mesh->changed = changed;
    mesh->context = context;
    return mesh;
}

void wire_mesh_free(struct wire_mesh *mesh)
{
    if (mesh == NULL)
        return;
    for (size_t i = 0; i < WIRE_NODES_MAX; i++) {
        for (size_t n = 0; n < mesh->nodes[i].count; n++) {
            free(mesh->nodes[i].peers[n].topics);
            free(mesh->nodes[i].peers[n].streams);
            free(mesh->nodes[i].peers[n].ended);
            free(mesh->nodes[i].peers[n].connections);
        }
        free(mesh->nodes[i].peers);
    }
    free(mesh);
}

const struct wire_peer *wire_mesh_peers(const struct wire_mesh *mesh, size_t node, size_t *count)
{
    *count = node < WIRE_NODES_MAX ? mesh->nodes[node].count : 0;
    return *count > 0 ? mesh->nodes[node].peers : NULL;
}

const struct wire_stream *wire_peer_outbound(const struct wire_peer *peer)
{
    for (size_t i = peer->connection_count; i-- > 0;)
        for (size_t k = 0; k < peer->stream_count; k++)
            if (strcmp(peer->streams[k].connection, peer->connections[i].id) == 0)
                return &peer->streams[k];
    return NULL;
}

uint64_t wire_mesh_left_out(const struct wire_mesh *mesh)
{
    return mesh->left_out;
}
