#include "common/state_search.h"

#include <stdlib.h>

#include "common/memory.h"

#define NO_STATE UINT32_MAX

static size_t table_size(const struct state_model *model)
{
    return 2 * (size_t)model->states_max;
}

static size_t first_place(struct state_key key, size_t size)
{
    uint64_t mixed = (key.words[0] * 0x9e3779b97f4a7c15) ^ (key.words[1] * 0xc2b2ae3d27d4eb4f);
    return (size_t)((mixed ^ mixed >> 29) * 0x9e3779b97f4a7c15 >> 32) % size;
}

static bool is_key(struct state_key a, struct state_key b)
{
    return a.words[0] == b.words[0] && a.words[1] == b.words[1];
}

/* The number of the state of KEY, a new one if need be; NO_STATE where there are too many. */
static uint32_t find_or_add(struct state_search *search, const struct state_model *model,
                            struct state_key key, uint32_t parent, struct state_event event)
{
    size_t size = table_size(model), place = first_place(key, size);
    for (; search->table[place] != 0; place = (place + 1) % size) {
        if (is_key(search->states[search->table[place] - 1].key, key))
            return search->table[place] - 1;
    }
    if (search->state_count == model->states_max)
        return NO_STATE;
    search->states[search->state_count] =
        (struct state_found){.key = key, .parent = parent, .event = event};
    search->table[place] = ++search->state_count;
    return search->state_count - 1;
}

static void add_fair(struct state_search *search, uint32_t from, uint32_t to)
{
    if (search->fair_count == search->fair_capacity) {
        search->fair_capacity = search->fair_capacity > 0 ? 2 * search->fair_capacity : 4096;
        search->fair = memory_resize(search->fair, search->fair_capacity * sizeof(*search->fair));
    }
    search->fair[search->fair_count][0] = from;
    search->fair[search->fair_count++][1] = to;
}

static void violate(struct state_search *search, uint32_t state, const char *what)
{
    search->violation = what;
    search->violating = state;
}

/* Follows every event that can happen in the state numbered FROM; false ends the search. */
static bool expand(struct state_search *search, const struct state_model *model, uint32_t from)
{
    struct state_successor successors[STATE_SEARCH_SUCCESSORS_MAX];
    size_t count = model->successors(model->context, search->states[from].key, successors);
    bool fair_events = false;
    for (size_t i = 0; i < count; i++) {
        uint32_t to = find_or_add(search, model, successors[i].key, from, successors[i].event);
        if (to == NO_STATE)
            return false;
        search->transitions++;
        search->happened[successors[i].event.kind]++;
        if (successors[i].violation != NULL) {
            violate(search, to, successors[i].violation);
            return false;
        }
        if (!successors[i].hostile && to != from) {
            add_fair(search, from, to);
            fair_events = true;
        }
    }
    if (fair_events || model->is_settled(model->context, search->states[from].key))
        return true;
    violate(search, from, model->unsettled);
    return false;
}

/* Where each state's fair transitions begin; those of the last state end at the end. */
static uint32_t *index_fair(const struct state_search *search)
{
    uint32_t *first = memory_new((search->state_count + 1) * sizeof(*first));
    for (size_t i = 0; i < search->fair_count; i++)
        first[search->fair[i][0] + 1]++;
    for (uint32_t state = 0; state < search->state_count; state++)
        first[state + 1] += first[state];
    return first;
}

/* Puts states into ORDER so that every fair event leads to a later one, and returns how many: where
 * some are left, fair events can go round in a circle. */
static size_t order_states(struct state_search *search, const uint32_t *first, uint32_t *order)
{
    uint32_t *incoming = memory_new(search->state_count * sizeof(*incoming));
    size_t ordered = 0;
    for (size_t i = 0; i < search->fair_count; i++)
        incoming[search->fair[i][1]]++;
    for (uint32_t state = 0; state < search->state_count; state++) {
        if (incoming[state] == 0)
            order[ordered++] = state;
    }
    for (size_t i = 0; i < ordered; i++) {
        for (size_t edge = first[order[i]]; edge < first[order[i] + 1]; edge++) {
            if (--incoming[search->fair[edge][1]] == 0)
                order[ordered++] = search->fair[edge][1];
        }
    }
    for (uint32_t state = 0; ordered < search->state_count && search->violation == NULL; state++) {
        if (incoming[state] > 0)
            violate(search, state, "events that are not hostile can go on for ever");
    }
    free(incoming);
    return ordered;
}

static void check_ways(struct state_search *search)
{
    uint32_t *first = index_fair(search);
    uint32_t *order = memory_new(search->state_count * sizeof(*order));
    unsigned *ways = memory_new(search->state_count * sizeof(*ways));
    for (size_t i = order_states(search, first, order); i-- > 0;) {
        unsigned *way = &ways[order[i]];
        for (size_t edge = first[order[i]]; edge < first[order[i] + 1]; edge++) {
            unsigned longer = ways[search->fair[edge][1]] + 1;
            *way = longer > *way ? longer : *way;
        }
        search->longest_way = *way > search->longest_way ? *way : search->longest_way;
    }
    free(first);
    free(order);
    free(ways);
}

void state_search_run(struct state_search *search, const struct state_model *model)
{
    *search = (struct state_search){0};
    search->states = memory_new(model->states_max * sizeof(*search->states));
    search->table = memory_new(table_size(model) * sizeof(*search->table));
    find_or_add(search, model, model->start, 0, (struct state_event){0});
    for (uint32_t state = 0; state < search->state_count; state++) {
        if (!expand(search, model, state))
            return;
    }
    search->closed = true;
    check_ways(search);
}

uint32_t *state_search_path(const struct state_search *search, uint32_t state, size_t *length)
{
    *length = 0;
    for (uint32_t i = state; i != 0; i = search->states[i].parent)
        ++*length;
    uint32_t *path = memory_new((*length + 1) * sizeof(*path));
    for (size_t i = *length; i > 0; i--, state = search->states[state].parent)
        path[i - 1] = state;
    return path;
}

void state_search_clear(struct state_search *search)
{
    free(search->states);
    free(search->table);
    free(search->fair);
}
