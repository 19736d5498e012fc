#include "tests/sim/report.h"

#include "tests/sim/claims.h"
#include "tests/sim/expectation.h"

enum { DELAY_BIN_MS = 10, BYTES_BINS = 24 };

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static double ratio(uint64_t part, uint64_t all)
{
    return all > 0 ? (double)part / (double)all : 0;
}

static json_t *time_or_null(uint64_t ms)
{
    return ms == UINT64_MAX ? json_null() : number(ms);
}

static void add_bar(json_t *bars, uint64_t value, uint64_t count)
{
    json_array_append_new(bars,
                          json_pack("{s:o, s:o}", "value", number(value), "count", number(count)));
}

static json_t *make_settings(const struct settings *settings)
{
    const struct gossipsub_parameters *parameters = &settings->parameters;
    json_t *object = json_pack("{s:f, s:f, s:f}", "loss", settings->loss, "control_loss",
                               settings->control_loss, "churn", settings->churn);
    json_object_set_new(object, "d", number(parameters->d));
    json_object_set_new(object, "d_low", number(parameters->d_low));
    json_object_set_new(object, "d_high", number(parameters->d_high));
    json_object_set_new(object, "d_out", number(parameters->d_out));
    json_object_set_new(object, "d_lazy", number(parameters->d_lazy));
    json_object_set_new(object, "gossip_percent", number(parameters->gossip_percent));
    json_object_set_new(object, "nodes", number(settings->nodes));
    json_object_set_new(object, "links", number(settings->links));
    json_object_set_new(object, "seed", number(settings->seed));
    json_object_set_new(object, "latency_ms", number(settings->latency_ms));
    json_object_set_new(object, "jitter_ms", number(settings->jitter_ms));
    json_object_set_new(object, "messages", number(settings->messages));
    json_object_set_new(object, "size", number(settings->size));
    json_object_set_new(object, "duration_ms", number(settings->duration_ms));
    return object;
}

static json_t *make_mesh(const struct mesh_state *state)
{
    json_t *degrees = json_array();
    uint64_t nodes = 0, ends = 0;
    for (size_t i = 0; i <= DEGREE_MAX; i++) {
        nodes += state->degrees[i];
        ends += i * state->degrees[i];
        if (state->degrees[i] > 0)
            add_bar(degrees, i, state->degrees[i]);
    }
    return json_pack("{s:b, s:o, s:o, s:f, s:o}", "connected", (int)state->connected, "links",
                     number(state->links), "one_sided_links", number(state->one_sided),
                     "mean_degree", ratio(ends, nodes), "degrees", degrees);
}

static json_t *make_delivery(const struct figures *figures)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:f}", "expected", number(figures->expected),
                     "delivered", number(figures->delivered), "by_iwant",
                     number(figures->recovered), "complete_messages", number(figures->complete),
                     "ratio", ratio(figures->delivered, figures->expected));
}

static json_t *make_hops(const struct simulation *simulation)
{
    const struct figures *figures = &simulation->figures;
    struct expectation expectation = expectation_of(&figures->settled, simulation->settings.loss);
    json_t *bars = json_array();
    double mean = 0;
    for (size_t i = 1; i <= HOPS_MAX; i++) {
        mean += ratio(i * figures->hops[i], figures->delivered);
        double expected = expectation.hops[i] * (double)figures->delivered;
        if (figures->hops[i] > 0 || expected >= 0.5)
            json_array_append_new(bars, json_pack("{s:o, s:o, s:f}", "value", number(i), "count",
                                                  number(figures->hops[i]), "expected", expected));
    }
    return json_pack("{s:f, s:f, s:f, s:o}", "mean", mean, "expected_mean", expectation.mean_hops,
                     "log_nodes_by_log_degree", expectation.logarithm, "histogram", bars);
}

static uint64_t percentile(const struct figures *figures, unsigned percent)
{
    uint64_t needed = (figures->delivered * percent + 99) / 100, count = 0, ms = 0;
    while (ms < WINDOW_MS && (count += figures->delays[ms]) < needed)
        ms++;
    return ms;
}

/* Bins side by side, from the first delivery to the last. */
static json_t *make_delays(const struct figures *figures)
{
    json_t *bars = json_array();
    uint64_t last = percentile(figures, 100);
    for (uint64_t bin = 0; bin <= last; bin += DELAY_BIN_MS) {
        uint64_t count = 0;
        for (uint64_t ms = bin; ms < bin + DELAY_BIN_MS && ms <= WINDOW_MS; ms++)
            count += figures->delays[ms];
        if (count > 0 || json_array_size(bars) > 0)
            add_bar(bars, bin, count);
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "median", number(percentile(figures, 50)), "p90",
                     number(percentile(figures, 90)), "p99", number(percentile(figures, 99)),
                     "maximum", number(percentile(figures, 100)), "histogram", bars);
}

static json_t *make_copies(const struct figures *figures)
{
    const struct arrivals *mesh = &figures->by_mesh, *iwant = &figures->by_iwant;
    uint64_t duplicates = mesh->all - mesh->first + iwant->all - iwant->first;
    return json_pack("{s:o, s:o, s:o, s:o, s:f}", "by_mesh", number(mesh->all), "first_by_mesh",
                     number(mesh->first), "by_iwant", number(iwant->all), "first_by_iwant",
                     number(iwant->first), "duplicates_per_delivery",
                     ratio(duplicates, mesh->first + iwant->first));
}

static json_t *make_traffic(const struct traffic traffic[GOSSIPSUB_DATA + 1])
{
    static const char *const names[] = {[GOSSIPSUB_GOSSIP] = "gossip",
                                        [GOSSIPSUB_CONTROL] = "control",
                                        [GOSSIPSUB_DATA] = "messages"};
    json_t *object = json_object();
    for (size_t i = 0; i <= GOSSIPSUB_DATA; i++)
        json_object_set_new(object, names[i],
                            json_pack("{s:o, s:o, s:o}", "rpcs", number(traffic[i].rpcs), "bytes",
                                      number(traffic[i].bytes), "lost", number(traffic[i].lost)));
    return object;
}

static json_t *make_bytes(const struct simulation *simulation)
{
    uint64_t count = simulation->settings.nodes, least = UINT64_MAX, most = 0, all = 0,
             received = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t sent = simulation->nodes[i].sent_bytes;
        least = sent < least ? sent : least;
        most = sent > most ? sent : most;
        all += sent;
        received += simulation->nodes[i].received_bytes;
    }
    uint64_t width = (most - least) / BYTES_BINS + 1, bins[BYTES_BINS] = {0};
    for (uint64_t i = 0; i < count; i++)
        bins[(simulation->nodes[i].sent_bytes - least) / width]++;
    json_t *bars = json_array();
    for (uint64_t i = 0; i < BYTES_BINS; i++)
        add_bar(bars, least + i * width, bins[i]);
    return json_pack("{s:f, s:o, s:o, s:f, s:o}", "mean_sent", ratio(all, count), "least_sent",
                     number(least), "most_sent", number(most), "mean_received",
                     ratio(received, count), "sent_histogram", bars);
}

json_t *report_make(const struct simulation *simulation)
{
    const struct figures *figures = &simulation->figures;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "settings", make_settings(&simulation->settings), "connected_ms",
                     time_or_null(figures->connected_ms), "full_ms", time_or_null(figures->full_ms),
                     "mesh", make_mesh(&figures->settled), "mesh_at_end", make_mesh(&figures->last),
                     "delivery", make_delivery(figures), "hops", make_hops(simulation), "delay_ms",
                     make_delays(figures), "copies", make_copies(figures), "traffic",
                     make_traffic(figures->traffic), "traffic_before",
                     make_traffic(figures->opening), "bytes_per_node", make_bytes(simulation),
                     "left_and_returned", number(figures->left), "claims", claims_make(simulation));
}

bool report_holds(const json_t *report)
{
    size_t i;
    const json_t *claim, *claims = json_object_get(report, "claims");
    json_array_foreach(claims, i, claim)
    {
        if (!json_is_true(json_object_get(claim, "holds")))
            return false;
    }
    return json_array_size(claims) > 0;
}
