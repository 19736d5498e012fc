#include "net/verdict/stack.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct qlog_stack stacks[] = {
    /* leanSpec's networking/gossipsub: one inbound stream a peer, registered first; a FIN on it
     * drops the peer (seen in June 2026). It speaks neither identify nor ping. */
    {"leanspec", "aioquic", NULL, QLOG_READS_FIRST, .forgets = true},
    /* go-libp2p-pubsub, comm.go, handleNewStream: "duplicate inbound stream", the other is reset.
     */
    {"go", "quic-go", "go-libp2p", QLOG_READS_NEWEST, .forgets = false},
    {"kubo", NULL, "kubo/", QLOG_READS_NEWEST, .forgets = false},   /* on go-libp2p-pubsub */
    {"prysm", NULL, "Prysm/", QLOG_READS_NEWEST, .forgets = false}, /* on go-libp2p-pubsub */
    /* rust-libp2p, gossipsub/src/handler.rs: a handler a connection, which replaces its inbound
     * stream; two connections drain one queue of the peer's. */
    {"rust", "quinn", "rust-libp2p", QLOG_READS_ALL, .spares = true},
    {"lighthouse", NULL, "Lighthouse/", QLOG_READS_ALL, .spares = true}, /* on rust-libp2p */
    {"grandine", NULL, "Grandine/", QLOG_READS_ALL, .spares = true},     /* on rust-libp2p */
    /* js-libp2p's gossipsub, onIncomingStream: every stream gets a reader of its own. */
    {"js", NULL, "js-libp2p", QLOG_READS_ALL, .forgets = false},
    {"helia", NULL, "helia/", QLOG_READS_ALL, .forgets = false},       /* on js-libp2p */
    {"lodestar", NULL, "lodestar/", QLOG_READS_ALL, .forgets = false}, /* on js-libp2p */
    /* Ours: net/host/gossip.c reads every inbound stream, up to four. */
    {"devnet", NULL, "devnet-", QLOG_READS_ALL, .forgets = false},
};

/* Nothing is known of it but that it speaks identify or ping, which leanSpec does not. */
static const struct qlog_stack other = {"", NULL, NULL, QLOG_READS_UNKNOWN, .spares = true};
static const struct qlog_stack unknown = {"", NULL, NULL, QLOG_READS_UNKNOWN, .forgets = true};

static const struct qlog_stack *supposed;

enum { STACKS = sizeof(stacks) / sizeof(*stacks) };

const struct qlog_stack *qlog_stack_named(const char *name)
{
    for (size_t i = 0; i < STACKS; i++)
        if (strcmp(stacks[i].name, name) == 0)
            return &stacks[i];
    return NULL;
}

const char *qlog_stack_names(void)
{
    static char names[STACKS * 16];
    size_t size = 0;
    for (size_t i = 0; i < STACKS; i++)
        size += (size_t)snprintf(names + size, sizeof(names) - size, "%s%s", i > 0 ? ", " : "",
                                 stacks[i].name);
    return names;
}

void qlog_stack_suppose(const struct qlog_stack *stack)
{
    supposed = stack;
}

static const struct qlog_stack *by_writer(const char *writer)
{
    for (size_t i = 0; i < STACKS && writer != NULL; i++)
        if (stacks[i].writer != NULL &&
            strncasecmp(writer, stacks[i].writer, strlen(stacks[i].writer)) == 0)
            return &stacks[i];
    return NULL;
}

static const struct qlog_stack *by_agent(const char *agent)
{
    for (size_t i = 0; i < STACKS && agent != NULL; i++)
        if (stacks[i].agent != NULL && strcasestr(agent, stacks[i].agent) != NULL)
            return &stacks[i];
    return NULL;
}

/* An answer to a protocol of 14 characters that needs no request is identify's. */
static bool is_service(const struct qlog_connection *connection,
                       const struct qlog_joined_stream *stream)
{
    const char *protocol = qlog_protocol_of(stream);
    if (protocol != NULL)
        return strncmp(protocol, "/ipfs/", 6) == 0;
    const struct qlog_half *asked = &stream->half[stream->opener];
    const struct qlog_half *answered = &stream->half[qlog_other(stream->opener)];
    struct qlog_use use = qlog_use_of(connection, stream);
    return use.shape == QLOG_SHAPE_EXCHANGE &&
           (use.ping || (asked->bytes == QLOG_NEGOTIATION_SIZE && asked->fin >= 0 &&
                         answered->bytes > QLOG_NEGOTIATION_SIZE));
}

/* Both ends of a connection speak what passes on it; of what was refused, the one that proposed it.
 */
static bool has_services(const struct qlog_connection *connection, enum qlog_role role)
{
    for (size_t i = 0; i < connection->stream_count; i++) {
        const struct qlog_joined_stream *stream = &connection->streams[i];
        if (is_service(connection, stream) &&
            (stream->opener == role || qlog_use_of(connection, stream).shape != QLOG_SHAPE_REFUSED))
            return true;
    }
    return false;
}

/* Of what identify told, to the peer or through a tap. */
static const char *agent_of(const struct qlog_connection *connection, enum qlog_role role)
{
    const struct qlog_log *peer = connection->ends[qlog_other(role)];
    if (peer != NULL && peer->agent != NULL)
        return peer->agent;
    for (int leg = QLOG_CLIENT; leg <= QLOG_SERVER; leg++)
        if (connection->taps[leg] != NULL && connection->taps[leg]->nodes[role].agent != NULL)
            return connection->taps[leg]->nodes[role].agent;
    return NULL;
}

/* What is supposed of a node that a tap stands before may be of the other one: who speaks identify
 * is of no stack that does not. */
static bool may_suppose(const struct qlog_connection *connection, enum qlog_role role)
{
    return supposed != NULL && connection->ends[role] == NULL &&
           !(qlog_is_tapped(connection) && supposed->agent == NULL &&
             has_services(connection, role));
}

const struct qlog_stack *qlog_stack_of(const struct qlog_connection *connection,
                                       enum qlog_role role)
{
    const struct qlog_log *own = connection->ends[role];
    const struct qlog_log *peer = connection->ends[qlog_other(role)];
    const struct qlog_stack *stack = own != NULL ? by_writer(own->writer) : NULL;
    if (stack == NULL && own != NULL && own->has_claims)
        stack = qlog_stack_named("devnet");
    if (stack == NULL)
        stack = by_agent(agent_of(connection, role));
    if (stack == NULL && may_suppose(connection, role))
        stack = supposed;
    if (stack != NULL)
        return stack;
    if (has_services(connection, role))
        return &other;
    /* A peer of leanSpec that speaks no more than it does is taken for another. */
    stack = own == NULL && peer != NULL ? by_writer(peer->writer) : NULL;
    return stack != NULL && stack->reads == QLOG_READS_FIRST ? stack : &unknown;
}

const struct qlog_stack *qlog_stack_better(const struct qlog_stack *a, const struct qlog_stack *b)
{
    if (a == NULL || a == &unknown)
        return b;
    return a == &other && b != &unknown ? b : a;
}
