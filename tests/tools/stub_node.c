/*
 * Stands in for devnet-node where a test needs a node that does as it is told: it takes the options
 * that devnet gives, prints the ready line, and answers GET /health, GET /mesh and POST /connect
 * without a network behind them. The environment says how it misbehaves:
 *
 *   STUB_MESH=FILE      the answer to GET /mesh
 *   STUB_SLOW=1         GET /mesh is never answered
 *   STUB_DIES=TEXT      a node whose key file's path has TEXT in it complains and exits at once
 *   STUB_MUTE=TEXT      such a node never says that it is ready
 *   STUB_STUBBORN=1     SIGTERM is ignored
 *   STUB_CRASHES=1      POST /connect ends the process
 *   STUB_EXIT=N         POST /connect ends with this exit status
 */
#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/output.h"
#include "net/address/identity.h"
#include "net/address/multiaddr.h"
#include "net/api/server.h"

struct node {
    struct event_base *base;
    const char *key, *api;
    char peer_id[PEER_ID_TEXT_SIZE];
    char listen[MULTIADDR_TEXT_SIZE];
    json_t *peers; /* array of peer ids, in the mesh one and all */
};

static const char topic[] = "/leanconsensus/12345678/block/ssz_snappy";

static void handle_health(void *context, struct api_request *request, const json_t *body)
{
    (void)context;
    (void)body;
    api_reply(request, 200, json_pack("{s:b}", "ok", 1));
}

static json_t *describe_peers(const struct node *node)
{
    json_t *peers = json_array();
    size_t index;
    const json_t *peer;
    json_array_foreach(node->peers, index, peer)
    {
        json_array_append_new(peers,
                              json_pack("{s:O,s:n,s:s,s:[],s:[s],s:n,s:[],s:{s:s},s:[]}", "peer_id",
                                        peer, "agent", "key_type", "secp256k1", "protocols",
                                        "subscriptions", topic, "status", "connections",
                                        "outbound_stream", "state", "open", "inbound_streams"));
    }
    return peers;
}

static void handle_mesh(void *context, struct api_request *request, const json_t *body)
{
    (void)body;
    struct node *node = context;
    if (getenv("STUB_SLOW") != NULL)
        return;
    if (getenv("STUB_MESH") != NULL) {
        json_t *mesh = json_load_file(getenv("STUB_MESH"), JSON_DECODE_ANY, NULL);
        api_reply(request, 200, mesh != NULL ? mesh : json_null());
        return;
    }
    api_reply(request, 200,
              json_pack("{s:s,s:s,s:s,s:[s],s:n,s:{s:{s:b,s:O,s:O,s:[],s:[]}},s:o,s:{s:i}}",
                        "peer_id", node->peer_id, "agent", "stub", "network", "12345678", "listen",
                        node->listen, "status", "topics", topic, "subscribed", 1, "mesh",
                        node->peers, "subscribers", node->peers, "fanout", "backoff", "peers",
                        describe_peers(node), "statistics", "process", (int)getpid()));
}

static void stream_step(struct api_request *request, json_t *step)
{
    api_stream_line(request, step);
    json_decref(step);
}

static void handle_connect(void *context, struct api_request *request, const json_t *body)
{
    struct node *node = context;
    const char *address = json_string_value(json_object_get(body, "addr"));
    const char *exit_text = getenv("STUB_EXIT");
    int status = exit_text != NULL ? atoi(exit_text) : 0;
    const char *peer = address != NULL ? strstr(address, "/p2p/") : NULL;
    if (peer == NULL) {
        api_reply_error(request, 400, "addr: a multiaddr with /p2p is expected");
        return;
    }
    if (getenv("STUB_CRASHES") != NULL) {
        fprintf(stderr, "stub_node: error: crashed\n");
        exit(1);
    }
    api_stream_start(request, NULL, NULL);
    if (status == 0)
        json_array_append_new(node->peers, json_string(peer + strlen("/p2p/")));
    stream_step(request,
                json_pack("{s:s,s:b,s:i}", "step", "handshake", "ok", status == 0, "ms", 1));
    stream_step(request, json_pack("{s:s,s:s,s:i,s:s?}", "step", "done", "reached",
                                   status == 0 ? "mesh" : "none", "exit", status, "error",
                                   status == 0 ? NULL : "the stub was told to fail"));
    api_stream_end(request);
}

static const struct api_route routes[] = {{"GET", "/health", handle_health},
                                          {"GET", "/mesh", handle_mesh},
                                          {"POST", "/connect", handle_connect},
                                          {NULL, NULL, NULL}};

/* A UDP port that nobody else has, for as long as this process lives. */
static void take_address(struct node *node)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        perror("stub_node");
        exit(1);
    }
    snprintf(node->listen, sizeof(node->listen), "/ip4/127.0.0.1/udp/%u/quic-v1/p2p/%s",
             ntohs(address.sin_port), node->peer_id);
}

static bool is_meant(const struct node *node, const char *variable)
{
    const char *text = getenv(variable);
    return text != NULL && node->key != NULL && strstr(node->key, text) != NULL;
}

static void read_arguments(struct node *node, int argc, char **argv)
{
    fprintf(stderr, "arguments:");
    for (int i = 1; i < argc; i++) {
        fprintf(stderr, " %s", argv[i]);
        if (i + 1 < argc && strcmp(argv[i], "--key") == 0)
            node->key = argv[i + 1];
        if (i + 1 < argc && strcmp(argv[i], "--api") == 0)
            node->api = argv[i + 1];
    }
    fprintf(stderr, "\n");
}

static void stop(evutil_socket_t signal, short events, void *argument)
{
    (void)signal;
    (void)events;
    if (getenv("STUB_STUBBORN") == NULL)
        event_base_loopbreak(argument);
}

static void take_identity(struct node *node)
{
    struct error error;
    struct identity *identity =
        node->key != NULL ? identity_load_or_create(node->key, &error) : identity_generate();
    if (identity == NULL) {
        fprintf(stderr, "stub_node: %s\n", error.text);
        exit(1);
    }
    peer_id_text(identity_peer_id(identity), node->peer_id);
    identity_free(identity);
}

static void announce(const struct node *node, const struct api_server *server)
{
    json_t *ready = json_pack("{s:s,s:s,s:[s],s:s}", "event", "ready", "peer_id", node->peer_id,
                              "listen", node->listen, "api", api_server_url(server));
    output_json_line(ready);
    json_decref(ready);
}

int main(int argc, char **argv)
{
    static struct node node;
    node = (struct node){.base = event_base_new(), .api = "127.0.0.1:0", .peers = json_array()};
    read_arguments(&node, argc, argv);
    if (is_meant(&node, "STUB_DIES")) {
        fprintf(stderr, "stub_node: error: this one was told to die\n");
        return 1;
    }
    take_identity(&node);
    take_address(&node);
    struct error error;
    struct api_server *server = api_server_new(node.base, node.api, routes, &node, &error);
    if (server == NULL) {
        fprintf(stderr, "stub_node: error: %s\n", error.text);
        return 1;
    }
    if (!is_meant(&node, "STUB_MUTE"))
        announce(&node, server);
    struct event *term = evsignal_new(node.base, SIGTERM, stop, node.base);
    event_add(term, NULL);
    event_base_dispatch(node.base);
    event_free(term);
    api_server_free(server);
    event_base_free(node.base);
    json_decref(node.peers);
    return 0;
}
