#include "net/protocols/reqresp.h"

#include <stdlib.h>

#include "common/memory.h"
#include "common/snappy_frame.h"
#include "common/varint.h"
#include "net/protocols/identify.h"

enum { CODE_SIZE = 1 };

void reqresp_encode_request(struct bytes ssz, struct buffer *output)
{
    varint_append(output, ssz.size);
    snappy_frame_encode(ssz, output);
}

void reqresp_encode_response(enum reqresp_code code, struct bytes payload, struct buffer *output)
{
    buffer_append_byte(output, (uint8_t)code);
    reqresp_encode_request(payload, output);
}

/* The announced length at the start of INPUT; returns the bytes it takes, 0 while some are missing,
 * or -1. */
static int read_length(struct bytes input, size_t limit, uint64_t *length, struct error *error)
{
    int taken = varint_read(input, length);
    if (taken < 0)
        error_set(error, "request/response: the length is no varint of 64 bits");
    if (taken <= 0 || *length <= limit)
        return taken;
    error_set(error, "request/response: %llu bytes announced, at most %zu allowed",
              (unsigned long long)*length, limit);
    return -1;
}

bool reqresp_decode_request(struct bytes input, size_t limit, struct buffer *ssz,
                            struct error *error)
{
    uint64_t length;
    size_t before = ssz->size;
    int taken = read_length(input, limit, &length, error);
    if (taken == 0)
        error_set(error, "request/response: ends within the length");
    if (taken <= 0 ||
        !snappy_frame_decode(bytes_after(input, (size_t)taken), (size_t)length, ssz, error))
        return false;
    size_t decoded = ssz->size - before;
    ssz->size = decoded == length ? ssz->size : before;
    return decoded == length ||
           error_set(error, "request/response: %llu bytes announced, %zu uncompressed",
                     (unsigned long long)length, decoded);
}

/* Who leaves the code out begins with the length, and snappy's stream identifier follows. As a
 * length that is more than any error text may have: there is nothing else that it could be. */
static bool lacks_code(struct bytes input)
{
    static const uint8_t identifier[] = {0xff, 0x06};
    return input.size > sizeof(identifier) &&
           bytes_equal(bytes_of(input.data + 1, sizeof(identifier)),
                       bytes_of(identifier, sizeof(identifier)));
}

long reqresp_decode_response(struct bytes input, size_t limit, uint8_t *code,
                             struct buffer *payload, struct error *error)
{
    if (input.size < CODE_SIZE)
        return 0;
    *code = input.data[0];
    if (*code != REQRESP_SUCCESS && lacks_code(input)) {
        error_set(error, "request/response: no code before the length");
        return -1;
    }
    input = bytes_after(input, CODE_SIZE);
    uint64_t length;
    int prefix = read_length(input, *code == REQRESP_SUCCESS ? limit : REQRESP_ERROR_TEXT_MAX,
                             &length, error);
    if (prefix <= 0)
        return prefix;
    input = bytes_after(input, (size_t)prefix);
    long taken = snappy_frame_decode_prefix(input, (size_t)length, payload, error);
    return taken > 0 ? CODE_SIZE + prefix + taken : taken;
}

char *reqresp_refusal_text(uint8_t code, struct bytes payload)
{
    char *said = identify_safe_text(payload);
    char *text = text_format("refused with code %u%s%s", code, *said != '\0' ? ": " : "", said);
    free(said);
    return text;
}

size_t reqresp_encoded_max(size_t limit)
{
    size_t size = limit > REQRESP_ERROR_TEXT_MAX ? limit : REQRESP_ERROR_TEXT_MAX;
    return CODE_SIZE + VARINT_SIZE_MAX + snappy_frame_encoded_max(size);
}
