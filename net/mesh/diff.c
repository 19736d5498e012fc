#include "net/mesh/diff.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/utf8.h"
#include "net/mesh/snapshot.h"
#include "net/mesh/tapped.h"

/* In the order in which changes are listed. */
const char *const mesh_change_kinds[] = {"unreachable",  "endpoint",   "node",           "foreign",
                                         "peer",         "connection", "inbound_stream", "topic",
                                         "subscription", "subscriber", "mesh",           "fanout",
                                         "backoff",      NULL};

/* What a change is about. Members that do not apply are NULL. */
struct subject {
    const char *kind, *topic, *node, *peer, *connection, *api;
    bool by_tap; /* a tap alone knows the node, before or after */
};

static void report(json_t *changes, const char *change, const struct subject *subject,
                   const char *field, const json_t *before, const json_t *after)
{
    json_array_append_new(
        changes, json_pack("{s:s,s:s,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:O*,s:O*,s:s*}", "change",
                           change, "kind", subject->kind, "topic", subject->topic, "node",
                           subject->node, "peer", subject->peer, "connection", subject->connection,
                           "api", subject->api, "field", field, "before", before, "after", after,
                           "known_from", subject->by_tap ? "tap" : NULL));
}

/* Where the name of a list's item goes in the subject of a change. */
typedef void name_item(struct subject *subject, const json_t *item);

static void as_node(struct subject *subject, const json_t *item)
{
    subject->node = snapshot_item_name(item);
    subject->by_tap = tapped_is_node(item);
}

static void as_peer(struct subject *subject, const json_t *item)
{
    subject->peer = snapshot_item_name(item);
}

static void as_topic(struct subject *subject, const json_t *item)
{
    subject->topic = snapshot_item_name(item);
}

static void as_api(struct subject *subject, const json_t *item)
{
    subject->api = snapshot_item_name(item);
}

static void as_connection(struct subject *subject, const json_t *item)
{
    const char *name = snapshot_item_name(item);
    subject->connection =
        name != NULL ? name : json_string_value(json_object_get(item, "connection"));
}

typedef void compare_item(json_t *changes, const struct subject *subject, const json_t *before,
                          const json_t *after);

/* What is told of an item that came or went: all of it, where its name does not say it already. */
static const json_t *details(const struct subject *subject, const json_t *item)
{
    return subject->connection != NULL ? item : NULL;
}

/* Merges two sorted lists; INNER, where given, compares the items that are in both. */
static void compare_lists(json_t *changes, struct subject subject, name_item *name,
                          compare_item *inner, const json_t *before, const json_t *after)
{
    size_t i = 0, j = 0;
    while (i < json_array_size(before) || j < json_array_size(after)) {
        const json_t *old = json_array_get(before, i), *new = json_array_get(after, j);
        int order = old == NULL ? 1 : new == NULL ? -1 : snapshot_item_compare(old, new);
        name(&subject, order <= 0 ? old : new);
        if (order < 0)
            report(changes, "removed", &subject, NULL, details(&subject, old), NULL);
        else if (order > 0)
            report(changes, "added", &subject, NULL, NULL, details(&subject, new));
        else if (inner != NULL)
            inner(changes, &subject, old, new);
        i += order <= 0;
        j += order >= 0;
    }
}

static bool is_among(const char *name, const char *const *names)
{
    while (*names != NULL && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static void compare_field(json_t *changes, const struct subject *subject, const char *field,
                          const json_t *before, const json_t *after)
{
    if (before == NULL || after == NULL || !json_equal(before, after))
        report(changes, "changed", subject, field, before, after);
}

/* Compares all members but those that are EXCEPTed, whatever they are. */
static void compare_fields(json_t *changes, const struct subject *subject,
                           const char *const *except, const json_t *before, const json_t *after)
{
    const char *field;
    json_t *value;
    json_object_foreach((json_t *)before, field, value)
    {
        if (!is_among(field, except))
            compare_field(changes, subject, field, value, json_object_get(after, field));
    }
    json_object_foreach((json_t *)after, field, value)
    {
        if (!is_among(field, except) && json_object_get(before, field) == NULL)
            compare_field(changes, subject, field, NULL, value);
    }
}

static void compare_connection(json_t *changes, const struct subject *subject, const json_t *before,
                               const json_t *after)
{
    static const char *const except[] = {"id", NULL};
    compare_fields(changes, subject, except, before, after);
}

static struct subject of_kind(const struct subject *subject, const char *kind)
{
    struct subject changed = *subject;
    changed.kind = kind;
    return changed;
}

static void compare_peer(json_t *changes, const struct subject *subject, const json_t *before,
                         const json_t *after)
{
    static const char *const except[] = {"peer_id", "subscriptions", "connections",
                                         "inbound_streams", NULL};
    compare_fields(changes, subject, except, before, after);
    compare_lists(changes, of_kind(subject, "connection"), as_connection, compare_connection,
                  json_object_get(before, "connections"), json_object_get(after, "connections"));
    compare_lists(changes, of_kind(subject, "inbound_stream"), as_connection, NULL,
                  json_object_get(before, "inbound_streams"),
                  json_object_get(after, "inbound_streams"));
    compare_lists(changes, of_kind(subject, "subscriber"), as_topic, NULL,
                  json_object_get(before, "subscriptions"),
                  json_object_get(after, "subscriptions"));
}

/* BEFORE or AFTER is NULL where the node does not know the topic. */
static void compare_topic(json_t *changes, const struct subject *subject, const json_t *before,
                          const json_t *after)
{
    static const char *const except[] = {"subscribed", "subscribers", "mesh",
                                         "fanout",     "backoff",     NULL};
    struct subject own = of_kind(subject, "subscription");
    bool was = json_is_true(json_object_get(before, "subscribed"));
    bool is = json_is_true(json_object_get(after, "subscribed"));
    if (before == NULL || after == NULL)
        report(changes, before == NULL ? "added" : "removed", subject, NULL, NULL, NULL);
    if (was != is)
        report(changes, is ? "added" : "removed", &own, NULL, NULL, NULL);

    static const struct {
        const char *kind, *member;
    } lists[] = {{"subscriber", "subscribers"},
                 {"mesh", "mesh"},
                 {"fanout", "fanout"},
                 {"backoff", "backoff"}};
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        compare_lists(changes, of_kind(subject, lists[i].kind), as_peer, NULL,
                      json_object_get(before, lists[i].member),
                      json_object_get(after, lists[i].member));
    if (before != NULL && after != NULL)
        compare_fields(changes, subject, except, before, after);
}

static void compare_topics(json_t *changes, const struct subject *subject, const json_t *before,
                           const json_t *after)
{
    struct subject inner = of_kind(subject, "topic");
    json_t *value;
    json_object_foreach((json_t *)before, inner.topic, value)
    {
        compare_topic(changes, &inner, value, json_object_get(after, inner.topic));
    }
    json_object_foreach((json_t *)after, inner.topic, value)
    {
        if (json_object_get(before, inner.topic) == NULL)
            compare_topic(changes, &inner, NULL, value);
    }
}

static void compare_node(json_t *changes, const struct subject *subject, const json_t *before,
                         const json_t *after)
{
    static const char *const except[] = {"peer_id", "topics", "peers", "sources", "volatile", NULL};
    struct subject whole = *subject;
    whole.by_tap = tapped_is_node(before) || tapped_is_node(after);
    compare_fields(changes, &whole, except, before, after);
    compare_lists(changes, of_kind(&whole, "peer"), as_peer, compare_peer,
                  json_object_get(before, "peers"), json_object_get(after, "peers"));
    compare_topics(changes, &whole, json_object_get(before, "topics"),
                   json_object_get(after, "topics"));
}

static void compare_foreign(json_t *changes, const struct subject *subject, const json_t *before,
                            const json_t *after)
{
    static const char *const except[] = {"peer_id", "topics", "sources", "volatile", NULL};
    compare_fields(changes, subject, except, before, after);
    compare_topics(changes, subject, json_object_get(before, "topics"),
                   json_object_get(after, "topics"));
}

static void compare_endpoint(json_t *changes, const struct subject *subject, const json_t *before,
                             const json_t *after)
{
    static const char *const except[] = {"url", "sources", "volatile", NULL};
    compare_fields(changes, subject, except, before, after);
}

static size_t kind_rank(const json_t *change)
{
    const char *kind = json_string_value(json_object_get(change, "kind"));
    size_t rank = 0;
    while (mesh_change_kinds[rank] != NULL && strcmp(mesh_change_kinds[rank], kind) != 0)
        rank++;
    return rank;
}

static int compare_member(const json_t *a, const json_t *b, const char *member)
{
    const char *text_a = json_string_value(json_object_get(a, member));
    const char *text_b = json_string_value(json_object_get(b, member));
    return strcmp(text_a ? text_a : "", text_b ? text_b : "");
}

static int compare_changes(const void *first, const void *second)
{
    const json_t *a = *(json_t *const *)first, *b = *(json_t *const *)second;
    int order = compare_member(a, b, "topic");
    size_t rank_a = kind_rank(a), rank_b = kind_rank(b);
    if (order == 0)
        order = (rank_a > rank_b) - (rank_a < rank_b);
    static const char *const members[] = {"api", "node", "peer", "connection", "field", "change"};
    for (size_t i = 0; order == 0 && i < sizeof(members) / sizeof(*members); i++)
        order = compare_member(a, b, members[i]);
    return order;
}

/* Sorts, and drops what two parts of a snapshot both told: who is subscribed. */
static json_t *sorted(json_t *changes)
{
    size_t count = json_array_size(changes);
    json_t **items = memory_new(count * sizeof(*items) + 1);
    for (size_t i = 0; i < count; i++)
        items[i] = json_array_get(changes, i);
    qsort(items, count, sizeof(*items), compare_changes);
    json_t *result = json_array();
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !json_equal(items[i - 1], items[i]))
            json_array_append(result, items[i]);
    free(items);
    json_decref(changes);
    return result;
}

/* Of foreign nodes and endpoints: where one snapshot never asked for them, nothing is known. */
static void compare_if_asked(json_t *changes, const char *list, const char *kind, name_item *name,
                             compare_item *inner, const json_t *before, const json_t *after)
{
    const json_t *old = json_object_get(before, list), *new = json_object_get(after, list);
    if (old != NULL && new != NULL)
        compare_lists(changes, (struct subject){.kind = kind}, name, inner, old, new);
}

json_t *mesh_diff(const json_t *before, const json_t *after)
{
    json_t *changes = json_array();
    compare_lists(changes, (struct subject){.kind = "unreachable"}, as_api, NULL,
                  json_object_get(before, "unreachable"), json_object_get(after, "unreachable"));
    compare_lists(changes, (struct subject){.kind = "node"}, as_node, compare_node,
                  json_object_get(before, "nodes"), json_object_get(after, "nodes"));
    compare_if_asked(changes, "foreign", "foreign", as_node, compare_foreign, before, after);
    compare_if_asked(changes, "endpoints", "endpoint", as_api, compare_endpoint, before, after);
    return sorted(changes);
}

static char *compact(const json_t *value)
{
    return value != NULL ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY)
                         : text_copy("nothing");
}

/* "A -> B", "A", or the API. */
static char *who(const json_t *change)
{
    const char *node = json_string_value(json_object_get(change, "node"));
    const char *peer = json_string_value(json_object_get(change, "peer"));
    const char *api = json_string_value(json_object_get(change, "api"));
    const char *kind = json_string_value(json_object_get(change, "kind"));
    const char *arrow =
        strcmp(kind, "inbound_stream") == 0 || strcmp(kind, "subscriber") == 0 ? "<-" : "->";
    return peer != NULL ? text_format("%s %s %s", node, arrow, peer) : text_copy(node ? node : api);
}

/* ": FIELD: BEFORE => AFTER", what came or went, or nothing. */
static char *what(const json_t *change)
{
    const char *field = json_string_value(json_object_get(change, "field"));
    const json_t *before = json_object_get(change, "before");
    const json_t *after = json_object_get(change, "after");
    if (field == NULL && before == NULL && after == NULL)
        return text_copy("");
    char *old = compact(before), *new = compact(after);
    char *text = field != NULL ? text_format(": %s: %s => %s", field, old, new)
                               : text_format(": %s", before != NULL ? old : new);
    free(old);
    free(new);
    return text;
}

char *mesh_change_text(const json_t *change)
{
    const char *how = json_string_value(json_object_get(change, "change"));
    const char *kind = json_string_value(json_object_get(change, "kind"));
    const char *topic = json_string_value(json_object_get(change, "topic"));
    char sign = strcmp(how, "added") == 0 ? '+' : strcmp(how, "removed") == 0 ? '-' : '~';
    char *whom = who(change), *detail = what(change);
    bool by_tap = json_object_get(change, "known_from") != NULL;
    char *text = text_format("%c %s%s%s%s%s%s%s", sign, kind, topic ? " " : "", topic ? topic : "",
                             topic ? ": " : " ", whom, detail, by_tap ? " (known from a tap)" : "");
    char *safe = utf8_safe_text(bytes_of_text(text));
    free(text);
    free(whom);
    free(detail);
    return safe;
}
