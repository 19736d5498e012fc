#include "devnet/routes.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "devnet/paths.h"
#include "net/address/enr_make.h"

/* ---- addresses ---- */

static json_t *wishes(const struct route *routes, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:s}", "from", routes[i].from->name, "to",
                                        routes[i].to->name, "address", routes[i].to->listen[0]));
    return json_pack("{s:o}", "links", list);
}

static bool take_links(const json_t *answer, struct route *routes, size_t count,
                       struct error *error)
{
    const json_t *links = json_object_get(answer, "links");
    for (size_t i = 0; i < count; i++) {
        const char *listen = json_string_value(json_object_get(json_array_get(links, i), "listen"));
        if (listen == NULL) {
            routes_clear(routes, i);
            return error_set(error, "the relay does not say where %s is to dial %s",
                             routes[i].from->name, routes[i].to->name);
        }
        routes[i].address = text_copy(listen);
        routes[i].cut = json_is_true(json_object_get(json_array_get(links, i), "cut"));
    }
    return true;
}

bool devnet_find_routes(const struct devnet *devnet, struct route *routes, size_t count,
                        struct error *error)
{
    if (count == 0 || devnet_find_relay(devnet) == NULL) {
        for (size_t i = 0; i < count; i++)
            routes[i].address = text_copy(devnet_node_address(routes[i].to));
        return true;
    }
    json_t *answer = paths_ask(devnet, "/links", wishes(routes, count), error);
    bool found = answer != NULL && take_links(answer, routes, count, error);
    json_decref(answer);
    return found;
}

char *devnet_find_route(const struct devnet *devnet, const struct devnet_node *from,
                        const struct devnet_node *to, struct error *error)
{
    struct route route = {.from = from, .to = to};
    return devnet_find_routes(devnet, &route, 1, error) ? route.address : NULL;
}

void routes_clear(struct route *routes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(routes[i].address);
        routes[i].address = NULL;
    }
}

/* ---- records ---- */

static char *move_record(const struct route *route, const struct identity *identity,
                         struct error *error)
{
    struct multiaddr address;
    return multiaddr_parse(route->address, &address, error)
               ? enr_move(route->to->enr, &address, identity, error)
               : NULL;
}

char *route_record(const struct devnet *devnet, const struct route *route, struct error *error)
{
    const struct devnet_node *to = route->to;
    bool shared;
    error->text[0] = '\0';
    if (to->enr == NULL || strcmp(route->address, to->listen[0]) == 0)
        return to->enr != NULL ? text_copy(to->enr) : NULL;
    char *key = devnet_node_key(devnet, to), *record = NULL;
    struct identity *identity = identity_load(key, &shared, error);
    if (identity != NULL)
        record = move_record(route, identity, error);
    identity_free(identity);
    free(key);
    return record;
}
