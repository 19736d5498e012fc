#include "common/memory.h"
#include "net/address/peer_id.h"
#include "tests/fuzz/fuzz.h"

/* A peer id that was read is written and read again as the same. */
static void survives(const struct peer_id *id)
{
    char text[PEER_ID_TEXT_SIZE];
    struct peer_id again;
    peer_id_text(id, text);
    require(peer_id_parse(text, &again, NULL) && peer_id_equal(id, &again));
    require(peer_id_from_bytes(bytes_of(id->bytes, id->size), &again, NULL));
    require(peer_id_equal(id, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer_id id;
    if (peer_id_from_bytes(bytes_of(data, size), &id, NULL))
        survives(&id);
    char *text = memory_new(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    struct error error = {0};
    if (peer_id_parse(text, &id, &error))
        survives(&id);
    else
        require(error.text[0] != '\0');
    free(text);
    return 0;
}
