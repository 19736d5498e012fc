#include "net/host/dial_race.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/memory.h"

static void arm(const struct dial_race *race)
{
    struct timeval delay = clock_timeval((uint64_t)DIAL_RACE_STEP_MS * 1000);
    if (race->begun < race->count)
        event_arm(race->next, &delay);
}

/* Dials the next that can be dialled; false where there is none. */
static bool begin_next(struct dial_race *race)
{
    while (race->begun < race->count) {
        struct dial_try *try = &race->tries[race->begun++];
        try->dial = host_dial(race->host, &try->address, &try->close.reason);
        try->over = try->dial == 0;
        if (try->over)
            continue;
        arm(race);
        return true;
    }
    return false;
}

static void on_next(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    begin_next(argument);
}

bool dial_race_begin(struct dial_race *race, struct host *host, const struct multiaddr *addresses,
                     size_t count, struct error *error)
{
    *race = (struct dial_race){.host = host, .count = count};
    race->next = evtimer_new(host_settings(host)->base, on_next, race);
    race->tries = memory_new(count * sizeof(*race->tries));
    for (size_t i = 0; i < count; i++)
        race->tries[i].address = addresses[i];
    if (begin_next(race))
        return true;
    dial_race_reasons(race, error);
    dial_race_end(race);
    return false;
}

static void give_up_all_but(struct dial_race *race, uint64_t dial)
{
    for (size_t i = 0; i < race->begun; i++) {
        struct dial_try *try = &race->tries[i];
        if (!try->over && try->dial != dial)
            host_dial_cancel(race->host, try->dial);
    }
    if (race->host != NULL)
        event_free(race->next);
    free(race->tries);
    *race = (struct dial_race){0};
}

void dial_race_end(struct dial_race *race)
{
    give_up_all_but(race, 0);
}

void dial_race_won(struct dial_race *race, uint64_t dial)
{
    give_up_all_but(race, dial);
}

static struct dial_try *find(struct dial_race *race, uint64_t dial)
{
    for (size_t i = 0; i < race->begun; i++) {
        if (race->tries[i].dial == dial && !race->tries[i].over)
            return &race->tries[i];
    }
    return NULL;
}

bool dial_race_has(const struct dial_race *race, uint64_t dial)
{
    return find((struct dial_race *)(uintptr_t)race, dial) != NULL;
}

uint64_t dial_race_open(const struct dial_race *race)
{
    for (size_t i = 0; i < race->begun; i++) {
        if (!race->tries[i].over)
            return race->tries[i].dial;
    }
    return 0;
}

bool dial_race_lost(struct dial_race *race, uint64_t dial, const struct quic_close *close)
{
    struct dial_try *try = find(race, dial);
    try->over = true;
    try->close = *close;
    return !begin_next(race) && dial_race_open(race) == 0;
}

/* ---- in words ---- */

static void describe(const struct dial_race *race, size_t index, struct error *reason)
{
    const struct dial_try *try = &race->tries[index];
    char beside[ERROR_TEXT_SIZE];
    if (try->over) {
        *reason = try->close.reason;
        return;
    }
    host_dial_in_place_of_answer(race->host, try->dial, beside, sizeof(beside));
    error_set(reason, "%s%s", index < race->begun ? "no answer" : "not dialled yet", beside);
}

void dial_race_reasons(const struct dial_race *race, struct error *reasons)
{
    size_t length = 0;
    reasons->text[0] = '\0';
    for (size_t i = 0; i < race->count && length < sizeof(reasons->text); i++) {
        struct multiaddr address = race->tries[i].address;
        char text[MULTIADDR_TEXT_SIZE];
        struct error reason;
        address.has_peer_id = false;
        multiaddr_text(&address, text);
        describe(race, i, &reason);
        const char *name = race->count > 1 ? text : "";
        length +=
            (size_t)snprintf(reasons->text + length, sizeof(reasons->text) - length, "%s%s%s%s",
                             i > 0 ? "; " : "", name, *name != '\0' ? ": " : "", reason.text);
    }
}
