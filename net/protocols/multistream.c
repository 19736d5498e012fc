#include "net/protocols/multistream.h"

#include <stdio.h>

#include "common/varint.h"

static const char header[] = "/multistream/1.0.0";
static const char not_available[] = "na";

enum {
    PREFIX_SIZE_MAX = 2, /* two bytes of length are enough for MULTISTREAM_MESSAGE_MAX */
    SHOWN_MAX = 40,      /* bytes of a peer that an error quotes */
};

static void append_message(struct buffer *output, const char *text)
{
    varint_append(output, strlen(text) + 1);
    buffer_append_text(output, text);
    buffer_append_byte(output, '\n');
}

void multistream_open(struct multistream *negotiation, const char *protocol, struct buffer *output)
{
    *negotiation = (struct multistream){.state = MULTISTREAM_PENDING, .opener = true};
    snprintf(negotiation->protocol, sizeof(negotiation->protocol), "%s", protocol);
    append_message(output, header);
    append_message(output, protocol);
}

void multistream_accept(struct multistream *negotiation)
{
    *negotiation = (struct multistream){.state = MULTISTREAM_PENDING};
}

void multistream_clear(struct multistream *negotiation)
{
    buffer_clear(&negotiation->input);
}

static bool is_printable(uint8_t byte)
{
    return byte >= ' ' && byte <= '~';
}

static void fail(struct multistream *negotiation, struct error *error, const char *expected,
                 struct bytes seen)
{
    char shown[SHOWN_MAX + 1] = "";
    for (size_t i = 0; i < seen.size && i < SHOWN_MAX; i++)
        shown[i] = (char)(is_printable(seen.data[i]) ? seen.data[i] : '.');
    bool after_refusal = !negotiation->opener && negotiation->proposals > 0;
    negotiation->state = MULTISTREAM_FAILED;
    error_set(error, "multistream-select: expected %s%s, got %zu bytes \"%s\"%s", expected,
              after_refusal ? " after our `na`" : "", seen.size, shown,
              after_refusal ? ": data sent for the protocol that was refused?" : "");
}

/*
 * Finds the message at the start of INPUT and returns the bytes it takes: 0 while some are missing,
 * -1 as soon as its length is not legal, a byte not legible, or its end no newline. TEXT is the
 * message without its newline.
 */
static long read_message(struct bytes input, struct bytes *text)
{
    struct bytes prefix = input;
    if (prefix.size > PREFIX_SIZE_MAX)
        prefix.size = PREFIX_SIZE_MAX;
    uint64_t length;
    int prefix_size = varint_read(prefix, &length);
    if (prefix_size == 0)
        return prefix.size < PREFIX_SIZE_MAX ? 0 : -1;
    if (length < 2 || length > MULTISTREAM_MESSAGE_MAX)
        return -1;
    size_t last = (size_t)prefix_size + length - 1;
    for (size_t i = (size_t)prefix_size; i < input.size && i <= last; i++) {
        if (i < last ? !is_printable(input.data[i]) : input.data[i] != '\n')
            return -1;
    }
    *text = bytes_of(input.data + prefix_size, length - 1);
    return input.size > last ? (long)last + 1 : 0;
}

static void take_header(struct multistream *negotiation, struct bytes text, struct buffer *output,
                        struct error *error)
{
    if (!bytes_equal(text, bytes_of_text(header))) {
        fail(negotiation, error, header, text);
        return;
    }
    negotiation->header_seen = true;
    if (!negotiation->opener)
        append_message(output, header);
}

static void take_answer(struct multistream *negotiation, struct bytes text, struct error *error)
{
    if (bytes_equal(text, bytes_of_text(negotiation->protocol)))
        negotiation->state = MULTISTREAM_DONE;
    else if (bytes_equal(text, bytes_of_text(not_available)))
        negotiation->state = MULTISTREAM_REJECTED;
    else
        fail(negotiation, error, "an echo of the protocol or `na`", text);
}

static void take_proposal(struct multistream *negotiation, struct bytes text,
                          multistream_knows knows, void *context, struct buffer *output,
                          struct error *error)
{
    if (negotiation->proposals == MULTISTREAM_PROPOSALS_MAX) {
        fail(negotiation, error, "no further proposal", text);
        return;
    }
    negotiation->proposals++;
    memcpy(negotiation->protocol, text.data, text.size);
    negotiation->protocol[text.size] = '\0';
    bool known = knows(context, negotiation->protocol);
    append_message(output, known ? negotiation->protocol : not_available);
    if (known)
        negotiation->state = MULTISTREAM_DONE;
}

/* Moves bytes of DATA to the input, no more than one message can have; returns how many. */
static size_t collect(struct multistream *negotiation, struct bytes data)
{
    size_t room = PREFIX_SIZE_MAX + MULTISTREAM_MESSAGE_MAX - negotiation->input.size;
    size_t size = data.size < room ? data.size : room;
    buffer_append(&negotiation->input, data.data, size);
    return size;
}

size_t multistream_receive(struct multistream *negotiation, struct bytes data,
                           multistream_knows knows, void *context, struct buffer *output,
                           struct error *error)
{
    size_t taken = 0;
    while (negotiation->state == MULTISTREAM_PENDING && taken < data.size) {
        size_t before = negotiation->input.size;
        size_t collected = collect(negotiation, bytes_after(data, taken));
        struct bytes text;
        long size = read_message(buffer_bytes(&negotiation->input), &text);
        if (size <= 0) {
            taken += collected;
            if (size < 0)
                fail(negotiation, error, "a multistream message",
                     buffer_bytes(&negotiation->input));
            continue;
        }
        taken += (size_t)size - before; /* one byte at least: before, it was not whole */
        if (!negotiation->header_seen)
            take_header(negotiation, text, output, error);
        else if (negotiation->opener)
            take_answer(negotiation, text, error);
        else
            take_proposal(negotiation, text, knows, context, output, error);
        negotiation->input.size = 0;
    }
    if (negotiation->state != MULTISTREAM_PENDING)
        buffer_clear(&negotiation->input);
    return taken;
}
