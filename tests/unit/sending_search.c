#include "tests/unit/sending_search.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert((int)SENDING_KINDS <= (int)STATE_SEARCH_KINDS_MAX &&
                   (int)SENDING_SUCCESSORS_MAX <= (int)STATE_SEARCH_SUCCESSORS_MAX,
               "the search has room for what can happen");

static struct state_key pack(struct sending_key key)
{
    return (struct state_key){{key.sides[0], key.sides[1]}};
}

static struct sending_key unpack(struct state_key key)
{
    return (struct sending_key){{key.words[0], key.words[1]}};
}

static size_t successors_of(void *model, struct state_key key, struct state_successor *successors)
{
    struct sending_successor found[SENDING_SUCCESSORS_MAX];
    size_t count = sending_successors(model, unpack(key), found);
    for (size_t i = 0; i < count; i++) {
        struct sending_event event = found[i].event;
        successors[i] = (struct state_successor){
            .event = {.kind = event.kind, .side = event.side, .detail = event.mirrored},
            .key = pack(found[i].key),
            .hostile = sending_is_hostile(event),
            .violation = found[i].violation};
    }
    return count;
}

static bool is_agreed(void *model, struct state_key key)
{
    (void)model;
    return sending_is_agreed(unpack(key));
}

void sending_search_run(struct state_search *search, struct sending_bounds bounds,
                        unsigned mutation)
{
    struct sending_model *model = sending_model_new(bounds, mutation);
    state_search_run(
        search, &(struct state_model){
                    .context = model,
                    .start = pack(sending_start(model)),
                    .states_max = SENDING_STATES_MAX,
                    .successors = successors_of,
                    .is_settled = is_agreed,
                    .unsettled = "nothing more happens, and the two believe different things"});
    sending_model_free(model);
}

static void print_step(const struct state_search *search, uint32_t state, size_t step,
                       bool *mirrored)
{
    char text[SENDING_TEXT_SIZE], world[SENDING_TEXT_SIZE];
    struct state_event event = search->states[state].event;
    sending_event_text(
        (struct sending_event){.kind = event.kind, .side = event.side, .mirrored = event.detail},
        *mirrored, text);
    *mirrored ^= event.detail;
    sending_world_text(unpack(search->states[state].key), *mirrored, world);
    fprintf(stderr, "%3zu. %-25s [%s]\n", step, text, world);
}

void sending_search_print_path(const struct state_search *search, uint32_t state)
{
    size_t length;
    uint32_t *path = state_search_path(search, state, &length);
    bool mirrored = false;
    for (size_t i = 0; i < length; i++)
        print_step(search, path[i], i + 1, &mirrored);
    free(path);
}
