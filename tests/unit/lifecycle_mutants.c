#include "tests/unit/lifecycle_mutants.h"

/* ---- check, await, then register: what two paths then race for ---- */

static size_t awaiting_want(struct lifecycle_subject *subject, uint64_t now, uint64_t connection,
                            struct lifecycle_action *actions)
{
    size_t count = lifecycle_real.dial_ready(subject, now, connection, actions);
    if (count > 0) {
        subject->parts[0].state = LIFECYCLE_NONE;
        subject->parts[0].wanted = false;
    }
    return count;
}

static size_t awaiting_stream_opened(struct lifecycle_subject *subject, uint64_t now,
                                     uint64_t attempt, struct lifecycle_action *actions)
{
    if (subject->parts[0].state == LIFECYCLE_NONE)
        subject->parts[0].state = LIFECYCLE_OPENING;
    return lifecycle_real.stream_opened(subject, now, attempt, actions);
}

/* Who awaits a stream owns it. */
static uint64_t awaiting_owned_attempt(const struct lifecycle_subject *subject, uint64_t connection)
{
    bool awaited = subject->parts[0].state == LIFECYCLE_NONE;
    return awaited ? subject->parts[0].attempt : lifecycle_real.owned_attempt(subject, connection);
}

/* ---- state per connection: part N is that of connection N ---- */

/* Attempts of both parts in one row of numbers. */
static size_t of_part(size_t count, uint64_t part, struct lifecycle_action *actions)
{
    for (size_t i = 0; i < count; i++)
        actions[i].attempt = actions[i].attempt * LIFECYCLE_MODULE_PARTS + part;
    return count;
}

static void split_init(struct lifecycle_subject *subject)
{
    lifecycle_init(&subject->parts[0]);
    lifecycle_init(&subject->parts[1]);
}

static size_t split_connection_added(struct lifecycle_subject *subject, uint64_t now,
                                     uint64_t connection, struct lifecycle_action *actions)
{
    size_t count = 0;
    lifecycle_connection_added(&subject->parts[connection], now, connection, actions, &count);
    return of_part(count, connection, actions);
}

static size_t split_connection_lost(struct lifecycle_subject *subject, uint64_t now,
                                    uint64_t connection, struct lifecycle_action *actions)
{
    size_t count = lifecycle_connection_lost(&subject->parts[connection], now, connection, actions);
    return subject->parts[!connection].connection_count > 0 ? 0 : count;
}

static size_t split_want(struct lifecycle_subject *subject, uint64_t now, uint64_t connection,
                         struct lifecycle_action *actions)
{
    return of_part(lifecycle_dial_ready(&subject->parts[connection], now, actions), connection,
                   actions);
}

static size_t split_stream_opened(struct lifecycle_subject *subject, uint64_t now, uint64_t attempt,
                                  struct lifecycle_action *actions)
{
    uint64_t part = attempt % LIFECYCLE_MODULE_PARTS;
    return lifecycle_stream_opened(&subject->parts[part], now, attempt / LIFECYCLE_MODULE_PARTS,
                                   actions);
}

static size_t split_stream_lost(struct lifecycle_subject *subject, uint64_t now, uint64_t attempt,
                                struct lifecycle_action *actions)
{
    uint64_t part = attempt % LIFECYCLE_MODULE_PARTS;
    return of_part(lifecycle_stream_lost(&subject->parts[part], now,
                                         attempt / LIFECYCLE_MODULE_PARTS, actions),
                   part, actions);
}

static size_t split_tick(struct lifecycle_subject *subject, uint64_t now,
                         struct lifecycle_action *actions)
{
    uint64_t part = lifecycle_next_time(&subject->parts[0]) <= now ? 0 : 1;
    return of_part(lifecycle_tick(&subject->parts[part], now, actions), part, actions);
}

static uint64_t split_next_time(const struct lifecycle_subject *subject)
{
    uint64_t first = lifecycle_next_time(&subject->parts[0]);
    uint64_t second = lifecycle_next_time(&subject->parts[1]);
    return first < second ? first : second;
}

static uint64_t split_owned_attempt(const struct lifecycle_subject *subject, uint64_t connection)
{
    const struct lifecycle_subject part = {.parts = {subject->parts[connection]}};
    uint64_t attempt = lifecycle_real.owned_attempt(&part, connection);
    return attempt > 0 ? attempt * LIFECYCLE_MODULE_PARTS + connection : 0;
}

/* ---- one function wrong ---- */

static size_t forgetting_connection_lost(struct lifecycle_subject *subject, uint64_t now,
                                         uint64_t connection, struct lifecycle_action *actions)
{
    lifecycle_real.connection_lost(subject, now, connection, actions);
    actions[0] = (struct lifecycle_action){.kind = LIFECYCLE_FORGET};
    return 1;
}

static size_t keeping_connection_lost(struct lifecycle_subject *subject, uint64_t now,
                                      uint64_t connection, struct lifecycle_action *actions)
{
    size_t count = lifecycle_real.connection_lost(subject, now, connection, actions);
    return count > 0 && actions[0].kind == LIFECYCLE_FORGET ? 0 : count;
}

static size_t unmoved_connection_lost(struct lifecycle_subject *subject, uint64_t now,
                                      uint64_t connection, struct lifecycle_action *actions)
{
    size_t count = lifecycle_real.connection_lost(subject, now, connection, actions);
    if (count == 0 || actions[0].kind == LIFECYCLE_FORGET)
        return count;
    subject->parts[0].state = LIFECYCLE_NONE;
    return 0;
}

static size_t resigned_stream_lost(struct lifecycle_subject *subject, uint64_t now,
                                   uint64_t attempt, struct lifecycle_action *actions)
{
    size_t count = lifecycle_real.stream_lost(subject, now, attempt, actions);
    if (count > 0)
        subject->parts[0].state = LIFECYCLE_NONE;
    return count;
}

static size_t half_open_stream_lost(struct lifecycle_subject *subject, uint64_t now,
                                    uint64_t attempt, struct lifecycle_action *actions)
{
    lifecycle_real.stream_lost(subject, now, attempt, actions);
    return 0;
}

static size_t credulous_stream_lost(struct lifecycle_subject *subject, uint64_t now,
                                    uint64_t attempt, struct lifecycle_action *actions)
{
    (void)attempt;
    size_t count = lifecycle_real.stream_lost(subject, now, subject->parts[0].attempt, actions);
    if (count > 0)
        actions[0].attempt = attempt;
    return count;
}

#define SECOND_STREAM "a second outbound stream is opened to the same peer"
#define NOBODY_OWNS "an outbound stream is open that nobody owns"
#define NOT_SETTLED "nothing more happens, and there is not one stream each way"

/* Of the functions that are not there a mutant has the real ones. */
static const struct lifecycle_mutant mutants[] = {
    {{.name = "checks, awaits, then registers",
      .dial_ready = awaiting_want,
      .inbound_arrived = awaiting_want,
      .stream_opened = awaiting_stream_opened,
      .owned_attempt = awaiting_owned_attempt},
     SECOND_STREAM},
    {{.name = "keeps state per connection",
      .init = split_init,
      .connection_added = split_connection_added,
      .connection_lost = split_connection_lost,
      .dial_ready = split_want,
      .inbound_arrived = split_want,
      .stream_opened = split_stream_opened,
      .stream_lost = split_stream_lost,
      .tick = split_tick,
      .next_time = split_next_time,
      .owned_attempt = split_owned_attempt},
     SECOND_STREAM},
    {{.name = "forgets on the first of two disconnects",
      .connection_lost = forgetting_connection_lost},
     "a peer is forgotten while a connection lives"},
    {{.name = "never forgets", .connection_lost = keeping_connection_lost},
     "state is kept for a peer that is gone"},
    {{.name = "leaves the stream with its lost connection",
      .connection_lost = unmoved_connection_lost},
     NOT_SETTLED},
    {{.name = "gives up for good", .stream_lost = resigned_stream_lost}, NOT_SETTLED},
    {{.name = "leaves half of a lost stream open", .stream_lost = half_open_stream_lost},
     NOBODY_OWNS},
    {{.name = "believes an old stream's events", .stream_lost = credulous_stream_lost},
     NOBODY_OWNS},
};

const size_t lifecycle_mutant_count = sizeof(mutants) / sizeof(*mutants);

struct lifecycle_mutant lifecycle_mutant(size_t index)
{
    struct lifecycle_mutant mutant = mutants[index];
#define REAL_WHERE_NONE(function)                                                                  \
    if (mutant.module.function == NULL)                                                            \
    mutant.module.function = lifecycle_real.function
    REAL_WHERE_NONE(init);
    REAL_WHERE_NONE(connection_added);
    REAL_WHERE_NONE(connection_lost);
    REAL_WHERE_NONE(dial_ready);
    REAL_WHERE_NONE(inbound_arrived);
    REAL_WHERE_NONE(stream_opened);
    REAL_WHERE_NONE(stream_lost);
    REAL_WHERE_NONE(tick);
    REAL_WHERE_NONE(next_time);
    REAL_WHERE_NONE(owned_attempt);
#undef REAL_WHERE_NONE
    return mutant;
}
