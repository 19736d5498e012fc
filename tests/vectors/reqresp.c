#include "net/protocols/reqresp.h"

#include "tests/vectors/kinds.h"

/* ---- requests ---- */

static void check_request(struct vector_case *test, const char *what, struct bytes encoded,
                          struct bytes ssz)
{
    struct buffer *decoded = case_buffer(test);
    struct error error = {.text = ""};
    if (expect(test, reqresp_decode_request(encoded, REQRESP_PAYLOAD_MAX, decoded, &error), what,
               "a request", error.text))
        expect_bytes(test, what, ssz, buffer_bytes(decoded));
}

void check_reqresp_request(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name input output");
    const json_t *input = case_object(test, vector, "input", "sszData");
    const json_t *output = case_object(test, vector, "output", "encoded");
    struct bytes ssz = case_bytes(test, input, "sszData");

    check_request(test, "encoded", case_bytes(test, output, "encoded"), ssz);
    struct buffer *ours = case_buffer(test);
    reqresp_encode_request(ssz, ours);
    check_request(test, "our encoding", buffer_bytes(ours), ssz);
}

/* ---- responses ---- */

static const char chunk_members[] = "responseCode sszData";

static uint8_t response_code(struct vector_case *test, const json_t *chunk)
{
    uint64_t code = case_number(test, chunk, "responseCode");
    expect(test, code <= REQRESP_RESOURCE_UNAVAILABLE, "responseCode", "0 to 3", "another");
    return (uint8_t)code;
}

/* Takes one chunk from ENCODED. */
static void take_chunk(struct vector_case *test, const char *what, const json_t *chunk,
                       struct bytes *encoded)
{
    struct buffer *payload = case_buffer(test);
    struct error error = {.text = "it ends within a chunk"};
    uint8_t code = UINT8_MAX;
    long taken = reqresp_decode_response(*encoded, REQRESP_PAYLOAD_MAX, &code, payload, &error);
    if (!expect(test, taken > 0, what, "a response chunk", error.text))
        return;
    expect_number(test, what, response_code(test, chunk), code);
    expect_bytes(test, what, case_bytes(test, chunk, "sszData"), buffer_bytes(payload));
    *encoded = bytes_after(*encoded, (size_t)taken);
}

static void check_chunks(struct vector_case *test, const char *what, const json_t *const *chunks,
                         size_t count, struct bytes encoded)
{
    for (size_t i = 0; i < count && !case_failed(test); i++)
        take_chunk(test, what, chunks[i], &encoded);
    expect_bytes(test, what, (struct bytes){0}, encoded);
}

static void check_response(struct vector_case *test, const json_t *const *chunks, size_t count,
                           struct bytes encoded)
{
    check_chunks(test, "encoded", chunks, count, encoded);
    struct buffer *ours = case_buffer(test);
    for (size_t i = 0; i < count; i++)
        reqresp_encode_response((enum reqresp_code)response_code(test, chunks[i]),
                                case_bytes(test, chunks[i], "sszData"), ours);
    check_chunks(test, "our encoding", chunks, count, buffer_bytes(ours));
}

void check_reqresp_response(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name input output");
    const json_t *input = case_object(test, vector, "input", chunk_members);
    const json_t *output = case_object(test, vector, "output", "encoded");
    check_response(test, &input, 1, case_bytes(test, output, "encoded"));
}

void check_reqresp_response_stream(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name input output");
    const json_t *input = case_object(test, vector, "input", "chunks");
    const json_t *output = case_object(test, vector, "output", "encoded chunkCount");
    const json_t *list = case_array(test, input, "chunks");
    size_t count = json_array_size(list);
    const json_t **chunks = case_memory(test, (count + 1) * sizeof(*chunks));
    for (size_t i = 0; i < count; i++)
        chunks[i] = case_object(test, json_array_get(list, i), NULL, chunk_members);
    expect_number(test, "chunkCount", case_number(test, output, "chunkCount"), count);
    check_response(test, chunks, count, case_bytes(test, output, "encoded"));
}
