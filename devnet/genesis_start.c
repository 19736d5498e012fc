#include "devnet/genesis_start.h"

#include <stdlib.h>

#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"

/* VALUE is taken over; NULL: there is none. */
static void say(struct start_node *node, const char *option, char *value)
{
    node->arguments =
        memory_resize(node->arguments, (node->argument_count + 2) * sizeof(*node->arguments));
    node->arguments[node->argument_count++] = text_copy(option);
    if (value != NULL)
        node->arguments[node->argument_count++] = value;
}

static char *address_text(const struct multiaddr *address, bool with_peer_id)
{
    struct multiaddr told = *address;
    char text[MULTIADDR_TEXT_SIZE];
    told.has_peer_id = with_peer_id;
    multiaddr_text(&told, text);
    return text_copy(text);
}

static void say_topics(struct start_node *node, uint64_t committees)
{
    say(node, "--topic", text_copy("lean:block"));
    say(node, "--topic", text_copy("lean:aggregation"));
    for (uint64_t i = 0; i < committees; i++)
        say(node, "--topic", text_format("lean:attestation_%llu", (unsigned long long)i));
}

/* The key, where none but us can read it. */
static char *write_key(const struct genesis_node *source, const struct devnet *devnet,
                       struct error *error)
{
    char *folder = devnet_path(devnet, source->name, NULL);
    char *path = devnet_path(devnet, source->name, "genesis.key");
    bool written = file_make_folder(folder, error) && identity_save(source->identity, path, error);
    free(folder);
    if (written)
        return path;
    free(path);
    return NULL;
}

static bool is_run(const struct genesis *genesis, const bool *up, size_t index)
{
    return !up[index] && genesis->nodes[index].identity != NULL;
}

static void describe(const struct genesis *genesis, const bool *up, size_t index,
                     struct start_node *node)
{
    const struct genesis_node *source = &genesis->nodes[index];
    for (size_t i = 0; i < source->address.count; i++)
        say(node, "--listen", address_text(&source->address.at[i], false));
    if (source->api_port != 0)
        say(node, "--api-port", text_format("%u", source->api_port));
    if (source->metrics_port != 0)
        say(node, "--metrics-port", text_format("%u", source->metrics_port));
    if (source->is_aggregator)
        say(node, "--is-aggregator", NULL);
    say_topics(node, genesis->committees);
    for (size_t i = 0; i < genesis->count; i++)
        if (!is_run(genesis, up, i))
            say(node, "--bootnode", address_text(&genesis->nodes[i].address.at[0], true));
}

bool genesis_nodes_plan(const struct genesis *genesis, const bool *up, const struct devnet *devnet,
                        struct genesis_nodes *plan, struct error *error)
{
    *plan =
        (struct genesis_nodes){.nodes = memory_new(genesis->count * sizeof(struct start_node) + 1)};
    for (size_t i = 0; i < genesis->count; i++) {
        const struct genesis_node *source = &genesis->nodes[i];
        if (!up[i] && source->identity == NULL)
            log_warn("%s: is not up, and is not run here: its key is not known", source->name);
        if (!is_run(genesis, up, i))
            continue;
        struct start_node *node = &plan->nodes[plan->count++];
        node->name = source->name;
        node->key = write_key(source, devnet, error);
        if (node->key == NULL)
            return false;
        describe(genesis, up, i, node);
    }
    return true;
}

void genesis_nodes_free(struct genesis_nodes *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        for (size_t j = 0; j < plan->nodes[i].argument_count; j++)
            free(plan->nodes[i].arguments[j]);
        free(plan->nodes[i].arguments);
        free(plan->nodes[i].key);
    }
    free(plan->nodes);
    *plan = (struct genesis_nodes){0};
}
