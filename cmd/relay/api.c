#include "cmd/relay/api.h"

#include <stdlib.h>

#include "cmd/relay/tell.h"
#include "common/memory.h"
#include "common/shape.h"
#include "net/address/multiaddr.h"
#include "net/api/server.h"

enum { OK = 200 };

struct relay_api {
    struct relay_links *links;
    struct api_server *server;
};

static const struct shape link_shape[] = {{"from", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {"to", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {"address", SHAPE_STRING, SHAPE_REQUIRED, NULL},
                                          {0}};
static const struct shape links_shape[] = {{"links", SHAPE_OBJECTS, SHAPE_REQUIRED, link_shape},
                                           {0}};
static const struct shape path_shape[] = {{"path", SHAPE_STRING, SHAPE_REQUIRED, NULL}, {0}};
static const struct shape groups_shape[] = {{"groups", SHAPE_STRINGS, SHAPE_REQUIRED, NULL}, {0}};

static void answer_paths(const struct relay_api *api, struct api_request *request)
{
    api_reply(request, OK, relay_paths_json(api->links));
}

/* ---- paths ---- */

static void get_paths(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    answer_paths(context, request);
}

static void post_path(void *context, struct api_request *request, const json_t *body)
{
    const struct relay_api *api = context;
    struct path_rule rule;
    struct error error;
    const char *text = json_string_value(json_object_get(body, "path"));
    if (!shape_check(body, path_shape, &error) || !path_rule_parse(text, &rule, &error)) {
        api_reply_failure(request, &error);
        return;
    }
    relay_links_apply(api->links, &rule);
    path_rule_clear(&rule);
    relay_tell(json_pack("{s:s, s:s}", "event", "path", "path", text));
    answer_paths(api, request);
}

/* ---- links ---- */

static void get_links(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct relay_api *api = context;
    api_reply(request, OK, json_pack("{s:o}", "links", relay_links_json(api->links)));
}

/* Where it listens; NULL where it cannot. */
static json_t *open_link(const struct relay_api *api, const json_t *wish, struct error *error)
{
    const char *from = json_string_value(json_object_get(wish, "from"));
    const char *to = json_string_value(json_object_get(wish, "to"));
    const char *address = json_string_value(json_object_get(wish, "address"));
    char listen[MULTIADDR_TEXT_SIZE];
    struct relay_endpoint server;
    if (!relay_endpoint_parse(address, &server, error))
        return NULL;
    const struct relay_endpoint *at = relay_links_open(api->links, from, to, &server, error);
    if (at == NULL)
        return NULL;
    relay_dial_text(at, address, listen);
    return json_pack("{s:s, s:s, s:s, s:b}", "from", from, "to", to, "listen", listen, "cut",
                     relay_links_cut(api->links, from, to));
}

static void post_links(void *context, struct api_request *request, const json_t *body)
{
    const struct relay_api *api = context;
    struct error error;
    size_t index;
    const json_t *wish;
    json_t *opened = json_array(), *link = NULL;
    bool done = shape_check(body, links_shape, &error);
    if (!done)
        api_reply_failure(request, &error);
    json_array_foreach(json_object_get(body, "links"), index, wish)
    {
        if (!done)
            break;
        link = open_link(api, wish, &error);
        done = link != NULL;
        if (done)
            json_array_append_new(opened, link);
        else
            api_reply_failure(request, &error);
    }
    if (done)
        api_reply(request, OK, json_pack("{s:O}", "links", opened));
    json_decref(opened);
}

/* ---- partitions ---- */

static void post_partition(void *context, struct api_request *request, const json_t *body)
{
    const struct relay_api *api = context;
    struct error error;
    json_t *groups = json_object_get(body, "groups");
    size_t count = json_array_size(groups);
    if (!shape_check(body, groups_shape, &error)) {
        api_reply_failure(request, &error);
        return;
    }
    const char **list = memory_new((count + 1) * sizeof(*list));
    for (size_t i = 0; i < count; i++)
        list[i] = json_string_value(json_array_get(groups, i));
    bool sound = relay_groups_check(list, count, &error);
    if (sound)
        relay_links_part(api->links, list, count);
    free(list);
    if (!sound) {
        api_reply_failure(request, &error);
        return;
    }
    relay_tell(json_pack("{s:s, s:O}", "event", "partition", "groups", groups));
    answer_paths(api, request);
}

static void post_heal(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    const struct relay_api *api = context;
    relay_links_part(api->links, NULL, 0);
    relay_tell(json_pack("{s:s}", "event", "heal"));
    answer_paths(api, request);
}

static const struct api_route routes[] = {{"GET", "/paths", get_paths},
                                          {"POST", "/paths", post_path},
                                          {"GET", "/links", get_links},
                                          {"POST", "/links", post_links},
                                          {"POST", "/partition", post_partition},
                                          {"POST", "/heal", post_heal},
                                          {0}};

struct relay_api *relay_api_new(struct event_base *base, struct relay_links *links,
                                const char *listen, struct error *error)
{
    struct relay_api *api = memory_new(sizeof(*api));
    api->links = links;
    api->server = api_server_new(base, listen, routes, api, error);
    if (api->server != NULL)
        return api;
    free(api);
    return NULL;
}

void relay_api_free(struct relay_api *api)
{
    api_server_free(api->server);
    free(api);
}

const char *relay_api_url(const struct relay_api *api)
{
    return api_server_url(api->server);
}
