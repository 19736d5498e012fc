#include "devnet/scrape.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "devnet/tap.h"

static const char scheme[] = "http://", usual_path[] = "/metrics";

static const char *page_of(const struct devnet_node *node)
{
    return node->metrics != NULL ? node->metrics : node->api;
}

/* PAGE is a node's API, or a page of metrics of its own. */
static json_t *describe(const struct devnet_node *node, const char *page)
{
    const char *host = page + strlen(scheme), *path = strchr(host, '/');
    int host_size = (int)(path != NULL ? (size_t)(path - host) : strlen(host));
    bool usual = path == NULL || path[1] == '\0' || strcmp(path, usual_path) == 0;
    return json_pack("{s:[o], s:{s:s, s:s*, s:s*}}", "targets", json_stringn(host, host_size),
                     "labels", "node", node->name, "peer_id", node->peer_id, "__metrics_path__",
                     usual ? NULL : path);
}

/* What it tells of a node has the node's name as the label `node`, which is for that alone. */
static json_t *describe_tap(const struct devnet_between *tap)
{
    return json_pack("{s:[s], s:{s:s}}", "targets", tap->api + strlen(scheme), "labels", "between",
                     tap->kind);
}

bool scrape_write(const struct devnet *devnet, struct error *error)
{
    const struct devnet_between *tap = devnet_find_tap(devnet);
    json_t *groups = json_array();
    for (size_t i = 0; i < devnet->count; i++) {
        const char *page = page_of(&devnet->nodes[i]);
        if (page != NULL && strncmp(page, scheme, strlen(scheme)) == 0)
            json_array_append_new(groups, describe(&devnet->nodes[i], page));
    }
    if (tap != NULL && tap->api != NULL && strncmp(tap->api, scheme, strlen(scheme)) == 0)
        json_array_append_new(groups, describe_tap(tap));
    char *text = json_dumps(groups, JSON_INDENT(2) | JSON_SORT_KEYS),
         *path = devnet_path(devnet, "prometheus.json", NULL);
    bool written = file_write(path, bytes_of_text(text), 0666, error);
    free(path);
    free(text);
    json_decref(groups);
    return written;
}

void scrape_remove(const struct devnet *devnet)
{
    char *path = devnet_path(devnet, "prometheus.json", NULL);
    unlink(path);
    free(path);
}
