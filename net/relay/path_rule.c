#include "net/relay/path_rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/number.h"
#include "common/options.h"

enum kind { DURATION, PERCENT, NUMBER };

static const struct {
    const char *name;
    enum kind kind;
    size_t offset; /* in struct impairment */
} keys[PATH_KEYS] = {
    {"delay", DURATION, offsetof(struct impairment, delay_ms)},
    {"jitter", DURATION, offsetof(struct impairment, jitter_ms)},
    {"loss", PERCENT, offsetof(struct impairment, loss_percent)},
    {"duplicate", PERCENT, offsetof(struct impairment, duplicate_percent)},
    {"reorder", PERCENT, offsetof(struct impairment, reorder_percent)},
    {"seed", NUMBER, offsetof(struct impairment, seed)},
};

enum { SEED_DEFAULT = 1 };

static void *place_of(struct impairment *impairment, size_t key)
{
    return (char *)impairment + keys[key].offset;
}

static const void *value_of(const struct impairment *impairment, size_t key)
{
    return (const char *)impairment + keys[key].offset;
}

/* ---- reading ---- */

static bool read_value(struct path_rule *rule, size_t key, const char *text, struct error *error)
{
    void *place = place_of(&rule->settings, key);
    uint64_t *number = place;
    double *percent = place;
    switch (keys[key].kind) {
    case DURATION:
        if (strcmp(text, "0") == 0)
            *number = 0;
        else if (!duration_parse(text, number, error))
            return error_prefix(error, "%s", keys[key].name);
        return *number <= PATH_DELAY_MAX_MS ||
               error_set(error, "%s: '%s' is over the maximum of %d s", keys[key].name, text,
                         PATH_DELAY_MAX_MS / 1000);
    case PERCENT:
        return (decimal_parse(text, percent, NULL) && *percent <= 100) ||
               error_set(error, "%s: '%s' is no percentage, from 0 to 100", keys[key].name, text);
    case NUMBER:
        return number_read(text, number) ||
               error_set(error, "%s: '%s' is no number", keys[key].name, text);
    }
    return false;
}

/* "delay=50ms"; TEXT is changed. */
static bool read_setting(struct path_rule *rule, char *text, struct error *error)
{
    if (strcmp(text, "clean") == 0) {
        rule->clean = true;
        return true;
    }
    char *equals = strchr(text, '=');
    if (equals == NULL)
        return error_set(error, "'%s': expected KEY=VALUE, as in delay=50ms, or clean", text);
    *equals = '\0';
    size_t key = 0;
    while (key < PATH_KEYS && strcmp(keys[key].name, text) != 0)
        key++;
    if (key == PATH_KEYS)
        return error_set(error,
                         "'%s' is no key: there are delay, jitter, loss, duplicate, reorder "
                         "and seed",
                         text);
    if (rule->said[key])
        return error_set(error, "%s is said twice", text);
    rule->said[key] = true;
    return read_value(rule, key, equals + 1, error);
}

static bool read_settings(struct path_rule *rule, char *text, struct error *error)
{
    for (char *one; (one = strsep(&text, ",")) != NULL;)
        if (!read_setting(rule, one, error))
            return false;
    return true;
}

/* "all" or "node1,node2". */
static bool read_nodes(struct path_rule *rule, const char *text, struct error *error)
{
    if (strcmp(text, "all") == 0)
        return true;
    const char *comma = strchr(text, ',');
    if (comma == NULL || comma == text || comma[1] == '\0' || strchr(comma + 1, ',') != NULL)
        return error_set(error, "'%s': expected two nodes, as in node1,node2, or all", text);
    rule->nodes[0] = text_format("%.*s", (int)(comma - text), text);
    rule->nodes[1] = text_copy(comma + 1);
    return strcmp(rule->nodes[0], rule->nodes[1]) != 0 ||
           error_set(error, "%s is named twice: a path is between two nodes", rule->nodes[0]);
}

bool path_rule_parse(const char *text, struct path_rule *rule, struct error *error)
{
    *rule = (struct path_rule){.settings.seed = SEED_DEFAULT};
    char *copy = text_copy(text), *colon = strchr(copy, ':');
    bool read = false;
    if (colon == NULL) {
        error_set(error, "expected NODE,NODE:KEY=VALUE,... or all:KEY=VALUE,...");
    } else {
        *colon = '\0';
        read = read_nodes(rule, copy, error) && read_settings(rule, colon + 1, error);
    }
    free(copy);
    if (read)
        return true;
    path_rule_clear(rule);
    return error_prefix(error, "%s", text);
}

void path_rule_clear(struct path_rule *rule)
{
    for (size_t i = 0; i < 2; i++) {
        free(rule->nodes[i]);
        rule->nodes[i] = NULL;
    }
}

bool path_node_check(const char *name, path_is_node *is_node, const void *context,
                     struct error *error)
{
    return is_node(context, name) || error_set(error, "%s: no such node", name);
}

bool path_rule_check(const char *text, path_is_node *is_node, const void *context,
                     struct error *error)
{
    struct path_rule rule;
    if (!path_rule_parse(text, &rule, error))
        return false;
    bool sound =
        rule.nodes[0] == NULL || (path_node_check(rule.nodes[0], is_node, context, error) &&
                                  path_node_check(rule.nodes[1], is_node, context, error));
    path_rule_clear(&rule);
    return sound || error_prefix(error, "%s", text);
}

/* ---- carrying out ---- */

bool path_rule_is_of(const struct path_rule *rule, const char *one, const char *other)
{
    if (rule->nodes[0] == NULL)
        return false;
    size_t first = strcmp(rule->nodes[0], one) == 0 ? 0 : 1;
    return strcmp(rule->nodes[first], one) == 0 && strcmp(rule->nodes[1 - first], other) == 0;
}

/* All that can be said are of one size: 64 bits. */
static void copy_setting(struct impairment *to, const struct impairment *from, size_t key)
{
    memcpy(place_of(to, key), value_of(from, key), sizeof(uint64_t));
}

void path_rule_apply(const struct path_rule *rule, struct impairment *impairment)
{
    const struct impairment clean = {.seed = SEED_DEFAULT};
    for (size_t i = 0; i < PATH_KEYS; i++)
        if (rule->said[i])
            copy_setting(impairment, &rule->settings, i);
        else if (rule->clean)
            copy_setting(impairment, &clean, i);
    if (rule->clean)
        impairment->drop_count = 0;
}

void path_rule_add(struct path_rule *rule, const struct path_rule *more)
{
    path_rule_apply(more, &rule->settings);
    for (size_t i = 0; i < PATH_KEYS; i++)
        rule->said[i] = more->said[i] || (rule->said[i] && !more->clean);
    rule->clean |= more->clean;
}

/* ---- telling ---- */

bool path_is_clean(const struct impairment *impairment)
{
    return impairment->delay_ms == 0 && impairment->jitter_ms == 0 &&
           impairment->loss_percent <= 0 && impairment->duplicate_percent <= 0 &&
           impairment->reorder_percent <= 0 && impairment->drop_count == 0;
}

/* Appends ",KEY=VALUE", or nothing where it is nothing. */
static size_t tell(const struct impairment *impairment, size_t key, char *text, size_t room)
{
    const void *value = value_of(impairment, key);
    const uint64_t *number = value;
    const double *percent = value;
    int size = 0;
    if (keys[key].kind == PERCENT && *percent > 0)
        size = snprintf(text, room, ",%s=%g", keys[key].name, *percent);
    else if (keys[key].kind == DURATION && *number > 0)
        size = snprintf(text, room, ",%s=%llums", keys[key].name, (unsigned long long)*number);
    else if (keys[key].kind == NUMBER && *number != SEED_DEFAULT)
        size = snprintf(text, room, ",%s=%llu", keys[key].name, (unsigned long long)*number);
    return size > 0 ? (size_t)size : 0;
}

void path_text(const struct impairment *impairment, char *text)
{
    size_t size = 0;
    for (size_t i = 0; i < PATH_KEYS && !path_is_clean(impairment); i++)
        size += tell(impairment, i, text + size, PATH_TEXT_SIZE - size);
    if (size == 0)
        snprintf(text, PATH_TEXT_SIZE, "clean");
    else
        memmove(text, text + 1, size); /* without the first comma */
}
