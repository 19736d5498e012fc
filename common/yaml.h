/*
 * A YAML file as it was read: one document, with the line of everything in it. Items are numbers;
 * 0 is none, and what is asked of it is nothing. A key that a mapping has twice is a fault, as are
 * a merge key ("<<"), whose meaning would be lost, and what is beyond the limits.
 */
#ifndef COMMON_YAML_H
#define COMMON_YAML_H

#include "common/bytes.h"
#include "common/error.h"

struct yaml_tree;
typedef int yaml_item;

enum { YAML_DEPTH_MAX = 64, YAML_ANCHORS_MAX = 1000, YAML_DIRECTIVES_MAX = 16 };

enum yaml_kind { YAML_NONE, YAML_TEXT, YAML_LIST, YAML_MAP };

/* NAME begins what is said of faults. An empty document has no root. NULL with the error set. */
struct yaml_tree *yaml_tree_parse(const char *name, struct bytes text, struct error *error);
/* NULL is allowed. */
void yaml_tree_free(struct yaml_tree *yaml);

yaml_item yaml_root(const struct yaml_tree *yaml);
enum yaml_kind yaml_kind(const struct yaml_tree *yaml, yaml_item item);
/* NULL where it is no text. A null ("~" and the like) is the text that stands there. */
const char *yaml_text(const struct yaml_tree *yaml, yaml_item item);
/* Items of a list, or pairs of a mapping. */
size_t yaml_count(const struct yaml_tree *yaml, yaml_item item);
yaml_item yaml_at(const struct yaml_tree *yaml, yaml_item item, size_t index);
/* Of a mapping; yaml_at gives the value. "" where it is no text. */
const char *yaml_key_at(const struct yaml_tree *yaml, yaml_item item, size_t index);
/* The key itself, for its line. */
yaml_item yaml_key_item_at(const struct yaml_tree *yaml, yaml_item item, size_t index);
yaml_item yaml_find(const struct yaml_tree *yaml, yaml_item map, const char *key);
/* Whether it stands for nothing: "~", "null" and the like, or an empty place. */
bool yaml_is_null(const struct yaml_tree *yaml, yaml_item item);
/* yaml_find, but that a null is nothing. */
yaml_item yaml_find_told(const struct yaml_tree *yaml, yaml_item map, const char *key);
/* From 1. */
size_t yaml_line(const struct yaml_tree *yaml, yaml_item item);
/* The characters, not bytes, of what was parsed that the item takes, from 0 and without a byte
 * order mark: an anchor, a tag and quotes belong to it. An item that comes later has a larger
 * number. */
size_t yaml_begin(const struct yaml_tree *yaml, yaml_item item);
size_t yaml_end(const struct yaml_tree *yaml, yaml_item item);
/* Sets "NAME:LINE: ...", and returns false. */
bool yaml_fault(const struct yaml_tree *yaml, yaml_item item, struct error *error,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
