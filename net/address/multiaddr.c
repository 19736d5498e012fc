#include "net/address/multiaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/varint.h"

/* Codes of multiformats' protocol table. */
enum {
    CODE_IP4 = 4,
    CODE_TCP = 6,
    CODE_IP6 = 41,
    CODE_DNS = 53,
    CODE_DNS4 = 54,
    CODE_DNS6 = 55,
    CODE_UDP = 273,
    CODE_P2P = 421,
    CODE_QUIC_V1 = 461,
};

static const struct host_protocol {
    const char *name;
    size_t size; /* of the binary address; 0 where a length stands before it */
    unsigned code;
    int family;
} host_protocols[] = {
    [MULTIADDR_IP4] = {"ip4", 4, CODE_IP4, AF_INET},
    [MULTIADDR_IP6] = {"ip6", 16, CODE_IP6, AF_INET6},
    [MULTIADDR_DNS] = {"dns", 0, CODE_DNS, AF_UNSPEC},
    [MULTIADDR_DNS4] = {"dns4", 0, CODE_DNS4, AF_INET},
    [MULTIADDR_DNS6] = {"dns6", 0, CODE_DNS6, AF_INET6},
};

enum { HOST_PROTOCOL_COUNT = sizeof(host_protocols) / sizeof(*host_protocols) };

/* What else peers announce, so that an error about the binary form can name it. */
static const struct {
    const char *name;
    unsigned code;
} other_protocols[] = {
    {"tcp", CODE_TCP},      {"udp", CODE_UDP},     {"p2p", CODE_P2P}, {"quic-v1", CODE_QUIC_V1},
    {"dccp", 33},           {"ip6zone", 42},       {"dnsaddr", 56},   {"sctp", 132},
    {"webrtc-direct", 280}, {"p2p-circuit", 290},  {"unix", 400},     {"tls", 448},
    {"quic", 460},          {"webtransport", 465}, {"certhash", 466}, {"ws", 477},
    {"wss", 478},
};

/* Checks what stands for the host, and writes it in its one usual form. Sockets of IPv6 take no
 * IPv4 address: one that is written as IPv6 becomes IPv4. */
static bool set_ip(struct multiaddr *address, const uint8_t *bytes)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (address->kind == MULTIADDR_IP6 && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
        address->kind = MULTIADDR_IP4;
        bytes += sizeof(mapped);
    }
    int family = host_protocols[address->kind].family;
    return inet_ntop(family, bytes, address->host, sizeof(address->host)) != NULL;
}

enum { DNS_NAME_MAX = 253, DNS_LABEL_MAX = 63 };

static bool is_dns_name(const char *name, size_t size)
{
    size_t label = 0;
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
        if (c == '.' ? label == 0 : !letter || label == DNS_LABEL_MAX)
            return false;
        label = c == '.' ? 0 : label + 1;
    }
    return size > 0 && size <= DNS_NAME_MAX;
}

static bool set_name(struct multiaddr *address, const char *name, size_t size, struct error *error)
{
    if (!is_dns_name(name, size))
        return error_set(error, "multiaddr: \"%.*s\" is not a host name",
                         (int)(size < 64 ? size : 64), name);
    memcpy(address->host, name, size);
    address->host[size] = '\0';
    return true;
}

/* Text. A part is what stands between two slashes. */
enum { PART_SIZE = MULTIADDR_HOST_SIZE };

/* Takes "/PART" off the front of TEXT; PART is empty at the end. */
static bool take_part(const char **text, char part[PART_SIZE], struct error *error)
{
    part[0] = '\0';
    if (**text == '\0')
        return true;
    if (**text != '/')
        return error_set(error, "multiaddr: \"%.64s\" does not begin with a slash", *text);
    size_t size = strcspn(++*text, "/");
    if (size == 0)
        return error_set(error, "multiaddr: nothing after a slash%s",
                         **text == '\0' ? " at the end" : "; two stand in a row");
    if (size >= PART_SIZE)
        return error_set(error, "multiaddr: \"%.20s...\" is longer than %d characters", *text,
                         PART_SIZE - 1);
    memcpy(part, *text, size);
    part[size] = '\0';
    *text += size;
    return true;
}

static bool parse_host(const char **text, struct multiaddr *address, struct error *error)
{
    char part[PART_SIZE];
    if (!take_part(text, part, error))
        return false;
    size_t kind = 0;
    while (kind < HOST_PROTOCOL_COUNT && strcmp(part, host_protocols[kind].name) != 0)
        kind++;
    if (kind == HOST_PROTOCOL_COUNT)
        return error_set(error,
                         "multiaddr: begins with /%.64s; expected /ip4, /ip6, /dns, /dns4 or "
                         "/dns6",
                         part);
    address->kind = (enum multiaddr_host)kind;
    const struct host_protocol *protocol = &host_protocols[kind];
    if (!take_part(text, part, error))
        return false;
    if (part[0] == '\0')
        return error_set(error, "multiaddr: nothing after /%s", protocol->name);
    if (protocol->size == 0)
        return set_name(address, part, strlen(part), error);
    uint8_t bytes[sizeof(struct in6_addr)];
    if (strchr(part, '%') != NULL)
        return error_set(error, "multiaddr: \"%.64s\" has a zone; only an address is taken", part);
    return (inet_pton(protocol->family, part, bytes) == 1 && set_ip(address, bytes)) ||
           error_set(error, "multiaddr: \"%.64s\" is not an %s address", part,
                     address->kind == MULTIADDR_IP4 ? "IPv4" : "IPv6");
}

static bool parse_port(const char **text, struct multiaddr *address, struct error *error)
{
    char part[PART_SIZE];
    if (!take_part(text, part, error))
        return false;
    if (part[0] == '\0')
        return error_set(error, "multiaddr: ends after the host; expected /udp/PORT");
    if (strcmp(part, "udp") != 0)
        return error_set(error,
                         "multiaddr: /%.64s after the host; expected /udp (only QUIC over "
                         "UDP is spoken)",
                         part);
    if (!take_part(text, part, error))
        return false;
    size_t digits = strspn(part, "0123456789");
    long port = digits > 0 && digits <= 5 && part[digits] == '\0' ? strtol(part, NULL, 10) : -1;
    if (port < 0 || port > UINT16_MAX)
        return error_set(error, "multiaddr: \"%.64s\" is not a port; expected 0 to 65535", part);
    address->port = (uint16_t)port;
    return true;
}

bool multiaddr_parse(const char *text, struct multiaddr *address, struct error *error)
{
    *address = (struct multiaddr){0};
    char part[PART_SIZE];
    if (text[0] != '/')
        return error_set(error,
                         "multiaddr: \"%.64s\" does not begin with a slash; expected "
                         "/ip4/A/udp/PORT/quic-v1",
                         text);
    if (!parse_host(&text, address, error) || !parse_port(&text, address, error) ||
        !take_part(&text, part, error))
        return false;
    if (strcmp(part, "quic-v1") == 0 && !take_part(&text, part, error))
        return false;
    if (strcmp(part, "p2p") == 0 || strcmp(part, "ipfs") == 0) { /* its earlier name */
        if (!take_part(&text, part, error))
            return false;
        if (!peer_id_parse(part, &address->peer_id, error))
            return error_prefix(error, "multiaddr");
        address->has_peer_id = true;
        if (!take_part(&text, part, error))
            return false;
    }
    return part[0] == '\0' ||
           error_set(error, "multiaddr: /%.64s %s", part,
                     address->has_peer_id ? "after the peer id; expected the end"
                                          : "is not spoken; expected /quic-v1, /p2p or the end");
}

void multiaddr_text(const struct multiaddr *address, char *text)
{
    int length = snprintf(text, MULTIADDR_TEXT_SIZE, "/%s/%s/udp/%u/quic-v1",
                          host_protocols[address->kind].name, address->host, address->port);
    if (address->has_peer_id) {
        char id[PEER_ID_TEXT_SIZE];
        peer_id_text(&address->peer_id, id);
        snprintf(text + length, MULTIADDR_TEXT_SIZE - (size_t)length, "/p2p/%s", id);
    }
}

bool multiaddr_same_place(const struct multiaddr *a, const struct multiaddr *b)
{
    return a->kind == b->kind && a->port == b->port && strcmp(a->host, b->host) == 0;
}

socklen_t multiaddr_to_sockaddr(const struct multiaddr *address, struct sockaddr_storage *output)
{
    *output = (struct sockaddr_storage){0};
    if (address->kind == MULTIADDR_IP4) {
        struct sockaddr_in *ip4 = (struct sockaddr_in *)output;
        ip4->sin_family = AF_INET;
        ip4->sin_port = htons(address->port);
        return inet_pton(AF_INET, address->host, &ip4->sin_addr) == 1 ? sizeof(*ip4) : 0;
    }
    if (address->kind == MULTIADDR_IP6) {
        struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)output;
        ip6->sin6_family = AF_INET6;
        ip6->sin6_port = htons(address->port);
        return inet_pton(AF_INET6, address->host, &ip6->sin6_addr) == 1 ? sizeof(*ip6) : 0;
    }
    return 0;
}

bool multiaddr_from_sockaddr(const struct sockaddr *input, struct multiaddr *address)
{
    *address = (struct multiaddr){0};
    if (input->sa_family == AF_INET) {
        const struct sockaddr_in *ip4 = (const struct sockaddr_in *)input;
        address->kind = MULTIADDR_IP4;
        address->port = ntohs(ip4->sin_port);
        return set_ip(address, (const uint8_t *)&ip4->sin_addr);
    }
    if (input->sa_family == AF_INET6) {
        const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)input;
        address->kind = MULTIADDR_IP6;
        address->port = ntohs(ip6->sin6_port);
        return set_ip(address, ip6->sin6_addr.s6_addr);
    }
    return false;
}

void multiaddr_encode(const struct multiaddr *address, struct buffer *output)
{
    const struct host_protocol *protocol = &host_protocols[address->kind];
    varint_append(output, protocol->code);
    if (protocol->size > 0) {
        inet_pton(protocol->family, address->host, buffer_extend(output, protocol->size));
    } else {
        varint_append(output, strlen(address->host));
        buffer_append_text(output, address->host);
    }
    varint_append(output, CODE_UDP);
    buffer_append_byte(output, (uint8_t)(address->port >> 8));
    buffer_append_byte(output, (uint8_t)address->port);
    varint_append(output, CODE_QUIC_V1);
    if (address->has_peer_id) {
        varint_append(output, CODE_P2P);
        varint_append(output, address->peer_id.size);
        buffer_append(output, address->peer_id.bytes, address->peer_id.size);
    }
}

/* The binary form: each part is a code, and an address of the code's size or with its length. */
static bool take_varint(struct bytes *input, uint64_t *value, struct error *error)
{
    int size = varint_read(*input, value);
    if (size <= 0)
        return error_set(error, "multiaddr: cut off, or no varint where one is expected");
    *input = bytes_after(*input, (size_t)size);
    return true;
}

static bool take_bytes(struct bytes *input, uint64_t size, struct bytes *output,
                       struct error *error)
{
    if (size > input->size) {
        error_set(error, "multiaddr: cut off");
        return false;
    }
    *output = bytes_of(input->data, (size_t)size);
    *input = bytes_after(*input, (size_t)size);
    return true;
}

static bool take_sized_bytes(struct bytes *input, struct bytes *output, struct error *error)
{
    uint64_t size;
    return take_varint(input, &size, error) && take_bytes(input, size, output, error);
}

static bool refuse_code(uint64_t code, const char *expected, struct error *error)
{
    for (size_t i = 0; i < HOST_PROTOCOL_COUNT; i++)
        if (host_protocols[i].code == code)
            return error_set(error, "multiaddr: /%s; expected %s", host_protocols[i].name,
                             expected);
    for (size_t i = 0; i < sizeof(other_protocols) / sizeof(*other_protocols); i++)
        if (other_protocols[i].code == code)
            return error_set(error, "multiaddr: /%s; expected %s", other_protocols[i].name,
                             expected);
    return error_set(error, "multiaddr: protocol %llu; expected %s", (unsigned long long)code,
                     expected);
}

static bool decode_host(struct bytes *input, struct multiaddr *address, struct error *error)
{
    uint64_t code;
    if (!take_varint(input, &code, error))
        return false;
    size_t kind = 0;
    while (kind < HOST_PROTOCOL_COUNT && host_protocols[kind].code != code)
        kind++;
    if (kind == HOST_PROTOCOL_COUNT)
        return refuse_code(code, "an IP address or a host name first", error);
    address->kind = (enum multiaddr_host)kind;
    struct bytes host;
    size_t size = host_protocols[kind].size;
    if (size > 0)
        return take_bytes(input, size, &host, error) && set_ip(address, host.data);
    return take_sized_bytes(input, &host, error) &&
           set_name(address, (const char *)host.data, host.size, error);
}

static bool decode_port(struct bytes *input, struct multiaddr *address, struct error *error)
{
    uint64_t code;
    struct bytes port;
    if (!take_varint(input, &code, error))
        return false;
    if (code != CODE_UDP)
        return refuse_code(code, "/udp after the host (only QUIC over UDP is spoken)", error);
    if (!take_bytes(input, 2, &port, error))
        return false;
    /* The analyzer does not know that errors are false. */
    address->port = (uint16_t)(port.data[0] << 8 | port.data[1]); // NOLINT(clang-analyzer-core.*)
    return true;
}

bool multiaddr_decode(struct bytes input, struct multiaddr *address, struct error *error)
{
    *address = (struct multiaddr){0};
    if (!decode_host(&input, address, error) || !decode_port(&input, address, error))
        return false;
    bool quic = false;
    while (input.size > 0) {
        uint64_t code;
        if (!take_varint(&input, &code, error))
            return false;
        struct bytes id;
        if (code == CODE_QUIC_V1 && !quic && !address->has_peer_id) {
            quic = true;
        } else if (code == CODE_P2P && !address->has_peer_id) {
            if (!take_sized_bytes(&input, &id, error))
                return false;
            if (!peer_id_from_bytes(id, &address->peer_id, error))
                return error_prefix(error, "multiaddr");
            address->has_peer_id = true;
        } else {
            return refuse_code(code, "/quic-v1, /p2p or the end after the port", error);
        }
    }
    return true;
}
