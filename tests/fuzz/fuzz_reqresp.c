/* Requests and responses, and with them snappy's framing: what decodes is within its limit and
 * survives another round trip; what does not leaves nothing behind. The first byte is the limit.
 * What is asked, too, by each protocol's codec: it comes out of its encoder as it was. */
#include "common/snappy_frame.h"
#include "net/protocols/blocks_by_range.h"
#include "net/protocols/blocks_by_root.h"
#include "net/protocols/reqresp.h"
#include "net/protocols/status.h"
#include "tests/fuzz/fuzz.h"

static void status(struct bytes ssz)
{
    struct status status;
    struct error error = {0};
    bool whole = status_decode(ssz, &status, &error);
    require(whole == (error.text[0] == '\0'));
    if (!whole)
        return;
    uint8_t again[STATUS_SSZ_SIZE];
    status_encode(&status, again);
    require(bytes_equal(ssz, bytes_of(again, sizeof(again))));
    require(!status_contradicts(&status, &status));
}

static void blocks_by_range(struct bytes ssz)
{
    struct block_range range;
    struct error error = {0};
    bool whole = blocks_by_range_decode(ssz, &range, &error);
    require(whole == (error.text[0] == '\0'));
    if (!whole)
        return;
    require(range.count >= 1 && range.count <= BLOCKS_BY_RANGE_MAX);
    require(range.start + range.count >= range.start);
    uint8_t again[BLOCKS_BY_RANGE_SSZ_SIZE];
    blocks_by_range_encode(range, again);
    require(bytes_equal(ssz, bytes_of(again, sizeof(again))));
}

static void blocks_by_root(struct bytes ssz)
{
    block_root_list roots;
    size_t count;
    struct error error = {0};
    bool whole = blocks_by_root_decode(ssz, &roots, &count, &error);
    require(whole == (error.text[0] == '\0'));
    if (!whole)
        return;
    require(count <= BLOCKS_BY_ROOT_MAX);
    struct buffer again = {0};
    blocks_by_root_encode(roots, count, &again);
    require(bytes_equal(ssz, buffer_bytes(&again)));
    buffer_clear(&again);
}

static void asked(struct bytes ssz)
{
    status(ssz);
    blocks_by_range(ssz);
    blocks_by_root(ssz);
}

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
        asked(buffer_bytes(&ssz));
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
    asked(input);
    request(input, limit);
    responses(input, limit);
    struct buffer output = {0};
    snappy_frame_decode(input, limit, &output, NULL);
    require(output.size <= limit);
    buffer_clear(&output);
    return 0;
}
