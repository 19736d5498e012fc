/* devnet-orphans: reads QUIC logs and names the streams that nobody owns. */
#include "cmd/orphans/orphans.h"

#include "common/log.h"
#include "common/options.h"
#include "common/output.h"
#include "net/qlog/report.h"

enum { NO_ORPHANS = 0, SOME_ORPHANS = 1, TROUBLE = 2 };

struct orphans_options {
    bool json, verbose;
};

#define AT(member) .offset = offsetof(struct orphans_options, member)

static const struct option_spec options_table[] = {
    {"json", 0, OPTION_FLAG, AT(json), .help = "Print one JSON object"},
    {"verbose", 'v', OPTION_FLAG, AT(verbose), .help = "List the healthy streams too"},
    {0},
};

static const struct command_spec commands[] = {
    {.operands = "FILE|FOLDER...",
     .summary = "Read the logs and judge their streams",
     .operands_minimum = 1,
     .operands_maximum = SIZE_MAX},
    {0},
};

static const struct example examples[] = {
    {"devnet-orphans logs/", "Judge every QUIC log below a folder."},
    {"devnet-orphans -v alice/ bob/",
     "Show what became of each stream; both ends' logs are joined."},
    {"devnet-orphans --json logs/ | jq '.connections[].streams[] | select(.orphan)'",
     "The orphans, for a script."},
    {0},
};

static const struct exit_status exit_statuses[] = {
    {NO_ORPHANS, "every log was read, and no stream is orphaned"},
    {SOME_ORPHANS, "streams are orphaned (even where there was trouble beside)"},
    {TROUBLE, "usage; or no orphan was found, but a log could not be read or cannot tell"},
    {0},
};

static const struct program_spec program = {
    .name = "devnet-orphans",
    .summary = "name the orphaned streams in QUIC logs",
    .description =
        "Reads QUIC logs (qlog) of devnet-node, ngtcp2, aioquic, quic-go and quiche, plain or "
        "compressed with gzip or zstd, told apart by content, and "
        "says what became of each stream. Folders are searched; what is no QUIC log in them is "
        "noted and skipped. Both ends' logs of a connection are joined by its original connection "
        "id and counted once.\n\n"
        "A stream is an orphan when nobody will write, read or close it as it was meant to be: "
        "orphaned (neither end has it registered), orphaned_at_opener (its opener forgot it, the "
        "receiver waits on it), unread_at_receiver (its opener writes on it, the receiver ignores "
        "it), orphaned_after_deregistration (its peer entry went, it stayed). Listed but not "
        "counted as orphans: negotiation_failed_and_left_open, request_never_answered, "
        "duplicate_across_connections (in use, beside another to the same peer), half_closed, "
        "open_at_end, unknown. Healthy: live, live_until_connection_ended, reqresp, closed, "
        "not_ours. Named beside them: one-way peerings, where only one side has a gossipsub stream "
        "in use, and connections that were closed because a side broke the protocol, with the "
        "stream on which it did.\n\n"
        "A verdict is exact where the node that wrote the log says who owns the stream, and "
        "inferred from lengths, order and silence otherwise: high, medium or low. A stream in the "
        "packets that no such event claims is reported: logs do not certify themselves.",
    .options = options_table,
    .commands = commands,
    .examples = examples,
    .exit_statuses = exit_statuses,
    .see_also = "devnet(1), devnet-node(1), devnet-connect(1)",
};

static json_t *make_report(struct search *search)
{
    qlog_connections_join(&search->connections);
    search_undecidable(search);
    struct qlog_judgements judgements = qlog_judge(&search->connections);
    json_t *report = qlog_report(&judgements);
    qlog_judgements_clear(&judgements);
    json_object_set(report, "troubles", search->troubles);
    json_object_set(report, "skipped", search->skipped);
    return report;
}

static int exit_status_of(const json_t *report)
{
    const json_t *summary = json_object_get(report, "summary");
    if (json_integer_value(json_object_get(summary, "orphans")) > 0)
        return SOME_ORPHANS;
    return leaves_doubt(report) ? TROUBLE : NO_ORPHANS;
}

int main(int argc, char **argv)
{
    struct orphans_options options = {0};
    struct options_result result = options_parse(&program, argc, argv, &options);
    log_init(program.name, LOG_INFO, false);
    struct search search = {.troubles = json_array(), .skipped = json_array()};
    for (size_t i = 0; i < result.operand_count; i++)
        search_path(&search, result.operands[i]);
    json_t *report = make_report(&search);
    if (options.json)
        output_json(report);
    else
        print_text(report, options.verbose);
    int status = exit_status_of(report);
    json_decref(report);
    search_clear(&search);
    options_clear(&program, &options);
    return status;
}
