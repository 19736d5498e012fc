#include "net/address/peer_id.h"

#include "common/base58.h"

enum {
    CID_VERSION = 1,
    CID_LIBP2P_KEY = 0x72, /* multicodec */
    CID_TEXT_MIN = 40,     /* of a key's, in any base */
    SHA2_256_SIZE = 32,
};

bool peer_id_equal(const struct peer_id *a, const struct peer_id *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

void peer_id_text(const struct peer_id *id, char *text)
{
    char digits[BASE58_TEXT_MAX + 1];
    size_t length = base58_write(bytes_of(id->bytes, id->size), digits);
    memcpy(text, digits, length + 1);
}

static bool read_multihash(struct bytes multihash, struct peer_id *id, struct error *error)
{
    if (multihash.size < 2)
        return error_set(error, "%zu bytes are no multihash", multihash.size);
    unsigned code = multihash.data[0], length = multihash.data[1];
    if (code != MULTIHASH_IDENTITY && code != MULTIHASH_SHA2_256)
        return error_set(error,
                         "hash function 0x%02x; expected identity (0x00) or "
                         "sha2-256 (0x12)",
                         code);
    if (length != multihash.size - 2)
        return error_set(error, "a hash of %u bytes announced, %zu there", length,
                         multihash.size - 2);
    if (code == MULTIHASH_SHA2_256 && length != SHA2_256_SIZE)
        return error_set(error, "a sha2-256 hash of %u bytes; expected 32", length);
    if (code == MULTIHASH_IDENTITY && (length == 0 || length > PEER_ID_IDENTITY_MAX))
        return error_set(error, "an identity hash of %u bytes; expected 1 to %d", length,
                         PEER_ID_IDENTITY_MAX);
    *id = (struct peer_id){.size = (uint8_t)multihash.size};
    memcpy(id->bytes, multihash.data, multihash.size);
    return true;
}

bool peer_id_from_bytes(struct bytes multihash, struct peer_id *id, struct error *error)
{
    return read_multihash(multihash, id, error) || error_prefix(error, "peer id");
}

/* RFC 4648 base32 in lower case without padding, as multibase `b` has it. */
static bool base32_read(const char *text, struct buffer *output)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned pending = 0, bits = 0;
    for (; *text != '\0'; text++) {
        const char *digit = strchr(alphabet, *text);
        if (digit == NULL)
            return false;
        pending = pending << 5 | (unsigned)(digit - alphabet);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            buffer_append_byte(output, (uint8_t)(pending >> bits));
            pending &= (1U << bits) - 1;
        }
    }
    return bits < 5 && pending == 0;
}

static bool parse_cid(const char *text, struct buffer *cid, struct peer_id *id, struct error *error)
{
    if (!base32_read(text + 1, cid))
        return error_set(error, "not base32 after the prefix b");
    if (cid->size < 2 || cid->data[0] != CID_VERSION || cid->data[1] != CID_LIBP2P_KEY)
        return error_set(error, "not a CIDv1 of a libp2p key (bafz...)");
    return read_multihash(bytes_after(buffer_bytes(cid), 2), id, error);
}

/* Whether it may be a CIDv1 in a base that we do not read, by its multibase prefix: what is no CID
 * begins with 1 or Qm. */
static bool is_in_another_base(const char *text)
{
    static const char prefixes[] = "zZfFBcCvVtTmMuUkKhp9";
    return strchr(prefixes, text[0]) != NULL && strlen(text) >= CID_TEXT_MIN;
}

static bool parse_base58(const char *text, struct buffer *multihash, struct peer_id *id,
                         struct error *error)
{
    if (is_in_another_base(text))
        return error_set(error,
                         "not base58 (16Uiu2HA..., 12D3KooW..., Qm...); of a CIDv1 only base32 is "
                         "read (bafz...), and this may be one in another base");
    if (!base58_read(text, strlen(text), multihash))
        return error_set(error, "not base58 (16Uiu2HA..., 12D3KooW..., Qm...)");
    return read_multihash(buffer_bytes(multihash), id, error);
}

bool peer_id_parse(const char *text, struct peer_id *id, struct error *error)
{
    if (text[0] == '\0')
        return error_set(error, "peer id: empty");
    if (strlen(text) >= PEER_ID_TEXT_SIZE)
        return error_set(error, "peer id \"%.20s...\": longer than %d characters", text,
                         PEER_ID_TEXT_SIZE - 1);
    /* No multihash that we take begins with b in base58, so the multibase prefix is certain. */
    struct buffer decoded = {0};
    bool parsed = text[0] == 'b' ? parse_cid(text, &decoded, id, error)
                                 : parse_base58(text, &decoded, id, error);
    buffer_clear(&decoded);
    return parsed || error_prefix(error, "peer id \"%s\"", text);
}
