#include "common/event.h"

#include <errno.h>
#include <string.h>

#include "common/program.h"

static _Noreturn void give_up(void)
{
    program_fail("cannot wait for events: %s",
                 errno != 0 ? strerror(errno) : "libevent does not say why");
}

/* Libevent would end the program with a status of its own. */
static void on_fatal(int status)
{
    (void)status;
    give_up();
}

struct event_base *event_base_make(int flags)
{
    event_set_fatal_callback(on_fatal);
    errno = 0;
    struct event_config *config = event_config_new();
    if (config == NULL || event_config_set_flag(config, flags) != 0)
        give_up();
    struct event_base *base = event_base_new_with_config(config);
    if (base == NULL)
        give_up();
    event_config_free(config);
    return base;
}

void event_arm(struct event *event, const struct timeval *delay)
{
    errno = 0;
    if (event_add(event, delay) != 0)
        give_up();
}
