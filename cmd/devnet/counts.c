#include "cmd/devnet/counts.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/mesh/prometheus.h"
#include "net/mesh/snapshot.h"

/* Round trips in milliseconds. */
struct trips {
    double *items;
    size_t count;
};

static void add_trip(struct trips *trips, double milliseconds)
{
    trips->items = memory_resize(trips->items, (trips->count + 1) * sizeof(*trips->items));
    trips->items[trips->count++] = milliseconds;
}

/* What a node has under "volatile" of one of its peers: of each connection. */
static void add_trips(struct trips *trips, const json_t *peer)
{
    const char *id;
    json_t *connection;
    json_object_foreach(json_object_get(peer, "connections"), id, connection)
    {
        const json_t *rtt = json_object_get(connection, "rtt_us");
        if (json_is_number(rtt) && json_number_value(rtt) > 0)
            add_trip(trips, json_number_value(rtt) / 1000);
    }
}

static int compare(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

/* Null where there is none; TRIPS is empty then. */
static json_t *take_median(struct trips *trips)
{
    json_t *median = json_null();
    if (trips->count > 0) {
        qsort(trips->items, trips->count, sizeof(*trips->items), compare);
        median = json_real(trips->items[trips->count / 2]);
    }
    free(trips->items);
    *trips = (struct trips){0};
    return median;
}

/* ---- what it tells itself ---- */

static json_t *count_or_null(const json_t *statistics, const char *name)
{
    json_t *count = json_object_get(statistics, name);
    return json_is_integer(count) ? json_incref(count) : json_null();
}

/* leanMetrics counts the sizes of what came, by kind; nothing of what went. */
static json_t *received_by(const json_t *metrics)
{
    static const char *const counters[] = {"lean_gossip_block_size_bytes_count",
                                           "lean_gossip_attestation_size_bytes_count",
                                           "lean_gossip_aggregation_size_bytes_count"};
    double all = 0, sum;
    bool told = false;
    for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
        if (prometheus_sum(metrics, counters[i], &sum)) {
            told = true;
            all += sum;
        }
    return told ? json_integer((json_int_t)all) : json_null();
}

void counts_add(json_t *entry, const json_t *answer)
{
    const json_t *last = json_object_get(answer, "volatile");
    const json_t *statistics = json_object_get(last, "statistics");
    struct trips trips = {0};
    const char *id;
    json_t *peer;
    json_object_foreach(json_object_get(last, "peers"), id, peer)
    {
        add_trips(&trips, peer);
    }
    json_object_set_new(entry, "rtt_ms", take_median(&trips));
    json_t *in = count_or_null(statistics, "messages_in");
    json_object_set_new(entry, "messages_in",
                        json_is_null(in) ? received_by(json_object_get(last, "metrics")) : in);
    json_object_set_new(entry, "messages_out", count_or_null(statistics, "messages_out"));
}

/* ---- what others tell ---- */

static void count_meshes(json_t *mesh, const json_t *node, const char *peer_id)
{
    const char *name;
    json_t *topic;
    json_object_foreach(json_object_get(node, "topics"), name, topic)
    {
        if (snapshot_find_item(json_object_get(topic, "mesh"), peer_id) != NULL)
            json_object_set_new(mesh, name,
                                json_integer(json_integer_value(json_object_get(mesh, name)) + 1));
    }
}

static bool is_connected_to(const json_t *node, const char *peer_id)
{
    const json_t *peer = snapshot_find_item(json_object_get(node, "peers"), peer_id);
    return json_array_size(json_object_get(peer, "connections")) > 0;
}

void counts_add_told(json_t *entry, const json_t *snapshot, const char *peer_id)
{
    json_t *mesh = json_object();
    struct trips trips = {0};
    json_int_t peers = 0;
    size_t index;
    const json_t *node;
    json_array_foreach(json_object_get(snapshot, "nodes"), index, node)
    {
        if (peer_id == NULL || !is_connected_to(node, peer_id))
            continue;
        peers++;
        count_meshes(mesh, node, peer_id);
        const json_t *last = json_object_get(json_object_get(node, "volatile"), "peers");
        add_trips(&trips, json_object_get(last, peer_id));
    }
    json_t *rtt = take_median(&trips);
    if (peers > 0)
        json_object_set_new(
            entry, "told", json_pack("{s:I,s:O,s:O}", "peers", peers, "mesh", mesh, "rtt_ms", rtt));
    json_decref(mesh);
    json_decref(rtt);
}
