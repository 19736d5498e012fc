/* devnet-relay: a UDP relay that is a bad path for any two programs. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "common/event.h"
#include "common/log.h"
#include "common/options.h"
#include "common/output.h"
#include "common/program.h"
#include "net/address/multiaddr.h"
#include "net/relay/relay.h"

enum { DELAY_MAX_MS = 60000, EXIT_FAILED = 1 };

struct settings {
    const char *listen;
    const char *to;
    struct option_list drops;
    struct impairment impairment;
};

#define AT(member) .offset = offsetof(struct settings, member)
#define PERCENT .type = OPTION_DECIMAL, .argument = "PERCENT", .maximum = 100

static const struct option_spec options[] = {
    {"listen", 'l', OPTION_STRING, AT(listen), "ADDRESS",
     "Take clients' datagrams there: a multiaddr or HOST:PORT; port 0 is any free one (default "
     "127.0.0.1:0)"},
    {"to", 't', OPTION_STRING, AT(to), "ADDRESS",
     "Where the server is: HOST:PORT, a multiaddr or an ENR; required"},
    {"delay", 'd', OPTION_DURATION, AT(impairment.delay_ms), "DURATION",
     "Delay each datagram, in each direction", .maximum = DELAY_MAX_MS},
    {"jitter", 'j', OPTION_DURATION, AT(impairment.jitter_ms), "DURATION",
     "Delay each by up to this much more, at random; keeps their order", .maximum = DELAY_MAX_MS},
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
        "The first line on stdout is a JSON object with the address to dial; the last, when the "
        "relay is stopped, counts what became of the datagrams of each direction: received, "
        "forwarded (copies included), dropped on purpose, duplicated, reordered (held back), "
        "failed (what could not be sent), pending (still delayed), and the bytes forwarded.\n\n"
        "The fate of a datagram follows from the seed, its direction and its number in that "
        "direction, over all clients.",
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

static void print_ready(const struct relay *relay)
{
    const struct relay_endpoint *at = relay_listening_at(relay);
    char address[RELAY_ENDPOINT_TEXT_SIZE], listen[MULTIADDR_TEXT_SIZE] = "";
    struct multiaddr multiaddr;
    relay_endpoint_text(at, address);
    if (multiaddr_from_sockaddr((const struct sockaddr *)&at->address, &multiaddr))
        multiaddr_text(&multiaddr, listen);
    json_t *ready =
        json_pack("{s:s, s:s, s:s}", "event", "ready", "listen", listen, "address", address);
    output_json_line(ready);
    json_decref(ready);
}

static json_t *counts_json(const struct relay_counts *counts)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "received",
                     (json_int_t)counts->received, "forwarded", (json_int_t)counts->forwarded,
                     "dropped", (json_int_t)counts->dropped, "duplicated",
                     (json_int_t)counts->duplicated, "reordered", (json_int_t)counts->reordered,
                     "failed", (json_int_t)counts->failed, "pending", (json_int_t)counts->pending,
                     "bytes", (json_int_t)counts->bytes);
}

/* Named for who sent the datagrams. */
static void print_counts(const struct relay *relay)
{
    struct relay_counts counts[DIRECTION_COUNT];
    relay_count(relay, counts);
    json_t *stopped = json_pack("{s:o, s:o, s:s}", "client", counts_json(&counts[FROM_CLIENT]),
                                "server", counts_json(&counts[FROM_SERVER]), "event", "stopped");
    output_json_line(stopped);
    json_decref(stopped);
}

static int run(struct relay *relay, struct event_base *base)
{
    struct event *terminated = evsignal_new(base, SIGTERM, stop, base);
    struct event *interrupted = evsignal_new(base, SIGINT, stop, base);
    event_arm(terminated, NULL);
    event_arm(interrupted, NULL);
    print_ready(relay);
    int result = output_end(NULL) ? event_base_dispatch(base) : -1;
    print_counts(relay);
    event_free(terminated);
    event_free(interrupted);
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILED;
}

static void read_settings(int argc, char **argv, struct settings *settings,
                          struct relay_endpoint *listen, struct relay_endpoint *server)
{
    options_parse(&program, argc, argv, settings);
    struct error error;
    if (settings->to == NULL)
        options_usage_error(&program, "--to is missing: where the server is");
    if (!relay_endpoint_parse(settings->listen, listen, &error))
        options_usage_error(&program, "--listen: %s", error.text);
    if (!relay_endpoint_parse(settings->to, server, &error))
        options_usage_error(&program, "--to: %s", error.text);
    if (relay_endpoint_port(server) == 0)
        options_usage_error(&program, "--to: '%s': the port is 0", settings->to);
    for (size_t i = 0; i < settings->drops.count; i++)
        if (!impairment_add_drop(&settings->impairment, settings->drops.items[i], &error))
            options_usage_error(&program, "--drop: %s", error.text);
}

int main(int argc, char **argv)
{
    program_begin(program.name, EXIT_FAILED);
    log_init(program.name, LOG_WARN, false);
    struct settings settings = {.listen = "127.0.0.1:0", .impairment.seed = 1};
    struct relay_endpoint listen, server;
    read_settings(argc, argv, &settings, &listen, &server);
    /* Timers to the microsecond: epoll's own are milliseconds, rounded up. */
    struct event_base *base = event_base_make(EVENT_BASE_FLAG_PRECISE_TIMER);
    struct error error;
    struct relay *relay = relay_new(base, &listen, &server, &settings.impairment, &error);
    int status = EXIT_FAILED;
    if (relay != NULL) {
        status = run(relay, base);
        relay_free(relay);
    } else {
        log_error("%s", error.text);
    }
    event_base_free(base);
    options_clear(&program, &settings);
    return output_end_status(status, EXIT_FAILED);
}
