#include "net/mesh/dot.h"

#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "net/mesh/members.h"

static bool is(const json_t *object, const char *member, const char *value)
{
    const char *text = text_member(object, member);
    return text != NULL && strcmp(text, value) == 0;
}

/* ---- the language ---- */

/* The first SIZE bytes of TEXT, or fewer: no character is cut. */
static struct bytes cut(const char *text, size_t size)
{
    struct bytes whole = bytes_of_text(text);
    size_t kept = 0;
    while (kept < whole.size) {
        uint32_t character;
        size_t next = utf8_read(bytes_after(whole, kept), &character);
        next = next > 0 ? next : 1;
        if (kept + next > size)
            break;
        kept += next;
    }
    return bytes_of(text, kept);
}

/*
 * Text within quotes. Graphviz takes a backslash for the start of an escape in what is shown, and
 * "&amp;" for a character, in names too.
 */
static void put_text(struct buffer *output, struct bytes text)
{
    char *safe = utf8_safe_text(text);
    for (const char *next = safe; *next != '\0'; next++) {
        if (*next == '&')
            buffer_append_text(output, "&amp;");
        else if (*next == '"' || *next == '\\')
            buffer_append(output, (char[]){'\\', *next}, 2);
        else
            buffer_append_byte(output, (uint8_t)*next);
    }
    free(safe);
}

/* Names are whole, as they tell nodes apart. */
static void put_name(struct buffer *output, const char *name)
{
    buffer_append_byte(output, '"');
    put_text(output, bytes_of_text(name));
    buffer_append_byte(output, '"');
}

static void open_attribute(struct buffer *output, const char *name)
{
    buffer_append_text(output, output->data[output->size - 1] == '[' ? "" : ", ");
    buffer_append_text(output, name);
    buffer_append_text(output, "=\"");
}

static void put_attribute(struct buffer *output, const char *name, const char *value)
{
    open_attribute(output, name);
    put_text(output, cut(value, DOT_TEXT_MAX));
    buffer_append_byte(output, '"');
}

/* Lines, of which those that are NULL are left out; in the middle of each other. */
static void put_lines(struct buffer *output, const char *name, const char *const *lines,
                      size_t count)
{
    bool first = true;
    open_attribute(output, name);
    for (size_t i = 0; i < count; i++) {
        if (lines[i] == NULL)
            continue;
        buffer_append_text(output, first ? "" : "\\n");
        put_text(output, cut(lines[i], DOT_TEXT_MAX));
        first = false;
    }
    buffer_append_byte(output, '"');
}

/* ---- nodes ---- */

/* The colours are dark enough to be read on white, and told apart without red and green. */
static const char RED[] = "#b42318", ORANGE[] = "#b25e09", GREY[] = "#6b7280", BLUE[] = "#1d4ed8",
                  GREEN[] = "#0f766e";

static const char *change_of(const json_t *object)
{
    const char *change = text_member(object, "change");
    return change != NULL && strcmp(change, "kept") != 0 ? change : NULL;
}

static const char *colour_of_change(const char *change)
{
    return strcmp(change, "added") == 0 ? GREEN : strcmp(change, "removed") == 0 ? RED : BLUE;
}

static const char *node_note(const json_t *node)
{
    if (is(node, "state", "unreachable"))
        return "unreachable";
    if (is(node, "state", "stopped"))
        return "stopped";
    if (is(node, "state", "heard"))
        return "not asked";
    if (is(node, "state", "visited"))
        return "visited";
    if (is(node, "severity", "error"))
        return "has errors";
    if (is(node, "severity", "warning"))
        return "has warnings";
    return is(node, "told_by", "tap") ? "by a tap" : NULL;
}

static const char *node_colour(const json_t *node)
{
    if (change_of(node) != NULL)
        return colour_of_change(change_of(node));
    if (is(node, "state", "unreachable") || is(node, "state", "stopped") ||
        is(node, "severity", "error"))
        return RED;
    return is(node, "severity", "warning") ? ORANGE : is(node, "state", "heard") ? GREY : NULL;
}

static bool is_subscribed(const json_t *node)
{
    return json_array_size(json_object_get(node, "subscriptions")) > 0;
}

static void put_node(struct buffer *output, const json_t *node)
{
    const char *change = change_of(node), *colour = node_colour(node);
    const char *name = text_member(node, "name"), *label = text_member(node, "label");
    const char *lines[] = {name != NULL ? name : label, text_member(node, "agent"), node_note(node),
                           change};
    bool known = is(node, "state", "answered") || is(node, "state", "visited");
    bool dashed = !known || (change != NULL && strcmp(change, "removed") == 0);
    buffer_append_text(output, "  ");
    put_name(output, text_member(node, "id"));
    buffer_append_text(output, " [");
    put_lines(output, "label", lines, sizeof(lines) / sizeof(*lines));
    put_attribute(output, "tooltip", text_member(node, "id"));
    if (colour != NULL)
        put_attribute(output, "color", colour);
    if (colour != NULL)
        put_attribute(output, "fontcolor", colour);
    if (dashed)
        put_attribute(output, "style", "rounded,dashed");
    else if (!is_subscribed(node))
        put_attribute(output, "style", "rounded,dotted");
    buffer_append_text(output, "];\n");
}

/* ---- edges ---- */

static void put_ends(struct buffer *output, const json_t *edge)
{
    buffer_append_text(output, "  ");
    put_name(output, text_member(edge, "from"));
    buffer_append_text(output, " -> ");
    put_name(output, text_member(edge, "to"));
    buffer_append_text(output, " [");
}

/* "was one way", and so on. */
static const char *was(const json_t *edge)
{
    const json_t *before = json_object_get(edge, "was");
    return before == NULL                      ? NULL
           : is(before, "direction", "mutual") ? "was mutual"
           : is(before, "direction", "untold") ? "was told by one end"
           : is(edge, "direction", "one_way")  ? "was the other way"
                                               : "was one way";
}

static const char *edge_colour(const json_t *edge)
{
    if (change_of(edge) != NULL)
        return colour_of_change(change_of(edge));
    if (is(edge, "direction", "one_way"))
        return RED;
    return is(edge, "direction", "mutual") ? NULL : GREY;
}

/* TOPIC is shown where there are several, and NULL otherwise. */
static void put_edge(struct buffer *output, const json_t *edge, const char *topic)
{
    const char *change = change_of(edge), *colour = edge_colour(edge);
    bool one_way = is(edge, "direction", "one_way"), mutual = is(edge, "direction", "mutual");
    bool removed = change != NULL && strcmp(change, "removed") == 0;
    const char *lines[] = {topic, one_way ? "one way" : NULL, was(edge) ? was(edge) : change};
    put_ends(output, edge);
    put_attribute(output, "dir", mutual ? "both" : "forward");
    if (topic != NULL || one_way || change != NULL)
        put_lines(output, "label", lines, sizeof(lines) / sizeof(*lines));
    if (colour != NULL)
        put_attribute(output, "color", colour);
    if (colour != NULL)
        put_attribute(output, "fontcolor", colour);
    if (removed || !mutual)
        put_attribute(output, "style", removed ? "dotted" : "dashed");
    if (one_way || (change != NULL && !removed))
        put_attribute(output, "penwidth", "2");
    buffer_append_text(output, "];\n");
}

static void put_edges(struct buffer *output, const json_t *drawing)
{
    const json_t *topics = json_object_get(drawing, "topics"), *item;
    json_t *labels = json_object();
    size_t index;
    json_array_foreach(topics, index, item)
    {
        json_object_set(labels, text_member(item, "name"), json_object_get(item, "label"));
    }
    bool several = json_array_size(topics) > 1;
    json_array_foreach(json_object_get(drawing, "edges"), index, item)
    {
        put_edge(output, item, several ? text_member(labels, text_member(item, "topic")) : NULL);
    }
    json_decref(labels);
}

/* ---- connections ---- */

/* Two nodes, whichever is named first. */
static char *pair_of(const json_t *link)
{
    const char *a = text_member(link, "from"), *b = text_member(link, "to");
    bool ordered = strcmp(a, b) < 0;
    return text_format("%s\n%s", ordered ? a : b, ordered ? b : a);
}

static void put_connection(struct buffer *output, const json_t *connection)
{
    const char *change = change_of(connection);
    bool one_way = is(connection, "direction", "one_way");
    const char *lines[] = {one_way ? "connected one way" : NULL, change};
    put_ends(output, connection);
    put_attribute(output, "dir", one_way ? "forward" : "none");
    put_attribute(output, "style", "dotted");
    put_attribute(output, "color",
                  change != NULL ? colour_of_change(change)
                  : one_way      ? ORANGE
                                 : GREY);
    if (one_way || change != NULL)
        put_lines(output, "label", lines, sizeof(lines) / sizeof(*lines));
    buffer_append_text(output, "];\n");
}

static void put_connections(struct buffer *output, const json_t *drawing)
{
    json_t *drawn = json_object();
    size_t index;
    const json_t *link;
    json_array_foreach(json_object_get(drawing, "edges"), index, link)
    {
        char *pair = pair_of(link);
        json_object_set_new(drawn, pair, json_true());
        free(pair);
    }
    json_array_foreach(json_object_get(drawing, "connections"), index, link)
    {
        char *pair = pair_of(link);
        if (json_object_get(drawn, pair) == NULL)
            put_connection(output, link);
        free(pair);
    }
    json_decref(drawn);
}

/* ---- the whole ---- */

static void put_head(struct buffer *output, const json_t *drawing)
{
    size_t nodes = json_array_size(json_object_get(drawing, "nodes"));
    const json_t *topics = json_object_get(drawing, "topics");
    bool precise = nodes <= DOT_PRECISE_NODES;
    const char *topic =
        json_array_size(topics) == 1 ? text_member(json_array_get(topics, 0), "name") : NULL;
    char *title = topic != NULL ? text_format("%s, %zu node%s", topic, nodes, nodes == 1 ? "" : "s")
                                : text_format("%zu topics, %zu node%s", json_array_size(topics),
                                              nodes, nodes == 1 ? "" : "s");
    buffer_append_text(output, "digraph mesh {\n  graph [");
    put_attribute(output, "label", title);
    put_attribute(output, "labelloc", "t");
    put_attribute(output, "layout", precise ? "neato" : "sfdp");
    put_attribute(output, "overlap", "false");
    put_attribute(output, "splines", precise ? "true" : "line");
    put_attribute(output, "outputorder", "edgesfirst");
    put_attribute(output, "bgcolor", "white");
    put_attribute(output, "fontname", "sans-serif");
    buffer_append_text(output,
                       "];\n  node [shape=\"box\", style=\"rounded\", fontname=\"sans-serif\", "
                       "fontsize=\"10\"];\n  edge [fontname=\"sans-serif\", fontsize=\"8\", "
                       "arrowsize=\"0.7\"];\n");
    free(title);
}

char *mesh_dot(const json_t *drawing, bool connections)
{
    struct buffer output = {0};
    size_t index;
    const json_t *node;
    put_head(&output, drawing);
    json_array_foreach(json_object_get(drawing, "nodes"), index, node)
    {
        put_node(&output, node);
    }
    put_edges(&output, drawing);
    if (connections)
        put_connections(&output, drawing);
    buffer_append_text(&output, "}\n");
    buffer_append_byte(&output, '\0');
    return (char *)output.data;
}
