/*
 * UDP over IPv4 in memory: the system calls of the library's sockets end here. What is sent goes to
 * one handler, which posts it, or something else, or nothing.
 */
#ifndef TESTS_FUZZ_VIRTUAL_NET_H
#define TESTS_FUZZ_VIRTUAL_NET_H

#include <netinet/in.h>

#include "common/bytes.h"

typedef void (*virtual_net_handler)(const struct sockaddr_in *from, const struct sockaddr_in *to,
                                    struct bytes datagram);

/* HANDLER is told of every datagram that is sent, one at a time. There must be no sockets. */
void virtual_net_begin(virtual_net_handler handler);
/* Forgets what is still under way. */
void virtual_net_end(void);
/* Lets it arrive after that much time, if there is a socket of that address by then. */
void virtual_net_post(const struct sockaddr_in *from, const struct sockaddr_in *to,
                      struct bytes datagram, uint64_t delay_ns);

#endif
