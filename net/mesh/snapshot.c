#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/utf8.h"
#include "net/mesh/prometheus.h"
#include "net/mesh/snapshot_parts.h"

/* What two looks at a quiet mesh would see differently. */
static const char *const volatile_members[] = {
    "age_ms",  "rtt_us",   "left_ms", "bytes_in",   "bytes_out",        "opens_avoided",
    "unsent",  "left_out", "kept",    "statistics", "invalid_messages", "subscriptions_not_kept",
    "not_seen"};

const char *snapshot_item_name(const json_t *item)
{
    static const char *const names[] = {"peer_id", "id", "api", "url"};
    const char *text = json_string_value(item);
    for (size_t i = 0; text == NULL && i < sizeof(names) / sizeof(*names); i++)
        text = json_string_value(json_object_get(item, names[i]));
    return text;
}

json_t *snapshot_find_item(const json_t *list, const char *name)
{
    size_t index;
    json_t *item;
    json_array_foreach(list, index, item)
    {
        const char *own = snapshot_item_name(item);
        if (own != NULL && name != NULL && strcmp(own, name) == 0)
            return item;
    }
    return NULL;
}

const char *snapshot_teller(const json_t *entry)
{
    const char *id = json_string_value(json_object_get(entry, "peer_id"));
    const json_t *identity = json_object_get(json_object_get(entry, "lean"), "identity");
    return id != NULL ? id : json_string_value(json_object_get(identity, "peer_id"));
}

int snapshot_item_compare(const json_t *a, const json_t *b)
{
    const char *name_a = snapshot_item_name(a), *name_b = snapshot_item_name(b);
    if (name_a != NULL && name_b != NULL)
        return strcmp(name_a, name_b);
    const char *connection_a = json_string_value(json_object_get(a, "connection"));
    const char *connection_b = json_string_value(json_object_get(b, "connection"));
    int order = strcmp(connection_a ? connection_a : "", connection_b ? connection_b : "");
    json_int_t stream_a = json_integer_value(json_object_get(a, "stream_id"));
    json_int_t stream_b = json_integer_value(json_object_get(b, "stream_id"));
    return order != 0 ? order : (stream_a > stream_b) - (stream_a < stream_b);
}

static int compare_pointers(const void *a, const void *b)
{
    return snapshot_item_compare(*(json_t *const *)a, *(json_t *const *)b);
}

static bool is_sorted(const json_t *array)
{
    for (size_t i = 1; i < json_array_size(array); i++)
        if (snapshot_item_compare(json_array_get(array, i - 1), json_array_get(array, i)) > 0)
            return false;
    return true;
}

static void sort_array(json_t *array)
{
    if (is_sorted(array))
        return;
    size_t count = json_array_size(array);
    json_t **items = memory_new(count * sizeof(*items));
    for (size_t i = 0; i < count; i++)
        items[i] = json_incref(json_array_get(array, i));
    qsort(items, count, sizeof(*items), compare_pointers);
    json_array_clear(array);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, items[i]);
    free(items);
}

void snapshot_sort_lists(json_t *value)
{
    const char *name;
    size_t index;
    json_t *item;
    json_object_foreach(value, name, item)
    {
        if (strcmp(name, "volatile") != 0)
            snapshot_sort_lists(item);
    }
    json_array_foreach(value, index, item)
    {
        snapshot_sort_lists(item);
    }
    if (json_is_array(value))
        sort_array(value);
}

static bool is_volatile(const char *name)
{
    for (size_t i = 0; i < sizeof(volatile_members) / sizeof(*volatile_members); i++)
        if (strcmp(name, volatile_members[i]) == 0)
            return true;
    return false;
}

static void keep(json_t *taken, const char *name, json_t *inner)
{
    if (inner != NULL && json_object_size(inner) > 0)
        json_object_set(taken, name, inner);
    json_decref(inner);
}

static json_t *take_volatile(json_t *value);

/* Where what is volatile of a list's item stands: under its name, or CONNECTION/STREAM of a stream;
 * NULL where there is none. Freed with free(). */
static char *place_of(const json_t *item)
{
    const char *name = snapshot_item_name(item);
    const char *carrier = json_string_value(json_object_get(item, "connection"));
    if (name != NULL)
        return text_copy(name);
    return carrier != NULL ? text_format("%s/%" JSON_INTEGER_FORMAT, carrier,
                                         json_integer_value(json_object_get(item, "stream_id")))
                           : NULL;
}

/* Moves what is volatile out of VALUE into an object of the same structure, which it returns. */
static json_t *take_volatile(json_t *value)
{
    json_t *taken = json_object();
    const char *name;
    size_t index;
    json_t *item;
    void *next;
    json_object_foreach_safe(value, next, name, item)
    {
        if (is_volatile(name)) {
            json_object_set(taken, name, item);
            json_object_del(value, name);
        } else {
            keep(taken, name, take_volatile(item));
        }
    }
    json_array_foreach(value, index, item)
    {
        char *place = json_is_object(item) ? place_of(item) : NULL;
        if (place != NULL)
            keep(taken, place, take_volatile(item));
        free(place);
    }
    return taken;
}

json_t *snapshot_new(void)
{
    return json_pack("{s:s,s:i,s:[],s:[]}", "format", snapshot_format, "version", SNAPSHOT_VERSION,
                     "nodes", "unreachable");
}

bool snapshot_add_told(json_t *snapshot, const char *api, const json_t *mesh, const char *source,
                       struct error *error)
{
    if (!shape_check(mesh, snapshot_node_shape, error))
        return error_prefix(error, "%s/mesh", api);
    json_t *nodes = json_object_get(snapshot, "nodes");
    const char *peer_id = json_string_value(json_object_get(mesh, "peer_id"));
    const json_t *other = snapshot_find_item(nodes, peer_id);
    if (other != NULL)
        return error_set(
            error, "%s is node %s, which %s is too", api, peer_id,
            json_string_value(json_object_get(json_object_get(other, "volatile"), "api")));
    json_t *added = json_deep_copy(mesh);
    json_t *taken = take_volatile(added);
    json_object_set_new(taken, "api", json_string(api));
    json_object_set_new(added, "volatile", taken);
    json_object_set_new(added, "sources", json_pack("{s:s}", "*", source));
    snapshot_sort_lists(added);
    json_array_append_new(nodes, added);
    return true;
}

bool snapshot_add_node(json_t *snapshot, const char *api, const json_t *mesh, struct error *error)
{
    return snapshot_add_told(snapshot, api, mesh, "api", error);
}

/* The list NAME, which is made where it is missing. */
static json_t *list_of(json_t *snapshot, const char *name)
{
    json_t *list = json_object_get(snapshot, name);
    if (list == NULL) {
        list = json_array();
        json_object_set_new(snapshot, name, list);
    }
    return list;
}

void snapshot_expect(json_t *snapshot, bool foreign, bool endpoints)
{
    if (foreign)
        list_of(snapshot, "foreign");
    if (endpoints)
        list_of(snapshot, "endpoints");
}

bool snapshot_add_foreign(json_t *snapshot, const char *address, const json_t *entry,
                          struct error *error)
{
    json_t *list = list_of(snapshot, "foreign");
    const char *peer_id = snapshot_item_name(entry);
    if (snapshot_find_item(list, peer_id) != NULL)
        return error_set(error, "%s is node %s, which was visited at another address too", address,
                         peer_id);
    json_t *added = json_deep_copy(entry);
    snapshot_sort_lists(added);
    json_array_append_new(list, added);
    return true;
}

/* What a node says of itself in its metrics. */
static json_t *node_info_of(const json_t *metrics)
{
    static const char name[] = "lean_node_info{";
    const char *series;
    json_t *value;
    json_object_foreach((json_t *)metrics, series, value)
    {
        if (strncmp(series, name, sizeof(name) - 1) != 0)
            continue;
        char *client = prometheus_label(series, "name");
        char *version = prometheus_label(series, "version");
        json_t *info = json_pack("{s:s?, s:s?}", "name", client, "version", version);
        free(client);
        free(version);
        return info;
    }
    return json_null();
}

void snapshot_set_metrics(json_t *entry, const char *url, json_t *metrics)
{
    json_object_set_new(entry, "node_info", node_info_of(metrics));
    json_object_set_new(json_object_get(entry, "sources"), "node_info", json_string("metrics"));
    json_object_set_new(json_object_get(entry, "volatile"), "metrics", metrics);
    json_object_set_new(json_object_get(entry, "volatile"), "metrics_url", json_string(url));
}

void snapshot_add_endpoint(json_t *snapshot, const char *url, json_t *metrics)
{
    json_t *list = list_of(snapshot, "endpoints");
    if (snapshot_find_item(list, url) != NULL) {
        json_decref(metrics);
        return;
    }
    json_t *entry = json_pack("{s:s, s:{}, s:{}}", "url", url, "sources", "volatile");
    snapshot_set_metrics(entry, url, metrics);
    json_array_append_new(list, entry);
}

void snapshot_set_lean(json_t *entry, const char *url, const json_t *lean)
{
    json_t *added = json_deep_copy(lean);
    json_object_set_new(added, "url", json_string(url));
    snapshot_sort_lists(added);
    json_object_set_new(entry, "lean", added);
    json_object_set_new(json_object_get(entry, "sources"), "lean", json_string("lean_api"));
}

void snapshot_add_lean_endpoint(json_t *snapshot, const char *url, const json_t *lean,
                                const char *page, json_t *metrics)
{
    json_t *list = list_of(snapshot, "endpoints");
    if (snapshot_find_item(list, url) != NULL) {
        json_decref(metrics);
        return;
    }
    json_t *entry =
        json_pack("{s:s, s:n, s:{}, s:{}}", "url", url, "node_info", "sources", "volatile");
    snapshot_set_lean(entry, url, lean);
    if (metrics != NULL)
        snapshot_set_metrics(entry, page, metrics);
    json_array_append_new(list, entry);
}

void snapshot_add_unreachable(json_t *snapshot, const char *api, const char *error)
{
    /* An error may have been cut within a character, and would not be JSON then. */
    char *asked = utf8_safe_text(bytes_of_text(api)),
         *problem = utf8_safe_text(bytes_of_text(error));
    json_array_append_new(json_object_get(snapshot, "unreachable"),
                          json_pack("{s:s,s:s}", "api", asked, "error", problem));
    free(asked);
    free(problem);
}

static bool is_unreachable(const json_t *snapshot, const char *id)
{
    return snapshot_find_item(json_object_get(snapshot, "unreachable"), id) != NULL;
}

void snapshot_set_names(json_t *snapshot, const struct names *names)
{
    json_t *kept = json_object();
    const char *id;
    json_t *name;
    json_object_foreach(names->by_id, id, name)
    {
        /* URLs and addresses change from start to start. */
        if ((strncmp(id, "http://", 7) != 0 && *id != '/') || is_unreachable(snapshot, id))
            json_object_set(kept, id, name);
    }
    if (json_object_size(kept) > 0)
        json_object_set(snapshot, "names", kept);
    json_decref(kept);
}

void snapshot_set_paths(json_t *snapshot, json_t *paths)
{
    if (paths != NULL)
        json_object_set_new(snapshot, "paths", paths);
}

void snapshot_set_stopped(json_t *snapshot, const json_t *ids)
{
    const char *id;
    json_t *ignored, *stopped = json_array();
    json_object_foreach((json_t *)ids, id, ignored)
    {
        json_array_append_new(stopped, json_string(id));
    }
    sort_array(stopped);
    if (json_array_size(stopped) > 0)
        json_object_set(snapshot, "stopped", stopped);
    json_decref(stopped);
}

void snapshot_sort(json_t *snapshot)
{
    sort_array(json_object_get(snapshot, "nodes"));
    sort_array(json_object_get(snapshot, "foreign"));
    sort_array(json_object_get(snapshot, "endpoints"));
    sort_array(json_object_get(snapshot, "unreachable"));
    sort_array(json_object_get(snapshot, "stopped"));
}

char *snapshot_text(const json_t *snapshot)
{
    char *indented = json_dumps(snapshot, JSON_INDENT(2) | JSON_SORT_KEYS);
    char *text = text_format("%s\n", indented);
    free(indented);
    return text;
}
