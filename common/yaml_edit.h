/* A YAML file with other texts in the place of some, and all else as it was: order, layout,
 * comments, quotes, anchors. */
#ifndef COMMON_YAML_EDIT_H
#define COMMON_YAML_EDIT_H

#include "common/buffer.h"
#include "common/yaml.h"

/* TEXT needs no quotes and no escapes. */
struct yaml_edit {
    yaml_item item; /* a text */
    const char *text;
};

/*
 * Appends SOURCE, of which YAML was parsed, with COUNT edits made, whose order changes. Of several
 * edits of one item, as aliases lead to, the first is made. False with the error set where SOURCE
 * is not in UTF-8.
 */
bool yaml_edit(const struct yaml_tree *yaml, struct bytes source, struct yaml_edit *edits,
               size_t count, struct buffer *output, struct error *error);

#endif
