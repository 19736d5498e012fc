#include "devnet/newcomers.h"

#include <stdlib.h>

#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"
#include "devnet/state_watch.h"

struct newcomers {
    newcomers_handler *handler;
    void *context;
    const char *folder;
    struct state_watch *state;
    struct event *changed;
};

static void look(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    const struct newcomers *newcomers = argument;
    if (state_watch_read(newcomers->state))
        newcomers->handler(newcomers->context, newcomers->folder);
}

struct newcomers *newcomers_new(struct event_base *base, newcomers_handler *handler, void *context)
{
    const char *folder = getenv(NEWCOMERS_VARIABLE);
    struct error error;
    struct state_watch *state = folder != NULL ? state_watch_new(folder, &error) : NULL;
    if (state == NULL) {
        if (folder != NULL)
            log_warn("%s: nodes that come later are not looked at", error.text);
        return NULL;
    }
    struct newcomers *newcomers = memory_new(sizeof(*newcomers));
    *newcomers = (struct newcomers){
        .handler = handler, .context = context, .folder = folder, .state = state};
    newcomers->changed =
        event_new(base, state_watch_descriptor(state), EV_READ | EV_PERSIST, look, newcomers);
    event_arm(newcomers->changed, NULL);
    return newcomers;
}

void newcomers_free(struct newcomers *newcomers)
{
    if (newcomers == NULL)
        return;
    event_free(newcomers->changed);
    state_watch_free(newcomers->state);
    free(newcomers);
}
