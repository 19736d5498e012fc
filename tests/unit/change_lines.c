#include "tests/unit/change_lines.h"

#include <stdlib.h>

#include "common/memory.h"
#include "net/mesh/diff.h"

char *lines_of(const json_t *changes)
{
    char *lines = text_copy("");
    size_t index;
    const json_t *change;
    json_array_foreach(changes, index, change)
    {
        char *line = mesh_change_text(change), *longer = text_format("%s%s\n", lines, line);
        free(line);
        free(lines);
        lines = longer;
    }
    return lines;
}
