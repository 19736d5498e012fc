#include "tests/unit/vectors.h"

#include <stdlib.h>

#include "common/hex.h"
#include "common/memory.h"
#include "tests/unit/support.h"

static json_t *load(const char *name, size_t flags)
{
    const char *folder = getenv("VECTORS");
    char *path = text_format("%s/%s", folder != NULL ? folder : "tests/vectors", name);
    json_error_t error;
    json_t *vectors = json_load_file(path, flags | JSON_REJECT_DUPLICATES, &error);
    if (vectors == NULL)
        fail_msg("%s: line %d: %s", path, error.line, error.text);
    if (json_array_size(vectors) + json_object_size(vectors) == 0)
        fail_msg("%s: no cases", path);
    free(path);
    return vectors;
}

json_t *vectors_load(const char *name)
{
    return load(name, 0);
}

json_t *vectors_load_reals(const char *name)
{
    return load(name, JSON_DECODE_INT_AS_REAL);
}

const char *vector_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL)
        fail_msg("a vector has no text named \"%s\"", key);
    return text;
}

struct buffer vector_bytes(const json_t *object, const char *key)
{
    struct buffer bytes = {0};
    if (!hex_read(vector_text(object, key), &bytes))
        fail_msg("a vector's \"%s\" is not hexadecimal", key);
    return bytes;
}
