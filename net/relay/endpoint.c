#include "net/relay/endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/address/node_address.h"

enum { HOST_SIZE = 256 };

static bool look_up(const char *host, const char *port, struct relay_endpoint *endpoint,
                    struct error *error)
{
    if (*port == '\0' || strlen(port) > 5 || port[strspn(port, "0123456789")] != '\0' ||
        atoi(port) > 65535)
        return error_set(error, "the port '%s' is not a number from 0 to 65535", port);
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    /* Known everywhere (RFC 6761), even where there is no /etc/hosts to tell. */
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    int code = getaddrinfo(host, port, &hints, &found);
    if (code != 0)
        return error_set_kind(error, ERROR_SYSTEM, "%s: %s", host, gai_strerror(code));
    memcpy(&endpoint->address, found->ai_addr, found->ai_addrlen);
    endpoint->size = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool parse_address(const char *text, struct relay_endpoint *endpoint, struct error *error)
{
    struct node_address where;
    if (!node_address_parse(text, &where, error))
        return false;
    const struct multiaddr address = where.at[0];
    endpoint->size = multiaddr_to_sockaddr(&address, &endpoint->address);
    if (endpoint->size > 0)
        return true;
    char port[8];
    snprintf(port, sizeof(port), "%u", address.port);
    return look_up(address.host, port, endpoint, error);
}

static bool parse_host_and_port(const char *text, struct relay_endpoint *endpoint,
                                struct error *error)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text)
        return error_set(error, "expected HOST:PORT or a multiaddr");
    const char *start = text, *end = colon;
    if (*start == '[' && end[-1] == ']') {
        start++;
        end--;
    } else if (memchr(start, ':', (size_t)(end - start)) != NULL) {
        return error_set(error, "write an IPv6 address as [ADDRESS]:PORT");
    }
    char host[HOST_SIZE];
    if (start >= end || end - start >= HOST_SIZE)
        return error_set(error, "the host is empty or too long");
    snprintf(host, sizeof(host), "%.*s", (int)(end - start), start);
    return look_up(host, colon + 1, endpoint, error);
}

bool relay_endpoint_parse(const char *text, struct relay_endpoint *endpoint, struct error *error)
{
    *endpoint = (struct relay_endpoint){0};
    if (*text == '/' || node_address_looks_like(text))
        return parse_address(text, endpoint, error);
    return parse_host_and_port(text, endpoint, error) || error_prefix(error, "'%s'", text);
}

uint16_t relay_endpoint_port(const struct relay_endpoint *endpoint)
{
    if (endpoint->address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&endpoint->address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&endpoint->address)->sin_port);
}

void relay_endpoint_text(const struct relay_endpoint *endpoint, char *text)
{
    bool is_ip6 = endpoint->address.ss_family == AF_INET6;
    const void *address =
        is_ip6 ? (const void *)&((const struct sockaddr_in6 *)&endpoint->address)->sin6_addr
               : (const void *)&((const struct sockaddr_in *)&endpoint->address)->sin_addr;
    char host[INET6_ADDRSTRLEN] = "";
    inet_ntop(endpoint->address.ss_family, address, host, sizeof(host));
    snprintf(text, RELAY_ENDPOINT_TEXT_SIZE, "%s%s%s:%u", is_ip6 ? "[" : "", host,
             is_ip6 ? "]" : "", relay_endpoint_port(endpoint));
}
