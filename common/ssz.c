#include "common/ssz.h"

#include <string.h>

#include "common/buffer.h"
#include "common/sha256.h"

/* ---- parts ---- */

static size_t field_width(const struct ssz_type *type)
{
    size_t fixed = ssz_fixed_size(type);
    return fixed > 0 ? fixed : SSZ_OFFSET_SIZE;
}

size_t ssz_fixed_size(const struct ssz_type *type)
{
    if (type->kind == SSZ_UINT || type->kind == SSZ_BYTES)
        return type->size;
    size_t total = 0;
    for (const struct ssz_field *field = type->fields; field != NULL && field->name; field++) {
        size_t size = ssz_fixed_size(field->type);
        if (size == 0)
            return 0;
        total += size;
    }
    return total;
}

uint64_t ssz_number(struct bytes ssz, size_t position, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)ssz.data[position + i] << 8 * i;
    return number;
}

static size_t read_offset(struct bytes ssz, size_t position)
{
    return (size_t)ssz_number(ssz, position, SSZ_OFFSET_SIZE);
}

/* Of a list that has a form: those of varying size have an offset each, the first behind all. */
static size_t list_count(const struct ssz_type *list, struct bytes ssz)
{
    size_t size = ssz_fixed_size(list->element);
    if (ssz.size == 0)
        return 0;
    return size > 0 ? ssz.size / size : read_offset(ssz, 0) / SSZ_OFFSET_SIZE;
}

/* Element INDEX of COUNT: false where offsets contradict. */
static bool take_element(const struct ssz_type *list, struct bytes ssz, size_t index, size_t count,
                         struct bytes *part)
{
    size_t size = ssz_fixed_size(list->element);
    size_t start = index * size, end = start + size;
    if (size == 0) {
        start = read_offset(ssz, index * SSZ_OFFSET_SIZE);
        end = index + 1 < count ? read_offset(ssz, (index + 1) * SSZ_OFFSET_SIZE) : ssz.size;
    }
    if (start > end || end > ssz.size)
        return false;
    *part = bytes_of(ssz.data + start, end - start);
    return true;
}

/* Without the one that ends the list, which is the highest of the last byte. */
static size_t bit_count(struct bytes ssz)
{
    size_t bits = 8 * ssz.size;
    for (unsigned last = ssz.data[ssz.size - 1]; (last & 0x80) == 0; last <<= 1)
        bits--;
    return bits - 1;
}

/* Of what stands before the fields of varying size: fixed fields, and offsets of the others. */
static size_t head_size(const struct ssz_type *container)
{
    size_t size = 0;
    for (const struct ssz_field *field = container->fields; field->name != NULL; field++)
        size += field_width(field->type);
    return size;
}

/* Where the field of varying size ends that stands before NEXT: where the next such one begins. */
static size_t end_of(const struct ssz_field *next, struct bytes ssz, size_t position)
{
    for (; next->name != NULL; position += field_width(next->type), next++)
        if (ssz_fixed_size(next->type) == 0)
            return read_offset(ssz, position);
    return ssz.size;
}

/* The bytes of FIELD, which stands at POSITION of the head: false where offsets contradict. */
static bool take_field(const struct ssz_field *field, struct bytes ssz, size_t *position,
                       struct bytes *part)
{
    size_t start = *position, fixed = ssz_fixed_size(field->type);
    *position += field_width(field->type);
    size_t end = *position;
    if (fixed == 0) {
        start = read_offset(ssz, start);
        end = end_of(field + 1, ssz, end);
    }
    if (start > end || end > ssz.size)
        return false;
    *part = bytes_of(ssz.data + start, end - start);
    return true;
}

/* ---- form ---- */

static bool check_list_form(const struct ssz_type *list, struct bytes ssz, struct error *error)
{
    size_t size = ssz_fixed_size(list->element);
    if (size > 0 && ssz.size % size != 0)
        return error_set(error, "%zu bytes are no list of elements of %zu", ssz.size, size);
    if (size > 0 || ssz.size == 0)
        return true;
    size_t first = ssz.size >= SSZ_OFFSET_SIZE ? read_offset(ssz, 0) : 0;
    return (first > 0 && first <= ssz.size && first % SSZ_OFFSET_SIZE == 0) ||
           error_set(error, "the first offset is not that of the elements' beginning");
}

static bool check_list(const struct ssz_type *list, struct bytes ssz, struct error *error)
{
    if (!check_list_form(list, ssz, error))
        return false;
    size_t count = list_count(list, ssz);
    if (count > list->limit)
        return error_set(error, "%zu elements; at most %zu are allowed", count, list->limit);
    if (list->element->kind == SSZ_UINT || list->element->kind == SSZ_BYTES)
        return true;
    for (size_t i = 0; i < count; i++) {
        struct bytes part;
        if (!take_element(list, ssz, i, count, &part))
            return error_set(error, "element %zu: its offset is wrong", i);
        if (!ssz_check(list->element, part, error))
            return error_prefix(error, "element %zu", i);
    }
    return true;
}

static bool check_bits(const struct ssz_type *list, struct bytes ssz, struct error *error)
{
    if (ssz.size == 0 || ssz.data[ssz.size - 1] == 0)
        return error_set(error, "no bit ends the list of bits");
    return bit_count(ssz) <= list->limit ||
           error_set(error, "%zu bits; at most %zu are allowed", bit_count(ssz), list->limit);
}

/* What varies begins right behind the head. */
static bool check_head(const struct ssz_type *container, struct bytes ssz, struct error *error)
{
    size_t head = head_size(container);
    if (ssz.size < head || (ssz_fixed_size(container) > 0 && ssz.size != head))
        return error_set(error, "%zu bytes; expected %zu", ssz.size, head);
    size_t position = 0;
    for (const struct ssz_field *field = container->fields; field->name != NULL; field++) {
        if (ssz_fixed_size(field->type) == 0)
            return read_offset(ssz, position) == head ||
                   error_set(error, "the first offset is not that of the head's end");
        position += field_width(field->type);
    }
    return true;
}

static bool check_container(const struct ssz_type *container, struct bytes ssz, struct error *error)
{
    if (!check_head(container, ssz, error))
        return false;
    size_t position = 0;
    for (const struct ssz_field *field = container->fields; field->name != NULL; field++) {
        struct bytes part;
        if (!take_field(field, ssz, &position, &part))
            return error_set(error, "%s: its offset is wrong", field->name);
        if (!ssz_check(field->type, part, error))
            return error_prefix(error, "%s", field->name);
    }
    return true;
}

bool ssz_check(const struct ssz_type *type, struct bytes ssz, struct error *error)
{
    if (type->kind == SSZ_LIST)
        return check_list(type, ssz, error);
    if (type->kind == SSZ_BITLIST)
        return check_bits(type, ssz, error);
    if (type->kind == SSZ_CONTAINER)
        return check_container(type, ssz, error);
    return ssz.size == type->size ||
           error_set(error, "%zu bytes; expected %zu", ssz.size, type->size);
}

/* ---- root ---- */

static void append_zeros(struct buffer *buffer, size_t size)
{
    if (size > 0)
        memset(buffer_extend(buffer, size), 0, size);
}

/* Hashes CHUNKS, of 32 bytes each, in pairs, up to the tree's depth for LIMIT of them. */
static void merkleize(struct buffer *chunks, size_t limit, uint8_t root[SSZ_ROOT_SIZE])
{
    uint8_t zero[2 * SSZ_ROOT_SIZE] = {0}; /* the root of an empty subtree, twice */
    if (chunks->size == 0)
        append_zeros(chunks, SSZ_ROOT_SIZE);
    for (size_t width = 1; width < limit; width *= 2) {
        size_t count = chunks->size / SSZ_ROOT_SIZE;
        if (count % 2 != 0)
            buffer_append(chunks, zero, SSZ_ROOT_SIZE);
        count = (count + 1) / 2;
        for (size_t i = 0; i < count; i++)
            sha256(bytes_of(chunks->data + 2 * i * SSZ_ROOT_SIZE, sizeof(zero)),
                   chunks->data + i * SSZ_ROOT_SIZE);
        chunks->size = count * SSZ_ROOT_SIZE;
        sha256(bytes_of(zero, sizeof(zero)), zero);
        memcpy(zero + SSZ_ROOT_SIZE, zero, SSZ_ROOT_SIZE);
    }
    memcpy(root, chunks->data, SSZ_ROOT_SIZE);
}

static size_t chunk_count(size_t size)
{
    return (size + SSZ_ROOT_SIZE - 1) / SSZ_ROOT_SIZE;
}

/* Numbers and bytes: as they are, zeros behind them. Returns the limit in chunks. */
static size_t pack(struct bytes ssz, struct buffer *chunks)
{
    buffer_append(chunks, ssz.data, ssz.size);
    append_zeros(chunks, chunk_count(ssz.size) * SSZ_ROOT_SIZE - ssz.size);
    return chunk_count(ssz.size);
}

static void append_root(const struct ssz_type *type, struct bytes ssz, struct buffer *chunks)
{
    uint8_t root[SSZ_ROOT_SIZE];
    ssz_root(type, ssz, root);
    buffer_append(chunks, root, sizeof(root));
}

static size_t collect_list(const struct ssz_type *list, struct bytes ssz, struct buffer *chunks)
{
    if (list->element->kind == SSZ_UINT) {
        pack(ssz, chunks);
        return chunk_count(list->limit * list->element->size);
    }
    size_t count = list_count(list, ssz);
    for (size_t i = 0; i < count; i++) {
        struct bytes part = {0};
        take_element(list, ssz, i, count, &part);
        append_root(list->element, part, chunks);
    }
    return list->limit;
}

static size_t collect_bits(const struct ssz_type *list, struct bytes ssz, struct buffer *chunks)
{
    size_t count = bit_count(ssz);
    if (count > 0) {
        pack(bytes_of(ssz.data, (count + 7) / 8), chunks);
        if (count % 8 != 0) /* the bit that ends the list is not among them */
            chunks->data[count / 8] &= (uint8_t) ~(1U << count % 8);
    }
    return chunk_count((list->limit + 7) / 8);
}

static size_t collect_fields(const struct ssz_type *container, struct bytes ssz,
                             struct buffer *chunks)
{
    size_t count = 0, position = 0;
    for (; container->fields[count].name != NULL; count++) {
        struct bytes part = {0};
        take_field(&container->fields[count], ssz, &position, &part);
        append_root(container->fields[count].type, part, chunks);
    }
    return count;
}

static void mix_in_length(size_t length, uint8_t root[SSZ_ROOT_SIZE])
{
    uint8_t pair[2 * SSZ_ROOT_SIZE] = {0};
    memcpy(pair, root, SSZ_ROOT_SIZE);
    for (size_t i = 0; i < sizeof(length); i++)
        pair[SSZ_ROOT_SIZE + i] = (uint8_t)(length >> 8 * i);
    sha256(bytes_of(pair, sizeof(pair)), root);
}

void ssz_root(const struct ssz_type *type, struct bytes ssz, uint8_t root[SSZ_ROOT_SIZE])
{
    struct buffer chunks = {0};
    size_t limit = type->kind == SSZ_LIST        ? collect_list(type, ssz, &chunks)
                   : type->kind == SSZ_BITLIST   ? collect_bits(type, ssz, &chunks)
                   : type->kind == SSZ_CONTAINER ? collect_fields(type, ssz, &chunks)
                                                 : pack(ssz, &chunks);
    merkleize(&chunks, limit, root);
    buffer_clear(&chunks);
    if (type->kind == SSZ_LIST)
        mix_in_length(list_count(type, ssz), root);
    else if (type->kind == SSZ_BITLIST)
        mix_in_length(bit_count(ssz), root);
}
