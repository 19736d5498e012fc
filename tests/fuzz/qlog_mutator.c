#include "tests/fuzz/qlog_mutator.h"

#include <string.h>

#include "common/buffer.h"
#include "net/qlog/record.h"
#include "tests/fuzz/fuzz.h"

enum {
    RECORDS_MAX = 4096,
    EVENTS_DEPTH = 4, /* of a document: {"traces":[{"events":[ */
};

struct records {
    struct bytes items[RECORDS_MAX]; /* what separates them belongs to the one before */
    size_t count;
};

struct luck {
    uint32_t state;
};

static bool mutated;

bool qlog_was_mutated(void)
{
    return mutated;
}

/* From 0 to below LIMIT, which is not 0. */
static size_t draw(struct luck *luck, size_t limit)
{
    luck->state = luck->state * 1664525 + 1013904223;
    return (luck->state >> 8) % limit;
}

struct place {
    unsigned depth;
    bool in_string, escaped;
};

/* Whether a record ends behind BYTE. */
static bool ends_record(struct place *place, uint8_t byte)
{
    if (byte == QLOG_RECORD_SEPARATOR)
        *place = (struct place){0};
    if (place->in_string) {
        place->in_string = place->escaped || byte != '"';
        place->escaped = !place->escaped && byte == '\\';
        return false;
    }
    place->in_string = byte == '"';
    place->depth += byte == '{' || byte == '[';
    place->depth -= (byte == '}' || byte == ']') && place->depth > 0;
    return (byte == '\n' && place->depth == 0) || (byte == ',' && place->depth == EVENTS_DEPTH);
}

static void split(struct records *records, struct bytes input)
{
    struct place place = {0};
    size_t start = 0;
    records->count = 0;
    for (size_t i = 0; i < input.size && records->count + 1 < RECORDS_MAX; i++) {
        if (!ends_record(&place, input.data[i]))
            continue;
        records->items[records->count++] = bytes_of(input.data + start, i + 1 - start);
        start = i + 1;
    }
    if (start < input.size)
        records->items[records->count++] = bytes_of(input.data + start, input.size - start);
}

/* Makes room for COUNT records at AT. */
static void open_gap(struct records *records, size_t at, size_t count)
{
    memmove(&records->items[at + count], &records->items[at],
            (records->count - at) * sizeof(*records->items));
    records->count += count;
}

static void remove_record(struct records *records, size_t at)
{
    records->count--;
    memmove(&records->items[at], &records->items[at + 1],
            (records->count - at) * sizeof(*records->items));
}

/* A value in RECORD: what stands between a colon and the next mark, or all of it. */
static struct bytes choose_value(struct bytes record, struct luck *luck)
{
    const uint8_t *from = record.data + draw(luck, record.size);
    const uint8_t *end = record.data + record.size;
    const uint8_t *colon = memchr(from, ':', (size_t)(end - from));
    if (colon == NULL)
        return record;
    const uint8_t *stop = colon + 1;
    while (stop < end && memchr(",}]\n", *stop, 4) == NULL)
        stop++;
    return bytes_of(colon + 1, (size_t)(stop - colon - 1));
}

/* Puts RECORD with another value into CHANGED: one of the log, or what libFuzzer makes of it. */
static void change(struct bytes record, const struct records *records, struct luck *luck,
                   struct buffer *changed)
{
    static uint8_t value[4096];
    struct bytes old = choose_value(record, luck);
    struct bytes other = old;
    bool borrowed = draw(luck, 4) == 0;
    if (borrowed)
        other = choose_value(records->items[draw(luck, records->count)], luck);
    size_t size = other.size < sizeof(value) / 2 ? other.size : sizeof(value) / 2;
    memcpy(value, other.data, size);
    if (!borrowed)
        size = LLVMFuzzerMutate(value, size, size + 16);
    size_t before = (size_t)(old.data - record.data);
    buffer_append(changed, record.data, before);
    buffer_append(changed, value, size);
    buffer_append(changed, old.data + old.size, record.size - before - old.size);
}

/* One step; CHANGED holds the bytes of a record that is new. */
static void step(struct records *records, struct luck *luck, struct buffer *changed)
{
    size_t at = draw(luck, records->count), other = draw(luck, records->count);
    struct bytes record = records->items[at];
    switch (draw(luck, 8)) {
    case 0: /* again, somewhere */
        if (records->count < RECORDS_MAX) {
            open_gap(records, other, 1);
            records->items[other] = record;
        }
        break;
    case 1: /* elsewhere */
        remove_record(records, at);
        other = other < records->count ? other : records->count;
        open_gap(records, other, 1);
        records->items[other] = record;
        break;
    case 2:
        records->items[at] = records->items[other];
        records->items[other] = record;
        break;
    case 3:
        remove_record(records, at);
        break;
    default:
        change(record, records, luck, changed);
        records->items[at] = buffer_bytes(changed);
    }
}

static size_t join(const struct records *records, uint8_t *output, size_t limit)
{
    size_t size = 0;
    for (size_t i = 0; i < records->count && size < limit; i++) {
        struct bytes record = records->items[i];
        size_t taken = record.size < limit - size ? record.size : limit - size;
        memcpy(output + size, record.data, taken);
        size += taken;
    }
    return size;
}

size_t qlog_mutate(uint8_t *data, size_t size, size_t limit, unsigned seed)
{
    static struct records records;
    struct luck luck = {seed};
    mutated = true;
    split(&records, bytes_of(data, size));
    if (records.count == 0 || draw(&luck, 16) == 0)
        return LLVMFuzzerMutate(data, size, limit);
    struct buffer changed = {0};
    step(&records, &luck, &changed);
    struct buffer joined = {0};
    uint8_t *output = buffer_extend(&joined, limit);
    size = join(&records, output, limit);
    memcpy(data, output, size);
    buffer_clear(&joined);
    buffer_clear(&changed);
    return size;
}

size_t qlog_splice(const uint8_t *data, size_t size, const uint8_t *other, size_t other_size,
                   uint8_t *output, size_t limit, unsigned seed)
{
    static struct records records, others;
    struct luck luck = {seed};
    mutated = true;
    split(&records, bytes_of(data, size));
    split(&others, bytes_of(other, other_size));
    if (others.count > 0) {
        size_t first = draw(&luck, others.count), count = 1 + draw(&luck, others.count - first);
        if (count > RECORDS_MAX - records.count)
            count = RECORDS_MAX - records.count;
        size_t at = draw(&luck, records.count + 1);
        open_gap(&records, at, count);
        memcpy(&records.items[at], &others.items[first], count * sizeof(*others.items));
    }
    return join(&records, output, limit);
}
