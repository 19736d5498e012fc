#include "cmd/devnet/report_states.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/words.h"
#include "devnet/ended.h"

static const char *text_of(const json_t *entry, const char *member)
{
    return json_string_value(json_object_get(entry, member));
}

/* Adds TEXT to the names of those that are in STATE. */
static void add(json_t *groups, const char *state, const char *text)
{
    json_t *names = json_object_get(groups, state);
    if (names == NULL)
        json_object_set_new(groups, state, names = json_array());
    json_array_append_new(names, json_string(text));
}

static void add_node(json_t *groups, const struct devnet *devnet, const json_t *entry)
{
    const char *name = text_of(entry, "name");
    const struct devnet_node *node = devnet_find(devnet, name);
    bool ended = node != NULL && devnet_node_has_ended(node);
    add(groups, ended ? "ended by itself" : text_of(entry, "state"), name);
}

static void add_between(json_t *groups, const json_t *entry)
{
    char *name = text_format("the %s", text_of(entry, "name"));
    bool ended = strcmp(text_of(entry, "state"), "down") == 0;
    add(groups, ended ? "ended by itself" : text_of(entry, "state"), name);
    free(name);
}

/* By states, in the order of nodes. */
static json_t *group(const struct devnet *devnet, const json_t *status)
{
    json_t *groups = json_object();
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(status, "nodes"), index, entry)
    {
        add_node(groups, devnet, entry);
    }
    json_array_foreach(json_object_get(status, "between"), index, entry)
    {
        add_between(groups, entry);
    }
    return groups;
}

static void append_names(struct buffer *text, const json_t *names)
{
    size_t count = json_array_size(names);
    for (size_t i = 0; i < count; i++)
        words_append_listed(text, i, count, json_string_value(json_array_get(names, i)));
}

char *report_states(const struct devnet *devnet, const json_t *status, bool live)
{
    if (!live) {
        char *names = devnet_names(devnet), *all = text_format("%s, down", names);
        free(names);
        return all;
    }
    struct buffer text = {0};
    json_t *groups = group(devnet, status), *names;
    const char *state, *before = "";
    json_object_foreach(groups, state, names)
    {
        buffer_append_text(&text, before);
        append_names(&text, names);
        buffer_append_text(&text, ", ");
        buffer_append_text(&text, state);
        before = "; ";
    }
    json_decref(groups);
    buffer_append(&text, "", 1);
    return (char *)text.data;
}
