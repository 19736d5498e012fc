/* What devnet-relay says of its relays, as JSON. */
#ifndef CMD_RELAY_TELL_H
#define CMD_RELAY_TELL_H

#include <jansson.h>

#include "net/relay/links.h"

/* The multiaddr to dial in the place of GIVEN, a server's address as it was written: with /p2p/ID
 * where that has one. TEXT has MULTIADDR_TEXT_SIZE bytes. */
void relay_dial_text(const struct relay_endpoint *at, const char *given, char *text);
/* {"client", "server"}: what became of the datagrams, named for who sent them. */
json_t *relay_counts_json(const struct relay *relay);
/* [{"from", "to", "listen", "client", "server"}], in the order in which they were opened. */
json_t *relay_links_json(const struct relay_links *links);
/* {"all", "paths", "partition"} */
json_t *relay_paths_json(const struct relay_links *links);
/* Prints EVENT with the time as "t", and releases it. */
void relay_tell(json_t *event);

#endif
