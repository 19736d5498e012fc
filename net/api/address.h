/* Where an API listens: "127.0.0.1:8080", "[::1]:8080" or "localhost:8080" (127.0.0.1). */
#ifndef NET_API_ADDRESS_H
#define NET_API_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/error.h"

enum { API_HOST_SIZE = INET6_ADDRSTRLEN + 2 };

struct api_address {
    struct sockaddr_storage socket;
    socklen_t size;
    char host[API_HOST_SIZE]; /* as in a URL: IPv6 in brackets */
    uint16_t port;
};

/* False where TEXT is no IP address or localhost with a port; port 0 is read. */
bool api_address_parse(const char *text, struct api_address *address);
void api_address_from_socket(const struct sockaddr_storage *socket, struct api_address *address);
bool api_address_is_loopback(const struct api_address *address);
/* Whether an API may listen at TEXT; the error says why not. */
bool api_address_check(const char *text, struct api_address *address, struct error *error);

#endif
