/* devnet-node: one Lean networking node. */
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cmd/node/client.h"
#include "common/clock.h"
#include "common/event.h"
#include "common/line_writer.h"
#include "common/log.h"
#include "common/losses.h"
#include "common/memory.h"
#include "common/options.h"
#include "common/program.h"
#include "net/api/event_json.h"
#include "net/api/host_json.h"
#include "net/api/node.h"
#include "net/api/rpc_trace.h"
#include "net/host/dialer.h"
#include "net/host/options.h"

enum { EXIT_FAILED = 1, DRAIN_LIMIT_MS = 1000, SHUTDOWN_LIMIT_MS = 500 };

struct node {
    struct event_base *base;
    struct client client;
    struct identity *identity;
    struct block_store *blocks;      /* NULL: none are kept */
    struct block_recorder *recorder; /* NULL: none are recorded */
    struct host *host;
    struct resolver *resolver;
    struct dialer *dialer;
    struct node_api *api;
    struct line_writer *output;
    struct line_writer *trace; /* NULL: nothing is traced */
    struct host_observer printer;
    struct event *terminated, *interrupted;
};

static void print_json(const struct node *node, const json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    line_writer_add(node->output, bytes_of_text(text));
    free(text);
}

static void say_events_lost(uint64_t count, struct buffer *line)
{
    char time[CLOCK_TEXT_SIZE];
    clock_text(clock_epoch_ms(), time);
    char *text = text_format("{\"count\":%llu,\"event\":\"events_lost\",\"t\":\"%s\"}",
                             (unsigned long long)count, time);
    buffer_append_text(line, text);
    free(text);
}

static void print_event(void *context, const struct host_event *event)
{
    const struct node *node = context;
    json_t *object = host_event_json(event);
    if (object != NULL)
        print_json(node, object);
    json_decref(object);
}

static void print_ready(const struct node *node)
{
    json_t *ready = host_ready_json(node->host, node->api != NULL ? node_api_url(node->api) : NULL);
    print_json(node, ready);
    json_decref(ready);
}

/* ---- setting up, in the order in which things can go wrong ---- */

/* Where the genesis folder says that we are. */
static bool listen_as_told(struct node *node, struct error *error)
{
    const struct node_address *place = &node->client.self->address;
    for (size_t i = 0; i < place->count; i++)
        if (!host_listen(node->host, &place->at[i], error))
            return error_prefix(error, "--node-id %s", node->client.self->name);
    return true;
}

static bool start_listening(struct node *node, const struct node_settings *settings,
                            struct error *error)
{
    const char *any[] = {"/ip4/127.0.0.1/udp/0/quic-v1"};
    struct option_list list = {.items = any, .count = 1};
    if (settings->listen.count > 0)
        list = settings->listen;
    else if (node->client.self != NULL)
        return listen_as_told(node, error);
    for (size_t i = 0; i < list.count; i++) {
        struct multiaddr address;
        if (!multiaddr_parse(list.items[i], &address, error))
            node_usage_error("--listen %s: %s", list.items[i], error->text);
        if (!host_listen(node->host, &address, error)) {
            options_blame(error, "--listen", list.items[i]);
            return false;
        }
    }
    return true;
}

static bool subscribe(struct node *node, const struct node_settings *settings, struct error *error)
{
    const char *any[] = {"lean:block"};
    struct option_list list = {.items = any, .count = 1};
    if (settings->topics.count > 0)
        list = settings->topics;
    else if (node->client.topic_count > 0)
        list = (struct option_list){.items = (const char **)node->client.topics,
                                    .count = node->client.topic_count};
    bool subscribed = true;
    for (size_t i = 0; i < list.count && subscribed; i++) {
        char *topic = host_topic_expand(node->host, list.items[i], error);
        subscribed = topic != NULL && host_subscribe(node->host, topic, error);
        if (!subscribed)
            error_prefix(error, "--topic %s", list.items[i]);
        free(topic);
    }
    return subscribed;
}

/* All nodes of GENESIS but ourselves. */
static bool dial_all(struct node *node, const struct genesis *genesis, struct error *error)
{
    for (size_t i = 0; i < genesis->count; i++) {
        const struct node_address *address = &genesis->nodes[i].address;
        if (!peer_id_equal(&address->at[0].peer_id, host_peer_id(node->host)) &&
            !dialer_add(node->dialer, address, error))
            return false;
    }
    return true;
}

/* All nodes of a nodes.yaml. */
static bool dial_records(struct node *node, const char *option, const char *path,
                         struct error *error)
{
    struct genesis genesis;
    if (!genesis_load_records(path, &genesis, error))
        node_usage_error("%s %s", option, error->text);
    bool added = dial_all(node, &genesis, error);
    genesis_clear(&genesis);
    return added;
}

/* Those of LIST that are addresses, as what OPTION takes may be no more than a peer id. */
static bool keep_connected(struct node *node, const char *option, const struct option_list *list,
                           struct error *error)
{
    for (size_t i = 0; i < list->count; i++) {
        struct node_address address;
        const char *text = list->items[i];
        if (strcmp(option, "--direct") == 0 && *text != '/' && !node_address_looks_like(text))
            continue;
        if (genesis_is_records(text)) {
            if (!dial_records(node, option, text, error))
                return false;
            continue;
        }
        if (!node_address_parse(text, &address, error))
            node_usage_error("%s %s", option, error->text);
        if (address.at[0].port == 0)
            node_usage_error("%s %s: port 0 cannot be dialled", option, text);
        if (!dialer_add(node->dialer, &address, error))
            return false;
    }
    return true;
}

static bool start_api(struct node *node, const struct node_settings *settings, struct error *error)
{
    bool told = node->client.api != NULL && !node_settings_have_api(settings);
    const char *listen = told ? node->client.api : settings->api;
    if (strcmp(listen, "off") == 0)
        return true;
    node->api = node_api_new(node->host, node->dialer, node->resolver, listen, error);
    if (node->api == NULL) {
        options_blame(error, told ? "--api-port" : "--api", listen);
        return false;
    }
    node_api_tell_validators(node->api, settings->validators > 0
                                            ? settings->validators
                                            : node->client.genesis.validator_total);
    if (node->client.metrics != NULL &&
        !node_api_serve_metrics(node->api, node->client.metrics, error))
        return error_prefix(error, "--metrics-port %s", node->client.metrics);
    return settings->api_public == NULL ||
           node_api_serve_public(node->api, settings->api_public, error) ||
           error_prefix(error, "--api-public");
}

static struct identity *take_identity(const struct node *node, const struct node_settings *settings,
                                      struct error *error)
{
    bool usage = false;
    struct identity *identity = client_identity(&node->client, settings);
    if (identity == NULL)
        identity = node_options_identity(&settings->node, &usage, error);
    if (identity == NULL && usage)
        node_usage_error("%s", error->text);
    return identity;
}

static bool open_blocks(struct node *node, const struct node_settings *settings,
                        struct error *error)
{
    if (!block_recorder_open(settings->node.record.folder, settings->blocks, &node->blocks,
                             error)) {
        if (error->kind == ERROR_NOT_FOUND)
            node_usage_error("%s", error->text);
        return false;
    }
    if (node->blocks != NULL)
        log_info("%zu blocks to answer from", block_store_count(node->blocks));
    return true;
}

static bool node_start(struct node *node, const struct node_settings *settings, struct error *error)
{
    client_read(settings, &node->client);
    struct host_settings host;
    host_settings_default(&host);
    node_settings_apply(settings, &host);
    if (host.seed == 0 && getrandom(&host.seed, sizeof(host.seed), 0) < 0)
        return error_set(error, "no random numbers to be had");
    node->identity = take_identity(node, settings, error);
    if (node->identity == NULL)
        return false;
    if (!open_blocks(node, settings, error))
        return false;
    host.blocks = node->blocks;
    host.is_aggregator = node->client.is_aggregator;
    host.base = node->base;
    host.identity = node->identity;
    if (host.trace_rpc != NULL)
        node->trace = rpc_trace_writer(node->base, settings->log_format == 1);
    host.trace_context = node->trace;
    node->host = host_new(&host, error);
    if (node->host == NULL && node_options_blame(&settings->node, error))
        node_usage_error("%s", error->text);
    if (node->host == NULL)
        return false;
    node->recorder = block_recorder_new(node->host, &settings->node.record, node->blocks);
    node->resolver = resolver_new(node->base);
    node->dialer = dialer_new(node->host, node->resolver);
    if (!start_listening(node, settings, error)) {
        if (error->kind == ERROR_INVALID)
            node_usage_error("%s", error->text);
        return false;
    }
    if (!subscribe(node, settings, error))
        node_usage_error("%s", error->text);
    return start_api(node, settings, error) && dial_all(node, &node->client.genesis, error) &&
           keep_connected(node, "--bootnode", &settings->bootnodes, error) &&
           keep_connected(node, "--direct", &settings->direct, error);
}

/* ---- running ---- */

static void on_shut_down(void *context)
{
    event_base_loopbreak(context);
}

static void on_drained(void *context)
{
    const struct node *node = context;
    host_shutdown(node->host, SHUTDOWN_LIMIT_MS, on_shut_down, node->base);
}

static void on_signal(evutil_socket_t signal, short what, void *argument)
{
    (void)signal, (void)what;
    struct node *node = argument;
    if (node->api != NULL)
        node_api_free(node->api);
    node->api = NULL;
    dialer_free(node->dialer);
    node->dialer = NULL;
    host_drain(node->host, DRAIN_LIMIT_MS, on_drained, node);
    event_del(node->terminated);
    event_del(node->interrupted);
}

static void run(struct node *node, const struct node_settings *settings)
{
    for (size_t i = 0; i < settings->faults.count; i++)
        log_write(LOG_WARN, "--fault %s: this node misbehaves on purpose",
                  settings->faults.items[i]);
    node->output = line_writer_new(node->base, STDOUT_FILENO, "standard output", say_events_lost);
    node->printer = (struct host_observer){.event = print_event, .context = node};
    host_observe(node->host, &node->printer);
    event_arm(node->terminated, NULL);
    event_arm(node->interrupted, NULL);
    print_ready(node);
    event_base_dispatch(node->base);
}

/* False where some of what it was to print or log is lost. */
static bool node_clear(struct node *node)
{
    if (node->api != NULL)
        node_api_free(node->api);
    if (node->dialer != NULL)
        dialer_free(node->dialer);
    block_recorder_free(node->recorder);
    host_free(node->host);
    bool told = line_writer_free(node->output);
    line_writer_free(node->trace);
    if (node->resolver != NULL)
        resolver_free(node->resolver);
    block_store_free(node->blocks);
    identity_free(node->identity);
    client_clear(&node->client);
    event_free(node->terminated);
    event_free(node->interrupted);
    event_base_free(node->base);
    return told && losses_first() == NULL;
}

int main(int argc, char **argv)
{
    program_begin("devnet-node", EXIT_FAILED);
    struct node_settings settings;
    node_settings_read(argc, argv, &settings);
    log_init("devnet-node", (enum log_level)settings.node.log_level, settings.log_format == 1);
    struct node node = {.base = event_base_make(0)};
    node.terminated = evsignal_new(node.base, SIGTERM, on_signal, &node);
    node.interrupted = evsignal_new(node.base, SIGINT, on_signal, &node);
    struct error error;
    bool started = node_start(&node, &settings, &error);
    if (started)
        run(&node, &settings);
    else
        log_error("%s", error.text);
    bool whole = node_clear(&node);
    node_settings_clear(&settings);
    return started && whole ? EXIT_SUCCESS : EXIT_FAILED;
}
