/* devnet-connect: connects two nodes and reports each step of the handshake. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cmd/connect/fetch.h"
#include "cmd/connect/listen.h"
#include "cmd/connect/publish.h"
#include "cmd/connect/remote.h"
#include "cmd/connect/report.h"
#include "cmd/connect/settings.h"
#include "common/clock.h"
#include "common/event.h"
#include "common/log.h"
#include "common/losses.h"
#include "common/memory.h"
#include "common/options.h"
#include "common/output.h"
#include "common/program.h"
#include "net/api/attempt_json.h"
#include "net/api/rpc_trace.h"
#include "net/host/options.h"

enum { INTERNAL = 1, USAGE = 2, TERMINATED = 128, HANDSHAKE_GRACE_MS = 1000 };

struct run {
    const struct connect_settings *settings;
    struct event_base *base;
    struct identity *identity;
    struct host *host;
    struct resolver *resolver;
    struct attempt_driver *attempt;
    struct line_writer *trace; /* NULL: nothing is traced */
    struct event *terminated, *interrupted, *hold;
    struct host_observer holding;
    char *topic;
    struct fetch *fetch;             /* NULL: none is under way */
    struct listen *listen;           /* NULL: messages are not shown */
    struct block_store *blocks;      /* NULL: nothing is recorded */
    struct block_recorder *recorder; /* the same */
    json_t *published;               /* of which the acknowledgement is waited for */
    bool settled;                    /* nothing is left to be done but to stay */
    json_t *steps, *result;
    bool stopped;       /* by a signal */
    bool blames_option; /* what is wrong is what an option says */
    int exit;
};

/* ---- the end: CONNECTION_CLOSE goes out, and then we go ---- */

static void on_shut_down(void *context)
{
    struct run *run = context;
    event_base_loopbreak(run->base);
}

static void leave(struct run *run)
{
    host_shutdown(run->host, 0, on_shut_down, run);
}

static const char *stopped_by(int signal)
{
    return signal == SIGINT ? "interrupted (SIGINT)" : "stopped (SIGTERM)";
}

static void on_fetched(void *context, int code, const char *error);
static void set_failure(struct run *run, enum attempt_exit code, const char *error);

/* What is left undone by whom a signal stops while it listens. */
static void leave_off(struct run *run, int signal)
{
    if (run->settled && run->settings->count > 0 && run->exit == ATTEMPT_REACHED) {
        char *error = text_format("%s: %llu of %llu messages had come", stopped_by(signal),
                                  (unsigned long long)listen_count(run->listen),
                                  (unsigned long long)run->settings->count);
        set_failure(run, (enum attempt_exit)(TERMINATED + signal), error);
        free(error);
    }
    leave(run);
}

static void on_signal(evutil_socket_t signal, short what, void *argument)
{
    (void)what;
    struct run *run = argument;
    run->stopped = true;
    if (run->attempt != NULL)
        attempt_abandon(run->attempt, TERMINATED + (int)signal, stopped_by((int)signal));
    else if (run->fetch != NULL)
        on_fetched(run, TERMINATED + (int)signal, stopped_by((int)signal));
    else if (run->published == NULL) /* which is waited for, if not for long */
        leave_off(run, (int)signal);
}

static void on_held(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct run *run = argument;
    if (run->settings->count > 0) {
        char *error = text_format("gossip: %llu of %llu messages came within --hold",
                                  (unsigned long long)listen_count(run->listen),
                                  (unsigned long long)run->settings->count);
        set_failure(run, (enum attempt_exit)GOSSIP_FAILED, error);
        free(error);
    }
    leave(run);
}

static void set_failure(struct run *run, enum attempt_exit code, const char *error)
{
    run->exit = code;
    json_object_set_new(run->result, "exit", json_integer(code));
    json_object_set_new(run->result, "error", json_string(error));
}

static void lose(struct run *run, const char *reason)
{
    char *error = text_format(
        "lost %s: %s", run->settings->hold_ms > 0 ? "during --hold" : "while listening", reason);
    set_failure(run, ATTEMPT_STREAM_FAILED, error);
    free(error);
    leave(run);
}

/* Others may come and go at a host that listens. */
static bool is_ours(const struct run *run, const struct peer *peer)
{
    const char *held = json_string_value(json_object_get(run->result, "peer_id"));
    return held != NULL && strcmp(held, peer_view(peer).name) == 0;
}

static void on_event_while_holding(void *context, const struct host_event *event)
{
    struct run *run = context;
    if (event->kind != HOST_DISCONNECTED || event->close->cause == QUIC_CLOSED_BY_US ||
        !is_ours(run, event->peer) || !peer_connection_is_last(event->connection))
        return;
    lose(run, event->close->reason.text);
}

static struct peer *held_peer(const struct run *run)
{
    struct peer *peer = peer_first(run->host);
    while (peer != NULL && !is_ours(run, peer))
        peer = peer_next(peer);
    return peer;
}

static void hold(struct run *run)
{
    struct timeval delay = clock_timeval(run->settings->hold_ms * 1000);
    run->holding.event = on_event_while_holding;
    run->holding.context = run;
    host_observe(run->host, &run->holding);
    if (run->settings->hold_ms > 0)
        event_arm(run->hold, &delay);
}

static void on_step(void *context, const struct attempt_told *told, const struct host_event *event)
{
    const struct run *run = context;
    json_t *step = attempt_step_json(told, event);
    report_name_peer(step);
    json_array_append_new(run->steps, step);
    if (!run->settings->json)
        report_step(step);
}

static void on_enough(void *context)
{
    struct run *run = context;
    if (run->settled)
        leave(run);
}

/* How long: --hold, or with --listen-gossip until enough has come. */
static bool stays(const struct run *run)
{
    const struct connect_settings *settings = run->settings;
    if (run->exit != ATTEMPT_REACHED || run->stopped)
        return false;
    if (settings->count > 0)
        return !listen_has_enough(run->listen);
    return settings->listens || settings->hold_ms > 0;
}

static void hold_or_leave(struct run *run)
{
    run->settled = true;
    if (!stays(run))
        leave(run);
    else if (held_peer(run) != NULL)
        hold(run);
    else
        lose(run, "the peer went as soon as the step was reached");
}

static void on_fetched(void *context, int code, const char *error)
{
    struct run *run = context;
    fetch_free(run->fetch);
    run->fetch = NULL;
    if (code != 0)
        set_failure(run, (enum attempt_exit)code, error);
    hold_or_leave(run);
}

static void fetch(struct run *run)
{
    json_t *blocks = json_array();
    json_object_set_new(run->result, "blocks", blocks);
    run->fetch = fetch_new(run->host, held_peer(run), run->settings, blocks, on_fetched, run);
    if (run->fetch == NULL) {
        set_failure(run, (enum attempt_exit)FETCH_FAILED,
                    "blocks: the peer went, or allows no stream, once the step was reached");
        leave(run);
    }
}

static void fetch_or_stay(struct run *run)
{
    bool fetches = run->settings->by_root != NULL || run->settings->by_range != NULL;
    if (run->exit == ATTEMPT_REACHED && fetches && !run->stopped)
        fetch(run);
    else
        hold_or_leave(run);
}

static void on_drained(void *context)
{
    struct run *run = context;
    json_t *published = run->published;
    run->published = NULL;
    if (!publish_acknowledged(run->host, published, run->settings->json))
        set_failure(run, (enum attempt_exit)GOSSIP_FAILED,
                    "--publish: the peer did not acknowledge it in time");
    json_object_set_new(run->result, "published", published);
    fetch_or_stay(run);
}

static void publish_file(struct run *run)
{
    struct error error;
    run->published = publish(run->host, run->topic, &run->settings->publication, &error);
    if (run->published != NULL) {
        host_drain(run->host, run->settings->timeout_ms, on_drained, run);
        return;
    }
    set_failure(run, (enum attempt_exit)GOSSIP_FAILED, error.text);
    leave(run);
}

static void on_done(void *context, const struct attempt_result *result)
{
    struct run *run = context;
    run->attempt = NULL;
    run->result = attempt_result_json(result, run->steps);
    report_name_peer(run->result);
    run->exit = result->outcome.exit;
    if (run->exit == ATTEMPT_REACHED && run->settings->publication.file != NULL && !run->stopped)
        publish_file(run);
    else
        fetch_or_stay(run);
}

/* ---- setting up ---- */

static bool listen_on(struct run *run, struct error *error)
{
    const char *any[] = {"/ip4/127.0.0.1/udp/0/quic-v1"};
    struct option_list list = run->settings->listen;
    if (list.count == 0 && run->settings->accept)
        list = (struct option_list){.items = any, .count = 1};
    for (size_t i = 0; i < list.count; i++) {
        struct multiaddr address;
        if (!multiaddr_parse(list.items[i], &address, error))
            connect_usage_error("--listen %s: %s", list.items[i], error->text);
        if (!host_listen(run->host, &address, error)) {
            run->blames_option = error->kind == ERROR_INVALID;
            options_blame(error, "--listen", list.items[i]);
            return false;
        }
    }
    for (size_t i = 0; i < list.count; i++) {
        char text[MULTIADDR_TEXT_SIZE];
        struct multiaddr address = host_listen_address(run->host, i);
        multiaddr_text(&address, text);
        fprintf(stderr, "devnet-connect: listening on %s\n", text);
    }
    return true;
}

static void fill_host_settings(struct run *run, struct host_settings *host)
{
    const struct connect_settings *settings = run->settings;
    struct error error;
    host_settings_default(host);
    host->base = run->base;
    host->identity = run->identity;
    if (settings->node.trace == 1) {
        host->trace_rpc = settings->json ? rpc_trace_print_json : rpc_trace_print_text;
        host->trace_context = run->trace = rpc_trace_writer(run->base, settings->json);
    }
    host->handshake_timeout_ms = settings->timeout_ms + HANDSHAKE_GRACE_MS;
    if (!node_options_apply(&settings->node, host, &error))
        connect_usage_error("%s", error.text);
}

/* The first of TOPICS is the one to mesh on. */
static void subscribe(struct run *run, const char *const *topics, size_t count)
{
    struct error error;
    for (size_t i = 0; i < count; i++) {
        char *topic = host_topic_expand(run->host, topics[i], &error);
        if (topic == NULL || !host_subscribe(run->host, topic, &error))
            connect_usage_error("--topic %s: %s", topics[i], error.text);
        if (run->topic == NULL)
            run->topic = topic;
        else
            free(topic);
    }
}

static void subscribe_to_all(struct run *run)
{
    static const char *const usual[] = {"lean:block", "lean:aggregation", "lean:attestation_0"};
    const struct connect_settings *settings = run->settings;
    if (settings->publication.topic != NULL)
        subscribe(run, &settings->publication.topic, 1);
    if (settings->topics.count > 0)
        subscribe(run, settings->topics.items, settings->topics.count);
    else if (settings->listens)
        subscribe(run, usual, sizeof(usual) / sizeof(*usual));
    else if (run->topic == NULL)
        subscribe(run, usual, 1);
}

static void listen_to_gossip(struct run *run)
{
    const struct block_recorder_settings *record = &run->settings->node.record;
    run->recorder = block_recorder_new(run->host, record, run->blocks);
    if (run->settings->listens)
        run->listen = listen_new(run->host, run->settings, on_enough, run);
}

static bool start(struct run *run, struct error *error)
{
    static const struct attempt_handlers handlers = {.step = on_step, .done = on_done};
    const struct connect_settings *settings = run->settings;
    bool usage = false;
    run->identity = node_options_identity(&settings->node, &usage, error);
    if (run->identity == NULL && usage && settings->node.key == NULL)
        connect_usage_error("%s", error->text);
    run->blames_option = usage;
    if (run->identity == NULL)
        return false;
    struct host_settings host;
    fill_host_settings(run, &host);
    if (!block_recorder_open(settings->node.record.folder, NULL, &run->blocks, error))
        return false;
    host.blocks = run->blocks;
    if (getrandom(&host.seed, sizeof(host.seed), 0) < 0)
        return error_set(error, "no random numbers to be had");
    run->host = host_new(&host, error);
    if (run->host == NULL) {
        run->blames_option = node_options_blame(&settings->node, error);
        return false;
    }
    run->resolver = resolver_new(run->base);
    listen_to_gossip(run);
    subscribe_to_all(run);
    if (!listen_on(run, error))
        return false;
    struct attempt_settings attempt = {
        .until = (enum attempt_step)settings->until,
        .topic =
            settings->topics.count > 0 || settings->publication.file != NULL ? run->topic : NULL,
        .timeout_ms = settings->timeout_ms,
    };
    run->attempt = settings->accept ? attempt_accept(run->host, &attempt, &handlers, run)
                                    : attempt_dial(run->host, run->resolver, &settings->address,
                                                   &attempt, &handlers, run);
    return true;
}

/* ---- one run ---- */

static void print_result(const struct run *run)
{
    if (run->result == NULL)
        return;
    if (run->settings->json)
        (run->settings->listens ? report_line : report_result)(run->result);
    report_error(run->settings->accept ? "--accept" : run->settings->name, run->result);
}

/* Where nothing was found, --json says so all the same. */
static void internal_failure(struct run *run, const char *error)
{
    run->exit = run->blames_option ? USAGE : INTERNAL;
    run->result = json_pack("{s:s?, s:s, s:i, s:s, s:[]}", "target",
                            run->settings->accept ? NULL : run->settings->name, "reached", "none",
                            "exit", run->exit, "error", error, "steps");
}

/* What was asked for beside the connection, and is not whole, makes a failure of what succeeded. */
static void check_losses(struct run *run)
{
    const char *loss = losses_first();
    if (loss == NULL)
        return;
    if (run->exit == ATTEMPT_REACHED && run->result != NULL)
        set_failure(run, ATTEMPT_INTERNAL, loss);
    else if (!log_enabled(LOG_WARN)) /* which has told it already */
        log_error("%s", loss);
}

static void run_clear(struct run *run)
{
    host_free(run->host);
    line_writer_free(run->trace);
    if (run->resolver != NULL)
        resolver_free(run->resolver);
    identity_free(run->identity);
    event_free(run->terminated);
    event_free(run->interrupted);
    event_free(run->hold);
    event_base_free(run->base);
    block_store_free(run->blocks);
    json_decref(run->steps);
    json_decref(run->result);
    free(run->topic);
}

static int connect_here(const struct connect_settings *settings)
{
    struct run run = {.settings = settings, .base = event_base_make(0), .steps = json_array()};
    run.terminated = evsignal_new(run.base, SIGTERM, on_signal, &run);
    run.interrupted = evsignal_new(run.base, SIGINT, on_signal, &run);
    run.hold = evtimer_new(run.base, on_held, &run);
    event_arm(run.terminated, NULL);
    event_arm(run.interrupted, NULL);
    struct error error;
    if (start(&run, &error))
        event_base_dispatch(run.base);
    else
        internal_failure(&run, error.text);
    if (run.listen != NULL && run.result != NULL)
        json_object_set_new(run.result, "messages", listen_json(run.listen));
    listen_free(run.listen);
    block_recorder_free(run.recorder);
    host_free(run.host); /* writes what is left of its logs */
    run.host = NULL;
    check_losses(&run);
    print_result(&run);
    run_clear(&run);
    return run.exit;
}

int main(int argc, char **argv)
{
    program_begin("devnet-connect", INTERNAL);
    struct connect_settings settings;
    struct error error;
    connect_settings_read(argc, argv, &settings);
    if (!report_take_names(&error))
        connect_usage_error("%s", error.text);
    log_init("devnet-connect", (enum log_level)settings.node.log_level, false);
    int code = settings.from != NULL ? connect_remote(&settings) : connect_here(&settings);
    report_clear();
    connect_settings_clear(&settings);
    return output_end_status(code, code == 0 ? INTERNAL : code);
}
