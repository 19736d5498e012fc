#include "net/host/lifecycle_search.h"

_Static_assert((int)LIFECYCLE_MODEL_KINDS <= (int)STATE_SEARCH_KINDS_MAX &&
                   (int)LIFECYCLE_MODEL_SUCCESSORS_MAX <= (int)STATE_SEARCH_SUCCESSORS_MAX,
               "the search has room for what can happen");

static size_t successors_of(void *context, struct state_key key, struct state_successor *successors)
{
    const struct lifecycle_module *const *module = context;
    struct lifecycle_model_successor found[LIFECYCLE_MODEL_SUCCESSORS_MAX];
    size_t count = lifecycle_model_successors(*module, key.words[0], found);
    for (size_t i = 0; i < count; i++) {
        struct lifecycle_model_event event = found[i].event;
        successors[i] = (struct state_successor){
            .event = {.kind = event.kind, .side = event.side, .detail = event.connection},
            .key = {{found[i].key}},
            .hostile = lifecycle_model_is_hostile(event),
            .violation = found[i].violation};
    }
    return count;
}

static bool is_settled(void *context, struct state_key key)
{
    const struct lifecycle_module *const *module = context;
    return lifecycle_model_is_settled(*module, key.words[0]);
}

void lifecycle_search_run(struct state_search *search, const struct lifecycle_module *module)
{
    state_search_run(search, &(struct state_model){
                                 .context = &module,
                                 .start = {{lifecycle_model_start()}},
                                 .states_max = LIFECYCLE_SEARCH_STATES_MAX,
                                 .successors = successors_of,
                                 .is_settled = is_settled,
                                 .unsettled = "nothing more happens, and there is not one stream "
                                              "each way"});
}

struct lifecycle_model_event lifecycle_search_event(const struct state_search *search,
                                                    uint32_t state)
{
    struct state_event event = search->states[state].event;
    return (struct lifecycle_model_event){
        .kind = event.kind, .side = event.side, .connection = event.detail};
}

uint64_t lifecycle_search_key(const struct state_search *search, uint32_t state)
{
    return search->states[state].key.words[0];
}
