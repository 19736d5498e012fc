/*
 * How libFuzzer changes scripts (host_script.h): record by record, so that what it learnt of one
 * step is not lost when another becomes longer. New records are of any kind, and their beginnings
 * such as mean something: a frame of a known type, a TLS message of a type that exists.
 */
#include "common/buffer.h"
#include "common/random.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/host_script.h"

enum { RECORDS_MAX = 32, NEW_SIZE_MAX = 16, ARGUMENTS_MAX = 512 };

struct editable {
    enum host_step step;
    struct buffer arguments;
};

struct script {
    struct editable records[RECORDS_MAX];
    size_t count;
};

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max); /* libFuzzer's own */

/* ---- scripts as records ---- */

static void script_append(struct script *script, enum host_step step, struct bytes arguments)
{
    if (script->count == RECORDS_MAX)
        return;
    struct editable *record = &script->records[script->count++];
    *record = (struct editable){.step = step};
    buffer_append(&record->arguments, arguments.data, arguments.size);
}

static void script_read(struct script *script, struct bytes input)
{
    struct host_record record;
    while (script->count < RECORDS_MAX && host_record_take(&input, &record))
        script_append(script, record.step, record.arguments);
}

/* As many whole records as there is room for. */
static size_t script_write(struct script *script, uint8_t *output, size_t size_max)
{
    size_t written = 0;
    for (size_t i = 0; i < script->count; i++) {
        struct bytes arguments = buffer_bytes(&script->records[i].arguments);
        if (written + RECORD_HEADER_SIZE + arguments.size > size_max)
            break;
        output[written] = (uint8_t)script->records[i].step;
        output[written + 1] = (uint8_t)arguments.size;
        output[written + 2] = (uint8_t)(arguments.size >> 8);
        if (arguments.size > 0)
            memcpy(output + written + RECORD_HEADER_SIZE, arguments.data, arguments.size);
        written += RECORD_HEADER_SIZE + arguments.size;
    }
    return written;
}

static void script_clear(struct script *script)
{
    for (size_t i = 0; i < script->count; i++)
        buffer_clear(&script->records[i].arguments);
    script->count = 0;
}

static void remove_record(struct script *script, size_t index)
{
    buffer_clear(&script->records[index].arguments);
    script->count--;
    memmove(&script->records[index], &script->records[index + 1],
            (script->count - index) * sizeof(*script->records));
}

static void swap_records(struct script *script, size_t a, size_t b)
{
    struct editable record = script->records[a];
    script->records[a] = script->records[b];
    script->records[b] = record;
}

/* ---- new records ---- */

/* Few bytes and small numbers mean more often something than others. */
static void append_some(struct buffer *output, struct random *random)
{
    size_t size = random_below(random, random_below(random, 2) == 0 ? 3 : NEW_SIZE_MAX);
    bool small = random_below(random, 3) > 0;
    for (size_t i = 0; i < size; i++)
        buffer_append_byte(output, (uint8_t)random_below(random, small ? 2 : 256));
}

/* RFC 8446, section 4; RFC 9000, section 19. */
static void append_begin(struct buffer *output, enum host_step step, struct random *random)
{
    static const uint8_t handshake_types[] = {0, 1, 2, 4, 5, 8, 11, 13, 15, 20, 24, 254};
    enum { FRAME_TYPES = 0x20 };
    if (step == STEP_TLS || step == STEP_CRYPTO || step == STEP_FRAMES) {
        bool established = random_below(random, 4) > 0;
        buffer_append_byte(output, established ? 0 : (uint8_t)random_below(random, 3));
    }
    if (step == STEP_FRAMES)
        buffer_append_byte(output, (uint8_t)random_below(random, 2));
    if (step == STEP_FRAMES)
        buffer_append_byte(output, (uint8_t)random_below(random, FRAME_TYPES));
    if (step == STEP_TLS)
        buffer_append_byte(output, handshake_types[random_below(random, sizeof(handshake_types))]);
}

/* The layers below the streams are where most is to be said. */
static enum host_step some_step(struct random *random)
{
    static const enum host_step often[] = {STEP_TLS, STEP_TLS, STEP_CRYPTO, STEP_FRAMES};
    enum { OFTEN = sizeof(often) / sizeof(*often) };
    uint64_t choice = random_below(random, STEPS + OFTEN);
    return choice < STEPS ? (enum host_step)choice : often[choice - STEPS];
}

/* In the stead of another where there is no room. */
static void insert_new(struct script *script, struct random *random)
{
    enum host_step step = some_step(random);
    struct buffer arguments = {0};
    append_begin(&arguments, step, random);
    append_some(&arguments, random);
    if (script->count == RECORDS_MAX)
        remove_record(script, random_below(random, script->count));
    size_t place = random_below(random, script->count + 1);
    script_append(script, step, buffer_bytes(&arguments));
    for (size_t i = script->count - 1; i > place; i--)
        swap_records(script, i, i - 1);
    buffer_clear(&arguments);
}

/* ---- what libFuzzer calls ---- */

static void change_arguments(struct editable *record)
{
    size_t size = record->arguments.size < ARGUMENTS_MAX ? record->arguments.size : ARGUMENTS_MAX;
    uint8_t bytes[ARGUMENTS_MAX];
    if (size > 0)
        memcpy(bytes, record->arguments.data, size);
    size = LLVMFuzzerMutate(bytes, size, sizeof(bytes));
    record->arguments.size = 0;
    buffer_append(&record->arguments, bytes, size);
}

/* The same step, of another type or level. */
static void begin_anew(struct editable *record, struct random *random)
{
    struct buffer arguments = {0};
    append_begin(&arguments, record->step, random);
    if (record->arguments.size > arguments.size) {
        struct bytes rest = bytes_after(buffer_bytes(&record->arguments), arguments.size);
        buffer_append(&arguments, rest.data, rest.size);
    }
    buffer_clear(&record->arguments);
    record->arguments = arguments;
}

static void change_record(struct script *script, size_t index, struct random *random)
{
    struct editable *record = &script->records[index];
    switch (random_below(random, 10)) {
    case 0:
        remove_record(script, index);
        break;
    case 1:
        script_append(script, record->step, buffer_bytes(&record->arguments));
        break;
    case 2:
        swap_records(script, index, random_below(random, script->count));
        break;
    case 3:
        record->step = some_step(random);
        break;
    case 4:
    case 5:
        begin_anew(record, random);
        break;
    default:
        change_arguments(record);
    }
}

static void change(struct script *script, struct random *random)
{
    for (uint64_t left = random_below(random, 3) + 1; left > 0; left--) {
        if (script->count == 0 || random_below(random, 3) == 0)
            insert_new(script, random);
        else
            change_record(script, random_below(random, script->count), random);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    struct script script = {.count = 0};
    struct random random;
    random_seed(&random, seed);
    script_read(&script, bytes_of(data, size));
    change(&script, &random);
    size = script_write(&script, data, size_max);
    script_clear(&script);
    return size;
}

/* The beginning of one and the end of the other, at times with something new. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *output, size_t size_max, unsigned seed)
{
    struct script first = {.count = 0}, second = {.count = 0};
    struct random random;
    random_seed(&random, seed);
    script_read(&first, bytes_of(a, a_size));
    script_read(&second, bytes_of(b, b_size));
    size_t kept = random_below(&random, first.count + 1);
    while (first.count > kept)
        remove_record(&first, first.count - 1);
    for (size_t i = random_below(&random, second.count + 1); i < second.count; i++)
        script_append(&first, second.records[i].step, buffer_bytes(&second.records[i].arguments));
    if (random_below(&random, 2) == 0)
        change(&first, &random);
    size_t size = script_write(&first, output, size_max);
    script_clear(&first);
    script_clear(&second);
    return size;
}
