/* An identify answer: what decodes is within its limits, safe to show, and survives another round
 * trip. */
#include "common/utf8.h"
#include "net/protocols/identify.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text)
{
    struct bytes rest = bytes_of_text(text != NULL ? text : "");
    require(rest.size <= 3 * IDENTIFY_TEXT_MAX);
    while (rest.size > 0) {
        uint32_t character;
        size_t size = utf8_read(rest, &character);
        require(size > 0 && character >= ' ');
        rest = bytes_after(rest, size);
    }
}

static void check_all(const struct identify *identify)
{
    require(identify->protocol_count <= IDENTIFY_PROTOCOLS_MAX);
    require(identify->listen_count <= IDENTIFY_ADDRESSES_MAX);
    check_text(identify->agent);
    check_text(identify->protocol_version);
    for (size_t i = 0; i < identify->protocol_count; i++)
        check_text(identify->protocols[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct identify first = {0}, second = {0};
    struct error error = {0};
    if (identify_decode(bytes_of(data, size), &first, &error)) {
        check_all(&first);
        struct buffer encoded = {0};
        identify_encode(&first, &encoded);
        if (encoded.size <= IDENTIFY_SIZE_MAX) { /* replaced bytes take three */
            require(identify_decode(buffer_bytes(&encoded), &second, &error));
            require(first.protocol_count == second.protocol_count);
            require(first.listen_count == second.listen_count);
            require(first.has_observed == second.has_observed);
            require((first.agent == NULL) == (second.agent == NULL));
        }
        buffer_clear(&encoded);
    } else {
        require(error.text[0] != '\0' && first.agent == NULL && first.protocols == NULL);
    }
    identify_clear(&first);
    identify_clear(&second);
    return 0;
}
