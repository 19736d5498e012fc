#include "devnet/tap.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/memory.h"
#include "devnet/loop.h"
#include "net/api/client.h"

enum { ANSWER_TIMEOUT_MS = 5000 };

static const char tap[] = "tap";

const struct devnet_between *devnet_find_tap(const struct devnet *devnet)
{
    return devnet_find_between(devnet, tap);
}

const char *devnet_tap_api(const struct devnet *devnet)
{
    const struct devnet_between *between = devnet_find_tap(devnet);
    return between != NULL && process_is_running(&between->process) ? between->api : NULL;
}

char *devnet_tap_logs(const struct devnet *devnet)
{
    return devnet_find_tap(devnet) != NULL ? devnet_path(devnet, tap, "qlog") : NULL;
}

bool devnet_start_tap(struct devnet *devnet, const char *program, uint64_t timeout_ms,
                      struct error *error)
{
    char *qlog = devnet_path(devnet, tap, "qlog");
    const char *arguments[] = {program, "--api", "127.0.0.1:0", "--qlog", qlog, NULL};
    json_t *ready = NULL;
    file_empty_folder(qlog); /* of what an earlier devnet left */
    bool started = file_make_folder(qlog, error) &&
                   devnet_start_between(devnet, tap, (char *const *)(uintptr_t)arguments,
                                        timeout_ms, &ready, error);
    json_decref(ready);
    free(qlog);
    return started;
}

/* ---- giving it nodes ---- */

struct gift {
    struct loop loop;
    struct devnet_node *node;
    bool over, taken;
    struct error *error;
};

static void take_answer(struct devnet_node *node, const json_t *answer)
{
    const char *address = json_string_value(json_object_get(answer, "address"));
    const char *enr = json_string_value(json_object_get(answer, "enr"));
    free(node->tapped);
    free(node->tapped_enr);
    node->tapped = text_copy(address);
    node->tapped_enr = enr != NULL ? text_copy(enr) : NULL;
}

static void answered(void *context, int status, const json_t *answer, const char *problem)
{
    struct gift *gift = context;
    const char *told = json_string_value(json_object_get(answer, "error"));
    gift->over = true;
    gift->taken = status == 200 && json_is_string(json_object_get(answer, "address"));
    if (gift->taken)
        take_answer(gift->node, answer);
    else
        error_set(gift->error, "the tap does not take %s: %s", gift->node->name,
                  status == 0    ? problem
                  : told != NULL ? told
                                 : "it does not say why");
    event_base_loopbreak(gift->loop.base);
}

/* The path of its key file, freed with free(): as it is told, or in its folder. */
static char *key_of(const struct devnet *devnet, const struct devnet_node *node)
{
    for (char *const *at = node->arguments; at != NULL && *at != NULL; at++)
        if (strcmp(*at, "--key") == 0 && at[1] != NULL)
            return text_copy(at[1]);
    return devnet_path(devnet, node->name, "key");
}

bool devnet_tap_node(const struct devnet *devnet, struct devnet_node *node, struct error *error)
{
    static const struct api_call_handlers handlers = {.done = answered};
    const struct devnet_between *between = devnet_find_tap(devnet);
    struct gift gift = {.node = node, .error = error};
    if (between == NULL)
        return true;
    char *key = key_of(devnet, node);
    char *text = text_format("%s=%s,127.0.0.1:0,%s", node->name, key, node->listen[0]);
    free(key);
    loop_init(&gift.loop);
    struct api_call *call = api_call_new(
        gift.loop.base, between->api != NULL ? between->api : "", "POST", "/nodes",
        json_pack("{s:o}", "node", json_string(text)), ANSWER_TIMEOUT_MS, &handlers, &gift, error);
    if (call != NULL && !loop_run(&gift.loop) && !gift.over) {
        error_set(error, "interrupted");
        api_call_cancel(call);
    }
    loop_clear(&gift.loop);
    free(text);
    return gift.taken;
}
