#include "cmd/node/client.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"

static const struct genesis_node *find_self(const struct node_settings *settings,
                                            const struct genesis *genesis)
{
    const struct genesis_node *self = genesis_find(genesis, settings->node_id);
    if (self == NULL)
        node_usage_error("--node-id %s: there is no such node in %s", settings->node_id,
                         settings->config_folder);
    return self;
}

static void add_topic(struct client *client, char *topic)
{
    client->topics =
        memory_resize(client->topics, (client->topic_count + 1) * sizeof(*client->topics));
    client->topics[client->topic_count++] = topic;
}

/* As a validator: the attestations of its own committee, or of all where it aggregates them. */
static void choose_topics(const struct node_settings *settings, struct client *client)
{
    uint64_t committees =
        settings->committees > 0 ? settings->committees : client->genesis.committees;
    uint64_t own = client->self != NULL ? (uint64_t)(client->self - client->genesis.nodes) : 0;
    add_topic(client, text_copy("lean:block"));
    add_topic(client, text_copy("lean:aggregation"));
    for (uint64_t i = 0; i < committees; i++)
        if (client->is_aggregator || i == own % committees)
            add_topic(client, text_format("lean:attestation_%llu", (unsigned long long)i));
}

static char *local(uint64_t given, uint64_t of_folder)
{
    uint64_t port = given > 0 ? given : of_folder;
    return port > 0 ? text_format("127.0.0.1:%llu", (unsigned long long)port) : NULL;
}

/* Whether it was given an option that Lean's clients share, and so gossips as they do. */
static bool is_lean_client(const struct node_settings *settings)
{
    return settings->config_folder != NULL || settings->node_key != NULL ||
           settings->api_port > 0 || settings->metrics_port > 0 || settings->is_aggregator ||
           settings->committees > 0;
}

void client_read(const struct node_settings *settings, struct client *client)
{
    struct error error;
    *client = (struct client){.is_aggregator = settings->is_aggregator};
    if (settings->config_folder != NULL &&
        !genesis_load(settings->config_folder, &client->genesis, &error))
        node_usage_error("--custom-network-config-dir %s", error.text);
    if (settings->node_id != NULL && settings->config_folder == NULL)
        node_usage_error("--node-id needs --custom-network-config-dir, which says who that is");
    if (settings->node_id != NULL)
        client->self = find_self(settings, &client->genesis);
    client->is_aggregator |= client->self != NULL && client->self->is_aggregator;
    client->api = local(settings->api_port, client->self != NULL ? client->self->api_port : 0);
    client->metrics =
        local(settings->metrics_port, client->self != NULL ? client->self->metrics_port : 0);
    if (client->api != NULL && client->metrics != NULL &&
        strcmp(client->api, client->metrics) == 0) {
        free(client->metrics); /* the API has them */
        client->metrics = NULL;
    }
    if (is_lean_client(settings)) {
        if (client->genesis.committees == 0)
            client->genesis.committees = 1;
        choose_topics(settings, client);
    }
}

void client_clear(struct client *client)
{
    for (size_t i = 0; i < client->topic_count; i++)
        free(client->topics[i]);
    free(client->topics);
    free(client->api);
    free(client->metrics);
    genesis_clear(&client->genesis);
}

struct identity *client_identity(const struct client *client, const struct node_settings *settings)
{
    struct error error;
    bool shared = false;
    struct identity *identity = NULL;
    if (settings->node_key != NULL) {
        identity = identity_load(settings->node_key, &shared, &error);
        if (identity == NULL)
            node_usage_error("--node-key %s", error.text);
        if (shared)
            log_warn("--node-key %s: others can use this key", settings->node_key);
    } else if (client->self != NULL && settings->node.key == NULL &&
               settings->node.key_hex == NULL) {
        if (client->self->identity == NULL)
            node_usage_error("--node-id %s: %s has its record, and not its key; say --node-key",
                             client->self->name, client->genesis.folder);
        identity = identity_from_secret(identity_secret(client->self->identity), &error);
    }
    return identity;
}
