#include "net/quic/certificate.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const time_t now = 1750000000;
    struct certificate_peer peer;
    struct error error = {0};
    if (certificate_verify(bytes_of(data, size), now, &peer, &error)) {
        struct peer_id again;
        require(peer_id_from_bytes(bytes_of(peer.id.bytes, peer.id.size), &again, NULL));
    } else {
        require(error.text[0] != '\0');
    }
    return 0;
}
