/* What a tap's events (GET /events of a devnet-tap) change of the mesh, in the words of diff. */
#ifndef NET_MESH_TAPPED_EVENT_H
#define NET_MESH_TAPPED_EVENT_H

#include <jansson.h>

#include "net/mesh/watch.h"

/* False where EVENT is none of a tap's. What CHANGE has of it is borrowed. */
bool tapped_event_change(const json_t *event, struct mesh_event_change *change);

#endif
