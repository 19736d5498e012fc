#include "tests/unit/json_text.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

#include "tests/unit/support.h"

json_t *json_of(const char *text)
{
    char *copy = text_copy(text);
    for (char *quote = copy; (quote = strchr(quote, '\'')) != NULL;)
        *quote = '"';
    json_error_t error;
    json_t *value = json_loads(copy, 0, &error);
    if (value == NULL)
        fail_msg("%s: %s", copy, error.text);
    free(copy);
    return value;
}
