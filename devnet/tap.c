#include "devnet/tap.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/memory.h"
#include "devnet/routes.h"
#include "devnet/start.h"

static const char tap[] = "tap";

const struct devnet_between *devnet_find_tap(const struct devnet *devnet)
{
    return devnet_find_between(devnet, tap);
}

const char *devnet_tap_api(const struct devnet *devnet)
{
    const struct devnet_between *between = devnet_find_tap(devnet);
    return between != NULL ? between->api : NULL;
}

char *devnet_tap_logs(const struct devnet *devnet)
{
    return devnet_find_tap(devnet) != NULL ? devnet_path(devnet, tap, "qlog") : NULL;
}

bool devnet_start_tap(struct devnet *devnet, const char *program, uint64_t timeout_ms,
                      struct error *error)
{
    char *qlog = devnet_path(devnet, tap, "qlog");
    const char *arguments[] = {program,
                               "--api",
                               "127.0.0.1:0",
                               "--qlog",
                               qlog,
                               "--qlog-limit",
                               start_qlog_limit(devnet->node_arguments),
                               NULL};
    json_t *ready = NULL;
    file_empty_folder(qlog); /* of what an earlier devnet left */
    bool started = file_make_folder(qlog, error) &&
                   devnet_start_between(devnet, tap, (char *const *)(uintptr_t)arguments,
                                        timeout_ms, &ready, error);
    json_decref(ready);
    free(qlog);
    return started;
}

/* ---- giving it nodes ---- */

/* All that its own record says, but for where it is. */
static bool take_answer(const struct devnet *devnet, struct devnet_node *node, const json_t *answer,
                        struct error *error)
{
    const char *address = json_string_value(json_object_get(answer, "address"));
    if (address == NULL)
        return error_set(error, "it does not say where that is");
    free(node->tapped);
    free(node->tapped_enr);
    node->tapped = text_copy(address);
    const struct route route = {.to = node, .address = node->tapped};
    node->tapped_enr = route_record(devnet, &route, error);
    return error->text[0] == '\0';
}

bool devnet_tap_node(const struct devnet *devnet, struct devnet_node *node, struct error *error)
{
    const struct devnet_between *between = devnet_find_tap(devnet);
    if (between == NULL)
        return true;
    char *key = devnet_node_key(devnet, node);
    char *text = text_format("%s=%s,127.0.0.1:0,%s", node->name, key, node->listen[0]);
    json_t *body = json_pack("{s:o}", "node", json_string(text));
    json_t *answer = devnet_ask_between(between, "/nodes", body, error);
    bool taken = answer != NULL && take_answer(devnet, node, answer, error);
    json_decref(answer);
    free(text);
    free(key);
    return taken || error_prefix(error, "%s cannot be behind the tap", node->name);
}

bool devnet_tap_leave(const struct devnet *devnet, const struct devnet_node *node,
                      struct error *error)
{
    const struct devnet_between *between = devnet_find_tap(devnet);
    if (between == NULL || node->tapped == NULL || !process_is_running(&between->process))
        return true;
    json_t *answer =
        devnet_ask_between(between, "/nodes", json_pack("{s:s}", "left", node->name), error);
    bool left = answer != NULL;
    json_decref(answer);
    return left || error_prefix(error, "the tap still tells of %s", node->name);
}

static bool is_end(const json_t *connection, const char *side, const char *name)
{
    const char *end = json_string_value(json_object_get(connection, side));
    return end != NULL && strcmp(end, name) == 0;
}

bool devnet_tap_carries(const struct devnet *devnet, const struct devnet_node *node)
{
    const struct devnet_between *between = devnet_find_tap(devnet);
    struct error unasked;
    bool carries = between == NULL;
    json_t *answer = carries ? NULL : devnet_ask_between(between, "/connections", NULL, &unasked),
           *connection;
    size_t index;
    json_array_foreach(json_object_get(answer, "connections"), index, connection)
    {
        carries |= json_is_true(json_object_get(connection, "connected")) &&
                   (is_end(connection, "dialler", node->name) ||
                    is_end(connection, "listener", node->name));
    }
    json_decref(answer);
    return carries;
}
