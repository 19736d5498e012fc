/* devnet-relay: a UDP relay that is a bad path for any two programs. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <event2/event.h>

#include "cmd/relay/api.h"
#include "cmd/relay/tell.h"
#include "common/event.h"
#include "common/log.h"
#include "common/options.h"
#include "common/output.h"
#include "common/program.h"
#include "net/address/multiaddr.h"
#include "net/api/address.h"
#include "net/relay/path_rule.h"
#include "net/relay/relay.h"

enum { EXIT_FAILED = 1 };

struct settings {
    const char *listen, *to, *api;
    struct option_list drops, paths;
    struct impairment impairment;
    struct relay_endpoint at, server; /* of --listen and --to */
};

#define AT(member) .offset = offsetof(struct settings, member)
#define PERCENT .type = OPTION_DECIMAL, .argument = "PERCENT", .maximum = 100

static const struct option_spec options[] = {
    {"listen", 'l', OPTION_STRING, AT(listen), "ADDRESS",
     "Take clients' datagrams there: a multiaddr or HOST:PORT; port 0 is any free one (default "
     "127.0.0.1:0)"},
    {"to", 't', OPTION_STRING, AT(to), "ADDRESS",
     "Where the server is: HOST:PORT, a multiaddr or an ENR; required but for --api"},
    {"api", 'a', OPTION_STRING, AT(api), "ADDRESS",
     "Stand between many nodes instead, whose links are opened and changed by HTTP at this "
     "address of loopback, such as 127.0.0.1:0"},
    {"path", 'p', OPTION_LIST, AT(paths), "A,B:KEY=VALUE,...",
     "With --api: what is wrong with the path between nodes A and B, or all; keys are delay, "
     "jitter, loss, duplicate, reorder and seed; may be repeated"},
    {"delay", 'd', OPTION_DURATION, AT(impairment.delay_ms), "DURATION",
     "Delay each datagram, in each direction", .maximum = PATH_DELAY_MAX_MS},
    {"jitter", 'j', OPTION_DURATION, AT(impairment.jitter_ms), "DURATION",
     "Delay each by up to this much more, at random; keeps their order",
     .maximum = PATH_DELAY_MAX_MS},
    {"loss", 0, PERCENT, AT(impairment.loss_percent), .help = "Drop this share of the datagrams"},
    {"duplicate", 0, PERCENT, AT(impairment.duplicate_percent),
     .help = "Send this share of the datagrams twice"},
    {"reorder", 0, PERCENT, AT(impairment.reorder_percent),
     .help = "Hold this share of the datagrams back for 10ms more, so that others overtake them"},
    {"drop", 0, OPTION_LIST, AT(drops), "[client:|server:]N",
     "Drop the Nth datagram that clients (the default) or the server send; may be repeated"},
    {"seed", 's', OPTION_NUMBER, AT(impairment.seed), "N",
     "Where the luck comes from: the same seed and the same datagrams meet the same fate (default "
     "1)"},
    {0},
};

static const struct command_spec commands[] = {{.summary = "Relay datagrams"}, {0}};

static const struct example examples[] = {
    {"devnet-relay --to 127.0.0.1:9000 --delay 50ms",
     "A path with a round trip of 100 ms to the node at port 9000."},
    {"devnet-relay --to '[::1]:9000' --loss 5 --jitter 10ms --seed 7",
     "A lossy, uneven path that fails in the same way each time."},
    {"devnet-relay --to 127.0.0.1:9000 --drop client:1 --drop server:2",
     "Loses the first flight of a handshake, and the server's second datagram."},
    {"devnet-relay --api 127.0.0.1:0 --path all:delay=20ms --path a,b:loss=5",
     "Paths between any nodes, which are changed while they are in use."},
    {0},
};

static const struct exit_status statuses[] = {
    {0, "stopped by SIGTERM or SIGINT"},
    {1, "failed: the address is taken, for example"},
    {2, "usage"},
    {0},
};

static const struct program_spec program = {
    .name = "devnet-relay",
    .summary = "relay UDP over a bad path: delay, jitter, loss, duplication, reordering",
    .description =
        "Stands between clients and one server. Each client address gets a socket of its own "
        "towards the server, up to 512, and loses it after three minutes of silence.\n\n"
        "The first line on stdout is a JSON object with the address to dial, as \"address\" and "
        "as a multiaddr in \"listen\", with /p2p/ID where --to has one; the last, when the "
        "relay is stopped, counts what became of the datagrams of each direction: received, "
        "forwarded (copies included), dropped on purpose, duplicated, reordered (held back), "
        "failed (what could not be sent), pending (still delayed), and the bytes forwarded.\n\n"
        "The fate of a datagram follows from the seed, its direction and its number in that "
        "direction, over all clients.\n\n"
        "With --api it is many relays in one process, as devnet up --path starts it: POST /links "
        "with {\"links\": [{\"from\", \"to\", \"address\"}]} answers with where FROM is to dial "
        "TO; "
        "POST /paths with {\"path\": \"A,B:delay=50ms\"} changes a path while it runs, of both "
        "directions; POST /partition with {\"groups\": [\"A,B\", \"C\"]} has nothing pass between "
        "the groups, until POST /heal. GET /paths and GET /links tell what holds. Other options "
        "are of all links then; each link has luck of its own, by the seed and the names.",
    .options = options,
    .commands = commands,
    .examples = examples,
    .exit_statuses = statuses,
    .see_also = "devnet(1), devnet-node(1), devnet-connect(1)",
};

static void stop(evutil_socket_t signal, short what, void *base)
{
    (void)signal, (void)what;
    event_base_loopbreak(base);
}

static void print_ready(const struct relay *relay, const char *to)
{
    const struct relay_endpoint *at = relay_listening_at(relay);
    char address[RELAY_ENDPOINT_TEXT_SIZE], listen[MULTIADDR_TEXT_SIZE];
    relay_endpoint_text(at, address);
    relay_dial_text(at, to, listen);
    json_t *ready =
        json_pack("{s:s, s:s, s:s}", "event", "ready", "listen", listen, "address", address);
    output_json_line(ready);
    json_decref(ready);
}

static void print_stopped(json_t *counts)
{
    json_object_set_new(counts, "event", json_string("stopped"));
    output_json_line(counts);
    json_decref(counts);
}

/* Until a signal comes. */
static int serve(struct event_base *base)
{
    struct event *terminated = evsignal_new(base, SIGTERM, stop, base);
    struct event *interrupted = evsignal_new(base, SIGINT, stop, base);
    event_arm(terminated, NULL);
    event_arm(interrupted, NULL);
    int result = output_end(NULL) ? event_base_dispatch(base) : -1;
    event_free(terminated);
    event_free(interrupted);
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILED;
}

/* ---- to one server ---- */

static int run_one(const struct settings *settings, struct event_base *base)
{
    struct error error;
    struct relay *relay =
        relay_new(base, &settings->at, &settings->server, &settings->impairment, &error);
    if (relay == NULL) {
        log_error("%s", error.text);
        return EXIT_FAILED;
    }
    print_ready(relay, settings->to);
    int status = serve(base);
    print_stopped(relay_counts_json(relay));
    relay_free(relay);
    return status;
}

/* ---- between many nodes ---- */

/* Each link takes two descriptors. */
static void take_all_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run_many(const struct settings *settings, struct event_base *base)
{
    struct error error;
    int status = EXIT_FAILED;
    take_all_descriptors();
    struct relay_links *links = relay_links_new(base, &settings->impairment);
    for (size_t i = 0; i < settings->paths.count; i++) {
        struct path_rule rule;
        path_rule_parse(settings->paths.items[i], &rule, NULL); /* it was looked at before */
        relay_links_apply(links, &rule);
        path_rule_clear(&rule);
    }
    struct relay_api *api = relay_api_new(base, links, settings->api, &error);
    if (api != NULL) {
        relay_tell(json_pack("{s:s, s:s}", "event", "ready", "api", relay_api_url(api)));
        status = serve(base);
        print_stopped(json_pack("{s:o}", "links", relay_links_json(links)));
        relay_api_free(api);
    } else {
        options_blame(&error, "--api", settings->api);
        log_error("%s", error.text);
    }
    relay_links_free(links);
    return status;
}

/* ---- the command line ---- */

static void check_paths(const struct settings *settings)
{
    for (size_t i = 0; i < settings->paths.count; i++) {
        struct path_rule rule;
        struct error error;
        if (!path_rule_parse(settings->paths.items[i], &rule, &error))
            options_usage_error(&program, "--path %s", error.text);
        path_rule_clear(&rule);
    }
    if (settings->paths.count > 0 && settings->api == NULL)
        options_usage_error(&program, "--path: it is of relays between many nodes (--api)");
}

static void read_settings(int argc, char **argv, struct settings *settings)
{
    options_parse(&program, argc, argv, settings);
    struct error error;
    if (settings->to == NULL && settings->api == NULL)
        options_usage_error(&program, "--to is missing: where the server is");
    if (settings->api != NULL && (settings->to != NULL || settings->listen != NULL))
        options_usage_error(&program, "--api: each link has a server and a place of its own, so "
                                      "leave out --to and --listen");
    struct api_address api;
    if (settings->api != NULL && !api_address_check(settings->api, &api, &error))
        options_usage_error(&program, "--api %s", error.text);
    check_paths(settings);
    const char *listen = settings->listen != NULL ? settings->listen : "127.0.0.1:0";
    if (!relay_endpoint_parse(listen, &settings->at, &error))
        options_usage_error(&program, "--listen: %s", error.text);
    if (settings->to != NULL && !relay_endpoint_parse(settings->to, &settings->server, &error))
        options_usage_error(&program, "--to: %s", error.text);
    if (settings->to != NULL && relay_endpoint_port(&settings->server) == 0)
        options_usage_error(&program, "--to: '%s': the port is 0", settings->to);
    for (size_t i = 0; i < settings->drops.count; i++)
        if (!impairment_add_drop(&settings->impairment, settings->drops.items[i], &error))
            options_usage_error(&program, "--drop: %s", error.text);
}

int main(int argc, char **argv)
{
    program_begin(program.name, EXIT_FAILED);
    log_init(program.name, LOG_WARN, false);
    struct settings settings = {.impairment.seed = 1};
    read_settings(argc, argv, &settings);
    /* Timers to the microsecond: epoll's own are milliseconds, rounded up. */
    struct event_base *base = event_base_make(EVENT_BASE_FLAG_PRECISE_TIMER);
    int status = settings.api != NULL ? run_many(&settings, base) : run_one(&settings, base);
    event_base_free(base);
    options_clear(&program, &settings);
    return output_end_status(status, EXIT_FAILED);
}
