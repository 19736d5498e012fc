#include "devnet/propagation.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash_table.h"
#include "common/memory.h"

enum { HASH_TEXT_SIZE = 65, HOPS_UNKNOWN = -1 };

/* Of one message at one node. */
struct arrival {
    bool came;
    uint64_t time_us;
    char *stranger; /* the peer that it came from, where that is none of the nodes */
    size_t from;    /* otherwise */
};

struct message {
    char sha256[HASH_TEXT_SIZE];
    size_t index;
    uint64_t time_us;
    struct arrival *arrivals; /* one a node */
    UT_hash_handle hh;
};

struct propagation {
    const struct propagation_node *nodes;
    size_t count, origin;
    struct message *messages; /* in the order in which they were published */
    size_t missing;           /* arrivals that are expected and have not come */
};

/* Sorted when asked for. */
struct times {
    double *ms;
    size_t count;
};

struct propagation *propagation_new(const struct propagation_node *nodes, size_t count,
                                    size_t origin)
{
    struct propagation *propagation = memory_new(sizeof(*propagation));
    *propagation = (struct propagation){.nodes = nodes, .count = count, .origin = origin};
    return propagation;
}

void propagation_free(struct propagation *propagation)
{
    struct message *message, *next;
    HASH_ITER(hh, propagation->messages, message, next)
    {
        HASH_DEL(propagation->messages, message);
        for (size_t i = 0; i < propagation->count; i++)
            free(message->arrivals[i].stranger);
        free(message->arrivals);
        free(message);
    }
    free(propagation);
}

static bool is_expected(const struct propagation *propagation, size_t node)
{
    return node != propagation->origin && propagation->nodes[node].expected;
}

static struct message *find(const struct propagation *propagation, const char *sha256)
{
    struct message *message = NULL;
    if (strlen(sha256) < HASH_TEXT_SIZE)
        HASH_FIND_STR(propagation->messages, sha256, message);
    return message;
}

bool propagation_published(struct propagation *propagation, const char *sha256, uint64_t time_us)
{
    size_t index = HASH_COUNT(propagation->messages);
    if (index == PROPAGATION_MESSAGES_MAX || strlen(sha256) >= HASH_TEXT_SIZE ||
        find(propagation, sha256) != NULL)
        return false;
    struct message *message = memory_new(sizeof(*message));
    *message = (struct message){.index = index, .time_us = time_us};
    memcpy(message->sha256, sha256, strlen(sha256) + 1);
    message->arrivals = memory_new(propagation->count * sizeof(*message->arrivals));
    HASH_ADD_STR(propagation->messages, sha256, message);
    for (size_t i = 0; i < propagation->count; i++)
        propagation->missing += is_expected(propagation, i);
    return true;
}

static size_t find_node(const struct propagation *propagation, const char *peer_id)
{
    size_t node = 0;
    while (node < propagation->count && strcmp(propagation->nodes[node].peer_id, peer_id) != 0)
        node++;
    return node;
}

void propagation_arrived(struct propagation *propagation, size_t node, const char *sha256,
                         const char *from_peer_id, uint64_t time_us)
{
    struct message *message = find(propagation, sha256);
    if (message == NULL || node == propagation->origin || message->arrivals[node].came)
        return;
    size_t from = find_node(propagation, from_peer_id);
    message->arrivals[node] = (struct arrival){
        .came = true,
        .time_us = time_us,
        .from = from,
        .stranger = from == propagation->count ? text_copy(from_peer_id) : NULL,
    };
    propagation->missing -= is_expected(propagation, node);
}

bool propagation_is_complete(const struct propagation *propagation)
{
    return propagation->missing == 0;
}

/* The way back to the origin; what peers say may be a circle. */
static int hops_of(const struct propagation *propagation, const struct message *message,
                   size_t node)
{
    int hops = 0;
    while (node != propagation->origin) {
        if (node == propagation->count || !message->arrivals[node].came ||
            (size_t)hops == propagation->count)
            return HOPS_UNKNOWN;
        node = message->arrivals[node].from;
        hops++;
    }
    return hops;
}

static json_t *hops_json(int hops)
{
    return hops == HOPS_UNKNOWN ? json_null() : json_integer(hops);
}

static double milliseconds_of(const struct message *message, size_t node)
{
    uint64_t came_us = message->arrivals[node].time_us;
    return came_us > message->time_us ? (double)(came_us - message->time_us) / 1000 : 0;
}

static const char *from_of(const struct propagation *propagation, const struct arrival *arrival)
{
    return arrival->stranger != NULL ? arrival->stranger : propagation->nodes[arrival->from].name;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Of an even number the median is the mean of the two in the middle. */
static void add_times(json_t *object, struct times times)
{
    static const char *const names[] = {"first_ms", "median_ms", "last_ms"};
    size_t middle = times.count / 2;
    if (times.count == 0) {
        for (size_t i = 0; i < 3; i++)
            json_object_set_new(object, names[i], json_null());
        return;
    }
    qsort(times.ms, times.count, sizeof(*times.ms), compare);
    double median =
        times.count % 2 == 1 ? times.ms[middle] : (times.ms[middle - 1] + times.ms[middle]) / 2;
    json_object_set_new(object, names[0], json_real(times.ms[0]));
    json_object_set_new(object, names[1], json_real(median));
    json_object_set_new(object, names[2], json_real(times.ms[times.count - 1]));
}

static void count_from(json_t *counts, const char *name)
{
    json_int_t count = json_integer_value(json_object_get(counts, name));
    json_object_set_new(counts, name, json_integer(count + 1));
}

/* Adds the node's times to ALL, its arrivals to ARRIVALS, and its hops to *MOST; NULL where nothing
 * was expected there and nothing came. */
static json_t *describe_node(const struct propagation *propagation, size_t node, struct times *all,
                             json_t *arrivals, int *most)
{
    json_t *from = json_object();
    int hops = HOPS_UNKNOWN;
    struct times own = {.ms = all->ms + all->count};
    for (struct message *message = propagation->messages; message != NULL;
         message = message->hh.next) {
        const struct arrival *arrival = &message->arrivals[node];
        if (!arrival->came)
            continue;
        int way = hops_of(propagation, message, node);
        hops = way > hops ? way : hops;
        own.ms[own.count++] = milliseconds_of(message, node);
        count_from(from, from_of(propagation, arrival));
        json_array_append_new(
            arrivals,
            json_pack("{s:I, s:s, s:f, s:o, s:s}", "message", (json_int_t)message->index, "node",
                      propagation->nodes[node].name, "ms", milliseconds_of(message, node), "hops",
                      hops_json(way), "from", from_of(propagation, arrival)));
    }
    if (own.count == 0 && !is_expected(propagation, node)) {
        json_decref(from);
        return NULL;
    }
    *most = hops > *most ? hops : *most;
    all->count += own.count;
    json_t *entry = json_pack("{s:s, s:I, s:o, s:o}", "name", propagation->nodes[node].name, "got",
                              (json_int_t)own.count, "hops", hops_json(hops), "from", from);
    add_times(entry, own);
    return entry;
}

json_t *propagation_report(const struct propagation *propagation)
{
    size_t messages = HASH_COUNT(propagation->messages), expected = 0;
    struct times all = {.ms = memory_new((messages * propagation->count + 1) * sizeof(double))};
    json_t *nodes = json_array(), *arrivals = json_array();
    int most = HOPS_UNKNOWN;
    for (size_t node = 0; node < propagation->count; node++) {
        if (node == propagation->origin)
            continue;
        expected += is_expected(propagation, node) ? messages : 0;
        json_t *entry = describe_node(propagation, node, &all, arrivals, &most);
        if (entry != NULL)
            json_array_append_new(nodes, entry);
    }
    json_t *report = json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "messages", (json_int_t)messages,
                               "expected", (json_int_t)expected, "arrived", (json_int_t)all.count,
                               "hops", hops_json(most), "nodes", nodes, "arrivals", arrivals);
    add_times(report, all);
    free(all.ms);
    return report;
}
