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
            routes[i].address = text_copy(routes[i].to->listen[0]);
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

/* The path of its key file: as it is told, or in its folder; freed with free(). */
static char *key_of(const struct devnet *devnet, const struct devnet_node *node)
{
    for (char *const *at = node->arguments; at != NULL && *at != NULL; at++)
        if (strcmp(*at, "--key") == 0 && at[1] != NULL)
            return text_copy(at[1]);
    return devnet_path(devnet, node->name, "key");
}

static bool is_place(const char *key)
{
    return strcmp(key, "ip") == 0 || strcmp(key, "ip6") == 0 || enr_key_is_port(key);
}

/* All that OWN says, but at ADDRESS. */
static bool write_draft(struct enr_draft *draft, const struct enr *own,
                        const struct multiaddr *address, struct error *error)
{
    struct bytes rest = enr_pairs(own), key, value;
    bool written = enr_draft_set_place(draft, address, error);
    draft->sequence = own->sequence;
    while (written && enr_next_pair(&rest, &key, &value)) {
        char *name = text_format("%.*s", (int)key.size, (const char *)key.data);
        if (!is_place(name) && strcmp(name, "id") != 0 && strcmp(name, "secp256k1") != 0)
            written = enr_draft_set(draft, name, value, error);
        free(name);
    }
    return written;
}

static char *move_record(const struct route *route, const struct identity *identity,
                         struct error *error)
{
    struct enr_draft draft = {0};
    struct enr own, moved;
    struct multiaddr address;
    char *text = NULL;
    if (enr_parse(route->to->enr, &own, error) &&
        multiaddr_parse(route->address, &address, error) &&
        write_draft(&draft, &own, &address, error) &&
        enr_draft_sign(&draft, identity, &moved, error)) {
        text = memory_new(ENR_TEXT_SIZE);
        enr_text(&moved, text);
    }
    enr_draft_clear(&draft);
    return text;
}

char *route_record(const struct devnet *devnet, const struct route *route, struct error *error)
{
    const struct devnet_node *to = route->to;
    bool shared;
    error->text[0] = '\0';
    if (to->enr == NULL || strcmp(route->address, to->listen[0]) == 0)
        return to->enr != NULL ? text_copy(to->enr) : NULL;
    char *key = key_of(devnet, to), *record = NULL;
    struct identity *identity = identity_load(key, &shared, error);
    if (identity != NULL)
        record = move_record(route, identity, error);
    identity_free(identity);
    free(key);
    return record;
}
