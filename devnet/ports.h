/* Ports for programs that are to listen at a port that somebody else has to know before. */
#ifndef DEVNET_PORTS_H
#define DEVNET_PORTS_H

#include <stdint.h>

/* One on 127.0.0.1 that was free a moment ago: nobody can reserve it for another program. TYPE is
 * SOCK_DGRAM or SOCK_STREAM; 0 where there is none. */
uint16_t port_find_free(int type);

#endif
