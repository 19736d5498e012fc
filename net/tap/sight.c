#include "net/tap/sight.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/hash_table.h"
#include "common/log.h"
#include "common/utf8.h"
#include "net/qlog/events.h"
#include "net/tap/observer.h"
#include "net/tap/tap.h"
#include "net/tap/withheld.h"

struct seen_pair {
    struct tap_sight *sight;
    struct tap_pair *pair;
    uint64_t number;
    struct tap_observer *observer;
    struct tap_withheld *withheld;
    bool passes_over; /* streams, and that is in the log */
    UT_hash_handle hh;
};

struct tap_sight {
    const struct tap_sight_handlers *handlers;
    void *context;
    struct seen_pair *pairs;
    uint64_t passed_over; /* on connections that are over */
    struct tap_rules *rules;
    struct event *timer; /* for what they do later */
};

enum { US_IN_MS = 1000, NS_IN_US = 1000 };

/* As what the tap tells has it. */
static uint64_t now_us(void)
{
    return clock_epoch_ms() * US_IN_MS;
}

/* What rules wait for, nobody's setting the clock is to shorten or draw out. */
static uint64_t steady_us(void)
{
    return clock_now_ns() / NS_IN_US;
}

/* ---- in the QUIC logs ---- */

static const char *log_name(enum tap_fact_kind kind)
{
    switch (kind) {
    case TAP_FACT_PROPOSED:
        return QLOG_TAP_STREAM_PROPOSED;
    case TAP_FACT_AGREED:
        return QLOG_TAP_STREAM_NEGOTIATED;
    case TAP_FACT_REFUSED:
        return QLOG_TAP_NEGOTIATION_REFUSED;
    default:
        return NULL;
    }
}

static void note(const struct tap_pair *pair, const char *name, const struct qlog_field *fields,
                 size_t count)
{
    for (size_t i = 0; i < TAP_SIDES; i++)
        if (tap_pair_leg(pair, (enum tap_side)i) != NULL)
            quic_connection_log(tap_pair_leg(pair, (enum tap_side)i), name, fields, count);
}

/* Whose stack a node is says what its silence means. */
static void note_agent(const struct tap_pair *pair, const struct tap_fact *fact)
{
    char *agent = utf8_safe_text(fact->text);
    const struct qlog_field fields[] = {
        {.name = "node", .kind = QLOG_TEXT, .text = tap_node_name(tap_pair_node(pair, fact->by))},
        {.name = "agent", .kind = QLOG_TEXT, .text = agent},
    };
    note(pair, QLOG_TAP_NODE_AGENT, fields, sizeof(fields) / sizeof(*fields));
    free(agent);
}

static void note_in_logs(const struct tap_pair *pair, const struct tap_fact *fact)
{
    const char *name = log_name(fact->kind);
    const struct qlog_field fields[] = {
        {.name = "stream_id", .kind = QLOG_NUMBER, .number = fact->stream},
        {.name = "opener",
         .kind = QLOG_TEXT,
         .text = tap_node_name(tap_pair_node(pair, fact->opener))},
        {.name = "protocol", .kind = QLOG_TEXT, .text = fact->protocol},
    };
    if (fact->kind == TAP_FACT_AGENT)
        note_agent(pair, fact);
    if (name != NULL)
        note(pair, name, fields, sizeof(fields) / sizeof(*fields));
}

/* ---- what rules do ---- */

static struct seen_pair *find_number(const struct tap_sight *sight, uint64_t number)
{
    struct seen_pair *seen;
    HASH_FIND(hh, sight->pairs, &number, sizeof(number), seen);
    return seen;
}

/* A name of which the listener has all is not changed any more. */
static bool refuse(const struct seen_pair *seen, const struct tap_action *action)
{
    return tap_pair_rename(seen->pair, action->stream, action->from, action->offset,
                           strlen(action->protocol));
}

/* As with what is carried, so with what is told of as passed on. */
static void withhold(const struct seen_pair *seen, const struct tap_action *action)
{
    bool lost = action->rule->kind == TAP_RULE_DROP_ECHO;
    if (action->kind == TAP_ACT_HOLD)
        tap_withheld_hold(seen->withheld, action->stream, action->from, action->offset, lost);
    else if (action->kind == TAP_ACT_RELEASE)
        tap_withheld_release(seen->withheld, action->stream, action->from, action->offset,
                             now_us());
}

static void carry_out(void *context, const struct tap_action *action)
{
    const struct tap_sight *sight = context;
    const struct seen_pair *seen = find_number(sight, action->connection);
    struct tap_action done = *action;
    if (seen == NULL)
        return;
    if (done.kind == TAP_ACT_REFUSE && !refuse(seen, action))
        done.kind = TAP_ACT_RESET;
    sight->handlers->acted(sight->context, seen->pair, &done, now_us());
    withhold(seen, action);
    if (done.kind == TAP_ACT_HOLD && action->rule->kind == TAP_RULE_DROP_ECHO)
        tap_pair_lose(seen->pair, action->stream, action->from, action->offset);
    else if (done.kind == TAP_ACT_HOLD)
        tap_pair_hold(seen->pair, action->stream, action->from, action->offset);
    else if (done.kind == TAP_ACT_RELEASE)
        tap_pair_release(seen->pair, action->stream, action->from, action->offset);
    else if (done.kind == TAP_ACT_RESET)
        tap_pair_reset(seen->pair, action->stream, action->rule->code);
}

static void set_timer(const struct tap_sight *sight)
{
    uint64_t due = tap_rules_due_us(sight->rules), now = steady_us();
    struct timeval delay = clock_timeval(due > now ? due - now : 0);
    if (due == UINT64_MAX)
        event_del(sight->timer);
    else
        event_arm(sight->timer, &delay);
}

static void on_time(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct tap_sight *sight = argument;
    tap_rules_time(sight->rules, steady_us());
    set_timer(sight);
}

static void apply_rules(const struct seen_pair *seen, const struct tap_fact *fact)
{
    const char *names[TAP_SIDES];
    if (tap_rules_count(seen->sight->rules) == 0)
        return;
    for (size_t i = 0; i < TAP_SIDES; i++)
        names[i] = tap_node_name(tap_pair_node(seen->pair, (enum tap_side)i));
    tap_rules_fact(seen->sight->rules, seen->number, names, fact, steady_us());
    set_timer(seen->sight);
}

/* ---- what the tap tells ---- */

static void on_fact(void *context, const struct tap_fact *fact)
{
    const struct seen_pair *seen = context;
    note_in_logs(seen->pair, fact);
    seen->sight->handlers->fact(seen->sight->context, seen->pair, fact);
    apply_rules(seen, fact);
    tap_withheld_fact(seen->withheld, fact);
}

static void on_passed(void *context, const struct tap_fact *fact)
{
    const struct seen_pair *seen = context;
    seen->sight->handlers->passed(seen->sight->context, seen->pair, fact);
}

/* NULL before the pair is connected, and after its end, when what is left of it is still carried.
 */
static struct seen_pair *find(const struct tap_sight *sight, const struct tap_pair *pair)
{
    return find_number(sight, tap_pair_number(pair));
}

static void forget(struct seen_pair *seen)
{
    struct tap_sight *sight = seen->sight;
    sight->passed_over += tap_observer_passed_over(seen->observer);
    tap_rules_closed(sight->rules, seen->number);
    HASH_DEL(sight->pairs, seen);
    tap_observer_free(seen->observer);
    tap_withheld_free(seen->withheld);
    free(seen);
}

static void on_connected(void *context, struct tap_pair *pair)
{
    struct tap_sight *sight = context;
    struct seen_pair *seen = memory_new(sizeof(*seen));
    *seen = (struct seen_pair){.sight = sight, .pair = pair, .number = tap_pair_number(pair)};
    seen->observer = tap_observer_new(on_fact, seen);
    seen->withheld = tap_withheld_new(on_passed, seen);
    HASH_ADD(hh, sight->pairs, number, sizeof(seen->number), seen);
    sight->handlers->connected(sight->context, pair, now_us());
}

/* Once a connection: tap_sight_passed_over() counts them. */
static void warn_of_passing_over(struct seen_pair *seen, int64_t stream)
{
    seen->passes_over = true;
    log_warn(
        "connection %s of %s and %s has more than %d streams at a time: what is said on stream "
        "%lld, and on others that come meanwhile, is carried and not looked at",
        tap_pair_id(seen->pair), tap_node_name(tap_pair_node(seen->pair, TAP_DIALLER)),
        tap_node_name(tap_pair_node(seen->pair, TAP_LISTENER)), TAP_STREAMS_MAX, (long long)stream);
}

static void on_stream_opened(void *context, struct tap_pair *pair, int64_t stream,
                             enum tap_side opener)
{
    struct seen_pair *seen = find(context, pair);
    if (seen == NULL)
        return;
    uint64_t before = tap_observer_passed_over(seen->observer);
    tap_observer_opened(seen->observer, stream, opener, now_us());
    if (tap_observer_passed_over(seen->observer) == before)
        return;
    if (!seen->passes_over)
        warn_of_passing_over(seen, stream);
    seen->sight->handlers->passed_over(seen->sight->context, pair);
}

static void on_stream_data(void *context, struct tap_pair *pair, int64_t stream, enum tap_side from,
                           struct bytes data)
{
    const struct seen_pair *seen = find(context, pair);
    if (seen != NULL)
        tap_observer_data(seen->observer, stream, from, data, now_us());
}

static void on_stream_ended(void *context, struct tap_pair *pair, int64_t stream, enum tap_side by,
                            enum tap_end how, uint64_t code)
{
    const struct seen_pair *seen = find(context, pair);
    if (seen != NULL)
        tap_observer_ended(seen->observer, stream, by, how, code, now_us());
}

static void on_stream_closed(void *context, struct tap_pair *pair, int64_t stream)
{
    const struct seen_pair *seen = find(context, pair);
    if (seen != NULL)
        tap_observer_closed(seen->observer, stream, now_us());
}

static void on_closed(void *context, struct tap_pair *pair, enum tap_side side,
                      const struct quic_close *close)
{
    struct tap_sight *sight = context;
    struct seen_pair *seen = find(sight, pair);
    if (seen != NULL) {
        tap_observer_over(seen->observer, now_us());
        forget(seen);
    }
    sight->handlers->closed(sight->context, pair, side, close, now_us());
}

const struct tap_watcher tap_sight_watcher = {
    .connected = on_connected,
    .stream_opened = on_stream_opened,
    .stream_data = on_stream_data,
    .stream_ended = on_stream_ended,
    .stream_closed = on_stream_closed,
    .closed = on_closed,
};

/* ---- the whole ---- */

struct tap_sight *tap_sight_new(struct event_base *base, const struct tap_sight_handlers *handlers,
                                void *context)
{
    struct tap_sight *sight = memory_new(sizeof(*sight));
    *sight = (struct tap_sight){.handlers = handlers, .context = context};
    sight->rules = tap_rules_new(carry_out, sight);
    sight->timer = evtimer_new(base, on_time, sight);
    return sight;
}

bool tap_sight_add_rule(struct tap_sight *sight, const struct tap_rule *rule)
{
    return tap_rules_add(sight->rules, rule);
}

uint64_t tap_sight_not_held(const struct tap_sight *sight)
{
    return tap_rules_not_held(sight->rules);
}

void tap_sight_free(struct tap_sight *sight)
{
    struct seen_pair *seen, *next;
    if (sight == NULL)
        return;
    HASH_ITER(hh, sight->pairs, seen, next)
    forget(seen);
    event_free(sight->timer);
    tap_rules_free(sight->rules);
    free(sight);
}

uint64_t tap_sight_passed_over(const struct tap_sight *sight)
{
    uint64_t count = sight->passed_over;
    for (const struct seen_pair *seen = sight->pairs; seen != NULL; seen = seen->hh.next)
        count += tap_observer_passed_over(seen->observer);
    return count;
}
