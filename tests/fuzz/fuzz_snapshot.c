#include "net/mesh/check.h"
#include "net/mesh/diff.h"
#include "net/mesh/dot.h"
#include "net/mesh/drawing.h"
#include "net/mesh/snapshot.h"
#include "tests/fuzz/fuzz.h"

static void show(json_t *changes)
{
    size_t index;
    const json_t *change;
    json_array_foreach(changes, index, change)
    {
        char *line = mesh_change_text(change);
        require(line[0] == '+' || line[0] == '-' || line[0] == '~');
        free(line);
    }
    json_decref(changes);
}

/* Each node is drawn, and what is drawn holds together: ends of edges are nodes. */
static void draw(const json_t *now, const json_t *before)
{
    static const char *const lists[] = {"edges", "connections"};
    struct error error;
    json_t *drawing = mesh_drawing(now, before, NULL, &error), *ids = json_object();
    size_t index;
    const json_t *item;
    require(drawing != NULL);
    json_array_foreach(json_object_get(drawing, "nodes"), index, item)
    {
        json_object_set_new(ids, json_string_value(json_object_get(item, "id")), json_true());
    }
    require(json_object_size(ids) == json_array_size(json_object_get(drawing, "nodes")));
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        json_array_foreach(json_object_get(drawing, lists[i]), index, item)
        {
            require(json_object_get(ids, json_string_value(json_object_get(item, "from"))) != NULL);
            require(json_object_get(ids, json_string_value(json_object_get(item, "to"))) != NULL);
        }
    }
    free(mesh_dot(drawing, true));
    json_decref(ids);
    json_decref(drawing);
}

/* A snapshot that was read is the same when it has been written and read, and equal to itself;
 * everything in it came and went, against one with nothing in it; and it can be judged. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    json_t *snapshot = snapshot_parse(bytes_of(data, size), &error);
    if (snapshot == NULL) {
        require(error.text[0] != '\0');
        return 0;
    }
    char *text = snapshot_text(snapshot);
    json_t *again = snapshot_parse(bytes_of_text(text), &error);
    require(again != NULL);
    json_t *changes = mesh_diff(snapshot, again);
    require(json_array_size(changes) == 0);
    json_decref(changes);

    json_t *verdict = mesh_check(snapshot);
    require(json_is_boolean(json_object_get(verdict, "sound")));
    json_decref(verdict);

    json_t *nothing = snapshot_new();
    draw(snapshot, NULL);
    draw(snapshot, again);
    draw(snapshot, nothing);
    draw(nothing, snapshot);
    show(mesh_diff(nothing, snapshot));
    show(mesh_diff(snapshot, nothing));
    const json_t *node = json_array_get(json_object_get(snapshot, "nodes"), 0);
    if (node != NULL && snapshot_add_node(nothing, "http://127.0.0.1:1", node, &error)) {
        show(mesh_diff(nothing, snapshot));
        show(mesh_diff(snapshot, nothing));
    }
    json_decref(nothing);
    json_decref(again);
    json_decref(snapshot);
    free(text);
    return 0;
}
