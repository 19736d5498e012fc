#include "cmd/relay/tell.h"

#include "common/clock.h"
#include "common/output.h"
#include "net/address/node_address.h"

void relay_dial_text(const struct relay_endpoint *at, const char *given, char *text)
{
    struct multiaddr here;
    struct node_address there;
    *text = '\0';
    if (!multiaddr_from_sockaddr((const struct sockaddr *)&at->address, &here))
        return;
    if (node_address_parse(given, &there, NULL) && there.at[0].has_peer_id) {
        here.has_peer_id = true;
        here.peer_id = there.at[0].peer_id;
    }
    multiaddr_text(&here, text);
}

static json_t *direction_json(const struct relay_counts *counts)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "received",
                     (json_int_t)counts->received, "forwarded", (json_int_t)counts->forwarded,
                     "dropped", (json_int_t)counts->dropped, "duplicated",
                     (json_int_t)counts->duplicated, "reordered", (json_int_t)counts->reordered,
                     "failed", (json_int_t)counts->failed, "pending", (json_int_t)counts->pending,
                     "bytes", (json_int_t)counts->bytes);
}

json_t *relay_counts_json(const struct relay *relay)
{
    struct relay_counts counts[DIRECTION_COUNT];
    relay_count(relay, counts);
    return json_pack("{s:o, s:o}", "client", direction_json(&counts[FROM_CLIENT]), "server",
                     direction_json(&counts[FROM_SERVER]));
}

static void add_link(void *context, const struct relay_link *link)
{
    char listen[MULTIADDR_TEXT_SIZE];
    json_t *list = context;
    relay_dial_text(relay_listening_at(link->relay), "", listen);
    json_t *entry =
        json_pack("{s:s, s:s, s:s}", "from", link->from, "to", link->to, "listen", listen);
    json_object_update_new(entry, relay_counts_json(link->relay));
    json_array_append_new(list, entry);
}

json_t *relay_links_json(const struct relay_links *links)
{
    json_t *list = json_array();
    relay_links_visit(links, add_link, list);
    return list;
}

static json_t *settings_json(const struct impairment *settings)
{
    char text[PATH_TEXT_SIZE];
    path_text(settings, text);
    return json_pack(
        "{s:s, s:b, s:I, s:I, s:f, s:f, s:f, s:I}", "text", text, "clean", path_is_clean(settings),
        "delay_ms", (json_int_t)settings->delay_ms, "jitter_ms", (json_int_t)settings->jitter_ms,
        "loss_percent", settings->loss_percent, "duplicate_percent", settings->duplicate_percent,
        "reorder_percent", settings->reorder_percent, "seed", (json_int_t)settings->seed);
}

json_t *relay_paths_json(const struct relay_links *links)
{
    json_t *list = json_array(), *partition = json_array();
    size_t count;
    const struct relay_path *paths = relay_links_paths(links, &count);
    for (size_t i = 0; i < count; i++) {
        json_t *entry = settings_json(&paths[i].settings);
        json_object_set_new(entry, "nodes",
                            json_pack("[s, s]", paths[i].rule.nodes[0], paths[i].rule.nodes[1]));
        json_array_append_new(list, entry);
    }
    char *const *groups = relay_links_groups(links, &count);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(partition, json_string(groups[i]));
    return json_pack("{s:o, s:o, s:o}", "all", settings_json(relay_links_all(links)), "paths", list,
                     "partition", partition);
}

void relay_tell(json_t *event)
{
    char time[CLOCK_TEXT_SIZE];
    clock_text(clock_epoch_ms(), time);
    json_object_set_new(event, "t", json_string(time));
    output_json_line(event);
    json_decref(event);
    output_flush();
}
