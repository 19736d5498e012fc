#include "net/api/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_port(const char *text, uint16_t *port)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return false;
    unsigned long value = strtoul(text, NULL, 10);
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

bool api_address_parse(const char *text, struct api_address *address)
{
    const char *colon = strrchr(text, ':');
    uint16_t port;
    if (colon == NULL || (size_t)(colon - text) >= API_HOST_SIZE || !parse_port(colon + 1, &port))
        return false;
    char host[API_HOST_SIZE] = {0};
    size_t length = (size_t)(colon - text);
    memcpy(host, text, length);

    struct sockaddr_storage socket = {0};
    struct sockaddr_in *ip4 = (struct sockaddr_in *)&socket;
    struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)&socket;
    if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &ip6->sin6_addr) != 1)
            return false;
        ip6->sin6_family = AF_INET6;
        ip6->sin6_port = htons(port);
    } else {
        const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
        if (inet_pton(AF_INET, numeric, &ip4->sin_addr) != 1)
            return false;
        ip4->sin_family = AF_INET;
        ip4->sin_port = htons(port);
    }
    api_address_from_socket(&socket, address);
    return true;
}

void api_address_from_socket(const struct sockaddr_storage *socket, struct api_address *address)
{
    const struct sockaddr_in *ip4 = (const struct sockaddr_in *)socket;
    const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)socket;
    char text[INET6_ADDRSTRLEN] = "";
    address->socket = *socket;
    if (socket->ss_family == AF_INET6) {
        address->size = sizeof(*ip6);
        address->port = ntohs(ip6->sin6_port);
        inet_ntop(AF_INET6, &ip6->sin6_addr, text, sizeof(text));
        snprintf(address->host, sizeof(address->host), "[%s]", text);
    } else {
        address->size = sizeof(*ip4);
        address->port = ntohs(ip4->sin_port);
        inet_ntop(AF_INET, &ip4->sin_addr, text, sizeof(text));
        snprintf(address->host, sizeof(address->host), "%s", text);
    }
}

bool api_address_is_loopback(const struct api_address *address)
{
    const struct sockaddr_in *ip4 = (const struct sockaddr_in *)&address->socket;
    const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)&address->socket;
    if (address->socket.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&ip6->sin6_addr);
    return ntohl(ip4->sin_addr.s_addr) >> 24 == 127;
}

bool api_address_check(const char *text, struct api_address *address, struct error *error)
{
    if (!api_address_parse(text, address))
        return error_set(
            error, "%s: not an address to listen on; write 127.0.0.1:PORT or [::1]:PORT", text);
    return api_address_is_loopback(address) ||
           error_set(error, "%s: the API listens on loopback only", text);
}
