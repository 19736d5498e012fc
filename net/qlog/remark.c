#include "net/qlog/remark.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

void qlog_remarks_add(struct qlog_remarks *remarks, const char *path, const char *text)
{
    remarks->items = memory_resize(remarks->items, (remarks->count + 1) * sizeof(*remarks->items));
    remarks->items[remarks->count++] =
        (struct qlog_remark){.path = text_copy(path), .text = text_copy(text)};
}

bool qlog_remarks_has(const struct qlog_remarks *remarks, const char *path, const char *text)
{
    for (size_t i = 0; i < remarks->count; i++)
        if (strcmp(remarks->items[i].path, path) == 0 && strcmp(remarks->items[i].text, text) == 0)
            return true;
    return false;
}

void qlog_remarks_clear(struct qlog_remarks *remarks)
{
    for (size_t i = 0; i < remarks->count; i++) {
        free(remarks->items[i].path);
        free(remarks->items[i].text);
    }
    free(remarks->items);
    *remarks = (struct qlog_remarks){0};
}
