#include "common/memory.h"
#include "net/address/multiaddr.h"
#include "tests/fuzz/fuzz.h"

/* An address that was read is the same after either form has been written and read. */
static void survives(const struct multiaddr *address)
{
    char text[MULTIADDR_TEXT_SIZE], text_again[MULTIADDR_TEXT_SIZE];
    struct multiaddr again;
    multiaddr_text(address, text);
    require(multiaddr_parse(text, &again, NULL));
    multiaddr_text(&again, text_again);
    require(strcmp(text, text_again) == 0);

    struct buffer binary = {0};
    multiaddr_encode(address, &binary);
    require(multiaddr_decode(buffer_bytes(&binary), &again, NULL));
    multiaddr_text(&again, text_again);
    require(strcmp(text, text_again) == 0);
    buffer_clear(&binary);

    struct sockaddr_storage storage;
    if (multiaddr_to_sockaddr(address, &storage) > 0)
        require(multiaddr_from_sockaddr((const struct sockaddr *)&storage, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct multiaddr address;
    struct error error = {0};
    if (multiaddr_decode(bytes_of(data, size), &address, &error))
        survives(&address);
    else
        require(error.text[0] != '\0');

    char *text = memory_new(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    error = (struct error){0};
    if (multiaddr_parse(text, &address, &error))
        survives(&address);
    else
        require(error.text[0] != '\0');
    free(text);
    return 0;
}
