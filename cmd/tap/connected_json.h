/* What is known of two nodes once both are connected through the tap. */
#ifndef CMD_TAP_CONNECTED_JSON_H
#define CMD_TAP_CONNECTED_JSON_H

#include <jansson.h>

#include "net/tap/tap.h"

/*
 * Adds to OBJECT
 *   "front_first": who dials was known by its certificate alone;
 *   "listener_asks": the listener asks for the dialler's certificate;
 *   "certificates": {"dialler", "listener"}, what each has shown, which was found in order:
 *     {"key_type", "signature" (the certificate's own), "handshake_signature", "valid_from",
 *     "valid_until" (calendar), "extension_critical", "high_s" (the identity's signature),
 *     "own_high_s" (the certificate's)};
 *   "not_kept": [{"of": "dialler" or "listener", "what", "said", "shown"}]: what that side has said
 *     and the other is shown otherwise: a member of its certificate, or of its transport parameters
 *     "idle_timeout_ms" (0: none), "stream_window", "connection_window", "streams_max".
 */
void connected_json_add(json_t *object, const struct tap_pair *pair);

#endif
