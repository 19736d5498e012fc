#include <string.h>

#include "common/output.h"
#include "tests/sim/report.h"

enum { BAR_WIDTH = 50 };

/* Along members' names, such as "hops.mean". */
static double value(const json_t *object, const char *path)
{
    while (object != NULL && *path != '\0') {
        size_t size = strcspn(path, ".");
        object = json_object_getn(object, path, size);
        path += size + (path[size] == '.');
    }
    return json_number_value(object);
}

static void print_settings(const json_t *settings)
{
    printf("%.0f nodes of %.0f links, D %.0f (%.0f to %.0f), D_lazy %.0f, seed %.0f\n",
           value(settings, "nodes"), value(settings, "links"), value(settings, "d"),
           value(settings, "d_low"), value(settings, "d_high"), value(settings, "d_lazy"),
           value(settings, "seed"));
    printf("%.0f to %.0f ms a hop; lost: %g%% of messages and gossip, %g%% of control\n",
           value(settings, "latency_ms"),
           value(settings, "latency_ms") + value(settings, "jitter_ms"),
           100 * value(settings, "loss"), 100 * value(settings, "control_loss"));
    printf("%.0f messages of %.0f bytes within %.1f s; %g%% of the nodes leave and come back\n\n",
           value(settings, "messages"), value(settings, "size"),
           value(settings, "duration_ms") / 1000, 100 * value(settings, "churn"));
}

static void print_claims(const json_t *claims)
{
    size_t i;
    const json_t *claim;
    printf("%-29s %10s %10s   %-21s\n", "", "measured", "expected", "must lie within");
    json_array_foreach(claims, i, claim)
    {
        bool holds = json_is_true(json_object_get(claim, "holds"));
        printf("%-29s %10.6g %10.6g %10.6g %10.6g  %s%s%s %s\n",
               json_string_value(json_object_get(claim, "name")), value(claim, "measured"),
               value(claim, "expected"), value(claim, "low"), value(claim, "high"),
               output_colour(stdout, holds ? COLOUR_GREEN : COLOUR_RED), holds ? "ok  " : "FAIL",
               output_colour_end(stdout), json_string_value(json_object_get(claim, "because")));
    }
}

static void print_time(const char *what, const json_t *report, const char *name)
{
    if (json_is_null(json_object_get(report, name)))
        printf("%-29s      never\n", what);
    else
        printf("%-29s %10.2f s\n", what, value(report, name) / 1000);
}

static void print_figures(const json_t *report)
{
    print_time("mesh connected after", report, "connected_ms");
    print_time("every mesh at D_low after", report, "full_ms");
    printf("%-29s %10.0f of %.0f, %.0f of them by IWANT\n", "delivered",
           value(report, "delivery.delivered"), value(report, "delivery.expected"),
           value(report, "delivery.by_iwant"));
    printf("%-29s %10.2f\n", "log(N) / log(d - 1)", value(report, "hops.log_nodes_by_log_degree"));
    printf("%-29s %10.0f ms median, %.0f ms p99, %.0f ms at most\n", "delay",
           value(report, "delay_ms.median"), value(report, "delay_ms.p99"),
           value(report, "delay_ms.maximum"));
    printf("%-29s %10.3f, those by IWANT included\n", "duplicates per delivery",
           value(report, "copies.duplicates_per_delivery"));
    printf("%-29s %10.0f sent (%.0f to %.0f), %.0f received\n", "bytes per node",
           value(report, "bytes_per_node.mean_sent"), value(report, "bytes_per_node.least_sent"),
           value(report, "bytes_per_node.most_sent"),
           value(report, "bytes_per_node.mean_received"));
    double nodes = value(report, "settings.nodes");
    printf("%-29s %10.0f messages, %.0f gossip, %.0f control\n", "bytes sent per node by kind",
           value(report, "traffic.messages.bytes") / nodes,
           value(report, "traffic.gossip.bytes") / nodes,
           value(report, "traffic.control.bytes") / nodes);
}

static void print_bars(const char *title, const json_t *bars)
{
    size_t i;
    const json_t *bar;
    double most = 1;
    json_array_foreach(bars, i, bar) if (value(bar, "count") > most) most = value(bar, "count");
    printf("\n%s\n", title);
    json_array_foreach(bars, i, bar)
    {
        int width = (int)(value(bar, "count") / most * BAR_WIDTH + 0.5);
        printf("%8.0f %10.0f %.*s", value(bar, "value"), value(bar, "count"), width,
               "##################################################");
        if (json_object_get(bar, "expected") != NULL)
            printf("%*s expected %.0f", BAR_WIDTH - width, "", value(bar, "expected"));
        putchar('\n');
    }
}

void report_print(const json_t *report)
{
    print_settings(json_object_get(report, "settings"));
    print_claims(json_object_get(report, "claims"));
    putchar('\n');
    print_figures(report);
    print_bars("nodes by the size of their mesh",
               json_object_get(json_object_get(report, "mesh"), "degrees"));
    print_bars("deliveries by hops", json_object_get(json_object_get(report, "hops"), "histogram"));
}
