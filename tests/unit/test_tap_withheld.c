/* What the other node comes to know of facts while rules hold or lose what is said. */
#include "net/tap/withheld.h"

#include <stdio.h>
#include <string.h>

#include "net/tap/observer.h"
#include "tests/unit/support.h"

enum { STREAM = 4, RELEASED_US = 99 };

struct scene {
    struct tap_withheld *withheld;
    char told[512];
};

/* Its name, where it begins, and what else it has of what may have been copied. */
static void note(void *context, const struct tap_fact *fact)
{
    struct scene *scene = context;
    size_t length = strlen(scene->told);
    int added = snprintf(scene->told + length, sizeof(scene->told) - length, "%s@%d%s%s%.*s%.*s; ",
                         tap_fact_name(fact->kind), (int)fact->at,
                         fact->time_us == RELEASED_US ? " later" : "",
                         fact->rpc != NULL && fact->rpc->cut ? " cut" : "", (int)fact->text.size,
                         (const char *)fact->text.data,
                         fact->rpc != NULL && !fact->rpc->cut ? (int)fact->rpc->rpc.size : 0,
                         fact->rpc != NULL ? (const char *)fact->rpc->rpc.data : "");
    assert_true(added > 0 && length + (size_t)added < sizeof(scene->told));
    assert_string_equal(fact->protocol, "/meshsub/1.2.0");
}

static struct scene *scene_new(void)
{
    static struct scene scene;
    scene = (struct scene){.withheld = tap_withheld_new(note, &scene)};
    return &scene;
}

static struct tap_fact fact_of(enum tap_fact_kind kind, uint64_t at)
{
    return (struct tap_fact){
        .kind = kind, .stream = STREAM, .by = TAP_LISTENER, .at = at, .protocol = "/meshsub/1.2.0"};
}

static void see(const struct scene *scene, enum tap_fact_kind kind, uint64_t at)
{
    const struct tap_fact fact = fact_of(kind, at);
    tap_withheld_fact(scene->withheld, &fact);
}

static void see_rpc(const struct scene *scene, uint64_t at, struct bytes bytes)
{
    char protocol[] = "/meshsub/1.2.0";
    struct tap_fact fact = fact_of(TAP_FACT_RPC, at);
    const struct skimmed_rpc rpc = {.rpc = bytes, .size = bytes.size};
    fact.rpc = &rpc;
    fact.protocol = protocol;
    tap_withheld_fact(scene->withheld, &fact);
    protocol[1] = '?'; /* it was borrowed */
}

static void hold(const struct scene *scene, uint64_t offset, bool lost)
{
    tap_withheld_hold(scene->withheld, STREAM, TAP_LISTENER, offset, lost);
}

static void release(const struct scene *scene, uint64_t until)
{
    tap_withheld_release(scene->withheld, STREAM, TAP_LISTENER, until, RELEASED_US);
}

static void assert_told(struct scene *scene, const char *expected)
{
    assert_string_equal(scene->told, expected);
    scene->told[0] = '\0';
}

static void what_is_held_is_told_at_its_release(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    hold(scene, 20, false);
    see(scene, TAP_FACT_PROPOSED, 10); /* before what is held */
    see(scene, TAP_FACT_SPEAKS, 20);
    see_rpc(scene, 20, bytes_of_text("one"));
    see_rpc(scene, 30, bytes_of_text("two"));
    see(scene, TAP_FACT_ENDED, 40);
    struct tap_fact other = fact_of(TAP_FACT_SPEAKS, 50);
    other.by = TAP_DIALLER; /* the other half */
    tap_withheld_fact(scene->withheld, &other);
    assert_told(scene, "proposed@10; speaks@50; ");
    release(scene, 30); /* where another rule holds it */
    assert_told(scene, "speaks@20 later; rpc@20 laterone; ");
    release(scene, UINT64_MAX);
    assert_told(scene, "rpc@30 latertwo; ended@40 later; ");
    see(scene, TAP_FACT_SPEAKS, 60);
    assert_told(scene, "speaks@60; ");
    tap_withheld_free(scene->withheld);
}

static void what_is_lost_is_never_told(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    hold(scene, 20, true);
    hold(scene, 10, false);
    see_rpc(scene, 10, bytes_of_text("held"));
    see_rpc(scene, 20, bytes_of_text("lost"));
    struct tap_fact stop = fact_of(TAP_FACT_ENDED, 30);
    stop.how = TAP_STOP; /* of the other half */
    tap_withheld_fact(scene->withheld, &stop);
    assert_told(scene, "ended@30; ");
    release(scene, 20);
    see_rpc(scene, 40, bytes_of_text("lost"));
    assert_told(scene, "rpc@10 laterheld; ");
    see(scene, TAP_FACT_CLOSED, 0);
    see(scene, TAP_FACT_SPEAKS, 40); /* of another stream */
    assert_told(scene, "stream_closed@0; speaks@40; ");
    tap_withheld_free(scene->withheld);
}

static void a_streams_end_ends_its_holds(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    hold(scene, 0, false);
    see_rpc(scene, 1, bytes_of_text("never passed on"));
    see(scene, TAP_FACT_CLOSED, 0);
    assert_told(scene, "stream_closed@0; ");
    release(scene, UINT64_MAX);
    assert_told(scene, "");
    hold(scene, 0, false);
    see_rpc(scene, 1, bytes_of_text("kept, and nobody asks"));
    tap_withheld_free(scene->withheld);
}

static void what_is_too_much_is_told_as_cut(void **state)
{
    (void)state;
    static const uint8_t large[TAP_WITHHELD_MAX / 2];
    struct scene *scene = scene_new();
    hold(scene, 0, false);
    see_rpc(scene, 1, bytes_of_text("first"));
    for (uint64_t i = 0; i < 4; i++)
        see_rpc(scene, 2 + i, bytes_of(large, sizeof(large)));
    see(scene, TAP_FACT_ENDED, 9);
    release(scene, UINT64_MAX);
    /* Of the zeros nothing shows. */
    assert_told(scene, "rpc@1 laterfirst; rpc@2 later; rpc@3 later cut; ");
    see_rpc(scene, 10, bytes_of_text("whole"));
    assert_told(scene, "rpc@10whole; ");
    tap_withheld_free(scene->withheld);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_held_is_told_at_its_release),
        cmocka_unit_test(what_is_lost_is_never_told),
        cmocka_unit_test(a_streams_end_ends_its_holds),
        cmocka_unit_test(what_is_too_much_is_told_as_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
