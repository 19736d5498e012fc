#include <snappy-c.h>

#include "common/snappy_frame.h"
#include "net/gossipsub/payload.h"
#include "tests/vectors/kinds.h"

static void check_block(struct vector_case *test, const char *what, struct bytes block,
                        struct bytes data)
{
    struct chunk *payload = payload_decompress(block);
    if (payload != NULL)
        expect_bytes(test, what, data, chunk_bytes(payload));
    else
        case_fail(test, what, "a snappy block", "something else");
    chunk_unref(payload);
}

void check_snappy_block(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name input output");
    const json_t *input = case_object(test, vector, "input", "data");
    const json_t *output =
        case_object(test, vector, "output", "compressed compressedLength uncompressedLength");
    struct bytes data = case_bytes(test, input, "data");
    struct bytes compressed = case_bytes(test, output, "compressed");

    expect_number(test, "compressedLength", case_number(test, output, "compressedLength"),
                  compressed.size);
    expect_number(test, "uncompressedLength", case_number(test, output, "uncompressedLength"),
                  data.size);
    check_block(test, "compressed", compressed, data);
    struct buffer *ours = case_buffer(test);
    payload_compress(data, ours);
    check_block(test, "our encoding", buffer_bytes(ours), data);
}

static void check_frame(struct vector_case *test, const char *what, struct bytes framed,
                        struct bytes data)
{
    struct buffer *decoded = case_buffer(test);
    struct error error = {.text = ""};
    if (expect(test, snappy_frame_decode(framed, data.size, decoded, &error), what, "snappy frames",
               error.text))
        expect_bytes(test, what, data, buffer_bytes(decoded));
}

void check_snappy_frame(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name input output");
    const json_t *input = case_object(test, vector, "input", "data");
    const json_t *output =
        case_object(test, vector, "output", "framed framedLength uncompressedLength");
    struct bytes data = case_bytes(test, input, "data");
    struct bytes framed = case_bytes(test, output, "framed");

    expect_number(test, "framedLength", case_number(test, output, "framedLength"), framed.size);
    expect_number(test, "uncompressedLength", case_number(test, output, "uncompressedLength"),
                  data.size);
    check_frame(test, "framed", framed, data);
    struct buffer *ours = case_buffer(test);
    snappy_frame_encode(data, ours);
    check_frame(test, "our encoding", buffer_bytes(ours), data);
}
