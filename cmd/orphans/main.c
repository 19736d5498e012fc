/* devnet-orphans: reads QUIC logs and names the streams that nobody owns. */
#include "cmd/orphans/follow.h"
#include "cmd/orphans/orphans.h"
#include "cmd/orphans/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/options.h"
#include "common/output.h"
#include "common/program.h"
#include "net/qlog/rotated.h"
#include "net/verdict/report_files.h"
#include "net/verdict/stack.h"
#include "net/verdict/stats.h"

struct orphans_options {
    bool json, verbose, stats, follow, until_clean, until_orphan;
    const char *html, *peer_kind;
    uint64_t jobs, grace, timeout;
    struct option_list fail_on, names;
};

enum { GRACE_MS = 2000 };

static const uint64_t NOT_GIVEN = UINT64_MAX;

#define AT(member) .offset = offsetof(struct orphans_options, member)

static const char *verdict_words(void)
{
    static char words[1024];
    size_t size = 0;
    for (int verdict = 0; verdict < QLOG_VERDICTS && size < sizeof(words); verdict++)
        size += (size_t)snprintf(words + size, sizeof(words) - size, "%s%s", verdict > 0 ? " " : "",
                                 qlog_verdict_name((enum qlog_verdict)verdict));
    return words;
}

static const char *stack_words(void)
{
    static char words[1024];
    size_t size = 0;
    for (const char *name = qlog_stack_names(); *name != '\0' && size + 1 < sizeof(words); name++)
        if (*name != ',')
            words[size++] = *name;
    words[size] = '\0';
    return words;
}

static const struct option_spec options_table[] = {
    {"json", 0, OPTION_FLAG, AT(json), .help = "Print one JSON object"},
    {"verbose", 'v', OPTION_FLAG, AT(verbose), .help = "List the healthy streams too"},
    {"stats", 0, OPTION_FLAG, AT(stats),
     .help = "Count streams, orphans and bytes a connection and protocol, instead of listing them"},
    {"html", 0, OPTION_STRING, AT(html), "FILE",
     "Draw the streams on timelines too, in a page for browsers that needs no network",
     .files = true},
    {"fail-on", 0, OPTION_LIST, AT(fail_on), "VERDICT,...",
     "Exit 1 for streams of these verdicts too, besides the orphaned ones", .words = verdict_words},
    {"peer-kind", 0, OPTION_STRING, AT(peer_kind), "NAME",
     "Take peers that nothing else tells for this implementation, whose habits say what silence "
     "on a stream means; a wrong NAME lists them",
     .words = stack_words},
    {"name", 0, OPTION_LIST, AT(names), "NAME=ID",
     "Call the node with that peer id by a name; may be repeated"},
    {"follow", 'f', OPTION_FLAG, AT(follow),
     .help = "Go on with logs that grow and appear, and tell each change of verdict"},
    {"grace", 0, OPTION_DURATION, AT(grace), "DURATION",
     "With --follow: how long a verdict stands before it is told (default: 2s)"},
    {"until-clean", 0, OPTION_FLAG, AT(until_clean),
     .help = "With --follow: stop once every verdict stands and none fails"},
    {"until-orphan", 0, OPTION_FLAG, AT(until_orphan),
     .help = "With --follow: stop once a verdict that fails stands"},
    {"timeout", 't', OPTION_DURATION, AT(timeout), "DURATION",
     "With --follow: stop after so long (default: never)", .minimum = 1},
    {"jobs", 'j', OPTION_NUMBER, AT(jobs), "N",
     "Read by so many processes at once (default: one a core, where there is much to read)",
     .minimum = 1, .maximum = QLOG_JOBS_LIMIT},
    {0},
};

static const struct command_spec commands[] = {
    {.operands = "FILE|FOLDER|-...",
     .summary = "Read the logs and judge their streams",
     .operands_minimum = 1,
     .operands_maximum = SIZE_MAX},
    {0},
};

static const struct example examples[] = {
    {"devnet-orphans logs/", "Judge every QUIC log below a folder."},
    {"devnet-orphans -v alice/ bob/",
     "Show what became of each stream; both ends' logs are joined."},
    {"devnet-orphans --follow --json logs/ | jq 'select(.stream.orphan)'",
     "Each orphan of a running devnet, as it comes to be."},
    {"devnet-orphans --follow --until-clean --timeout 30s logs/",
     "Wait until no stream is orphaned; fail after half a minute."},
    {"devnet-orphans --json logs/ | jq '.connections[].streams[] | select(.orphan)'",
     "The orphans, for a script."},
    {"devnet-orphans --html streams.html logs/",
     "Draw each connection's streams, orphans marked, to look at in a browser."},
    {"devnet-orphans --stats logs/", "How many streams of each protocol, and how many orphans."},
    {0},
};

static const struct exit_status exit_statuses[] = {
    {NO_ORPHANS, "every log was read, and no stream is orphaned"},
    {SOME_ORPHANS, "streams are orphaned, or as --fail-on says (even where there was trouble "
                   "beside)"},
    {TROUBLE, "usage; or no orphan was found, but a log could not be read or cannot tell, or a "
              "stream is suspected"},
    {0},
};

static const struct program_spec program = {
    .name = "devnet-orphans",
    .summary = "name the orphaned streams in QUIC logs",
    .description =
        "Reads QUIC logs (qlog) of devnet-node, ngtcp2, aioquic, quic-go, quiche, picoquic, mvfst, "
        "golang.org/x/net/quic and others, in the format's drafts from 00 on, plain or "
        "compressed with gzip or zstd, told apart by content, and "
        "says what became of each stream. Folders are searched; what is no QUIC log in them is "
        "noted and skipped, and a link to a folder, which is not followed, is trouble; - is "
        "standard "
        "input. Both ends' logs of a connection are joined by its "
        "original connection "
        "id and counted once; so are both legs' of a devnet-tap, which name the nodes and the "
        "protocols, and whatever the nodes logged themselves. What a tap had not passed on accuses "
        "nobody.\n\n"
        "A stream is an orphan when nobody will write, read or close it as it was meant to be: "
        "orphaned (neither end has it registered), orphaned_at_opener (its opener forgot it, the "
        "receiver waits on it), unread_at_receiver (its opener writes on it, the receiver ignores "
        "it), orphaned_after_deregistration (its peer entry went, it stayed). Listed but not "
        "counted as orphans: negotiation_failed_and_left_open, request_never_answered, "
        "duplicate_across_connections (in use, beside another to the same peer), half_closed, "
        "open_at_end, unknown (never \"no orphans\": exit 2). Healthy: live, "
        "live_until_connection_ended, reqresp, closed, "
        "not_ours. Named beside them: one-way peerings, where only one side has a gossipsub stream "
        "in use, and connections that were closed because a side broke the protocol, with the "
        "stream on which it did.\n\n"
        "A verdict is exact where the node that wrote the log says who owns the stream, and "
        "inferred from lengths, order and silence otherwise: high, medium or low. A stream in the "
        "packets that no such event claims is reported: logs do not certify themselves.\n\n"
        "A log that cannot tell all is unknown, with the reason: without packets, frames or one of "
        "the directions, with frames of types or lengths that are not known, with a part missing "
        "or "
        "cut off, or beside another of the same end that says something else. Exit 0 needs that "
        "the streams could be seen.\n\n"
        "What silence on a stream means depends on the implementation at the other end: one reads "
        "the first stream only, others the newest or all. It is known by the log's writer, by the "
        "agent that identify told, as our nodes record it, or by --peer-kind. What only the habit "
        "of an implementation would prove, where nothing tells which it is, has low confidence and "
        "is suspected: no orphan and no exit 1, and no clean bill.\n\n"
        "Of a log that --qlog-limit rotates, a part in a folder may go before it is read: a newer "
        "part says what it did, and where there is none, that it is missing is told.\n\n"
        "--follow reads on in files that grow, appear, are renamed, rotated, cut to nothing or "
        "written anew, and in standard input. A verdict is told once it has stood for --grace, and "
        "again when another has. With --json each line is an object whose \"event\" is following "
        "(what was there has been read), verdict (with connection, stream as in the report, and "
        "before) or end (with reason, summary, troubles). What is healthy is told with --verbose "
        "or --json only. \"t\" is when it was told. Logs of nodes that come later are read where "
        "$DEVNET_FOLLOW names their devnet's folder, as devnet has it do where no node is "
        "named.\n\n"
        "Nodes are called by the names that --name gives, or $DEVNET_NAMES (a line NAME=ID each), "
        "in "
        "JSON under \"names\" of a connection: {\"client\", \"server\"}. The page tells of bad "
        "paths "
        "what $DEVNET_PATHS says, a line each.\n\n"
        "--stats counts by protocol where events of the node tell it, and otherwise by what the "
        "lengths look like: (gossip), (exchange), (ping), (refused), (opening), (foreign).",
    .options = options_table,
    .commands = commands,
    .examples = examples,
    .exit_statuses = exit_statuses,
    .see_also = "devnet(1), devnet-node(1), devnet-connect(1)",
};

/* Which verdicts make the program fail, by enum qlog_verdict. */
static void read_fail_on(const struct option_list *list, bool *fails)
{
    for (int verdict = 0; verdict < QLOG_VERDICTS; verdict++)
        fails[verdict] = qlog_verdict_is_orphan((enum qlog_verdict)verdict);
    for (size_t i = 0; i < list->count; i++) {
        char *names = text_copy(list->items[i]), *rest = names;
        for (const char *name; (name = strsep(&rest, ",")) != NULL;) {
            enum qlog_verdict verdict;
            if (!qlog_verdict_find(name, &verdict))
                options_usage_error(&program, "--fail-on %s: no such verdict; --help lists them",
                                    name);
            fails[verdict] = true;
        }
        free(names);
    }
}

static void read_peer_kind(const char *name)
{
    const struct qlog_stack *stack = name != NULL ? qlog_stack_named(name) : NULL;
    if (name != NULL && stack == NULL)
        options_usage_error(&program, "--peer-kind %s: not one of %s", name, qlog_stack_names());
    qlog_stack_suppose(stack);
}

static void read_names(const struct option_list *list)
{
    struct error error;
    for (size_t i = 0; i < list->count; i++)
        if (!names_add_text(&orphans_names, list->items[i], &error))
            options_usage_error(&program, "--name %s", error.text);
    if (!names_add_environment(&orphans_names, &error))
        options_usage_error(&program, "%s", error.text);
}

/* Beside "peers", where a name is known. */
static void name_connections(json_t *report)
{
    size_t i;
    json_t *connection;
    json_array_foreach(json_object_get(report, "connections"), i, connection)
    {
        json_t *by_tap = json_incref(json_object_get(connection, "names"));
        json_t *names = names_over(by_tap, json_object_get(connection, "peers"));
        if (names != NULL)
            json_object_set_new(connection, "names", names);
    }
}

static struct qlog_reading *read_files(struct qlog_search *search, unsigned jobs)
{
    struct progress progress;
    progress_init(&progress, qlog_search_size(search), search->count);
    const struct qlog_progress shown = {
        .show = progress_show, .context = &progress, .interval = progress_interval(&progress)};
    struct qlog_reading *readings = qlog_read_rotated(search, jobs, &shown);
    progress_end(&progress);
    return readings;
}

static void on_reading(void *context, const struct qlog_found *file,
                       const struct qlog_reading *reading)
{
    tell_reading(context, file, reading);
}

static void on_joined(void *context, const struct qlog_connections *connections)
{
    tell_undecidable(context, connections);
}

static json_t *make_report(struct findings *findings, struct qlog_search *search, unsigned jobs)
{
    const struct qlog_hearer hearer = {on_reading, on_joined, findings};
    struct qlog_reading *readings = read_files(search, jobs);
    json_t *report = qlog_report_files(search, readings, &hearer);
    name_connections(report);
    json_object_set(report, "troubles", findings->troubles);
    json_object_set(report, "skipped", findings->skipped);
    return report;
}

static int exit_status_of(const json_t *report, const bool *fails)
{
    const json_t *summary = json_object_get(report, "summary");
    const json_t *counts = json_object_get(summary, "verdicts");
    for (int verdict = 0; verdict < QLOG_VERDICTS; verdict++)
        if (fails[verdict] &&
            json_object_get(counts, qlog_verdict_name((enum qlog_verdict)verdict)) != NULL)
            return SOME_ORPHANS;
    return leaves_doubt(report) ? TROUBLE : NO_ORPHANS;
}

static int judge_once(const struct orphans_options *options, const bool *fails,
                      char *const *operands, size_t count)
{
    struct findings findings;
    findings_init(&findings);
    struct qlog_search search = {.handler = note_remark, .context = &findings};
    for (size_t i = 0; i < count; i++)
        qlog_search_path(&search, operands[i]);
    qlog_search_end(&search);
    json_t *report = make_report(&findings, &search, (unsigned)options->jobs);
    if (options->stats)
        json_object_set_new(report, "stats", qlog_stats(report));
    if (options->json)
        output_json(report);
    else
        print_text(report, options->verbose, fails);
    int status = exit_status_of(report, fails);
    struct error error;
    if (options->html != NULL && !write_page(options->html, report, &error)) {
        log_error("%s", error.text);
        status = TROUBLE;
    }
    if (!output_end(&error)) {
        log_error("%s", error.text);
        status = TROUBLE;
    }
    json_decref(report);
    qlog_search_clear(&search);
    findings_clear(&findings);
    return status;
}

static void check_options(const struct orphans_options *options)
{
    static const char *const with[] = {"--grace", "--until-clean", "--until-orphan", "--timeout"};
    const bool given[] = {options->grace != NOT_GIVEN, options->until_clean, options->until_orphan,
                          options->timeout > 0};
    for (size_t i = 0; i < sizeof(with) / sizeof(*with); i++)
        if (given[i] && !options->follow)
            options_usage_error(&program, "%s goes with --follow", with[i]);
    if (options->html != NULL && strcmp(options->html, "-") == 0)
        options_usage_error(&program,
                            "--html -: name a file; what is judged is on standard output");
    if (options->follow && options->jobs > 0)
        options_usage_error(&program, "--jobs does not go with --follow");
    if (options->follow && (options->stats || options->html != NULL))
        options_usage_error(&program, "%s does not go with --follow",
                            options->stats ? "--stats" : "--html");
}

int main(int argc, char **argv)
{
    program_begin(program.name, TROUBLE);
    struct orphans_options options = {.grace = NOT_GIVEN};
    struct options_result result = options_parse(&program, argc, argv, &options);
    struct follow_options following = {.json = options.json,
                                       .verbose = options.verbose,
                                       .until_clean = options.until_clean,
                                       .until_orphan = options.until_orphan,
                                       .timeout = options.timeout};
    check_options(&options);
    following.grace = options.grace != NOT_GIVEN ? options.grace : GRACE_MS;
    read_fail_on(&options.fail_on, following.fails);
    read_peer_kind(options.peer_kind);
    read_names(&options.names);
    log_init(program.name, LOG_INFO, false);
    int status = options.follow
                     ? follow(&following, result.operands, result.operand_count)
                     : judge_once(&options, following.fails, result.operands, result.operand_count);
    names_clear(&orphans_names);
    options_clear(&program, &options);
    return status;
}
