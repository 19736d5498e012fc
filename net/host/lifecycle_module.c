#include "net/host/lifecycle_module.h"

static void real_init(struct lifecycle_subject *subject)
{
    lifecycle_init(&subject->parts[0]);
}

static size_t real_connection_added(struct lifecycle_subject *subject, uint64_t now,
                                    uint64_t connection, struct lifecycle_action *actions)
{
    size_t count = 0;
    lifecycle_connection_added(&subject->parts[0], now, connection, actions, &count);
    return count;
}

static size_t real_connection_lost(struct lifecycle_subject *subject, uint64_t now,
                                   uint64_t connection, struct lifecycle_action *actions)
{
    return lifecycle_connection_lost(&subject->parts[0], now, connection, actions);
}

static size_t real_dial_ready(struct lifecycle_subject *subject, uint64_t now, uint64_t connection,
                              struct lifecycle_action *actions)
{
    (void)connection;
    return lifecycle_dial_ready(&subject->parts[0], now, actions);
}

static size_t real_inbound_arrived(struct lifecycle_subject *subject, uint64_t now,
                                   uint64_t connection, struct lifecycle_action *actions)
{
    (void)connection;
    return lifecycle_inbound_arrived(&subject->parts[0], now, actions);
}

static size_t real_stream_opened(struct lifecycle_subject *subject, uint64_t now, uint64_t attempt,
                                 struct lifecycle_action *actions)
{
    return lifecycle_stream_opened(&subject->parts[0], now, attempt, actions);
}

static size_t real_stream_lost(struct lifecycle_subject *subject, uint64_t now, uint64_t attempt,
                               struct lifecycle_action *actions)
{
    return lifecycle_stream_lost(&subject->parts[0], now, attempt, actions);
}

static size_t real_tick(struct lifecycle_subject *subject, uint64_t now,
                        struct lifecycle_action *actions)
{
    return lifecycle_tick(&subject->parts[0], now, actions);
}

static uint64_t real_next_time(const struct lifecycle_subject *subject)
{
    return lifecycle_next_time(&subject->parts[0]);
}

static uint64_t real_owned_attempt(const struct lifecycle_subject *subject, uint64_t connection)
{
    const struct lifecycle *lifecycle = &subject->parts[0];
    bool owned = (lifecycle->state == LIFECYCLE_OPENING || lifecycle->state == LIFECYCLE_OPEN) &&
                 lifecycle->connection == connection;
    return owned ? lifecycle->attempt : 0;
}

const struct lifecycle_module lifecycle_real = {
    .name = "net/host/lifecycle",
    .init = real_init,
    .connection_added = real_connection_added,
    .connection_lost = real_connection_lost,
    .dial_ready = real_dial_ready,
    .inbound_arrived = real_inbound_arrived,
    .stream_opened = real_stream_opened,
    .stream_lost = real_stream_lost,
    .tick = real_tick,
    .next_time = real_next_time,
    .owned_attempt = real_owned_attempt,
};
