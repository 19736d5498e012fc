/* Asks many nodes for their mesh at once. */
#ifndef NET_MESH_COLLECT_H
#define NET_MESH_COLLECT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { MESH_COLLECT_AT_ONCE = 64 };

/*
 * A snapshot (net/mesh/snapshot.h) of the nodes behind APIS, such as "http://127.0.0.1:8080". Those
 * that do not answer GET /mesh soundly within TIMEOUT_MS each are in it as unreachable. NULL with
 * the error set where one is no API address.
 */
json_t *mesh_collect(const char *const *apis, size_t count, uint64_t timeout_ms,
                     struct error *error);

#endif
