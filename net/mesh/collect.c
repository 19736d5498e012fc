#include "net/mesh/collect.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/event.h"
#include "common/memory.h"
#include "net/api/client.h"
#include "net/mesh/lean_answer.h"
#include "net/mesh/lean_ask.h"
#include "net/mesh/prometheus.h"
#include "net/mesh/snapshot.h"
#include "net/mesh/tapped.h"
#include "net/mesh/target.h"
#include "net/mesh/visit.h"

struct collection {
    struct event_base *base;
    struct resolver *resolver;
    struct mesh_manner manner;
    json_t *snapshot;
    struct question *questions; /* one for each target */
    size_t count, started, running;
    bool visiting; /* what could be asked has been */
    int stopped;   /* by this signal, or 0 */
};

struct question {
    struct collection *collection;
    struct mesh_target target;
    struct visit *visit; /* while it goes on */
    json_t *mesh;        /* what our API answered, until it is looked at */
    json_t *tapped;      /* what a tap did, until all others have been asked */
    bool is_ours;        /* it was that of the node that would be visited */
    json_t *lean;        /* what a Lean node's answered, once it is there */
    json_t *metrics;     /* of its page, likewise */
    bool page_is_guess;  /* that it has one */
    struct error error;  /* what is wrong with that page */
};

enum { HTTP_OK = 200, HTTP_NOT_FOUND = 404, HTTP_NOT_ALLOWED = 405, HTTP_NOT_THERE = 501 };

static void go_on(struct collection *collection);

static void over(struct collection *collection)
{
    collection->running--;
    go_on(collection);
}

static void miss(struct collection *collection, const char *what, const char *error)
{
    snapshot_add_unreachable(collection->snapshot, what, error);
}

/* ---- metrics: those that leanMetrics names begin so, all of them ---- */

static void page_came(void *context, struct bytes text)
{
    struct question *question = context;
    question->metrics = prometheus_parse(text, "lean_", &question->error);
    if (question->metrics == NULL)
        error_prefix(&question->error, "%s", question->target.page);
}

/* What was asked by HTTP is there: if nobody is visited, that is all. */
static void asked(struct question *question)
{
    struct collection *collection = question->collection;
    const struct mesh_target *target = &question->target;
    if (!target->has_address && question->lean != NULL) {
        snapshot_add_lean_endpoint(collection->snapshot, target->lean, question->lean, target->page,
                                   question->metrics);
        question->metrics = NULL;
    } else if (!target->has_address && question->metrics != NULL) {
        snapshot_add_endpoint(collection->snapshot, target->page, question->metrics);
        question->metrics = NULL;
    }
    over(collection);
}

static void page_over(void *context, int status, const json_t *answer, const char *problem)
{
    (void)answer;
    struct question *question = context;
    const char *page = question->target.page;
    if (status == 0)
        error_set(&question->error, "%s", problem);
    else if (status != HTTP_OK)
        error_set(&question->error, "%s: answered %d", page, status);
    bool nobody = (status == 0 && question->target.page_may_be_missing) ||
                  (status != HTTP_OK && question->page_is_guess);
    if (question->metrics == NULL && !nobody)
        miss(question->collection, page, question->error.text);
    asked(question);
}

static void ask_page(struct question *question)
{
    static const struct api_call_handlers handlers = {.text = page_came, .done = page_over};
    const char *page = question->target.page;
    size_t length = mesh_target_page_path(page);
    char *server = text_format("%.*s", (int)length, page);
    api_call_new(question->collection->base, server, "GET", page + length, NULL,
                 question->collection->manner.timeout_ms, &handlers, question, NULL);
    free(server);
}

/* ---- a Lean node's own API ---- */

/* Where its metrics are not said to be elsewhere, they may be on the same port. */
static void guess_page(struct question *question)
{
    const char *url = question->target.lean;
    size_t length = strlen(url);
    question->target.page = text_format("%s%smetrics", url, url[length - 1] == '/' ? "" : "/");
    question->page_is_guess = true;
}

/* A node of ours tells by its own API who it is. */
static void complete_identity(const struct question *question)
{
    struct error error;
    if (question->lean == NULL || !json_is_null(json_object_get(question->lean, "identity")))
        return;
    json_t *told = json_pack("{s:O*, s:O*}", "version", json_object_get(question->mesh, "agent"),
                             "peer_id", json_object_get(question->mesh, "peer_id"));
    char *text = json_dumps(told, JSON_COMPACT);
    json_t *identity = lean_answer_parse(LEAN_IDENTITY, bytes_of_text(text), &error);
    if (identity != NULL)
        json_object_set_new(question->lean, "identity", identity);
    free(text);
    json_decref(told);
}

static void lean_answered(void *context, json_t *lean, const json_t *faults)
{
    struct question *question = context;
    size_t index;
    const json_t *fault;
    question->lean = json_incref(lean);
    complete_identity(question);
    json_array_foreach(faults, index, fault)
    {
        bool nobody = json_integer_value(json_array_get(fault, 2)) == 0 && lean == NULL &&
                      question->target.lean_may_be_missing;
        if (!nobody)
            miss(question->collection, json_string_value(json_array_get(fault, 0)),
                 json_string_value(json_array_get(fault, 1)));
    }
    if (lean != NULL && question->target.page == NULL)
        guess_page(question);
    if (question->target.page != NULL)
        ask_page(question);
    else
        asked(question);
}

static void ask_lean(struct question *question)
{
    lean_ask(question->collection->base, question->target.lean,
             question->collection->manner.timeout_ms, lean_answered, question);
}

/* ---- our nodes ---- */

static void mesh_came(void *context, struct bytes text)
{
    struct question *question = context;
    question->mesh = json_loadb((const char *)text.data, text.size, JSON_DECODE_ANY, NULL);
}

static bool is_not_ours(int status)
{
    return status == HTTP_NOT_FOUND || status == HTTP_NOT_ALLOWED || status == HTTP_NOT_THERE;
}

static void add_ours(struct question *question, const char *api, int status, const char *problem)
{
    struct collection *collection = question->collection;
    struct error error;
    bool added = false;
    if (status == 0)
        error_set(&error, "%s", problem);
    else if (status != HTTP_OK)
        error_set(&error, "%s/mesh: answered %d", api, status);
    else if (question->mesh == NULL)
        error_set(&error, "%s/mesh: answered %d without JSON", api, status);
    else if (tapped_is_answer(question->mesh))
        question->tapped = json_incref(question->mesh);
    else
        added = snapshot_add_node(collection->snapshot, api, question->mesh, &error);
    if (!added && question->tapped == NULL)
        miss(collection, api, error.text);
    json_decref(question->mesh); /* large, and no longer of use */
    question->mesh = NULL;
    over(collection);
}

/* Another's API, which has no such page, is a Lean node's. */
static void answered(void *context, int status, const json_t *answer, const char *problem)
{
    (void)answer;
    struct question *question = context;
    if (is_not_ours(status)) {
        question->target.lean = text_copy(question->target.api);
        ask_lean(question);
        return;
    }
    add_ours(question, question->target.api, status, problem);
}

static void ask_mesh(struct question *question, const char *url,
                     void (*done)(void *context, int status, const json_t *answer,
                                  const char *problem))
{
    const struct api_call_handlers handlers = {.text = mesh_came, .done = done};
    api_call_new(question->collection->base, url, "GET", "/mesh", NULL,
                 question->collection->manner.timeout_ms, &handlers, question, NULL);
}

static bool is_of_address(const struct question *question)
{
    const struct multiaddr *at = &question->target.address.at[0];
    const char *told = json_string_value(json_object_get(question->mesh, "peer_id"));
    char text[PEER_ID_TEXT_SIZE];
    if (!at->has_peer_id || told == NULL)
        return false;
    peer_id_text(&at->peer_id, text);
    return strcmp(text, told) == 0;
}

/* Where a node of ours is at the API beside an address, that tells all that a visit would. */
static void beside_answered(void *context, int status, const json_t *answer, const char *problem)
{
    (void)answer;
    struct question *question = context;
    question->is_ours = status == HTTP_OK && is_of_address(question);
    if (question->is_ours)
        add_ours(question, question->target.lean, status, problem);
    else
        ask_lean(question);
}

/* ---- visits ---- */

/* What it told by HTTP, of which it is not known now whose it is. */
static void keep_as_endpoint(const struct question *question)
{
    const struct mesh_target *target = &question->target;
    json_t *snapshot = question->collection->snapshot;
    if (question->lean != NULL)
        snapshot_add_lean_endpoint(snapshot, target->lean, question->lean, target->page,
                                   json_incref(question->metrics));
    else if (question->metrics != NULL)
        snapshot_add_endpoint(snapshot, target->page, json_incref(question->metrics));
}

static void visited(void *context, json_t *entry, const char *problem)
{
    struct question *question = context;
    const struct mesh_target *target = &question->target;
    json_t *snapshot = question->collection->snapshot;
    struct error error;
    bool added = false;
    question->visit = NULL;
    if (entry == NULL)
        error_set(&error, "%s", problem);
    if (entry != NULL && question->metrics != NULL)
        snapshot_set_metrics(entry, target->page, json_incref(question->metrics));
    if (entry != NULL && question->lean != NULL)
        snapshot_set_lean(entry, target->lean, question->lean);
    if (entry != NULL)
        added = snapshot_add_foreign(snapshot, target->text, entry, &error);
    if (!added) {
        miss(question->collection, target->text, error.text);
        keep_as_endpoint(question);
    }
    json_decref(entry);
    over(question->collection);
}

static bool visit(struct question *question)
{
    struct collection *collection = question->collection;
    const struct visit_settings settings = {.base = collection->base,
                                            .resolver = collection->resolver,
                                            .timeout_ms = collection->manner.timeout_ms,
                                            .stay_ms = collection->manner.stay_ms};
    struct error error;
    question->visit = visit_begin(&settings, &question->target.address, visited, question, &error);
    if (question->visit == NULL)
        miss(collection, question->target.text, error.text);
    return question->visit != NULL;
}

/* A visitor who vanishes would be taken for a peer for as long as connections may be idle. */
static void take_leave(evutil_socket_t number, short what, void *argument)
{
    (void)what;
    struct collection *collection = argument;
    collection->stopped = (int)number;
    collection->started = collection->count;
    if (!collection->visiting)
        event_base_loopbreak(collection->base);
    for (size_t i = 0; i < collection->count; i++)
        if (collection->questions[i].visit != NULL)
            visit_cancel(collection->questions[i].visit);
}

/* ---- all of them ---- */

/* Whether there is anything to wait for. */
static bool begin(struct question *question)
{
    const struct mesh_target *target = &question->target;
    if (question->collection->visiting)
        return target->has_address && !question->is_ours && visit(question);
    if (target->api != NULL)
        ask_mesh(question, target->api, answered);
    else if (target->lean != NULL)
        ask_mesh(question, target->lean, beside_answered);
    else if (target->page != NULL)
        ask_page(question);
    return target->api != NULL || target->lean != NULL || target->page != NULL;
}

static void go_on(struct collection *collection)
{
    size_t most = collection->visiting ? MESH_VISITS_AT_ONCE : MESH_COLLECT_AT_ONCE;
    while (collection->running < most && collection->started < collection->count)
        collection->running += begin(&collection->questions[collection->started++]);
    if (collection->running > 0)
        return;
    if (collection->visiting) {
        event_base_loopbreak(collection->base);
        return;
    }
    collection->visiting = true;
    collection->started = 0;
    go_on(collection);
}

static bool parse_all(struct collection *collection, const char *const *targets,
                      struct error *error)
{
    for (size_t i = 0; i < collection->count; i++) {
        collection->questions[i].collection = collection;
        if (!mesh_target_parse(targets[i], &collection->questions[i].target, error))
            return false;
    }
    return true;
}

static void expect_all(const struct collection *collection)
{
    for (size_t i = 0; i < collection->count; i++) {
        const struct mesh_target *target = &collection->questions[i].target;
        snapshot_expect(collection->snapshot, target->has_address,
                        target->page != NULL && !target->has_address);
    }
}

/* What nodes say of themselves goes before what was heard of them. */
static void add_tapped(struct collection *collection)
{
    struct error error;
    for (size_t i = 0; i < collection->count; i++) {
        const struct question *question = &collection->questions[i];
        if (question->tapped != NULL &&
            !tapped_add(collection->snapshot, question->target.api, question->tapped, &error))
            miss(collection, question->target.api, error.text);
    }
}

/* What there may be nothing to wait for, at once: the loop must be there to be broken. */
static void start(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    go_on(argument);
}

/* Does what the signal did before there was a collection: whoever asked may catch it. Where it was
 * ignored it ends us, as what was collected is not all. */
static void raise_again(int number)
{
    struct sigaction before;
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
        signal(number, SIG_DFL);
    raise(number);
}

/* Where we are stopped while visits go on, that is put off until they are over. */
static void collect(struct collection *collection)
{
    struct event *stops[2];
    const int signals[] = {SIGINT, SIGTERM};
    collection->base = event_base_make(0);
    collection->resolver = resolver_new(collection->base);
    collection->snapshot = snapshot_new();
    expect_all(collection);
    for (size_t i = 0; i < 2; i++) {
        stops[i] = evsignal_new(collection->base, signals[i], take_leave, collection);
        event_arm(stops[i], NULL);
    }
    event_base_once(collection->base, -1, EV_TIMEOUT, start, collection, NULL);
    event_base_dispatch(collection->base);
    for (size_t i = 0; i < 2; i++)
        event_free(stops[i]);
    resolver_free(collection->resolver);
    event_base_free(collection->base);
    add_tapped(collection);
    snapshot_sort(collection->snapshot);
    if (collection->stopped != 0)
        raise_again(collection->stopped);
}

json_t *mesh_collect(const char *const *targets, size_t count, const struct mesh_manner *manner,
                     struct error *error)
{
    struct collection collection = {.manner = *manner, .count = count};
    collection.questions = memory_new(count * sizeof(struct question) + 1);
    if (parse_all(&collection, targets, error))
        collect(&collection);
    for (size_t i = 0; i < count; i++) {
        mesh_target_clear(&collection.questions[i].target);
        json_decref(collection.questions[i].metrics);
        json_decref(collection.questions[i].lean);
        json_decref(collection.questions[i].mesh);
        json_decref(collection.questions[i].tapped);
    }
    free(collection.questions);
    return collection.snapshot;
}
