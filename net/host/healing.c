#include "net/host/healing.h"

static bool may_try(const struct healing *healing)
{
    return healing->tries < HEALING_TRIES_MAX &&
           (!healing->has_stream || healing->silent_tries < HEALING_SILENT_TRIES_MAX);
}

static enum healing_action judge(struct healing *healing, uint64_t now)
{
    if (!may_try(healing)) {
        healing->state = HEALING_SETTLED;
        return HEALING_GIVE_UP;
    }
    healing->state = HEALING_WAITING;
    healing->wait_ms = healing->idle_timeout_ms << healing->tries;
    healing->at = now + healing->wait_ms;
    healing->attempt = ++healing->tries;
    healing->silent_tries += healing->has_stream;
    return HEALING_CLOSE;
}

static enum healing_action tick(struct healing *healing, uint64_t now)
{
    if (now < healing_next_time(healing))
        return HEALING_NOTHING;
    if (healing->state == HEALING_WATCHING)
        return judge(healing, now);
    healing->state = HEALING_APART;
    return HEALING_DIAL;
}

/* Where we have closed already it comes too late. */
static enum healing_action topic(struct healing *healing)
{
    if (healing->state != HEALING_WATCHING && healing->state != HEALING_SETTLED)
        return HEALING_NOTHING;
    bool healed = healing->state == HEALING_WATCHING && healing->tries > 0;
    healing->state = HEALING_SETTLED;
    healing->tries = healing->silent_tries = 0;
    return healed ? HEALING_HEALED : HEALING_NOTHING;
}

/* The first of a kind is followed by more, or not, within the patience from then on. */
static void be_patient(struct healing *healing, uint64_t now, bool *seen)
{
    if (healing->state == HEALING_WATCHING && !*seen) {
        healing->at = now + HEALING_PATIENCE_MS;
        *seen = true;
    }
}

enum healing_action healing_take(struct healing *healing, uint64_t now, enum healing_event event)
{
    switch (event) {
    case HEALING_CONNECTED:
        healing->state = HEALING_WATCHING;
        healing->speaks = healing->has_stream = false;
        break;
    case HEALING_LEFT: /* which is what comes of HEALING_CLOSE, too */
        if (healing->state != HEALING_WAITING)
            healing->state = HEALING_APART;
        break;
    case HEALING_SPEAKS: /* go opens its stream only once identify is through */
        be_patient(healing, now, &healing->speaks);
        break;
    case HEALING_STREAM:
        be_patient(healing, now, &healing->has_stream);
        break;
    case HEALING_TOPIC:
        return topic(healing);
    case HEALING_TICK:
        return tick(healing, now);
    }
    return HEALING_NOTHING;
}

uint64_t healing_next_time(const struct healing *healing)
{
    bool due = healing->state == HEALING_WAITING ||
               (healing->state == HEALING_WATCHING && healing->speaks);
    return due ? healing->at : UINT64_MAX;
}
