#include "net/address/public_key.h"
#include "tests/fuzz/fuzz.h"

/* The first byte says how much of the rest is the key; what follows is signed and signature. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || data[0] > size - 1)
        return 0;
    struct bytes protobuf = bytes_of(data + 1, data[0]);
    struct bytes rest = bytes_of(data + 1 + data[0], size - 1 - data[0]);
    struct public_key key;
    struct error error = {0};
    if (!public_key_decode(protobuf, &key, &error)) {
        require(error.text[0] != '\0');
        return 0;
    }
    struct buffer encoded = {0};
    struct public_key again;
    public_key_encode(&key, &encoded);
    require(public_key_decode(buffer_bytes(&encoded), &again, NULL));
    require(again.type == key.type && bytes_equal(again.data, key.data));
    buffer_clear(&encoded);
    public_key_verify(&key, protobuf, rest, &error);
    return 0;
}
