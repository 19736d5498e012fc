#include "net/mesh/ignore.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/mesh/diff.h"

static const char *const members[] = {"kind", "topic",      "node",  "peer",
                                      "api",  "connection", "field", "change"};

static const char *text_of(const json_t *change, const char *member)
{
    const char *text = json_string_value(json_object_get(change, member));
    return text != NULL ? text : "";
}

static bool is_text(const char *start, size_t length, const char *text)
{
    return strlen(text) == length && strncmp(start, text, length) == 0;
}

/* How long what stands before the "=" is, or before the "." where there is no pattern. */
static size_t head_of(const char *rule, bool *has_pattern)
{
    size_t length = strcspn(rule, "=");
    *has_pattern = rule[length] == '=';
    return *has_pattern ? length : strcspn(rule, ".");
}

static bool check_member(const char *rule, size_t length, struct error *error)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        if (is_text(rule, length, members[i]))
            return true;
    return error_set(error,
                     "--ignore %s: a change has no \"%.*s\"; it has kind, topic, node, peer, api, "
                     "connection, field and change",
                     rule, (int)length, rule);
}

static bool check_kind(const char *rule, size_t length, struct error *error)
{
    char *known = text_copy("");
    for (const char *const *kind = mesh_change_kinds; *kind != NULL; kind++) {
        if (is_text(rule, length, *kind)) {
            free(known);
            return true;
        }
        char *longer = text_format("%s%s%s", known, *known != '\0' ? ", " : "", *kind);
        free(known);
        known = longer;
    }
    error_set(error, "--ignore %s: no such kind of change; there are %s", rule, known);
    free(known);
    return false;
}

bool mesh_ignore_check(const char *rule, struct error *error)
{
    bool has_pattern;
    size_t length = head_of(rule, &has_pattern);
    return has_pattern ? check_member(rule, length, error) : check_kind(rule, length, error);
}

static bool matches(const json_t *change, const char *rule)
{
    bool has_pattern;
    size_t length = head_of(rule, &has_pattern);
    const char *rest = rule[length] != '\0' ? rule + length + 1 : NULL;
    if (!has_pattern)
        return is_text(rule, length, text_of(change, "kind")) &&
               (rest == NULL || strcmp(rest, text_of(change, "field")) == 0);
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        if (is_text(rule, length, members[i]))
            return json_object_get(change, members[i]) != NULL &&
                   fnmatch(rest, text_of(change, members[i]), 0) == 0;
    return false;
}

json_t *mesh_ignore(const json_t *changes, const char *const *rules, size_t count)
{
    json_t *left = json_array();
    size_t index;
    json_t *change;
    json_array_foreach(changes, index, change)
    {
        bool ignored = false;
        for (size_t i = 0; i < count && !ignored; i++)
            ignored = matches(change, rules[i]);
        if (!ignored)
            json_array_append(left, change);
    }
    return left;
}
