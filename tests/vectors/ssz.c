#include "common/ssz.h"

#include "net/protocols/blocks_by_root.h"
#include "net/protocols/lean_types.h"
#include "net/protocols/status.h"
#include "tests/vectors/kinds.h"

static const struct {
    const char *name;
    const struct ssz_type *type;
} types[] = {
    {"Status", &lean_status},
    {"BlocksByRootRequest", &lean_blocks_by_root_request},
    {"BlocksByRangeRequest", &lean_blocks_by_range_request},
    {"Checkpoint", &lean_checkpoint},
    {"Slot", &lean_slot},
    {"Uint64", &lean_slot},
    {"Bytes32", &lean_root},
};

static const struct ssz_type *find_type(struct vector_case *test, const char *name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    case_fail(test, "type", "one that is known", name);
    return NULL;
}

/* ---- the value's JSON, encoded by the type's table ---- */

static void append_value(struct vector_case *test, const struct ssz_type *type, const char *name,
                         const json_t *value, struct buffer *output);

static void append_number(uint64_t number, size_t size, struct buffer *output)
{
    for (size_t i = 0; i < size; i++)
        buffer_append_byte(output, (uint8_t)(number >> 8 * i));
}

/* Lists are {"data": [...]}. */
static void append_list(struct vector_case *test, const struct ssz_type *type, const char *name,
                        const json_t *value, struct buffer *output)
{
    size_t i;
    json_t *element;
    const json_t *list = case_array(test, case_object(test, value, NULL, "data"), "data");
    json_array_foreach(list, i, element) append_value(test, type->element, name, element, output);
}

static void append_container(struct vector_case *test, const struct ssz_type *type,
                             const json_t *value, struct buffer *output)
{
    struct buffer *names = case_buffer(test), *tail = case_buffer(test);
    size_t head = 0;
    for (const struct ssz_field *field = type->fields; field->name != NULL; field++) {
        size_t size = ssz_fixed_size(field->type);
        head += size > 0 ? size : SSZ_OFFSET_SIZE;
        buffer_append_text(names, field->name);
        buffer_append_text(names, " ");
    }
    buffer_append_byte(names, '\0');
    case_object(test, value, NULL, (const char *)names->data);
    for (const struct ssz_field *field = type->fields; field->name != NULL; field++) {
        bool fixed = ssz_fixed_size(field->type) > 0;
        if (!fixed)
            append_number(head + tail->size, SSZ_OFFSET_SIZE, output);
        append_value(test, field->type, field->name, json_object_get(value, field->name),
                     fixed ? output : tail);
    }
    buffer_append(output, tail->data, tail->size);
}

static void append_value(struct vector_case *test, const struct ssz_type *type, const char *name,
                         const json_t *value, struct buffer *output)
{
    if (type->kind == SSZ_CONTAINER) {
        append_container(test, type, value, output);
    } else if (type->kind == SSZ_LIST) {
        append_list(test, type, name, value, output);
    } else if (type->kind == SSZ_UINT) {
        append_number(case_integer(test, name, value), type->size, output);
    } else {
        struct bytes bytes = case_hex(test, name, value);
        expect_number(test, name, type->size, bytes.size);
        buffer_append(output, bytes.data, bytes.size);
    }
}

/* ---- what the protocols decode and encode themselves ---- */

static void check_status(struct vector_case *test, const json_t *value, struct bytes ssz)
{
    struct status status;
    struct error error = {.text = ""};
    uint8_t encoded[STATUS_SSZ_SIZE];
    if (!expect(test, status_decode(ssz, &status, &error), "status decoded", "a status",
                error.text))
        return;
    status_encode(&status, encoded);
    expect_bytes(test, "status encoded", ssz, bytes_of(encoded, sizeof(encoded)));
    const json_t *finalized = json_object_get(value, "finalized");
    const json_t *head = json_object_get(value, "head");
    expect_bytes(test, "finalized.root", case_bytes(test, finalized, "root"),
                 bytes_of(status.finalized.root, STATUS_ROOT_SIZE));
    expect_number(test, "finalized.slot", case_number(test, finalized, "slot"),
                  status.finalized.slot);
    expect_bytes(test, "head.root", case_bytes(test, head, "root"),
                 bytes_of(status.head.root, STATUS_ROOT_SIZE));
    expect_number(test, "head.slot", case_number(test, head, "slot"), status.head.slot);
}

static void check_blocks_by_root(struct vector_case *test, const json_t *value, struct bytes ssz)
{
    block_root_list roots;
    size_t count;
    struct error error = {.text = ""};
    if (!expect(test, blocks_by_root_decode(ssz, &roots, &count, &error), "request decoded",
                "a request", error.text))
        return;
    const json_t *expected = json_object_get(json_object_get(value, "roots"), "data");
    expect_number(test, "roots", json_array_size(expected), count);
    for (size_t i = 0; i < count; i++)
        expect_bytes(test, "roots", case_hex(test, "roots", json_array_get(expected, i)),
                     bytes_of(roots[i], BLOCK_ROOT_SIZE));
    struct buffer *encoded = case_buffer(test);
    blocks_by_root_encode(roots, count, encoded);
    expect_bytes(test, "request encoded", ssz, buffer_bytes(encoded));
}

void check_ssz(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name type value serialized root");
    const struct ssz_type *type = find_type(test, case_text(test, vector, "type"));
    const json_t *value = json_object_get(vector, "value");
    struct bytes serialized = case_bytes(test, vector, "serialized");
    if (case_failed(test))
        return;
    struct buffer *encoded = case_buffer(test);
    append_value(test, type, "value", value, encoded);
    expect_bytes(test, "serialized", serialized, buffer_bytes(encoded));

    struct error error = {.text = ""};
    uint8_t root[SSZ_ROOT_SIZE];
    expect(test, ssz_check(type, serialized, &error), "serialized", "SSZ of the type", error.text);
    if (case_failed(test))
        return;
    ssz_root(type, serialized, root);
    expect_bytes(test, "root", case_bytes(test, vector, "root"), bytes_of(root, sizeof(root)));
    if (type == &lean_status)
        check_status(test, value, serialized);
    if (type == &lean_blocks_by_root_request)
        check_blocks_by_root(test, value, serialized);
}
