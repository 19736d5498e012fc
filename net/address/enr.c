#include "net/address/enr.h"

#include <arpa/inet.h>
#include <secp256k1.h>

#include "common/base64url.h"
#include "common/keccak256.h"
#include "common/rlp.h"
#include "common/utf8.h"
#include "net/address/public_key.h"

static const char prefix[] = "enr:";

enum { IP4_SIZE = 4, IP6_SIZE = 16, FORK_SIZE = 16, SUBNETS_SIZE = 8, POINT_SIZE = 65 };

/* ---- its form ---- */

static bool is_utf8(struct bytes text)
{
    uint32_t character;
    for (size_t size; text.size > 0; text = bytes_after(text, size)) {
        size = utf8_read(text, &character);
        if (size == 0)
            return false;
    }
    return true;
}

static bool is_before(struct bytes a, struct bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order < 0 || (order == 0 && a.size < b.size);
}

static bool check_pairs(struct bytes pairs, struct error *error)
{
    struct bytes key, value, previous = {0};
    for (bool first = true; pairs.size > 0; first = false) {
        if (!rlp_take_string(&pairs, &key, error))
            return false;
        if (!is_utf8(key))
            return error_set(error, "a key is not UTF-8");
        if (pairs.size == 0)
            return error_set(error, "the last key has no value");
        if (!rlp_take_string(&pairs, &value, error))
            return false;
        if (!first && !is_before(previous, key))
            return error_set(error, "the keys are not sorted, or one is there twice");
        previous = key;
    }
    return true;
}

/* The parts of a record: its signature, and what that signs. */
static bool split(struct bytes rlp, struct bytes *signature, struct bytes *content,
                  struct error *error)
{
    struct rlp_item list = {0};
    if (!rlp_take(&rlp, &list, error))
        return false;
    if (!list.is_list)
        return error_set(error, "no list");
    if (rlp.size > 0)
        return error_set(error, "%zu bytes behind the list", rlp.size);
    *content = list.content;
    return rlp_take_string(content, signature, error);
}

static bool check(struct bytes rlp, uint64_t *sequence, struct error *error)
{
    struct bytes signature = {0}, content = {0}, number = {0};
    if (rlp.size > ENR_SIZE_MAX)
        return error_set(error, "%zu bytes; at most %d are allowed", rlp.size, ENR_SIZE_MAX);
    if (!split(rlp, &signature, &content, error))
        return false;
    if (signature.size != ENR_SIGNATURE_SIZE)
        return error_set(error, "a signature of %zu bytes; expected %d", signature.size,
                         ENR_SIGNATURE_SIZE);
    if (!rlp_take_string(&content, &number, error))
        return false;
    if (!rlp_number(number, sequence))
        return error_set(error, "the sequence number is not one of 64 bits in its shortest form");
    return check_pairs(content, error);
}

bool enr_decode(struct bytes rlp, struct enr *record, struct error *error)
{
    uint64_t sequence;
    if (!check(rlp, &sequence, error))
        return error_prefix(error, "node record");
    *record = (struct enr){.sequence = sequence, .size = rlp.size};
    memcpy(record->rlp, rlp.data, rlp.size);
    return true;
}

bool enr_parse(const char *text, struct enr *record, struct error *error)
{
    size_t size = strlen(text);
    if (size >= ENR_TEXT_SIZE)
        return error_set(error, "node record: %zu characters; at most %d are allowed", size,
                         ENR_TEXT_SIZE - 1);
    if (strncmp(text, prefix, strlen(prefix)) != 0)
        return error_set(error, "node record: does not begin with \"%s\"", prefix);
    struct buffer rlp = {0};
    bool parsed = base64url_read(text + strlen(prefix), size - strlen(prefix), &rlp)
                      ? enr_decode(buffer_bytes(&rlp), record, error)
                      : error_set(error, "node record: not base64url without padding");
    buffer_clear(&rlp);
    return parsed;
}

void enr_text(const struct enr *record, char *text)
{
    memcpy(text, prefix, strlen(prefix));
    base64url_write(bytes_of(record->rlp, record->size), text + strlen(prefix));
}

/* ---- what it says ---- */

struct bytes enr_pairs(const struct enr *record)
{
    struct bytes signature, rest, sequence;
    split(bytes_of(record->rlp, record->size), &signature, &rest, NULL);
    rlp_take_string(&rest, &sequence, NULL);
    return rest;
}

bool enr_next_pair(struct bytes *rest, struct bytes *key, struct bytes *value)
{
    return rest->size > 0 && rlp_take_string(rest, key, NULL) && rlp_take_string(rest, value, NULL);
}

bool enr_value(const struct enr *record, const char *key, struct bytes *value)
{
    struct bytes rest = enr_pairs(record), found, candidate;
    while (enr_next_pair(&rest, &found, &candidate)) {
        if (bytes_equal(found, bytes_of_text(key))) {
            *value = candidate;
            return true;
        }
    }
    return false;
}

bool enr_public_key(const struct enr *record, struct bytes *key)
{
    return enr_value(record, "secp256k1", key) && key->size == ENR_PUBLIC_KEY_SIZE;
}

bool enr_ip4(const struct enr *record, struct bytes *address)
{
    return enr_value(record, "ip", address) && address->size == IP4_SIZE;
}

bool enr_ip6(const struct enr *record, struct bytes *address)
{
    return enr_value(record, "ip6", address) && address->size == IP6_SIZE;
}

bool enr_port(const struct enr *record, const char *key, uint16_t *port)
{
    struct bytes value;
    if (!enr_value(record, key, &value) || value.size == 0 || value.size > sizeof(*port))
        return false;
    *port = value.data[0];
    if (value.size > 1)
        *port = (uint16_t)(*port << 8 | value.data[1]);
    return true;
}

static uint64_t little_endian(const uint8_t *bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof(number); i++)
        number |= (uint64_t)bytes[i] << 8 * i;
    return number;
}

bool enr_fork(const struct enr *record, struct enr_fork *fork)
{
    struct bytes value;
    if (!enr_value(record, "eth2", &value) || value.size < FORK_SIZE)
        return false;
    memcpy(fork->digest, value.data, sizeof(fork->digest));
    memcpy(fork->next_version, value.data + 4, sizeof(fork->next_version));
    fork->next_epoch = little_endian(value.data + 8);
    return true;
}

bool enr_attestation_subnets(const struct enr *record, uint64_t *subnets)
{
    struct bytes value;
    if (!enr_value(record, "attnets", &value) || value.size != SUBNETS_SIZE)
        return false;
    *subnets = little_endian(value.data);
    return true;
}

bool enr_is_aggregator(const struct enr *record)
{
    struct bytes value;
    return enr_value(record, "is_aggregator", &value) && value.size == 1 && value.data[0] == 1;
}

/* ---- whose it is ---- */

static bool read_point(const struct enr *record, secp256k1_pubkey *point)
{
    struct bytes key;
    return enr_public_key(record, &key) &&
           secp256k1_ec_pubkey_parse(secp256k1_context_static, point, key.data, key.size);
}

static void signed_digest(struct bytes content, uint8_t digest[KECCAK256_SIZE])
{
    struct buffer list = {0};
    rlp_append_list(&list, content);
    keccak256(buffer_bytes(&list), digest);
    buffer_clear(&list);
}

bool enr_verify(const struct enr *record, struct error *error)
{
    const secp256k1_context *context = secp256k1_context_static;
    struct bytes scheme, raw, content;
    if (!enr_value(record, "id", &scheme) || !bytes_equal(scheme, bytes_of_text("v4")))
        return error_set(error, "node record: the identity scheme is not v4");
    secp256k1_pubkey point;
    if (!read_point(record, &point))
        return error_set(error, "node record: no secp256k1 key of %d bytes", ENR_PUBLIC_KEY_SIZE);
    split(bytes_of(record->rlp, record->size), &raw, &content, NULL);
    secp256k1_ecdsa_signature signature;
    uint8_t digest[KECCAK256_SIZE];
    signed_digest(content, digest);
    if (!secp256k1_ecdsa_signature_parse_compact(context, &signature, raw.data))
        return error_set(error, "node record: the signature is wrong");
    /* EIP-778 does not ask for low S, which is all that the library verifies. */
    secp256k1_ecdsa_signature_normalize(context, &signature, &signature);
    return secp256k1_ecdsa_verify(context, &signature, digest, &point) ||
           error_set(error, "node record: the signature is wrong");
}

bool enr_node_id(const struct enr *record, uint8_t id[ENR_NODE_ID_SIZE])
{
    secp256k1_pubkey point;
    if (!read_point(record, &point))
        return false;
    uint8_t coordinates[POINT_SIZE];
    size_t size = sizeof(coordinates);
    secp256k1_ec_pubkey_serialize(secp256k1_context_static, coordinates, &size, &point,
                                  SECP256K1_EC_UNCOMPRESSED);
    keccak256(bytes_of(coordinates + 1, size - 1), id);
    return true;
}

bool enr_peer_id(const struct enr *record, struct peer_id *id)
{
    struct bytes key;
    struct buffer protobuf = {0};
    if (!enr_public_key(record, &key))
        return false;
    public_key_encode(&(struct public_key){.type = KEY_SECP256K1, .data = key}, &protobuf);
    peer_id_of_public_key(buffer_bytes(&protobuf), id);
    buffer_clear(&protobuf);
    return true;
}

/* The first of KEYS, a list that ends with NULL, that names one. */
static bool find_port(const struct enr *record, const char *const *keys, uint16_t *port)
{
    for (; *keys != NULL; keys++)
        if (enr_port(record, *keys, port) && *port != 0)
            return true;
    return false;
}

static void set_place(const struct enr *record, struct bytes ip, uint16_t port,
                      struct multiaddr *address)
{
    struct sockaddr_in ip4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_ip4 = ip.size == sizeof(ip4.sin_addr);
    memcpy(is_ip4 ? (void *)&ip4.sin_addr : (void *)&ip6.sin6_addr, ip.data, ip.size);
    multiaddr_from_sockaddr(is_ip4 ? (struct sockaddr *)&ip4 : (struct sockaddr *)&ip6, address);
    address->has_peer_id = enr_peer_id(record, &address->peer_id);
}

bool enr_multiaddr(const struct enr *record, struct multiaddr *address, struct error *error)
{
    static const char *const ports[] = {"quic", "udp", NULL};
    struct bytes ip;
    uint16_t port;
    if (!enr_ip4(record, &ip))
        return error_set(error, "node record: no IPv4 address (ip)");
    if (!find_port(record, ports, &port))
        return error_set(error, "node record: no port (quic, udp)");
    set_place(record, ip, port, address);
    return true;
}

bool enr_multiaddr6(const struct enr *record, struct multiaddr *address, struct error *error)
{
    static const char *const ports[] = {"quic6", "quic", "udp6", "udp", NULL};
    struct bytes ip;
    uint16_t port;
    if (!enr_ip6(record, &ip))
        return error_set(error, "node record: no IPv6 address (ip6)");
    if (!find_port(record, ports, &port))
        return error_set(error, "node record: no port (quic6, quic, udp6, udp)");
    set_place(record, ip, port, address);
    return true;
}
