#include "net/host/lifecycle.h"

#include <string.h>

enum { MINUTE_MS = 60000 };

void lifecycle_init(struct lifecycle *lifecycle)
{
    memset(lifecycle, 0, sizeof(*lifecycle));
    lifecycle->retry_delay = LIFECYCLE_RETRY_FIRST_MS;
}

static bool has_stream(const struct lifecycle *lifecycle)
{
    return lifecycle->state == LIFECYCLE_OPENING || lifecycle->state == LIFECYCLE_OPEN;
}

/* Where ATTEMPT's time is kept: the place of the attempt that came a whole ring before it. */
static uint64_t *attempt_time(struct lifecycle *lifecycle, uint64_t attempt)
{
    return &lifecycle->attempt_times[attempt % LIFECYCLE_ATTEMPTS_PER_MINUTE];
}

/* When the next attempt may be made, were there no delay: each counts for a minute. */
static uint64_t allowed_at(struct lifecycle *lifecycle)
{
    if (lifecycle->attempt < LIFECYCLE_ATTEMPTS_PER_MINUTE)
        return 0;
    return *attempt_time(lifecycle, lifecycle->attempt + 1) + MINUTE_MS;
}

/* The only place that opens a stream: the state says so before the caller has done anything. */
static size_t open_stream(struct lifecycle *lifecycle, uint64_t now,
                          struct lifecycle_action *actions)
{
    lifecycle->connection = lifecycle->connections[0];
    if (now < allowed_at(lifecycle)) {
        lifecycle->state = LIFECYCLE_WAITING;
        lifecycle->retry_at = allowed_at(lifecycle);
        return 0;
    }
    lifecycle->state = LIFECYCLE_OPENING;
    lifecycle->attempt++;
    *attempt_time(lifecycle, lifecycle->attempt) = now;
    actions[0] = (struct lifecycle_action){.kind = LIFECYCLE_OPEN_STREAM,
                                           .connection = lifecycle->connection,
                                           .attempt = lifecycle->attempt};
    return 1;
}

static bool find_connection(const struct lifecycle *lifecycle, uint64_t connection, size_t *index)
{
    for (*index = 0; *index < lifecycle->connection_count; ++*index) {
        if (lifecycle->connections[*index] == connection)
            return true;
    }
    return false;
}

bool lifecycle_connection_added(struct lifecycle *lifecycle, uint64_t now, uint64_t connection,
                                struct lifecycle_action *actions, size_t *count)
{
    size_t index;
    *count = 0;
    if (find_connection(lifecycle, connection, &index))
        return true;
    if (lifecycle->connection_count == LIFECYCLE_CONNECTIONS_MAX)
        return false;
    lifecycle->connections[lifecycle->connection_count++] = connection;
    if (lifecycle->wanted && lifecycle->state == LIFECYCLE_NONE)
        *count = open_stream(lifecycle, now, actions);
    return true;
}

static size_t forget(struct lifecycle *lifecycle, struct lifecycle_action *actions)
{
    lifecycle->state = LIFECYCLE_NONE;
    lifecycle->wanted = false;
    actions[0] = (struct lifecycle_action){.kind = LIFECYCLE_FORGET};
    return 1;
}

size_t lifecycle_connection_lost(struct lifecycle *lifecycle, uint64_t now, uint64_t connection,
                                 struct lifecycle_action *actions)
{
    size_t index;
    if (!find_connection(lifecycle, connection, &index))
        return 0;
    lifecycle->connection_count--;
    memmove(&lifecycle->connections[index], &lifecycle->connections[index + 1],
            (lifecycle->connection_count - index) * sizeof(lifecycle->connections[0]));
    if (lifecycle->connection_count == 0)
        return forget(lifecycle, actions);
    if (lifecycle->state == LIFECYCLE_NONE || lifecycle->connection != connection)
        return 0;
    return open_stream(lifecycle, now, actions);
}

static size_t want_stream(struct lifecycle *lifecycle, uint64_t now,
                          struct lifecycle_action *actions)
{
    lifecycle->wanted = true;
    if (has_stream(lifecycle))
        lifecycle->opens_avoided++;
    if (lifecycle->state != LIFECYCLE_NONE || lifecycle->connection_count == 0)
        return 0;
    return open_stream(lifecycle, now, actions);
}

size_t lifecycle_dial_ready(struct lifecycle *lifecycle, uint64_t now,
                            struct lifecycle_action *actions)
{
    return want_stream(lifecycle, now, actions);
}

size_t lifecycle_inbound_arrived(struct lifecycle *lifecycle, uint64_t now,
                                 struct lifecycle_action *actions)
{
    return want_stream(lifecycle, now, actions);
}

size_t lifecycle_stream_opened(struct lifecycle *lifecycle, uint64_t now, uint64_t attempt,
                               struct lifecycle_action *actions)
{
    (void)actions;
    if (lifecycle->state == LIFECYCLE_OPENING && lifecycle->attempt == attempt) {
        lifecycle->state = LIFECYCLE_OPEN;
        lifecycle->opened_at = now;
    }
    return 0;
}

size_t lifecycle_stream_lost(struct lifecycle *lifecycle, uint64_t now, uint64_t attempt,
                             struct lifecycle_action *actions)
{
    if (!has_stream(lifecycle) || lifecycle->attempt != attempt)
        return 0;
    if (lifecycle->state == LIFECYCLE_OPEN && now - lifecycle->opened_at >= LIFECYCLE_STEADY_MS)
        lifecycle->retry_delay = LIFECYCLE_RETRY_FIRST_MS;
    lifecycle->state = LIFECYCLE_WAITING;
    lifecycle->retry_at = now + lifecycle->retry_delay;
    lifecycle->retry_delay *= 2;
    if (lifecycle->retry_delay > LIFECYCLE_RETRY_LAST_MS)
        lifecycle->retry_delay = LIFECYCLE_RETRY_LAST_MS;
    actions[0] = (struct lifecycle_action){
        .kind = LIFECYCLE_CLOSE_STREAM, .connection = lifecycle->connection, .attempt = attempt};
    return 1;
}

size_t lifecycle_tick(struct lifecycle *lifecycle, uint64_t now, struct lifecycle_action *actions)
{
    if (now < lifecycle_next_time(lifecycle))
        return 0;
    return open_stream(lifecycle, now, actions);
}

uint64_t lifecycle_next_time(const struct lifecycle *lifecycle)
{
    return lifecycle->state == LIFECYCLE_WAITING ? lifecycle->retry_at : UINT64_MAX;
}
