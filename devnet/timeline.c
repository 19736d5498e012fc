#include "devnet/timeline.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/memory.h"

struct timeline {
    struct names names; /* of the nodes, by their peer ids */
    json_t *events;     /* node by node */
    bool cut;
};

static bool is_traffic(const char *event)
{
    return strcmp(event, "message") == 0 || strcmp(event, "pong") == 0;
}

/* Takes the event of NAME over where it belongs here. */
static void add_event(struct timeline *timeline, const char *name, json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "event"));
    bool belongs = kind != NULL && json_is_string(json_object_get(event, "t")) && !is_traffic(kind);
    timeline->cut |= belongs && json_array_size(timeline->events) >= TIMELINE_MAX;
    if (belongs && !timeline->cut) {
        json_object_set_new(event, "node_name", json_string(name));
        names_add_peer(&timeline->names, event);
        json_array_append(timeline->events, event);
    }
    json_decref(event);
}

/* Of the node called NAME, or of what stands between, which is in FOLDER. */
static void add_events(struct timeline *timeline, const char *folder, const char *name)
{
    char *path = text_format("%s/%s/events.jsonl", folder, name), *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "re");
    while (file != NULL && getline(&line, &room, file) > 0)
        add_event(timeline, name, json_loads(line, 0, NULL));
    if (file != NULL)
        fclose(file);
    free(line);
    free(path);
}

static void add_all(struct timeline *timeline, const struct devnet *devnet, const char *folder)
{
    char *nodes = text_format("%s/nodes", folder);
    devnet_name_all(devnet, &timeline->names);
    for (size_t i = 0; i < devnet->count; i++)
        add_events(timeline, nodes, devnet->nodes[i].name);
    for (size_t i = 0; i < devnet->between_count; i++)
        add_events(timeline, folder, devnet->between[i].kind);
    free(nodes);
}

/* Those of one node stay in their order: they are further on in the list. */
struct moment {
    const char *time;
    size_t index;
};

static int compare_moments(const void *a, const void *b)
{
    const struct moment *first = a, *second = b;
    int order = strcmp(first->time, second->time);
    return order != 0 ? order : (first->index > second->index) - (first->index < second->index);
}

static void append_in_order(const json_t *events, struct buffer *lines)
{
    size_t count = json_array_size(events);
    struct moment *moments = memory_new(count * sizeof(*moments) + 1);
    for (size_t i = 0; i < count; i++)
        moments[i] =
            (struct moment){json_string_value(json_object_get(json_array_get(events, i), "t")), i};
    qsort(moments, count, sizeof(*moments), compare_moments);
    for (size_t i = 0; i < count; i++) {
        char *line =
            json_dumps(json_array_get(events, moments[i].index), JSON_COMPACT | JSON_SORT_KEYS);
        buffer_append_text(lines, line);
        buffer_append_text(lines, "\n");
        free(line);
    }
    free(moments);
}

bool timeline_write(const struct devnet *devnet, const char *folder, bool *cut, struct error *error)
{
    struct timeline timeline = {.events = json_array()};
    struct buffer lines = {0};
    char *path = text_format("%s/timeline.jsonl", folder);
    add_all(&timeline, devnet, folder);
    append_in_order(timeline.events, &lines);
    bool written = file_write(path, buffer_bytes(&lines), 0666, error);
    *cut = timeline.cut;
    free(path);
    buffer_clear(&lines);
    json_decref(timeline.events);
    names_clear(&timeline.names);
    return written;
}
