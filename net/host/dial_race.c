#include "net/host/dial_race.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/event.h"
#include "common/memory.h"

/* What the reasons take at most of an error, which says more around them. */
enum { REASONS_SIZE = ERROR_TEXT_SIZE - 100 };

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

static bool all_ours(const struct dial_race *race)
{
    for (size_t i = 0; i < race->count; i++)
        if (race->tries[i].close.reason.kind != ERROR_SYSTEM &&
            race->tries[i].close.reason.kind != ERROR_FULL)
            return false;
    return true;
}

bool dial_race_begin(struct dial_race *race, struct host *host, const struct multiaddr *addresses,
                     size_t count, size_t left_out, struct error *error)
{
    *race = (struct dial_race){.host = host, .count = count, .left_out = left_out};
    race->next = evtimer_new(host_settings(host)->base, on_next, race);
    race->tries = memory_new(count * sizeof(*race->tries));
    for (size_t i = 0; i < count; i++)
        race->tries[i].address = addresses[i];
    if (begin_next(race))
        return true;
    dial_race_reasons(race, error);
    error->kind = all_ours(race) ? ERROR_SYSTEM : ERROR_INVALID;
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

/* Whether no address before it failed for the same reason. */
static bool is_first(const struct error *why, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(why[i].text, why[index].text) == 0)
            return false;
    return true;
}

/* The addresses that failed as the one at FIRST did, of which SHOWN are named at most. */
static void append_names(const struct dial_race *race, const struct error *why, size_t first,
                         size_t shown, struct buffer *text)
{
    size_t count = 0;
    for (size_t i = first; i < race->count; i++) {
        char name[MULTIADDR_TEXT_SIZE];
        struct multiaddr address = race->tries[i].address;
        if (strcmp(why[i].text, why[first].text) != 0 || count++ >= shown)
            continue;
        address.has_peer_id = false;
        multiaddr_text(&address, name);
        buffer_append_text(text, count > 1 ? ", " : "");
        buffer_append_text(text, name);
    }
    if (count > shown) {
        char rest[32];
        snprintf(rest, sizeof(rest), " and %zu more", count - shown);
        buffer_append_text(text, rest);
    }
    buffer_append_text(text, ": ");
}

static void render(const struct dial_race *race, const struct error *why, size_t shown,
                   struct buffer *text)
{
    text->size = 0;
    for (size_t i = 0; i < race->count; i++) {
        if (!is_first(why, i))
            continue;
        buffer_append_text(text, i > 0 ? "; " : "");
        if (race->count > 1)
            append_names(race, why, i, shown, text);
        buffer_append_text(text, why[i].text);
    }
    if (race->left_out > 0) {
        char rest[96];
        snprintf(rest, sizeof(rest), "; %zu more were not tried, over the limit of %d",
                 race->left_out, RESOLVER_ADDRESSES_MAX);
        buffer_append_text(text, rest);
    }
}

/* Where not even one address of each reason has room, the last of them are left out. */
static void cut(const struct dial_race *race, struct buffer *text)
{
    char note[64];
    int length = snprintf(note, sizeof(note), "... (%zu addresses in all)", race->count);
    text->size = REASONS_SIZE - (size_t)length;
    buffer_append_text(text, note);
}

void dial_race_reasons(const struct dial_race *race, struct error *reasons)
{
    struct error *why = memory_new((race->count + 1) * sizeof(*why));
    struct buffer text = {0};
    for (size_t i = 0; i < race->count; i++)
        describe(race, i, &why[i]);
    size_t shown = race->count;
    for (render(race, why, shown, &text); text.size > REASONS_SIZE && shown > 1;)
        render(race, why, --shown, &text);
    if (text.size > REASONS_SIZE && race->count > 1)
        cut(race, &text);
    error_set(reasons, "%.*s", (int)text.size, (const char *)text.data);
    buffer_clear(&text);
    free(why);
}
