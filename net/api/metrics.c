#include "net/api/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/losses.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "net/gossipsub/lean_topic.h"
#include "net/gossipsub/refusal.h"
#include "net/protocols/lean_message.h"
#include "net/protocols/reqresp.h"

enum { BOUNDS_MAX = 8 };
enum direction { INBOUND, OUTBOUND, DIRECTIONS };
enum result { SUCCESS, TIMEOUT, ERROR, RESULTS };
enum reason { BY_TIMEOUT, REMOTE_CLOSE, LOCAL_CLOSE, BY_ERROR, REASONS };
enum blocks_request { BY_ROOT, BY_RANGE, BLOCKS_REQUESTS };
enum payload { VALID, INVALID_SNAPPY, PAYLOADS };

static const char *const directions[] = {"inbound", "outbound"};
static const char *const results[] = {"success", "timeout", "error"};
static const char *const reasons[] = {"timeout", "remote_close", "local_close", "error"};

static const char *const blocks_requests[] = {"blocks_by_root", "blocks_by_range"};

struct histogram {
    uint64_t buckets[BOUNDS_MAX]; /* each without those below it */
    uint64_t count;
    double sum;
};

static const double handshake_bounds[BOUNDS_MAX] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5};

/* Those of leanMetrics; a bound of 0 ends the list. */
static const struct {
    const char *metric, *help;
    double bounds[BOUNDS_MAX];
} message_sizes[] = {
    [LEAN_BLOCK] = {"lean_gossip_block_size_bytes",
                    "Bytes size of a gossip block message",
                    {10000, 50000, 100000, 250000, 500000, 1000000, 2000000, 5000000}},
    [LEAN_ATTESTATION] = {"lean_gossip_attestation_size_bytes",
                          "Bytes size of a gossip attestation message",
                          {512, 1024, 2048, 4096, 8192, 16384}},
    [LEAN_AGGREGATION] = {"lean_gossip_aggregation_size_bytes",
                          "Bytes size of a gossip aggregated attestation message",
                          {1024, 4096, 16384, 65536, 131072, 262144, 524288, 1048576}},
};

struct metrics {
    struct host *host;
    struct host_observer observer;
    uint64_t started; /* seconds since 1970 */
    uint64_t connections[DIRECTIONS][RESULTS], disconnections[DIRECTIONS][REASONS];
    uint64_t streams_opened[DIRECTIONS], streams_closed[DIRECTIONS];
    uint64_t opens_avoided; /* with peers that are gone */
    uint64_t events_lost;
    uint64_t blocks_answers[BLOCKS_REQUESTS][REQRESP_CODES], blocks_sent;
    uint64_t blocks_recorded, blocks_unrecorded[HOST_UNRECORDED];
    struct histogram handshakes[DIRECTIONS];
    struct histogram messages[LEAN_OTHER]; /* of each kind that is known */
    uint64_t payloads[LEAN_MESSAGE_KINDS][PAYLOADS];
};

/* ---- counting ---- */

static void observe(struct histogram *histogram, const double *bounds, double value)
{
    histogram->count++;
    histogram->sum += value;
    for (size_t i = 0; i < BOUNDS_MAX && bounds[i] > 0; i++) {
        if (value <= bounds[i]) {
            histogram->buckets[i]++;
            return;
        }
    }
}

static void count_connected(struct metrics *metrics, const struct host_event *event)
{
    struct quic_connection_facts facts;
    peer_connection_facts(event->connection, &facts);
    enum direction direction = facts.dialled ? OUTBOUND : INBOUND;
    metrics->connections[direction][SUCCESS]++;
    observe(&metrics->handshakes[direction], handshake_bounds,
            (double)(facts.established_ns - facts.started_ns) / 1e9);
}

static enum reason reason_of(enum quic_close_cause cause)
{
    switch (cause) {
    case QUIC_CLOSED_BY_US:
        return LOCAL_CLOSE;
    case QUIC_CLOSED_BY_PEER:
    case QUIC_REFUSED_BY_PEER:
        return REMOTE_CLOSE;
    case QUIC_HANDSHAKE_TIMEOUT:
    case QUIC_IDLE_TIMEOUT:
        return BY_TIMEOUT;
    default:
        return BY_ERROR;
    }
}

static void count_failed(struct metrics *metrics, const struct host_event *event)
{
    enum direction direction = event->kind == HOST_DIAL_FAILED ? OUTBOUND : INBOUND;
    bool late = reason_of(event->close->cause) == BY_TIMEOUT;
    metrics->connections[direction][late ? TIMEOUT : ERROR]++;
}

static void count_disconnected(struct metrics *metrics, const struct host_event *event)
{
    struct quic_connection_facts facts;
    peer_connection_facts(event->connection, &facts);
    enum direction direction = facts.dialled ? OUTBOUND : INBOUND;
    metrics->disconnections[direction][reason_of(event->close->cause)]++;
    if (peer_connection_is_last(event->connection))
        metrics->opens_avoided += peer_view(event->peer).opens_avoided;
}

static void count_message(struct metrics *metrics, const struct host_event *event)
{
    struct bytes network, name;
    if (event->topic == NULL || !lean_topic_read(event->topic, &network, &name))
        return;
    bool valid = event->kind == HOST_MESSAGE;
    enum lean_message_kind kind = lean_message_kind(name);
    metrics->payloads[kind][valid ? VALID : INVALID_SNAPPY]++;
    if (valid && kind != LEAN_OTHER)
        observe(&metrics->messages[kind], message_sizes[kind].bounds, (double)event->payload.size);
}

static void count_answer(struct metrics *metrics, const struct host_event *event)
{
    enum blocks_request request =
        strcmp(event->protocol, blocks_requests[BY_ROOT]) == 0 ? BY_ROOT : BY_RANGE;
    metrics->blocks_answers[request][event->code]++;
    metrics->blocks_sent += event->count;
}

static void on_event(void *context, const struct host_event *event)
{
    struct metrics *metrics = context;
    if (event->kind == HOST_CONNECTED)
        count_connected(metrics, event);
    else if (event->kind == HOST_DIAL_FAILED || event->kind == HOST_ACCEPT_FAILED)
        count_failed(metrics, event);
    else if (event->kind == HOST_DISCONNECTED)
        count_disconnected(metrics, event);
    else if (event->kind == HOST_STREAM_OPENED)
        metrics->streams_opened[stream_view(event->stream).outbound ? OUTBOUND : INBOUND]++;
    else if (event->kind == HOST_STREAM_CLOSED)
        metrics->streams_closed[stream_view(event->stream).outbound ? OUTBOUND : INBOUND]++;
    else if (event->kind == HOST_MESSAGE ||
             (event->kind == HOST_MESSAGE_REFUSED && event->refusal == GOSSIPSUB_REFUSED_SNAPPY))
        count_message(metrics, event);
    else if (event->kind == HOST_BLOCKS_ANSWERED)
        count_answer(metrics, event);
    else if (event->kind == HOST_BLOCK_RECORDED)
        metrics->blocks_recorded++;
    else if (event->kind == HOST_BLOCK_NOT_RECORDED)
        metrics->blocks_unrecorded[event->unrecorded]++;
}

struct metrics *metrics_new(struct host *host)
{
    struct metrics *metrics = memory_new(sizeof(*metrics));
    metrics->host = host;
    metrics->started = clock_epoch_ms() / 1000;
    metrics->observer = (struct host_observer){.event = on_event, .context = metrics};
    host_observe(host, &metrics->observer);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    host_unobserve(metrics->host, &metrics->observer);
    free(metrics);
}

void metrics_count_lost(struct metrics *metrics, uint64_t count)
{
    metrics->events_lost += count;
}

/* ---- writing ---- */

static void write_head(FILE *page, const char *name, const char *type, const char *help)
{
    fprintf(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_single(FILE *page, const char *name, const char *type, const char *help,
                         double value)
{
    write_head(page, name, type, help);
    fprintf(page, "%s %.15g\n", name, value);
}

/* A label's value, as the format wants it. */
static void write_label(FILE *page, const char *value)
{
    char *safe = utf8_safe_text(bytes_of_text(value));
    for (const char *at = safe; *at != '\0'; at++) {
        if (*at == '\\' || *at == '"')
            fputc('\\', page);
        fputc(*at, page);
    }
    free(safe);
}

static void write_labelled(FILE *page, const char *name, const char *label, const char *value,
                           uint64_t count)
{
    fprintf(page, "%s{%s=\"", name, label);
    write_label(page, value);
    fprintf(page, "\"} %llu\n", (unsigned long long)count);
}

static void write_directions(FILE *page, const char *name, const char *type, const char *help,
                             uint64_t in, uint64_t out)
{
    write_head(page, name, type, help);
    write_labelled(page, name, "direction", directions[INBOUND], in);
    write_labelled(page, name, "direction", directions[OUTBOUND], out);
}

/* LABEL is "" or such as `direction="inbound"`. */
static void write_histogram(FILE *page, const char *name, const char *label,
                            const struct histogram *histogram, const double *bounds)
{
    const char *comma = *label != '\0' ? "," : "";
    const char *open = *label != '\0' ? "{" : "", *close = *label != '\0' ? "}" : "";
    uint64_t below = 0;
    for (size_t i = 0; i < BOUNDS_MAX && bounds[i] > 0; i++) {
        below += histogram->buckets[i];
        fprintf(page, "%s_bucket{%s%sle=\"%.15g\"} %llu\n", name, label, comma, bounds[i],
                (unsigned long long)below);
    }
    fprintf(page, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, label, comma,
            (unsigned long long)histogram->count);
    fprintf(page, "%s_sum%s%s%s %.15g\n", name, open, label, close, histogram->sum);
    fprintf(page, "%s_count%s%s%s %llu\n", name, open, label, close,
            (unsigned long long)histogram->count);
}

/* ---- leanMetrics ---- */

static bool is_in_a_mesh(const struct peer_view *peer)
{
    const struct gossipsub *router = host_router(peer->host);
    for (gossipsub_topic topic = 0; topic < gossipsub_topic_count(router); topic++)
        if (gossipsub_in_mesh(router, peer->router_handle, topic))
            return true;
    return false;
}

static bool is_any(const struct peer_view *peer)
{
    (void)peer;
    return true;
}

static char *client_of(const struct peer_view *peer)
{
    const char *agent = peer->identify->agent;
    size_t length = agent != NULL ? strcspn(agent, "/") : 0;
    int shown = (int)(length < METRICS_CLIENT_MAX ? length : METRICS_CLIENT_MAX);
    return length > 0 ? text_format("%.*s", shown, agent) : text_copy("unknown");
}

static int compare_clients(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* How many peers of each client pass TEST. */
static void write_clients(FILE *page, const struct host *host, const char *name, const char *help,
                          bool (*test)(const struct peer_view *peer))
{
    char **clients = memory_new((peer_count(host) + 1) * sizeof(*clients));
    size_t count = 0;
    for (struct peer *peer = peer_first(host); peer != NULL; peer = peer_next(peer)) {
        struct peer_view view = peer_view(peer);
        if (test(&view))
            clients[count++] = client_of(&view);
    }
    qsort(clients, count, sizeof(*clients), compare_clients);
    write_head(page, name, "gauge", help);
    for (size_t i = 0, same; i < count; i += same) {
        for (same = 1; i + same < count && strcmp(clients[i], clients[i + same]) == 0;)
            same++;
        write_labelled(page, name, "client", clients[i], same);
    }
    if (count == 0)
        write_labelled(page, name, "client", "unknown", 0);
    for (size_t i = 0; i < count; i++)
        free(clients[i]);
    free(clients);
}

/* A counter for each direction and each of COUNT VALUES of LABEL. */
static void write_table(FILE *page, const char *name, const char *help, const char *label,
                        const char *const *values, size_t count, const uint64_t *counters)
{
    write_head(page, name, "counter", help);
    for (size_t direction = 0; direction < DIRECTIONS; direction++)
        for (size_t i = 0; i < count; i++)
            fprintf(page, "%s{direction=\"%s\",%s=\"%s\"} %llu\n", name, directions[direction],
                    label, values[i], (unsigned long long)counters[direction * count + i]);
}

static void write_lean(FILE *page, const struct metrics *metrics)
{
    write_head(page, "lean_node_info", "gauge", "Node information (always 1)");
    fprintf(page, "lean_node_info{name=\"devnet-node\",version=\"" DEVNET_VERSION "\"} 1\n");
    write_single(page, "lean_node_start_time_seconds", "gauge", "Start timestamp",
                 (double)metrics->started);
    write_clients(page, metrics->host, "lean_connected_peers", "Number of connected peers", is_any);
    write_table(page, "lean_peer_connection_events_total", "Total number of peer connection events",
                "result", results, RESULTS, metrics->connections[0]);
    write_table(page, "lean_peer_disconnection_events_total",
                "Total number of peer disconnection events", "reason", reasons, REASONS,
                metrics->disconnections[0]);
    write_clients(page, metrics->host, "lean_gossip_mesh_peers",
                  "Number of peers in the gossipsub mesh", is_in_a_mesh);
    for (size_t i = 0; i < LEAN_OTHER; i++) {
        write_head(page, message_sizes[i].metric, "histogram", message_sizes[i].help);
        write_histogram(page, message_sizes[i].metric, "", &metrics->messages[i],
                        message_sizes[i].bounds);
    }
}

/* ---- our own ---- */

static void write_streams(FILE *page, const struct metrics *metrics)
{
    uint64_t in = 0, out = 0, avoided = metrics->opens_avoided;
    for (struct peer *peer = peer_first(metrics->host); peer != NULL; peer = peer_next(peer)) {
        struct peer_view view = peer_view(peer);
        in += view.inbound_count;
        out += view.outbound_state == LIFECYCLE_OPEN;
        avoided += view.opens_avoided;
    }
    write_directions(page, "devnet_gossipsub_streams", "gauge", "Gossipsub streams that are open",
                     in, out);
    write_directions(page, "devnet_gossipsub_streams_opened_total", "counter",
                     "Gossipsub streams that were opened", metrics->streams_opened[INBOUND],
                     metrics->streams_opened[OUTBOUND]);
    write_directions(page, "devnet_gossipsub_streams_closed_total", "counter",
                     "Gossipsub streams that were open and have ended",
                     metrics->streams_closed[INBOUND], metrics->streams_closed[OUTBOUND]);
    write_single(page, "devnet_gossipsub_opens_avoided_total", "counter",
                 "Second outbound gossipsub streams to a peer that were not opened",
                 (double)avoided);
}

static void write_topics(FILE *page, const struct host *host)
{
    const struct gossipsub *router = host_router(host);
    write_head(page, "devnet_gossipsub_topic_mesh_peers", "gauge", "Peers in the mesh of a topic");
    for (gossipsub_topic topic = 0; topic < gossipsub_topic_count(router); topic++) {
        uint64_t count = 0;
        if (!gossipsub_is_subscribed(router, topic))
            continue;
        for (struct peer *peer = peer_first(host); peer != NULL; peer = peer_next(peer))
            count += gossipsub_in_mesh(router, peer_view(peer).router_handle, topic);
        write_labelled(page, "devnet_gossipsub_topic_mesh_peers", "topic",
                       gossipsub_topic_name(router, topic), count);
    }
}

/* What slow readers cost them. */
static void write_slow_readers(FILE *page, const struct gossipsub_statistics *gossip)
{
    static const char *const kinds[] = {[GOSSIPSUB_IHAVE] = "ihave",
                                        [GOSSIPSUB_IDONTWANT] = "idontwant",
                                        [GOSSIPSUB_IWANT] = "iwant",
                                        [GOSSIPSUB_MESSAGES] = "messages"};
    write_head(page, "devnet_gossipsub_left_out_total", "counter",
               "Messages, and ids in gossip, not sent to peers that read too slowly");
    for (size_t i = 0; i < GOSSIPSUB_KINDS; i++)
        write_labelled(page, "devnet_gossipsub_left_out_total", "kind", kinds[i],
                       gossip->left_out.counts[i]);
    write_single(page, "devnet_gossipsub_streams_stalled_total", "counter",
                 "Gossipsub streams reset because their peer took nothing for a minute",
                 (double)gossip->streams_stalled);
}

/* The budget, and what is kept for peers. */
static void write_kept(FILE *page, const struct host *host)
{
    struct host_kept kept = host_kept(host);
    write_single(page, "devnet_budget_bytes", "gauge",
                 "What large RPCs that come in, messages that wait and answers with blocks may "
                 "take together",
                 (double)kept.budget);
    write_single(page, "devnet_budget_granted_bytes", "gauge",
                 "Of that the shares of peers whose large RPCs come in", (double)kept.granted);
    write_single(page, "devnet_budget_waiting_peers", "gauge", "Peers that wait for a share",
                 (double)kept.waiting);
    write_head(page, "devnet_kept_bytes", "gauge", "Bytes that are kept for peers");
    write_labelled(page, "devnet_kept_bytes", "of", "rpcs", kept.rpcs);
    write_labelled(page, "devnet_kept_bytes", "of", "messages", kept.messages);
    write_labelled(page, "devnet_kept_bytes", "of", "blocks", kept.blocks);
    write_single(page, "devnet_blocks_answers_waiting", "gauge",
                 "Answers with blocks that wait until there is room for the next one",
                 (double)kept.answers_waiting);
    write_single(page, "devnet_gossipsub_streams_given_up_total", "counter",
                 "Gossipsub streams of peers reset because their RPC did not go on, or was over "
                 "their share",
                 (double)kept.resets);
}

static void write_refused(FILE *page, const struct gossipsub_statistics *gossip)
{
    write_head(page, "devnet_gossipsub_refused_total", "counter", "The same by reason");
    for (size_t i = 0; i < GOSSIPSUB_REFUSALS; i++)
        write_labelled(page, "devnet_gossipsub_refused_total", "reason", gossipsub_refusal_name(i),
                       gossip->refused[i]);
}

static void write_traffic(FILE *page, const struct host *host)
{
    struct gossipsub_statistics gossip;
    gossipsub_statistics(host_router(host), &gossip);
    const struct quic_endpoint_statistics *quic = host_endpoint_statistics(host);
    write_directions(page, "devnet_gossipsub_rpcs_total", "counter", "Gossipsub RPCs",
                     gossip.rpcs_in, gossip.rpcs_out);
    write_directions(page, "devnet_gossipsub_messages_total", "counter",
                     "Messages in gossipsub RPCs, duplicates included", gossip.messages_in,
                     gossip.messages_out);
    write_single(page, "devnet_gossipsub_duplicates_total", "counter",
                 "Messages that had been seen before", (double)gossip.duplicates);
    write_single(page, "devnet_gossipsub_invalid_total", "counter", "Messages that were rejected",
                 (double)gossip.invalid);
    write_refused(page, &gossip);
    write_single(page, "devnet_gossipsub_rpcs_malformed_total", "counter",
                 "RPCs that were malformed or too large, which cost their stream",
                 (double)gossip.rpcs_malformed);
    write_single(page, "devnet_gossipsub_subscriptions_not_kept_total", "counter",
                 "Subscriptions of peers beyond so many topics a peer, to topics that are not ours",
                 (double)gossip.subscriptions_not_kept);
    write_slow_readers(page, &gossip);
    write_kept(page, host);
    write_directions(page, "devnet_datagrams_total", "counter", "UDP datagrams", quic->datagrams_in,
                     quic->datagrams_out);
    write_directions(page, "devnet_bytes_total", "counter", "Bytes in UDP datagrams",
                     quic->bytes_in, quic->bytes_out);
    write_single(page, "devnet_retries_total", "counter", "QUIC Retry packets sent",
                 (double)quic->retries_sent);
    write_single(page, "devnet_connections_refused_total", "counter",
                 "Connections that were answered with CONNECTION_REFUSED", (double)quic->refused);
    write_single(page, "devnet_stateless_resets_total", "counter", "Stateless resets sent",
                 (double)quic->resets_sent);
    write_single(page, "devnet_stateless_resets_withheld_total", "counter",
                 "Stateless resets that were over the budget of a second",
                 (double)quic->resets_withheld);
    write_single(page, "devnet_session_tickets_total", "counter",
                 "TLS session tickets of peers, dropped", (double)quic->session_tickets);
    write_single(page, "devnet_log_losses_total", "counter",
                 "QUIC logs, logs of TLS secrets and recorded blocks that could not be written to "
                 "their end",
                 (double)losses_count());
    write_single(page, "devnet_log_packets_dropped_total", "counter",
                 "Packets that went with the oldest parts of QUIC logs, which --qlog-limit bounds",
                 (double)losses_rotated());
}

static void write_payloads(FILE *page, const struct metrics *metrics)
{
    static const char name[] = "devnet_gossip_payloads_total";
    static const char *const payloads[] = {"valid", "invalid"};
    write_head(page, name, "counter", "Payloads of Lean's topics by whether they are raw snappy");
    for (size_t kind = 0; kind < LEAN_MESSAGE_KINDS; kind++)
        for (size_t payload = 0; payload < PAYLOADS; payload++)
            fprintf(page, "%s{kind=\"%s\",snappy=\"%s\"} %llu\n", name,
                    lean_message_kind_name(kind), payloads[payload],
                    (unsigned long long)metrics->payloads[kind][payload]);
}

static void write_blocks(FILE *page, const struct metrics *metrics)
{
    static const char name[] = "devnet_blocks_requests_total";
    write_head(page, name, "counter", "Requests for blocks by the code that they ended with");
    for (size_t request = 0; request < BLOCKS_REQUESTS; request++)
        for (size_t code = 0; code < REQRESP_CODES; code++)
            fprintf(page, "%s{protocol=\"%s\",code=\"%zu\"} %llu\n", name, blocks_requests[request],
                    code, (unsigned long long)metrics->blocks_answers[request][code]);
    write_single(page, "devnet_blocks_sent_total", "counter", "Blocks in answers to requests",
                 (double)metrics->blocks_sent);
    write_single(page, "devnet_blocks_recorded_total", "counter",
                 "Blocks of gossip that were recorded", (double)metrics->blocks_recorded);
    write_head(page, "devnet_blocks_not_recorded_total", "counter",
               "Messages of topics of blocks that were not recorded, with --record");
    for (size_t cause = 0; cause < HOST_UNRECORDED; cause++)
        write_labelled(page, "devnet_blocks_not_recorded_total", "cause",
                       host_unrecorded_name(cause), metrics->blocks_unrecorded[cause]);
}

static void write_times(FILE *page, const struct metrics *metrics)
{
    struct host_heartbeats heartbeats = host_heartbeats(metrics->host);
    write_single(page, "devnet_heartbeats_total", "counter", "Gossipsub heartbeats",
                 (double)heartbeats.count);
    write_single(page, "devnet_heartbeat_lateness_seconds_total", "counter",
                 "How late heartbeats began, together", (double)heartbeats.late_ns / 1e9);
    write_single(page, "devnet_heartbeat_lateness_max_seconds", "gauge",
                 "How late the latest heartbeat began", (double)heartbeats.latest_ns / 1e9);
    write_head(page, "devnet_handshake_seconds", "histogram",
               "From the first packet until the handshake was complete");
    write_histogram(page, "devnet_handshake_seconds", "direction=\"inbound\"",
                    &metrics->handshakes[INBOUND], handshake_bounds);
    write_histogram(page, "devnet_handshake_seconds", "direction=\"outbound\"",
                    &metrics->handshakes[OUTBOUND], handshake_bounds);
}

char *metrics_text(const struct metrics *metrics)
{
    char *text = NULL;
    size_t size = 0;
    FILE *page = open_memstream(&text, &size);
    write_lean(page, metrics);
    write_streams(page, metrics);
    write_topics(page, metrics->host);
    write_traffic(page, metrics->host);
    write_payloads(page, metrics);
    write_blocks(page, metrics);
    write_single(page, "devnet_events_lost_total", "counter",
                 "Events that clients of GET /events read too slowly to be told",
                 (double)metrics->events_lost);
    write_times(page, metrics);
    fclose(page);
    return text;
}
