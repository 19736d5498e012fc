#include "net/address/enr_make.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/hex.h"
#include "common/keccak256.h"
#include "common/memory.h"
#include "common/number.h"
#include "common/rlp.h"

static const char *const port_keys[] = {"quic", "quic6", "tcp", "tcp6", "udp", "udp6", NULL};

/* What comes with the key that signs. */
static const char *const own_keys[] = {"id", "secp256k1", NULL};

static bool is_among(const char *key, const char *const *keys)
{
    while (*keys != NULL && strcmp(*keys, key) != 0)
        keys++;
    return *keys != NULL;
}

static bool insert(struct enr_draft *draft, const char *key, struct bytes value,
                   struct error *error)
{
    size_t at = 0;
    while (at < draft->count && strcmp(draft->pairs[at].key, key) < 0)
        at++;
    if (at < draft->count && strcmp(draft->pairs[at].key, key) == 0)
        return error_set(error, "%s: given twice", key);
    if (draft->count == ENR_PAIRS_MAX)
        return error_set(error, "%s: more than %d keys", key, ENR_PAIRS_MAX);
    memmove(&draft->pairs[at + 1], &draft->pairs[at],
            (draft->count++ - at) * sizeof(*draft->pairs));
    draft->pairs[at] = (struct enr_pair){.key = text_copy(key)};
    buffer_append(&draft->pairs[at].value, value.data, value.size);
    return true;
}

bool enr_draft_set(struct enr_draft *draft, const char *key, struct bytes value,
                   struct error *error)
{
    if (is_among(key, own_keys))
        return error_set(error, "%s: it comes with the key that signs", key);
    if (*key == '\0' || strlen(key) > ENR_KEY_SIZE_MAX)
        return error_set(error, "\"%.64s\": a key has 1 to %d bytes", key, ENR_KEY_SIZE_MAX);
    return insert(draft, key, value, error);
}

/* ---- values as people write them ---- */

static void append_number(struct buffer *value, uint64_t number)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        if (number >> shift > 0)
            buffer_append_byte(value, (uint8_t)(number >> shift));
}

static bool parse_ip(const char *key, const char *text, struct buffer *value, struct error *error)
{
    bool ip4 = strcmp(key, "ip") == 0;
    struct in6_addr bytes;
    if (inet_pton(ip4 ? AF_INET : AF_INET6, text, &bytes) != 1)
        return error_set(error, "%s: \"%.64s\" is not an %s address", key, text,
                         ip4 ? "IPv4" : "IPv6");
    buffer_append(value, &bytes, ip4 ? sizeof(struct in_addr) : sizeof(bytes));
    return true;
}

static bool parse_port(const char *key, const char *text, struct buffer *value, struct error *error)
{
    uint64_t port;
    if (!number_read(text, &port) || port == 0 || port > UINT16_MAX)
        return error_set(error, "%s: \"%.64s\" is not a port; expected 1 to 65535", key, text);
    append_number(value, port);
    return true;
}

static bool parse_any(const char *key, const char *text, struct buffer *value, struct error *error)
{
    uint64_t number;
    bool yes = strcmp(text, "true") == 0;
    if (yes || strcmp(text, "false") == 0)
        buffer_append_byte(value, yes);
    else if (number_read(text, &number))
        append_number(value, number);
    else if (strncmp(text, "0x", 2) != 0 || !hex_read(text, value))
        return error_set(error,
                         "%s: \"%.64s\": expected 0x and hexadecimal digits, a number, true or "
                         "false",
                         key, text);
    return true;
}

bool enr_key_is_port(const char *key)
{
    return is_among(key, port_keys);
}

bool enr_draft_set_text(struct enr_draft *draft, const char *key, const char *value,
                        struct error *error)
{
    struct buffer bytes = {0};
    bool parsed = strcmp(key, "ip") == 0 || strcmp(key, "ip6") == 0
                      ? parse_ip(key, value, &bytes, error)
                  : enr_key_is_port(key) ? parse_port(key, value, &bytes, error)
                                         : parse_any(key, value, &bytes, error);
    bool set = parsed && enr_draft_set(draft, key, buffer_bytes(&bytes), error);
    buffer_clear(&bytes);
    return set;
}

bool enr_draft_set_port(struct enr_draft *draft, const char *key, uint64_t port,
                        struct error *error)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%llu", (unsigned long long)port);
    return enr_draft_set_text(draft, key, digits, error);
}

bool enr_draft_set_place(struct enr_draft *draft, const struct multiaddr *address,
                         struct error *error)
{
    bool ip4 = address->kind == MULTIADDR_IP4;
    if (!ip4 && address->kind != MULTIADDR_IP6)
        return error_set(error, "%s: a node record holds addresses and no names", address->host);
    return enr_draft_set_text(draft, ip4 ? "ip" : "ip6", address->host, error) &&
           enr_draft_set_port(draft, ip4 ? "quic" : "quic6", address->port, error);
}

/* ---- signing ---- */

/* The key's own pairs, among those of the draft. */
static void append_pairs(const struct enr_draft *draft, struct bytes public_key,
                         struct buffer *content)
{
    const struct bytes own_values[] = {bytes_of_text("v4"), public_key};
    size_t own = 0;
    for (size_t i = 0; i <= draft->count; i++) {
        const struct enr_pair *pair = i < draft->count ? &draft->pairs[i] : NULL;
        for (; own_keys[own] != NULL && (pair == NULL || strcmp(own_keys[own], pair->key) < 0);
             own++) {
            rlp_append_string(content, bytes_of_text(own_keys[own]));
            rlp_append_string(content, own_values[own]);
        }
        if (pair == NULL)
            return;
        rlp_append_string(content, bytes_of_text(pair->key));
        rlp_append_string(content, buffer_bytes(&pair->value));
    }
}

static void sign(const struct identity *identity, struct bytes content, struct buffer *rlp)
{
    struct buffer list = {0}, items = {0};
    uint8_t digest[KECCAK256_SIZE], signature[ENR_SIGNATURE_SIZE];
    rlp_append_list(&list, content);
    keccak256(buffer_bytes(&list), digest);
    identity_sign_digest(identity, digest, signature);
    rlp_append_string(&items, bytes_of(signature, sizeof(signature)));
    buffer_append(&items, content.data, content.size);
    rlp_append_list(rlp, buffer_bytes(&items));
    buffer_clear(&items);
    buffer_clear(&list);
}

bool enr_draft_sign(const struct enr_draft *draft, const struct identity *identity,
                    struct enr *record, struct error *error)
{
    if (identity_key_type(identity) != KEY_SECP256K1)
        return error_set(error, "node record: its scheme, v4, is for secp256k1, not %s",
                         key_type_name(identity_key_type(identity)));
    struct buffer number = {0}, content = {0}, rlp = {0};
    struct public_key key;
    public_key_decode(identity_public_key(identity), &key, NULL);
    append_number(&number, draft->sequence > 0 ? draft->sequence : 1);
    rlp_append_string(&content, buffer_bytes(&number));
    append_pairs(draft, key.data, &content);
    sign(identity, buffer_bytes(&content), &rlp);
    bool made = enr_decode(buffer_bytes(&rlp), record, error);
    buffer_clear(&rlp);
    buffer_clear(&content);
    buffer_clear(&number);
    return made;
}

void enr_draft_clear(struct enr_draft *draft)
{
    for (size_t i = 0; i < draft->count; i++) {
        free(draft->pairs[i].key);
        buffer_clear(&draft->pairs[i].value);
    }
    draft->count = 0;
}

/* ---- at another place ---- */

static bool is_place(const char *key)
{
    return strcmp(key, "ip") == 0 || strcmp(key, "ip6") == 0 || enr_key_is_port(key);
}

/* All that OWN says, but at ADDRESS. */
static bool write_draft(struct enr_draft *draft, const struct enr *own,
                        const struct multiaddr *address, struct error *error)
{
    struct bytes rest = enr_pairs(own), key, value;
    bool written = enr_draft_set_place(draft, address, error);
    draft->sequence = own->sequence;
    while (written && enr_next_pair(&rest, &key, &value)) {
        char *name = text_format("%.*s", (int)key.size, (const char *)key.data);
        if (!is_place(name) && !is_among(name, own_keys))
            written = enr_draft_set(draft, name, value, error);
        free(name);
    }
    return written;
}

char *enr_move(const char *own, const struct multiaddr *address, const struct identity *identity,
               struct error *error)
{
    struct enr_draft draft = {0};
    struct enr record, moved;
    char *text = NULL;
    if (enr_parse(own, &record, error) && write_draft(&draft, &record, address, error) &&
        enr_draft_sign(&draft, identity, &moved, error)) {
        text = memory_new(ENR_TEXT_SIZE);
        enr_text(&moved, text);
    }
    enr_draft_clear(&draft);
    return text;
}
