/* How programs set up that treat a peer as no honest one does. */
#ifndef TESTS_TOOLS_ATTACKER_H
#define TESTS_TOOLS_ATTACKER_H

#include <stdio.h>

#include "net/address/identity.h"
#include "net/address/multiaddr.h"
#include "net/quic/endpoint.h"

/* The usual settings, with an event base of their own, which the caller frees. */
static inline struct quic_settings attacker_settings(const struct identity *identity,
                                                     const struct quic_handlers *handlers)
{
    struct quic_settings settings;
    quic_settings_default(&settings);
    settings.base = event_base_new();
    settings.identity = identity;
    settings.handlers = handlers;
    return settings;
}

/* Listens at a free port of the loopback and prints the address, with the peer id, on a line. */
static inline bool attacker_listen(struct quic_endpoint *endpoint, const struct identity *identity,
                                   struct error *error)
{
    struct multiaddr address;
    if (!multiaddr_parse("/ip4/127.0.0.1/udp/0/quic-v1", &address, error) ||
        !quic_endpoint_listen(endpoint, &address, error))
        return false;
    address = quic_endpoint_listen_address(endpoint, 0);
    address.has_peer_id = true;
    address.peer_id = *identity_peer_id(identity);
    char text[MULTIADDR_TEXT_SIZE];
    multiaddr_text(&address, text);
    puts(text);
    return true;
}

#endif
