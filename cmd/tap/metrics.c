#include "cmd/tap/metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/chunk.h"
#include "common/losses.h"
#include "common/memory.h"

static void write_head(FILE *page, const char *name, const char *type, const char *help)
{
    fprintf(page, "# HELP devnet_tap_%s %s\n# TYPE devnet_tap_%s %s\n", name, help, name, type);
}

static void write_single(FILE *page, const char *name, const char *type, const char *help,
                         uint64_t value)
{
    write_head(page, name, type, help);
    fprintf(page, "devnet_tap_%s %" PRIu64 "\n", name, value);
}

static void write_pairs(FILE *page, const struct tap_statistics *counts)
{
    write_single(page, "connections", "gauge", "Dials that are carried now", counts->live);
    write_single(page, "dials_total", "counter", "Dials that have come", counts->pairs);
    write_single(page, "connected_total", "counter", "Dials that both ends have answered",
                 counts->connected);
    write_single(page, "front_first_total", "counter",
                 "Dials from an address that is no node's, known by a certificate",
                 counts->front_first);
    write_head(page, "refused_total", "counter", "Dials that the tap has refused");
    fprintf(page, "devnet_tap_refused_total{reason=\"unknown\"} %" PRIu64 "\n",
            counts->unknown_diallers);
    fprintf(page, "devnet_tap_refused_total{reason=\"full\"} %" PRIu64 "\n", counts->refused_full);
    write_single(page, "streams_total", "counter", "Streams that were opened", counts->streams);
    write_head(page, "stream_bytes_total", "counter", "Bytes that were said on streams");
    fprintf(page, "devnet_tap_stream_bytes_total{by=\"dialler\"} %" PRIu64 "\n",
            counts->bytes[TAP_DIALLER]);
    fprintf(page, "devnet_tap_stream_bytes_total{by=\"listener\"} %" PRIu64 "\n",
            counts->bytes[TAP_LISTENER]);
    write_single(page, "narrow_total", "counter",
                 "Legs that were given small windows, as all windows could be too much",
                 counts->narrow);
    write_single(page, "log_losses_total", "counter",
                 "QUIC logs that could not be written to their end", losses_count());
    write_single(page, "log_packets_dropped_total", "counter",
                 "Packets that went with the oldest parts of QUIC logs, which --qlog-limit bounds",
                 losses_rotated());
    write_single(page, "kept_bytes", "gauge",
                 "Bytes that wait for a node to take or to acknowledge them", chunk_total());
}

/* Names are of letters, digits, - _ and . alone. */
static void write_endpoints(FILE *page, const struct tap *tap)
{
    static const char *const names[] = {"datagrams_total", "datagrams_dropped_total",
                                        "stateless_resets_total", "stateless_resets_withheld_total",
                                        "retries_total"};
    static const char *const helps[] = {
        "UDP datagrams of a node's endpoint", "Datagrams beyond what is kept of a held dial",
        "Stateless resets that were sent",
        "Stateless resets, for packets of no connection, that were over the budget of a second",
        "Retry packets that were sent"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        write_head(page, names[i], "counter", helps[i]);
        for (size_t n = 0; n < tap_node_count(tap); n++) {
            const struct tap_node *node = tap_node(tap, n);
            const struct quic_endpoint_statistics *counts = tap_node_statistics(node);
            const uint64_t values[] = {counts->datagrams_in + counts->datagrams_out,
                                       counts->datagrams_dropped, counts->resets_sent,
                                       counts->resets_withheld, counts->retries_sent};
            fprintf(page, "devnet_tap_%s{node=\"%s\"} %" PRIu64 "\n", names[i], tap_node_name(node),
                    values[i]);
        }
    }
}

/* ---- what nodes have said ---- */

static const char *name_of(const struct tap *tap, size_t node)
{
    return tap_node_name(tap_node(tap, node));
}

static void write_seen(FILE *page, const struct tap *tap, const struct teller_counts *counts)
{
    write_head(page, "seen_total", "counter",
               "What was seen of streams, by the name of its event and who did it");
    for (size_t i = 0; i < counts->node_count; i++)
        for (int kind = 0; kind < TAP_FACT_KINDS; kind++)
            fprintf(page, "devnet_tap_seen_total{event=\"%s\",node=\"%s\"} %" PRIu64 "\n",
                    tap_fact_name((enum tap_fact_kind)kind), name_of(tap, i),
                    counts->nodes[i].facts[kind].total);
    write_head(page, "seen_per_second", "gauge", "The same, of the last 10 s");
    for (size_t i = 0; i < counts->node_count; i++)
        for (int kind = 0; kind < TAP_FACT_KINDS; kind++)
            fprintf(page, "devnet_tap_seen_per_second{event=\"%s\",node=\"%s\"} %g\n",
                    tap_fact_name((enum tap_fact_kind)kind), name_of(tap, i),
                    counter_rate(&counts->nodes[i].facts[kind], counts->now_s));
}

static void write_rates(FILE *page, const struct tap *tap, const struct teller_counts *counts)
{
    static const struct {
        const char *total, *rate, *help;
        size_t offset;
    } rows[] = {
        {"messages_total", "messages_per_second", "Gossip messages, of gossipsub's RPCs",
         offsetof(struct node_counts, messages)},
        {"rpc_bytes_total", "rpc_bytes_per_second", "Bytes of gossipsub's RPCs",
         offsetof(struct node_counts, rpc_bytes)},
    };
    for (size_t row = 0; row < 2 * sizeof(rows) / sizeof(*rows); row++) {
        bool rate = row % 2 == 1;
        const char *name = rate ? rows[row / 2].rate : rows[row / 2].total;
        write_head(page, name, rate ? "gauge" : "counter",
                   rate ? "The same, of the last 10 s" : rows[row / 2].help);
        for (size_t i = 0; i < counts->node_count; i++) {
            const struct counter *counter =
                (const void *)((const char *)&counts->nodes[i] + rows[row / 2].offset);
            fprintf(page, "devnet_tap_%s{node=\"%s\"} ", name, name_of(tap, i));
            if (rate)
                fprintf(page, "%g\n", counter_rate(counter, counts->now_s));
            else
                fprintf(page, "%" PRIu64 "\n", counter->total);
        }
    }
}

static void write_troubles(FILE *page, const struct tap *tap, const struct teller_counts *counts)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } rows[] = {
        {"signed_messages_total", "Gossip messages that say who made them",
         offsetof(struct node_counts, signed_messages)},
        {"malformed_rpcs_total", "Gossipsub RPCs that are no protobuf",
         offsetof(struct node_counts, malformed_rpcs)},
        {"contradictions_total", "Statuses that cannot be true where the other's is",
         offsetof(struct node_counts, contradictions)},
    };
    for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
        write_head(page, rows[row].name, "counter", rows[row].help);
        for (size_t i = 0; i < counts->node_count; i++)
            fprintf(page, "devnet_tap_%s{node=\"%s\"} %" PRIu64 "\n", rows[row].name,
                    name_of(tap, i),
                    *(const uint64_t *)(const void *)((const char *)&counts->nodes[i] +
                                                      rows[row].offset));
    }
    write_head(page, "rpcs_over_limit_total", "counter",
               "Gossipsub RPCs, whole or broken off, over what some take: 64 KiB rust-libp2p, 1 "
               "MiB go-libp2p by "
               "default, 10 MiB Lean");
    for (size_t i = 0; i < counts->node_count; i++)
        for (size_t limit = 0; limit < RPC_LIMITS; limit++)
            fprintf(page,
                    "devnet_tap_rpcs_over_limit_total{node=\"%s\",bytes=\"%" PRIu64 "\"} %" PRIu64
                    "\n",
                    name_of(tap, i), rpc_limits[limit].size, counts->nodes[i].over_limits[limit]);
}

static void write_acts(FILE *page, const struct teller_counts *counts)
{
    write_single(page, "streams_passed_over_total", "counter",
                 "Streams that were carried and not looked at: too many were open",
                 counts->streams_passed_over);
    write_single(page, "mesh_left_out_total", "counter",
                 "What of the mesh on the wire was left out: more topics, gossipsub streams or "
                 "connections of two nodes than are kept, RPCs too long to be read whole",
                 counts->mesh_left_out);
    write_head(page, "acts_total", "counter", "What rules have done, by the name of its event");
    for (int kind = 0; kind < TAP_ACT_KINDS; kind++)
        fprintf(page, "devnet_tap_acts_total{event=\"%s\"} %" PRIu64 "\n",
                tap_act_name((enum tap_action_kind)kind), counts->acts[kind]);
    write_single(page, "not_held_total", "counter",
                 "What a rule should have held, beyond as many holds as there may be",
                 counts->not_held);
}

char *tap_metrics_text(struct tap *tap, const struct teller_counts *counts)
{
    char *text = NULL;
    size_t size = 0;
    FILE *page = open_memstream(&text, &size);
    if (page == NULL)
        memory_exhausted();
    write_pairs(page, tap_statistics(tap));
    write_endpoints(page, tap);
    write_seen(page, tap, counts);
    write_rates(page, tap, counts);
    write_troubles(page, tap, counts);
    write_acts(page, counts);
    fclose(page);
    return text;
}
