/* devnet-tap: stands between nodes, carries what they say to each other, and tells it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/tap/api.h"
#include "cmd/tap/folder.h"
#include "cmd/tap/settings.h"
#include "cmd/tap/tell.h"
#include "common/clock.h"
#include "common/event.h"
#include "common/file.h"
#include "common/log.h"
#include "common/losses.h"
#include "common/output.h"
#include "common/program.h"
#include "net/tap/tap.h"

enum { SHUTDOWN_LIMIT_MS = 2000, SHUTDOWN_POLL_MS = 10 };

struct program {
    struct event_base *base;
    struct tap *tap;
    struct teller *teller;
    struct tap_sight *sight;
    struct picture *picture; /* NULL: none is to be drawn */
    struct tap_api *api;     /* NULL: off */
    struct event *terminated, *interrupted, *poll;
    unsigned polls;
};

/* ---- the end ---- */

static void on_poll(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct program *program = argument;
    const struct timeval again = clock_timeval((uint64_t)SHUTDOWN_POLL_MS * 1000);
    if (tap_is_quiet(program->tap) || ++program->polls > SHUTDOWN_LIMIT_MS / SHUTDOWN_POLL_MS)
        event_base_loopbreak(program->base);
    else
        event_arm(program->poll, &again);
}

static void on_signal(evutil_socket_t signal, short what, void *argument)
{
    (void)signal, (void)what;
    struct program *program = argument;
    event_del(program->terminated);
    event_del(program->interrupted);
    tap_api_free(program->api);
    program->api = NULL;
    tap_shutdown(program->tap);
    event_active(program->poll, EV_TIMEOUT, 0);
}

/* ---- the beginning ---- */

/* What was given and cannot be ends the program; what the system does not do is told. */
static bool refused(const char *option, struct error *error)
{
    if (error->kind != ERROR_SYSTEM)
        tap_usage_error("%s%s%s", option, *option != '\0' ? ": " : "", error->text);
    return *option != '\0' ? error_prefix(error, "%s", option) : false;
}

static bool add_node(struct program *program, const char *text, struct error *error)
{
    struct tap_plan plan;
    if (!tap_plan_parse(text, true, &plan, error) || !tap_plan_look_up(&plan, error))
        tap_usage_error("%s", error->text);
    bool added = tap_add(program->tap, &plan, error);
    tap_plan_clear(&plan);
    return added || refused("", error);
}

static bool add_each(struct program *program, const struct tap_options *options,
                     struct genesis *genesis, struct error *error)
{
    if (options->genesis != NULL && !genesis_load(options->genesis, genesis, error))
        tap_usage_error("--genesis: %s", error->text);
    if (options->genesis != NULL && !folder_add(program->tap, genesis, error))
        return refused("--genesis", error);
    for (size_t i = 0; i < options->node_count; i++)
        if (!add_node(program, options->nodes[i], error))
            return false;
    return options->out == NULL || folder_write(program->tap, genesis, options->out, error) ||
           refused("--out", error);
}

static bool add_nodes(struct program *program, const struct tap_options *options,
                      struct error *error)
{
    struct genesis genesis = {0};
    bool added = add_each(program, options, &genesis, error);
    genesis_clear(&genesis);
    return added;
}

static void check_name(const struct program *program, const char *option, const char *name)
{
    if (tap_node_named(program->tap, bytes_of_text(name)) == NULL)
        tap_usage_error("%s: '%s' is none of the nodes", option, name);
}

static void add_rules(const struct program *program, enum tap_rule_kind kind,
                      const struct option_list *texts, const char *option)
{
    for (size_t i = 0; i < texts->count; i++) {
        struct tap_rule rule;
        struct error error;
        if (!tap_rule_parse(kind, texts->items[i], &rule, &error))
            tap_usage_error("%s '%s': %s", option, texts->items[i], error.text);
        if (!tap_sight_add_rule(program->sight, &rule))
            tap_usage_error("%s: there are more than %d rules", option, TAP_RULES_MAX);
        check_name(program, option, rule.from);
        if (kind == TAP_RULE_HOLD)
            check_name(program, option, rule.until);
    }
}

static bool draw(const struct program *program, const char *path, struct error *error)
{
    return program->picture == NULL || picture_write(program->picture, path, error) ||
           error_prefix(error, "--html");
}

static bool serve(struct program *program, const struct tap_options *options, struct error *error)
{
    if (strcmp(options->api, "off") == 0)
        return true;
    program->api = tap_api_new(program->base, program->tap, program->teller, options->api, error);
    return program->api != NULL || error_prefix(error, "--api %s", options->api);
}

static bool start(struct program *program, const struct tap_options *options, struct error *error)
{
    program->base = event_base_make(0);
    program->terminated = evsignal_new(program->base, SIGTERM, on_signal, program);
    program->interrupted = evsignal_new(program->base, SIGINT, on_signal, program);
    program->poll = evtimer_new(program->base, on_poll, program);
    program->teller = teller_new(program->base);
    if (options->trace == 1)
        teller_trace(program->teller);
    teller_draw(program->teller, program->picture);
    program->sight = tap_sight_new(program->base, &teller_handlers, program->teller);
    teller_set_sight(program->teller, program->sight);
    const struct tap_settings settings = {
        .base = program->base,
        .qlog_folder = options->qlog,
        .qlog_limit = options->qlog_limit,
        .watcher = &tap_sight_watcher,
        .context = program->sight,
    };
    program->tap = tap_new(&settings);
    if (!add_nodes(program, options, error))
        return false;
    add_rules(program, TAP_RULE_HOLD, &options->holds, "--hold");
    add_rules(program, TAP_RULE_REFUSE, &options->refusals, "--refuse");
    add_rules(program, TAP_RULE_RESET, &options->resets, "--reset");
    add_rules(program, TAP_RULE_DROP_ECHO, &options->dropped_echoes, "--drop-echo");
    if (!serve(program, options, error))
        return false;
    /* Once nothing else can be wrong: a page that is there stays otherwise. One that cannot be
     * written is found before anything is seen. */
    return draw(program, options->html, error);
}

static void run(struct program *program)
{
    event_arm(program->terminated, NULL);
    event_arm(program->interrupted, NULL);
    const char *url = program->api != NULL ? tap_api_url(program->api) : NULL;
    teller_ready(program->teller, program->tap, url);
    event_base_dispatch(program->base);
}

/* False where some of what was to be told or logged is lost. */
static bool clear(struct program *program)
{
    tap_api_free(program->api);
    tap_free(program->tap);
    tap_sight_free(program->sight);
    bool told = teller_free(program->teller);
    event_free(program->terminated);
    event_free(program->interrupted);
    event_free(program->poll);
    event_base_free(program->base);
    return told && losses_first() == NULL;
}

/* What a tap has printed, or its QUIC logs. */
static void read_from(struct picture *picture, const struct tap_options *options)
{
    struct error error;
    bool read = file_is_folder(options->from) ? picture_judge(picture, options->from, &error)
                                              : picture_read(picture, options->from, &error);
    if (!read)
        tap_usage_error("--from: %s", error.text);
    if (options->qlog != NULL && !picture_judge(picture, options->qlog, &error))
        tap_usage_error("--qlog: %s", error.text);
}

/* The page alone. */
static int draw_from(const struct tap_options *options)
{
    struct picture *picture = picture_new();
    struct error error;
    read_from(picture, options);
    bool drawn = picture_write(picture, options->html, &error);
    if (!drawn)
        log_error("--html: %s", error.text);
    picture_free(picture);
    return drawn ? EXIT_SUCCESS : EXIT_TAP_FAILED;
}

static int stand_between(const struct tap_options *options)
{
    struct program program = {.picture = options->html != NULL ? picture_new() : NULL};
    struct error error;
    bool started = start(&program, options, &error);
    if (started)
        run(&program);
    else
        log_error("%s", error.text);
    bool whole = clear(&program);
    /* Where nobody was connected there are no logs. */
    if (started && options->qlog != NULL && program.picture != NULL &&
        !picture_judge(program.picture, options->qlog, &error))
        log_info("--html: %s", error.text);
    if (started && !draw(&program, options->html, &error)) {
        log_error("%s", error.text);
        whole = false;
    }
    picture_free(program.picture);
    return started && whole ? EXIT_SUCCESS : EXIT_TAP_FAILED;
}

int main(int argc, char **argv)
{
    program_begin("devnet-tap", EXIT_TAP_FAILED);
    struct tap_options options;
    tap_options_read(argc, argv, &options);
    log_init("devnet-tap", (enum log_level)options.log_level, options.log_format == 1);
    int status = options.from != NULL ? draw_from(&options) : stand_between(&options);
    tap_options_clear(&options);
    return status;
}
