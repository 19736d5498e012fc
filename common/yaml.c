#include "common/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "common/memory.h"

struct yaml_tree {
    char *name;
    yaml_document_t document;
};

static yaml_node_t *node_of(const struct yaml_tree *yaml, yaml_item item)
{
    return item > 0 ? yaml_document_get_node((yaml_document_t *)(uintptr_t)&yaml->document, item)
                    : NULL;
}

/* ---- limits: the library's own work grows with the square of what is counted here ---- */

struct census {
    size_t depth, anchors, directives;
};

static void count(struct census *census, yaml_token_type_t type)
{
    switch (type) {
    case YAML_BLOCK_SEQUENCE_START_TOKEN:
    case YAML_BLOCK_MAPPING_START_TOKEN:
    case YAML_FLOW_SEQUENCE_START_TOKEN:
    case YAML_FLOW_MAPPING_START_TOKEN:
        census->depth++;
        break;
    case YAML_BLOCK_END_TOKEN:
    case YAML_FLOW_SEQUENCE_END_TOKEN:
    case YAML_FLOW_MAPPING_END_TOKEN:
        census->depth -= census->depth > 0;
        break;
    case YAML_ANCHOR_TOKEN:
        census->anchors++;
        break;
    case YAML_TAG_DIRECTIVE_TOKEN:
        census->directives++;
        break;
    default:
        break;
    }
}

static bool is_within(const struct census *census, const char *name, size_t line,
                      struct error *error)
{
    if (census->depth > YAML_DEPTH_MAX)
        return error_set(error, "%s:%zu: nested deeper than %d", name, line, YAML_DEPTH_MAX);
    if (census->anchors > YAML_ANCHORS_MAX)
        return error_set(error, "%s:%zu: more than %d anchors", name, line, YAML_ANCHORS_MAX);
    return census->directives <= YAML_DIRECTIVES_MAX ||
           error_set(error, "%s:%zu: more than %d %%TAG directives", name, line,
                     YAML_DIRECTIVES_MAX);
}

static void set_input(yaml_parser_t *parser, struct bytes text)
{
    if (!yaml_parser_initialize(parser))
        memory_exhausted();
    yaml_parser_set_input_string(parser, text.size > 0 ? text.data : (const uint8_t *)"",
                                 text.size);
}

/* What is no YAML is found when it is read. */
static bool check_limits(const char *name, struct bytes text, struct error *error)
{
    yaml_parser_t parser;
    yaml_token_t token;
    struct census census = {0};
    bool within = true, ended = false;
    set_input(&parser, text);
    while (within && !ended && yaml_parser_scan(&parser, &token)) {
        ended = token.type == YAML_STREAM_END_TOKEN;
        count(&census, token.type);
        within = is_within(&census, name, token.start_mark.line + 1, error);
        yaml_token_delete(&token);
    }
    yaml_parser_delete(&parser);
    return within;
}

/* ---- reading ---- */

static bool blame_parser(const char *name, const yaml_parser_t *parser, struct error *error)
{
    const char *problem = parser->problem != NULL ? parser->problem : "cannot be read";
    size_t line = parser->error == YAML_READER_ERROR ? 0 : parser->problem_mark.line + 1;
    /* Of an anchor that is there twice the problem alone is "second occurrence". */
    bool alone = parser->error != YAML_COMPOSER_ERROR || parser->context == NULL;
    if (line > 0)
        return error_set(error, "%s:%zu: not YAML: %s%s%s", name, line,
                         alone ? "" : parser->context, alone ? "" : ", ", problem);
    return error_set(error, "%s: not YAML: %s at byte %zu", name, problem, parser->problem_offset);
}

static bool load(yaml_parser_t *parser, struct yaml_tree *yaml, struct error *error)
{
    yaml_document_t second;
    if (!yaml_parser_load(parser, &yaml->document))
        return blame_parser(yaml->name, parser, error);
    if (node_of(yaml, 1) == NULL)
        return true;
    if (!yaml_parser_load(parser, &second))
        return blame_parser(yaml->name, parser, error);
    const yaml_node_t *root = yaml_document_get_root_node(&second);
    size_t line = root != NULL ? root->start_mark.line + 1 : 0;
    yaml_document_delete(&second);
    return root == NULL || error_set(error, "%s:%zu: a second document", yaml->name, line);
}

struct key {
    const char *text;
    size_t line;
};

static int compare_keys(const void *a, const void *b)
{
    const struct key *one = a, *other = b;
    int order = strcmp(one->text, other->text);
    return order != 0 ? order : (one->line > other->line) - (one->line < other->line);
}

static bool check_map(const struct yaml_tree *yaml, yaml_item map, struct error *error)
{
    size_t count = yaml_count(yaml, map);
    struct key *keys = memory_new(count * sizeof(*keys) + 1);
    const yaml_node_pair_t *pairs = node_of(yaml, map)->data.mapping.pairs.start;
    bool sound = true;
    for (size_t i = 0; i < count; i++)
        keys[i] = (struct key){yaml_key_at(yaml, map, i), yaml_line(yaml, (yaml_item)pairs[i].key)};
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 0; sound && i < count; i++)
        if (strcmp(keys[i].text, "<<") == 0)
            sound = error_set(error, "%s:%zu: <<: merging is not supported; repeat the keys",
                              yaml->name, keys[i].line);
    for (size_t i = 1; sound && i < count; i++)
        if (strcmp(keys[i].text, keys[i - 1].text) == 0)
            sound = error_set(error, "%s:%zu: %.64s: is there already, on line %zu", yaml->name,
                              keys[i].line, keys[i].text, keys[i - 1].line);
    free(keys);
    return sound;
}

static bool check_maps(const struct yaml_tree *yaml, struct error *error)
{
    for (yaml_item item = 1; node_of(yaml, item) != NULL; item++)
        if (yaml_kind(yaml, item) == YAML_MAP && !check_map(yaml, item, error))
            return false;
    return true;
}

struct yaml_tree *yaml_tree_parse(const char *name, struct bytes text, struct error *error)
{
    yaml_parser_t parser;
    if (!check_limits(name, text, error))
        return NULL;
    struct yaml_tree *yaml = memory_new(sizeof(*yaml));
    set_input(&parser, text);
    yaml->name = text_copy(name);
    bool loaded = load(&parser, yaml, error) && check_maps(yaml, error);
    yaml_parser_delete(&parser);
    if (loaded)
        return yaml;
    yaml_tree_free(yaml);
    return NULL;
}

void yaml_tree_free(struct yaml_tree *yaml)
{
    if (yaml == NULL)
        return;
    yaml_document_delete(&yaml->document);
    free(yaml->name);
    free(yaml);
}

/* ---- what is in it ---- */

yaml_item yaml_root(const struct yaml_tree *yaml)
{
    return node_of(yaml, 1) != NULL && !yaml_is_null(yaml, 1) ? 1 : 0;
}

enum yaml_kind yaml_kind(const struct yaml_tree *yaml, yaml_item item)
{
    const yaml_node_t *node = node_of(yaml, item);
    if (node == NULL || node->type == YAML_NO_NODE)
        return YAML_NONE;
    return node->type == YAML_SCALAR_NODE     ? YAML_TEXT
           : node->type == YAML_SEQUENCE_NODE ? YAML_LIST
                                              : YAML_MAP;
}

/* What holds a NUL is no text of ours. */
const char *yaml_text(const struct yaml_tree *yaml, yaml_item item)
{
    const yaml_node_t *node = node_of(yaml, item);
    if (yaml_kind(yaml, item) != YAML_TEXT)
        return NULL;
    const char *text = (const char *)node->data.scalar.value;
    return strlen(text) == node->data.scalar.length ? text : NULL;
}

size_t yaml_count(const struct yaml_tree *yaml, yaml_item item)
{
    const yaml_node_t *node = node_of(yaml, item);
    enum yaml_kind kind = yaml_kind(yaml, item);
    if (kind == YAML_LIST)
        return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (kind == YAML_MAP)
        return (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    return 0;
}

yaml_item yaml_at(const struct yaml_tree *yaml, yaml_item item, size_t index)
{
    const yaml_node_t *node = node_of(yaml, item);
    if (index >= yaml_count(yaml, item))
        return 0;
    return node->type == YAML_SEQUENCE_NODE ? node->data.sequence.items.start[index]
                                            : node->data.mapping.pairs.start[index].value;
}

yaml_item yaml_key_item_at(const struct yaml_tree *yaml, yaml_item item, size_t index)
{
    const yaml_node_t *node = node_of(yaml, item);
    if (yaml_kind(yaml, item) != YAML_MAP || index >= yaml_count(yaml, item))
        return 0;
    return node->data.mapping.pairs.start[index].key;
}

const char *yaml_key_at(const struct yaml_tree *yaml, yaml_item item, size_t index)
{
    const char *key = yaml_text(yaml, yaml_key_item_at(yaml, item, index));
    return key != NULL ? key : "";
}

yaml_item yaml_find(const struct yaml_tree *yaml, yaml_item map, const char *key)
{
    size_t count = yaml_kind(yaml, map) == YAML_MAP ? yaml_count(yaml, map) : 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(yaml_key_at(yaml, map, i), key) == 0)
            return yaml_at(yaml, map, i);
    return 0;
}

bool yaml_is_null(const struct yaml_tree *yaml, yaml_item item)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    const char *text = yaml_text(yaml, item);
    for (size_t i = 0; text != NULL && i < sizeof(nulls) / sizeof(*nulls); i++)
        if (strcmp(text, nulls[i]) == 0)
            return node_of(yaml, item)->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return false;
}

yaml_item yaml_find_told(const struct yaml_tree *yaml, yaml_item map, const char *key)
{
    yaml_item item = yaml_find(yaml, map, key);
    return yaml_is_null(yaml, item) ? 0 : item;
}

size_t yaml_line(const struct yaml_tree *yaml, yaml_item item)
{
    const yaml_node_t *node = node_of(yaml, item);
    return node != NULL ? node->start_mark.line + 1 : 1;
}

size_t yaml_begin(const struct yaml_tree *yaml, yaml_item item)
{
    const yaml_node_t *node = node_of(yaml, item);
    return node != NULL ? node->start_mark.index : 0;
}

size_t yaml_end(const struct yaml_tree *yaml, yaml_item item)
{
    const yaml_node_t *node = node_of(yaml, item);
    return node != NULL ? node->end_mark.index : 0;
}

bool yaml_fault(const struct yaml_tree *yaml, yaml_item item, struct error *error,
                const char *format, ...)
{
    char text[ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return error_set(error, "%s:%zu: %s", yaml->name, yaml_line(yaml, item), text);
}
