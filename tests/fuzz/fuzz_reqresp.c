/* Requests and responses, and with them snappy's framing: what decodes is within its limit and
 * survives another round trip; what does not leaves nothing behind. The first byte is the limit. */
#include "common/snappy_frame.h"
#include "net/protocols/reqresp.h"
#include "tests/fuzz/fuzz.h"

static void request(struct bytes input, size_t limit)
{
    struct buffer ssz = {0}, again = {0}, encoded = {0};
    struct error error = {0};
    if (reqresp_decode_request(input, limit, &ssz, &error)) {
        require(ssz.size <= limit);
        reqresp_encode_request(buffer_bytes(&ssz), &encoded);
        require(encoded.size <= reqresp_encoded_max(limit));
        require(reqresp_decode_request(buffer_bytes(&encoded), limit, &again, NULL));
        require(bytes_equal(buffer_bytes(&ssz), buffer_bytes(&again)));
    } else {
        require(ssz.size == 0 && error.text[0] != '\0');
    }
    buffer_clear(&ssz);
    buffer_clear(&again);
    buffer_clear(&encoded);
}

static void responses(struct bytes input, size_t limit)
{
    for (;;) {
        struct buffer payload = {0};
        struct error error = {0};
        uint8_t code = 0;
        long taken = reqresp_decode_response(input, limit, &code, &payload, &error);
        require((taken < 0) == (error.text[0] != '\0'));
        require(taken <= (long)input.size);
        require(payload.size <= (code == REQRESP_SUCCESS ? limit : REQRESP_ERROR_TEXT_MAX));
        require(taken > 0 || payload.size == 0);
        buffer_clear(&payload);
        if (taken <= 0)
            return;
        input = bytes_after(input, (size_t)taken);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t limit = data[0] < 0x80 ? data[0] : (size_t)(data[0] & 0x7f) << 12;
    struct bytes input = bytes_of(data + 1, size - 1);
    request(input, limit);
    responses(input, limit);
    struct buffer output = {0};
    snappy_frame_decode(input, limit, &output, NULL);
    require(output.size <= limit);
    buffer_clear(&output);
    return 0;
}
