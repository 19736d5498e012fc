#include "common/snappy_frame.h"
#include "common/varint.h"
#include "net/address/enr.h"
#include "net/gossipsub/payload.h"
#include "net/gossipsub/rpc.h"
#include "net/protocols/reqresp.h"
#include "tests/vectors/kinds.h"

typedef bool (*decoder)(struct bytes input, struct buffer *output, struct error *error);

static bool decode_varint(struct bytes input, struct buffer *output, struct error *error)
{
    (void)output;
    (void)error;
    uint64_t value;
    return varint_read(input, &value) > 0;
}

static bool decode_snappy_block(struct bytes input, struct buffer *output, struct error *error)
{
    (void)output;
    (void)error;
    struct chunk *payload = payload_decompress(input);
    chunk_unref(payload);
    return payload != NULL;
}

static bool decode_snappy_frame(struct bytes input, struct buffer *output, struct error *error)
{
    return snappy_frame_decode(input, REQRESP_PAYLOAD_MAX, output, error);
}

static bool decode_rpc(struct bytes input, struct buffer *output, struct error *error)
{
    (void)output;
    (void)error;
    struct arena arena = {0};
    struct rpc_reader reader = {0};
    Gossipsub__RPC slice;
    enum rpc_read read;
    do
        read = rpc_read(&reader, input, &arena, &slice);
    while (read == RPC_READ_MORE);
    arena_clear(&arena);
    return read == RPC_READ_END;
}

static bool decode_request(struct bytes input, struct buffer *output, struct error *error)
{
    return reqresp_decode_request(input, REQRESP_PAYLOAD_MAX, output, error);
}

/* One chunk and no byte behind it. */
static bool decode_response(struct bytes input, struct buffer *output, struct error *error)
{
    uint8_t code;
    long taken = reqresp_decode_response(input, REQRESP_PAYLOAD_MAX, &code, output, error);
    return taken > 0 && (size_t)taken == input.size;
}

static bool decode_enr(struct bytes input, struct buffer *output, struct error *error)
{
    (void)output;
    struct enr record;
    return enr_decode(input, &record, error);
}

static const struct {
    const char *name;
    decoder decode;
} decoders[] = {
    {"varint", decode_varint},
    {"snappy_frame", decode_snappy_frame},
    {"snappy_block", decode_snappy_block},
    {"gossipsub_rpc", decode_rpc},
    {"reqresp_request", decode_request},
    {"reqresp_response", decode_response},
    {"enr", decode_enr},
};

static decoder find_decoder(struct vector_case *test, const char *name)
{
    for (size_t i = 0; i < sizeof(decoders) / sizeof(*decoders); i++)
        if (strcmp(decoders[i].name, name) == 0)
            return decoders[i].decode;
    case_fail(test, "decoder", "one that is known", name);
    return NULL;
}

void check_decode_failure(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name decoder input error");
    decoder decode = find_decoder(test, case_text(test, vector, "decoder"));
    struct bytes input = case_bytes(test, vector, "input");
    if (!case_failed(test))
        expect_boolean(test, "error", case_boolean(test, vector, "error"),
                       !decode(input, case_buffer(test), NULL));
}
