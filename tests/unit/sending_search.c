#include "tests/unit/sending_search.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/memory.h"

enum { TABLE_SIZE = 2 * SENDING_STATES_MAX, NO_STATE = SENDING_STATES_MAX };

static size_t first_place(struct sending_key key)
{
    uint64_t mixed = (key.sides[0] * 0x9e3779b97f4a7c15) ^ (key.sides[1] * 0xc2b2ae3d27d4eb4f);
    return (size_t)((mixed ^ mixed >> 29) * 0x9e3779b97f4a7c15 >> 32) % TABLE_SIZE;
}

static bool is_key(struct sending_key a, struct sending_key b)
{
    return a.sides[0] == b.sides[0] && a.sides[1] == b.sides[1];
}

/* The number of the state of KEY, a new one if need be; NO_STATE where there are too many. */
static uint32_t find_or_add(struct sending_search *search, struct sending_key key, uint32_t parent,
                            struct sending_event event)
{
    size_t place = first_place(key);
    for (; search->table[place] != 0; place = (place + 1) % TABLE_SIZE) {
        if (is_key(search->states[search->table[place] - 1].key, key))
            return search->table[place] - 1;
    }
    if (search->state_count == SENDING_STATES_MAX)
        return NO_STATE;
    search->states[search->state_count] = (struct sending_state){key, parent, event};
    search->table[place] = ++search->state_count;
    return search->state_count - 1;
}

static void add_fair(struct sending_search *search, uint32_t from, uint32_t to)
{
    if (search->fair_count == search->fair_capacity) {
        search->fair_capacity = search->fair_capacity > 0 ? 2 * search->fair_capacity : 4096;
        search->fair = memory_resize(search->fair, search->fair_capacity * sizeof(*search->fair));
    }
    search->fair[search->fair_count][0] = from;
    search->fair[search->fair_count++][1] = to;
}

static void violate(struct sending_search *search, uint32_t state, const char *what)
{
    search->violation = what;
    search->violating = state;
}

/* Follows every event that can happen in the state numbered FROM; false ends the search. */
static bool expand(struct sending_search *search, uint32_t from)
{
    struct sending_successor successors[SENDING_SUCCESSORS_MAX];
    size_t count = sending_successors(search->model, search->states[from].key, successors);
    bool fair_events = false;
    for (size_t i = 0; i < count; i++) {
        uint32_t to = find_or_add(search, successors[i].key, from, successors[i].event);
        if (to == NO_STATE)
            return false;
        search->transitions++;
        search->happened[successors[i].event.kind]++;
        if (successors[i].violation != NULL) {
            violate(search, to, successors[i].violation);
            return false;
        }
        if (!sending_is_hostile(successors[i].event) && to != from) {
            add_fair(search, from, to);
            fair_events = true;
        }
    }
    if (fair_events || sending_is_agreed(search->states[from].key))
        return true;
    violate(search, from, "nothing more happens, and the two believe different things");
    return false;
}

static uint32_t *count_incoming(const struct sending_search *search)
{
    uint32_t *incoming = memory_new(search->state_count * sizeof(*incoming));
    for (size_t i = 0; i < search->fair_count; i++)
        incoming[search->fair[i][1]]++;
    return incoming;
}

/* Where each state's fair transitions begin; those of the last state end at the end. */
static size_t *index_fair(const struct sending_search *search)
{
    size_t *first = memory_new((search->state_count + 1) * sizeof(*first));
    for (size_t i = 0; i < search->fair_count; i++)
        first[search->fair[i][0] + 1]++;
    for (uint32_t state = 0; state < search->state_count; state++)
        first[state + 1] += first[state];
    return first;
}

/* States are taken away that no fair event leads to any more: where some are left, fair events can
 * go round in a circle. */
static void check_ends(struct sending_search *search)
{
    size_t *first = index_fair(search);
    uint32_t *incoming = count_incoming(search);
    uint32_t *order = memory_new(search->state_count * sizeof(*order)), ordered = 0;
    for (uint32_t state = 0; state < search->state_count; state++)
        if (incoming[state] == 0)
            order[ordered++] = state;
    for (uint32_t i = 0; i < ordered; i++)
        for (size_t edge = first[order[i]]; edge < first[order[i] + 1]; edge++)
            if (--incoming[search->fair[edge][1]] == 0)
                order[ordered++] = search->fair[edge][1];
    for (uint32_t state = 0; ordered < search->state_count && search->violation == NULL; state++)
        if (incoming[state] > 0)
            violate(search, state, "events that are not hostile can go on for ever");
    free(first);
    free(incoming);
    free(order);
}

void sending_search_run(struct sending_search *search, struct sending_bounds bounds,
                        unsigned mutation)
{
    *search = (struct sending_search){.model = sending_model_new(bounds, mutation)};
    search->states = memory_new(SENDING_STATES_MAX * sizeof(*search->states));
    search->table = memory_new(TABLE_SIZE * sizeof(*search->table));
    find_or_add(search, sending_start(search->model), 0, (struct sending_event){0});
    for (uint32_t state = 0; state < search->state_count; state++) {
        if (!expand(search, state))
            return;
    }
    search->closed = true;
    check_ends(search);
}

static void print_step(const struct sending_search *search, uint32_t state, unsigned step,
                       bool *mirrored)
{
    char event[SENDING_TEXT_SIZE], world[SENDING_TEXT_SIZE];
    sending_event_text(search->states[state].event, *mirrored, event);
    *mirrored ^= search->states[state].event.mirrored;
    sending_world_text(search->states[state].key, *mirrored, world);
    fprintf(stderr, "%3u. %-25s [%s]\n", step, event, world);
}

void sending_search_print_path(const struct sending_search *search, uint32_t state)
{
    unsigned length = 0;
    for (uint32_t i = state; i != 0; i = search->states[i].parent)
        length++;
    bool mirrored = false;
    for (unsigned step = 1; step <= length; step++) {
        uint32_t here = state;
        for (unsigned i = step; i < length; i++)
            here = search->states[here].parent;
        print_step(search, here, step, &mirrored);
    }
}

void sending_search_clear(struct sending_search *search)
{
    sending_model_free(search->model);
    free(search->states);
    free(search->table);
    free(search->fair);
}
