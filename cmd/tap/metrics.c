#include "cmd/tap/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/chunk.h"
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
    write_single(page, "kept_bytes", "gauge",
                 "Bytes that wait for a node to take or to acknowledge them", chunk_total());
}

/* Names are of letters, digits, - _ and . alone. */
static void write_endpoints(FILE *page, const struct tap *tap)
{
    static const char *const names[] = {"datagrams_total", "datagrams_dropped_total",
                                        "stateless_resets_total", "retries_total"};
    static const char *const helps[] = {
        "UDP datagrams of a node's endpoint", "Datagrams beyond what is kept of a held dial",
        "Stateless resets that were sent", "Retry packets that were sent"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        write_head(page, names[i], "counter", helps[i]);
        for (size_t n = 0; n < tap_node_count(tap); n++) {
            const struct tap_node *node = tap_node(tap, n);
            const struct quic_endpoint_statistics *counts = tap_node_statistics(node);
            const uint64_t values[] = {counts->datagrams_in + counts->datagrams_out,
                                       counts->datagrams_dropped, counts->resets_sent,
                                       counts->retries_sent};
            fprintf(page, "devnet_tap_%s{node=\"%s\"} %" PRIu64 "\n", names[i], tap_node_name(node),
                    values[i]);
        }
    }
}

static void write_facts(FILE *page, const struct teller_counts *counts)
{
    write_head(page, "seen_total", "counter", "What was seen of streams, by the name of its event");
    for (int kind = 0; kind < TAP_FACT_KINDS; kind++)
        fprintf(page, "devnet_tap_seen_total{event=\"%s\"} %" PRIu64 "\n",
                tap_fact_name((enum tap_fact_kind)kind), counts->facts[kind]);
    write_single(page, "signed_messages_total", "counter", "Gossip messages that say who made them",
                 counts->signed_messages);
    write_single(page, "streams_passed_over_total", "counter",
                 "Streams that were carried and not looked at: too many were open",
                 counts->streams_passed_over);
    write_head(page, "acts_total", "counter", "What rules have done, by the name of its event");
    for (int kind = 0; kind < TAP_ACT_KINDS; kind++)
        fprintf(page, "devnet_tap_acts_total{event=\"%s\"} %" PRIu64 "\n",
                tap_act_name((enum tap_action_kind)kind), counts->acts[kind]);
    write_single(page, "not_held_total", "counter",
                 "What a rule should have held, beyond as many holds as there may be",
                 counts->not_held);
    write_single(page, "rpcs_over_limit_total", "counter", "Gossipsub RPCs over 10 MiB",
                 counts->over_limit);
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
    write_facts(page, counts);
    fclose(page);
    return text;
}
