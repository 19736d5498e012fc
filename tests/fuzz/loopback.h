/* Plain TCP on 127.0.0.1, for targets that play the other side. Sockets do not block. */
#ifndef TESTS_FUZZ_LOOPBACK_H
#define TESTS_FUZZ_LOOPBACK_H

#include "common/buffer.h"

int loopback_listen(uint16_t *port);
/* The connection that waits at LISTENER; -1 where there is none. */
int loopback_accept(int listener);
int loopback_connect(uint16_t port);
/* What the socket takes now; 0 also where the other side is gone. */
size_t loopback_write(int socket, struct bytes data);
/* Appends what has come; false at the end, or where the other side is gone. */
bool loopback_read(int socket, struct buffer *input);
/* By a reset, so that no port is left waiting. */
void loopback_close(int socket);

#endif
