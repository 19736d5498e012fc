#include "net/address/peer_id.h"

#include "net/address/public_key.h"
#include "tests/vectors/kinds.h"

static enum key_type key_type(struct vector_case *test, const char *name)
{
    for (int type = KEY_RSA; type <= KEY_ECDSA; type++)
        if (strcmp(key_type_name((enum key_type)type), name) == 0)
            return (enum key_type)type;
    case_fail(test, "keyType", "rsa, ed25519, secp256k1 or ecdsa", name);
    return KEY_RSA;
}

void check_peer_id(struct vector_case *test, const json_t *vector)
{
    case_object(test, vector, NULL, "name input output");
    const json_t *input = case_object(test, vector, "input", "keyType publicKey");
    const json_t *output = case_object(test, vector, "output", "protobufEncoded peerId");
    const char *expected = case_text(test, output, "peerId");
    struct public_key key = {.type = key_type(test, case_text(test, input, "keyType")),
                             .data = case_bytes(test, input, "publicKey")};
    struct public_key decoded = {.type = KEY_RSA};
    struct error error = {.text = ""};

    struct buffer *protobuf = case_buffer(test);
    public_key_encode(&key, protobuf);
    expect_bytes(test, "protobufEncoded", case_bytes(test, output, "protobufEncoded"),
                 buffer_bytes(protobuf));
    expect(test, public_key_decode(buffer_bytes(protobuf), &decoded, &error), "protobufEncoded",
           "a public key", error.text);
    expect_number(test, "key type decoded", key.type, decoded.type);
    expect_bytes(test, "key decoded", key.data, decoded.data);

    struct peer_id id, parsed = {0};
    char text[PEER_ID_TEXT_SIZE];
    peer_id_of_public_key(buffer_bytes(protobuf), &id);
    peer_id_text(&id, text);
    expect_text(test, "peerId", expected, text);
    expect(test, peer_id_parse(expected, &parsed, &error), "peerId", "a peer id", error.text);
    expect_bytes(test, "peerId read", bytes_of(id.bytes, id.size),
                 bytes_of(parsed.bytes, parsed.size));
}
