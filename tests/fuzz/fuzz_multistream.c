/* Whatever a peer sends, in whatever pieces: no crash, the limits hold, and the pieces do not
 * matter. The first byte says who we are and how the rest is cut. */
#include "net/protocols/multistream.h"
#include "tests/fuzz/fuzz.h"

static bool knows_ping(void *context, const char *protocol)
{
    (void)context;
    return strcmp(protocol, "/ipfs/ping/1.0.0") == 0;
}

struct outcome {
    enum multistream_state state;
    size_t taken;
    struct buffer output;
};

static struct outcome negotiate(bool opener, struct bytes data, size_t piece)
{
    struct multistream negotiation;
    struct outcome outcome = {0};
    if (opener)
        multistream_open(&negotiation, "/ipfs/ping/1.0.0", &outcome.output);
    else
        multistream_accept(&negotiation);
    while (data.size > 0 && negotiation.state == MULTISTREAM_PENDING) {
        struct error error = {0};
        size_t size = data.size < piece ? data.size : piece;
        size_t taken = multistream_receive(&negotiation, bytes_of(data.data, size), knows_ping,
                                           NULL, &outcome.output, &error);
        require(taken <= size);
        require(taken == size || negotiation.state != MULTISTREAM_PENDING);
        require((negotiation.state == MULTISTREAM_FAILED) == (error.text[0] != '\0'));
        require(negotiation.input.size <= MULTISTREAM_MESSAGE_MAX + 2);
        require(strlen(negotiation.protocol) < MULTISTREAM_MESSAGE_MAX);
        outcome.taken += taken;
        data = bytes_after(data, taken);
    }
    outcome.state = negotiation.state;
    multistream_clear(&negotiation);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    bool opener = data[0] & 1;
    struct bytes input = bytes_of(data + 1, size - 1);
    struct outcome whole = negotiate(opener, input, SIZE_MAX);
    struct outcome pieces = negotiate(opener, input, 1 + (data[0] >> 1));
    require(whole.state == pieces.state);
    require(whole.state == MULTISTREAM_FAILED || whole.taken == pieces.taken);
    require(bytes_equal(buffer_bytes(&whole.output), buffer_bytes(&pieces.output)));
    buffer_clear(&whole.output);
    buffer_clear(&pieces.output);
    return 0;
}
