/* sim: many gossipsub routers in one process, on virtual time. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/options.h"
#include "common/output.h"
#include "tests/sim/report.h"

enum { DELAY_MAX_MS = 10000, DURATION_MAX_MS = 60 * 60 * 1000, MESSAGES_MAX = 100000 };
enum {
    /* Beyond it messages die near their publishers, and theory says little of the others. */
    LOSS_MAX_PERCENT = 60,
    /* Beyond it nodes know of too few subscriptions to fill their meshes. */
    CONTROL_LOSS_MAX_PERCENT = 20,
};
enum { EXIT_OUTSIDE = 1, EXIT_TROUBLE = 2 };

struct options {
    struct settings settings;
    double loss_percent, control_loss_percent, churn_percent, stopping_percent, slow_percent;
    uint64_t mesh, lazy;
    const char *svg;
    bool json, cost;
};

#define AT(member) .offset = offsetof(struct options, member)
#define NUMBER .type = OPTION_NUMBER, .argument = "N"
#define PERCENT .type = OPTION_DECIMAL, .argument = "PERCENT"
#define DURATION .type = OPTION_DURATION, .argument = "DURATION"

static const struct option_spec options[] = {
    {"nodes", 'n', NUMBER, AT(settings.nodes), .help = "Nodes (default 1000)", .minimum = 16,
     .maximum = NODES_MAX},
    {"degree", 'd', NUMBER, AT(settings.links),
     .help = "Links of each node, half of which it dials: an even number (default 20)",
     .minimum = 4, .maximum = DEGREE_MAX - 1},
    {"mesh", 0, NUMBER, AT(mesh),
     .help = "D; D_low and D_high are 3/4 and 3/2 of it, D_out 1/4 (default 8)", .minimum = 4,
     .maximum = 64},
    {"lazy", 0, NUMBER, AT(lazy),
     .help = "D_lazy, of the peers outside the mesh that are told by IHAVE; 0: none is (default 6)",
     .maximum = DEGREE_MAX},
    {"seed", 's', NUMBER, AT(settings.seed),
     .help = "Where the luck comes from: the same options give the same output (default 1)"},
    {"latency", 0, DURATION, AT(settings.latency_ms),
     .help = "What an RPC takes over a link (default 50ms)", .minimum = 1, .maximum = DELAY_MAX_MS},
    {"jitter", 0, DURATION, AT(settings.jitter_ms),
     .help = "Up to this much more, at random; keeps their order (default 10ms)",
     .maximum = DELAY_MAX_MS},
    {"loss", 0, PERCENT, AT(loss_percent),
     .help = "Lose this share of the RPCs with messages or gossip, as full queues do (default 0)",
     .maximum = LOSS_MAX_PERCENT},
    {"control-loss", 0, PERCENT, AT(control_loss_percent),
     .help = "Lose this share of the RPCs with subscriptions, GRAFT or PRUNE too (default 0)",
     .maximum = CONTROL_LOSS_MAX_PERCENT},
    {"churn", 0, PERCENT, AT(churn_percent),
     .help = "Let this share of the nodes leave once, for 3s, and come back without a memory "
             "(default 0)",
     .maximum = LOSS_MAX_PERCENT},
    {"stopping", 0, PERCENT, AT(stopping_percent),
     .help = "Let this share of the nodes stop reading once, for 3s, while neighbours unsubscribe "
             "and subscribe again (default 0)",
     .maximum = LOSS_MAX_PERCENT},
    {"slow", 0, PERCENT, AT(slow_percent),
     .help = "Let this share of the nodes read slowly once, for 2s to 6s a link, while neighbours "
             "unsubscribe and subscribe again (default 0)",
     .maximum = LOSS_MAX_PERCENT},
    {"messages", 'm', NUMBER, AT(settings.messages), .help = "Messages published (default 20)",
     .minimum = 1, .maximum = MESSAGES_MAX},
    {"size", 0, .type = OPTION_NUMBER, AT(settings.size), "BYTES",
     "Of a message (default 1000); IDONTWANT goes out from 1024 on", .minimum = SIZE_MIN,
     .maximum = 1024 * 1024},
    {"duration", 0, DURATION, AT(settings.duration_ms),
     .help = "Virtual time of the run: the first 10s settle the mesh, the last 5s are for what is "
             "on its way (default 30s)",
     .minimum = DURATION_MIN_MS, .maximum = DURATION_MAX_MS},
    {"svg", 0, OPTION_STRING, AT(svg), "FILE", "Draw the distributions there", .files = true},
    {"json", 'j', OPTION_FLAG, AT(json), NULL, "Print everything as one JSON object"},
    {"cost", 0, OPTION_FLAG, AT(cost), NULL,
     "Say on stderr what the run took: seconds, and memory for each node"},
    {0},
};

static const struct command_spec commands[] = {{.summary = "Simulate"}, {0}};

static const struct example examples[] = {
    {"sim", "1,000 nodes."},
    {"sim --nodes 10000 --svg mesh.svg --cost", "10,000, with pictures."},
    {"sim --loss 50 --lazy 0", "What the mesh alone delivers on bad paths."},
    {0},
};

static const struct exit_status statuses[] = {
    {0, "every figure lies where it must"},
    {EXIT_OUTSIDE, "some figure does not"},
    {EXIT_TROUBLE, "usage, or the output could not be written"},
    {0},
};

static const struct program_spec program = {
    .name = "sim",
    .summary = "simulate a network of gossipsub routers on virtual time",
    .description =
        "Runs the routers of net/gossipsub, each linked to others at random, and prints what their "
        "mesh is like and what became of the messages published, beside where theory puts each "
        "figure.\n\n"
        "A link delays, keeps the order, and may lose; bandwidth is not limited. All links open "
        "within the first second.",
    .options = options,
    .commands = commands,
    .examples = examples,
    .exit_statuses = statuses,
};

static void read_options(int argc, char **argv, struct options *values)
{
    struct settings *settings = &values->settings;
    struct gossipsub_parameters *parameters = &settings->parameters;
    gossipsub_parameters_default(parameters);
    values->mesh = parameters->d;
    values->lazy = parameters->d_lazy;
    options_parse(&program, argc, argv, values);
    if (settings->links % 2 != 0 || settings->links >= settings->nodes)
        options_usage_error(&program, "--degree %llu: must be even, and below the number of nodes",
                            (unsigned long long)settings->links);
    settings->loss = values->loss_percent / 100;
    settings->control_loss = values->control_loss_percent / 100;
    settings->churn = values->churn_percent / 100;
    settings->stopping = values->stopping_percent / 100;
    settings->slow = values->slow_percent / 100;
    if ((settings->churn > 0) + (settings->stopping > 0) + (settings->slow > 0) > 1)
        options_usage_error(&program, "--churn, --stopping, --slow: one of them at a time");
    unsigned d = (unsigned)values->mesh;
    parameters->d = d;
    parameters->d_low = d * 3 / 4;
    parameters->d_high = d * 3 / 2;
    parameters->d_out = d / 4;
    parameters->d_lazy = (unsigned)values->lazy;
    if (parameters->d_lazy == 0)
        parameters->gossip_percent = 0;
}

static void say_cost(const struct simulation *simulation, uint64_t start_ns)
{
    struct mallinfo2 memory = mallinfo2();
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr, "sim: %.1f s; %zu bytes for each node at the end, %ld KB in all at most\n",
            (double)(clock_now_ns() - start_ns) / 1e9,
            (memory.uordblks + memory.hblkhd) / simulation->settings.nodes, usage.ru_maxrss);
}

static bool draw(const json_t *report, const char *path)
{
    struct buffer picture = {0};
    struct error error;
    report_draw(report, &picture);
    bool written = file_write(path, buffer_bytes(&picture), 0644, &error);
    if (!written)
        fprintf(stderr, "sim: %s\n", error.text);
    buffer_clear(&picture);
    return written;
}

int main(int argc, char **argv)
{
    struct options values = {.settings = {.nodes = 1000,
                                          .links = 20,
                                          .seed = 1,
                                          .latency_ms = 50,
                                          .jitter_ms = 10,
                                          .messages = 20,
                                          .size = 1000,
                                          .duration_ms = 30000}};
    read_options(argc, argv, &values);
    uint64_t start_ns = clock_now_ns();
    struct simulation *simulation = simulation_new(&values.settings);
    simulation_run(simulation);
    json_t *report = report_make(simulation);
    if (values.cost)
        say_cost(simulation, start_ns);
    simulation_free(simulation);
    int status = report_holds(report) ? EXIT_SUCCESS : EXIT_OUTSIDE;
    if (values.svg != NULL && !draw(report, values.svg))
        status = EXIT_TROUBLE;
    if (values.json)
        output_json(report);
    else
        report_print(report);
    json_decref(report);
    options_clear(&program, &values);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("sim: stdout");
        status = EXIT_TROUBLE;
    }
    return status;
}
