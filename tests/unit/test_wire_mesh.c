/* Who has whom in the mesh, by what went over the wire. */
#include "net/tap/wire_mesh.h"

#include <stdio.h>
#include <string.h>

#include "net/gossipsub/rpc.h"
#include "net/tap/observer.h"
#include "tests/unit/support.h"

enum { A = 3, B = 7 };

static const size_t nodes[] = {A, B};

struct scene {
    struct wire_mesh *mesh;
    uint64_t now_us;
};

/* What has changed since the last look: who did it, and a letter. */
static char changes[1024];

static void note_change(void *context, const struct wire_event *event)
{
    static const char letters[] = {
        [WIRE_SUBSCRIBED] = 's', [WIRE_UNSUBSCRIBED] = 'u',  [WIRE_JOINED] = 'j',
        [WIRE_LEFT] = 'l',       [WIRE_STREAM_OPENED] = 'o', [WIRE_STREAM_ENDED] = 'e'};
    (void)context;
    size_t length = strlen(changes);
    assert_true(length + 3 < sizeof(changes));
    bool of_stream = event->change == WIRE_STREAM_OPENED || event->change == WIRE_STREAM_ENDED;
    assert_true((event->stream != NULL) == of_stream && (event->topic != NULL) == !of_stream);
    changes[length] = event->by == TAP_DIALLER ? 'A' : 'B';
    changes[length + 1] = letters[event->change];
    changes[length + 2] = '\0';
}

static void assert_changes(const char *expected)
{
    assert_string_equal(changes, expected);
    changes[0] = '\0';
}

static struct scene scene_new(void)
{
    struct scene scene = {wire_mesh_new(note_change, NULL), 1000000};
    changes[0] = '\0';
    wire_mesh_connected(scene.mesh, "c1", A, B, scene.now_us);
    return scene;
}

/* By B. */
static bool close_at(const struct scene *scene, const char *id)
{
    return wire_mesh_closed(scene->mesh, id, nodes, TAP_LISTENER, false, scene->now_us);
}

static void hear_on(const struct scene *scene, const char *id, enum tap_side by,
                    struct rpc_writer *writer)
{
    struct chunk *rpc = rpc_writer_finish(writer);
    const struct skimmed_rpc skimmed = {.rpc = bytes_of(rpc->data + 1, rpc->size - 1)};
    const struct tap_fact fact = {.kind = TAP_FACT_RPC,
                                  .by = by,
                                  .protocol = "/meshsub/1.1.0",
                                  .time_us = scene->now_us,
                                  .rpc = &skimmed};
    wire_mesh_fact(scene->mesh, id, nodes, &fact);
    chunk_unref(rpc);
    rpc_writer_clear(writer);
}

static void hear(const struct scene *scene, enum tap_side by, struct rpc_writer *writer)
{
    hear_on(scene, "c1", by, writer);
}

static void subscribe(const struct scene *scene, enum tap_side by, bool on)
{
    struct rpc_writer writer = {0};
    rpc_write_subscription(&writer, bytes_of_text("t"), on);
    hear(scene, by, &writer);
}

static void graft(const struct scene *scene, enum tap_side by)
{
    struct rpc_writer writer = {0};
    rpc_write_graft(&writer, bytes_of_text("t"));
    hear(scene, by, &writer);
}

static void prune(const struct scene *scene, enum tap_side by, uint64_t backoff)
{
    struct rpc_writer writer = {0};
    rpc_write_prune(&writer, bytes_of_text("t"), backoff);
    hear(scene, by, &writer);
}

static void open_stream(const struct scene *scene, const char *connection, int64_t stream)
{
    const struct tap_fact agreed = {.kind = TAP_FACT_AGREED,
                                    .by = TAP_LISTENER,
                                    .stream = stream,
                                    .protocol = "/meshsub/1.1.0",
                                    .gossip = true};
    wire_mesh_fact(scene->mesh, connection, nodes, &agreed);
}

/* What the node has of the other in the topic: "s" subscribed, "m" in the mesh. */
static void assert_has(const struct scene *scene, size_t node, const char *expected)
{
    size_t count;
    const struct wire_peer *peers = wire_mesh_peers(scene->mesh, node, &count);
    assert_int_equal(count, 1);
    const struct wire_topic *topic = peers->topic_count > 0 ? &peers->topics[0] : NULL;
    char text[3];
    snprintf(text, sizeof(text), "%s%s", topic != NULL && topic->subscribed ? "s" : "",
             topic != NULL && topic->mesh ? "m" : "");
    assert_string_equal(text, expected);
}

static void an_edge_is_in_force_until_it_is_refused(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    graft(&scene, TAP_DIALLER); /* nobody is subscribed: no notice is taken */
    assert_has(&scene, A, "");
    assert_changes("");
    subscribe(&scene, TAP_DIALLER, true);
    subscribe(&scene, TAP_LISTENER, true);
    graft(&scene, TAP_DIALLER);
    graft(&scene, TAP_LISTENER); /* in force already */
    assert_changes("AsBsAj");
    assert_has(&scene, A, "sm");
    assert_has(&scene, B, "sm");
    prune(&scene, TAP_LISTENER, 10);
    assert_changes("Bl");
    assert_has(&scene, A, "s");
    assert_has(&scene, B, "s");
    size_t count;
    assert_int_equal(wire_mesh_peers(scene.mesh, A, &count)->topics[0].backoff_until_us, 11000000);
    prune(&scene, TAP_LISTENER, UINT64_MAX); /* not before the next day */
    assert_int_equal(wire_mesh_peers(scene.mesh, B, &count)->topics[0].backoff_until_us,
                     1000000 + (uint64_t)WIRE_BACKOFF_MAX * 1000000);
    graft(&scene, TAP_LISTENER);
    subscribe(&scene, TAP_DIALLER, false);
    assert_changes("BjAlAu");
    assert_has(&scene, A, "");
    assert_has(&scene, B, "s");
    wire_mesh_free(scene.mesh);
}

static void the_last_connection_takes_all_along(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    wire_mesh_connected(scene.mesh, "c2", B, A, scene.now_us);
    subscribe(&scene, TAP_DIALLER, true);
    subscribe(&scene, TAP_LISTENER, true);
    graft(&scene, TAP_LISTENER);
    open_stream(&scene, "c1", 4);
    size_t count;
    assert_int_equal(wire_mesh_peers(scene.mesh, A, &count)->stream_count, 1);
    assert_int_equal(wire_mesh_peers(scene.mesh, A, &count)->streams[0].id, 4);
    assert_changes("AsBsBjAo");
    assert_true(close_at(&scene, "c1"));
    assert_false(close_at(&scene, "c1"));
    assert_changes("Ae"); /* the edge stays */
    assert_int_equal(wire_mesh_peers(scene.mesh, A, &count)->stream_count, 0);
    assert_has(&scene, A, "sm");
    assert_true(close_at(&scene, "c2"));
    assert_changes("Bl"); /* once, though it was of both */
    assert_has(&scene, A, "");
    assert_has(&scene, B, "");
    wire_mesh_free(scene.mesh);
}

static void assert_outbound(const struct scene *scene, const char *connection, int64_t stream)
{
    size_t count;
    const struct wire_stream *outbound =
        wire_peer_outbound(wire_mesh_peers(scene->mesh, A, &count));
    assert_non_null(outbound);
    assert_string_equal(outbound->connection, connection);
    assert_int_equal(outbound->id, stream);
}

static void the_outbound_stream_is_the_first_of_the_newest_connection(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    size_t count;
    wire_mesh_connected(scene.mesh, "c2", A, B, scene.now_us);
    wire_mesh_connected(scene.mesh, "c3", A, B, scene.now_us);
    assert_null(wire_peer_outbound(wire_mesh_peers(scene.mesh, A, &count)));
    open_stream(&scene, "c1", 4);
    assert_outbound(&scene, "c1", 4);
    open_stream(&scene, "c2", 8);
    open_stream(&scene, "c2", 4);
    open_stream(&scene, "c1", 12);
    assert_outbound(&scene, "c2", 8); /* c3 is newer, and has none */
    assert_null(wire_peer_outbound(wire_mesh_peers(scene.mesh, B, &count)));
    assert_true(close_at(&scene, "c2"));
    assert_outbound(&scene, "c1", 4);
    wire_mesh_free(scene.mesh);
}

/* Of the first topic: whether it was said on a connection that is over, and not since. */
static bool was_subscribed(const struct scene *scene, size_t node)
{
    size_t count;
    return wire_mesh_peers(scene->mesh, node, &count)->topics[0].was_subscribed;
}

static void what_a_node_said_of_itself_outlives_its_connections(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    subscribe(&scene, TAP_DIALLER, true);
    subscribe(&scene, TAP_LISTENER, true);
    assert_false(was_subscribed(&scene, A));
    close_at(&scene, "c1");
    assert_has(&scene, A, "");
    assert_true(was_subscribed(&scene, A));
    assert_true(was_subscribed(&scene, B));
    /* No GRAFT counts by it, and it holds until the node says anew what it is subscribed to. */
    wire_mesh_connected(scene.mesh, "c1", B, A, scene.now_us);
    graft(&scene, TAP_DIALLER);
    assert_has(&scene, A, "");
    assert_true(was_subscribed(&scene, A));
    subscribe(&scene, TAP_DIALLER, false);
    assert_false(was_subscribed(&scene, A));
    assert_true(was_subscribed(&scene, B));
    close_at(&scene, "c1");
    assert_false(was_subscribed(&scene, A));
    assert_true(was_subscribed(&scene, B));
    wire_mesh_free(scene.mesh);
}

static void say_of_stream(const struct scene *scene, enum tap_fact_kind kind, enum tap_side by,
                          enum tap_end how)
{
    const struct tap_fact fact = {.kind = kind,
                                  .by = by,
                                  .opener = TAP_DIALLER,
                                  .stream = 4,
                                  .how = how,
                                  .protocol = "/meshsub/1.1.0",
                                  .gossip = true};
    wire_mesh_fact(scene->mesh, "c1", nodes, &fact);
}

static size_t streams_of(const struct scene *scene, size_t node)
{
    size_t count;
    return wire_mesh_peers(scene->mesh, node, &count)->stream_count;
}

static void a_stream_is_over_once_nothing_more_goes_over_it(void **state)
{
    (void)state;
    static const struct {
        enum tap_side by;
        enum tap_end how;
        bool over;
    } rows[] = {{TAP_DIALLER, TAP_FIN, true},     {TAP_DIALLER, TAP_RESET, true},
                {TAP_LISTENER, TAP_STOP, true},   {TAP_LISTENER, TAP_FIN, false},
                {TAP_LISTENER, TAP_RESET, false}, {TAP_DIALLER, TAP_STOP, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct scene scene = scene_new();
        say_of_stream(&scene, TAP_FACT_AGREED, TAP_LISTENER, TAP_FIN);
        assert_int_equal(streams_of(&scene, A), 1);
        say_of_stream(&scene, TAP_FACT_ENDED, rows[i].by, rows[i].how);
        assert_int_equal(streams_of(&scene, A), rows[i].over ? 0 : 1);
        assert_changes(rows[i].over ? "AoAe" : "Ao");
        /* What ended before the echo came does not begin with it. */
        say_of_stream(&scene, TAP_FACT_CLOSED, TAP_DIALLER, TAP_FIN);
        assert_changes(rows[i].over ? "" : "Ae");
        say_of_stream(&scene, TAP_FACT_ENDED, rows[i].by, rows[i].how);
        say_of_stream(&scene, TAP_FACT_AGREED, TAP_LISTENER, TAP_FIN);
        assert_int_equal(streams_of(&scene, A), rows[i].over ? 0 : 1);
        wire_mesh_free(scene.mesh);
    }
}

static void what_does_not_fit_is_counted(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    char name[16];
    for (int i = 0; i < WIRE_TOPICS_MAX + 3; i++) {
        struct rpc_writer writer = {0};
        snprintf(name, sizeof(name), "%d", i);
        rpc_write_subscription(&writer, bytes_of_text(name), true);
        hear(&scene, TAP_DIALLER, &writer);
    }
    size_t count;
    assert_int_equal(wire_mesh_left_out(scene.mesh), 3);
    assert_int_equal(wire_mesh_peers(scene.mesh, A, &count)->left_out, 3);
    assert_int_equal(wire_mesh_peers(scene.mesh, B, &count)->left_out, 0);
    const struct skimmed_rpc cut = {.cut = true};
    const struct tap_fact rpc = {
        .kind = TAP_FACT_RPC, .by = TAP_LISTENER, .protocol = "/meshsub/1.1.0", .rpc = &cut};
    wire_mesh_fact(scene.mesh, "c1", nodes, &rpc);
    assert_int_equal(wire_mesh_peers(scene.mesh, B, &count)->left_out, 1);
    /* Nothing is missing any more once they have parted. */
    close_at(&scene, "c1");
    assert_int_equal(wire_mesh_peers(scene.mesh, A, &count)->left_out, 0);
    assert_int_equal(wire_mesh_left_out(scene.mesh), 4);
    static const size_t beyond[] = {WIRE_NODES_MAX, 0};
    wire_mesh_connected(scene.mesh, "c3", WIRE_NODES_MAX, 0, 0);
    assert_false(wire_mesh_closed(scene.mesh, "c3", beyond, TAP_DIALLER, true, 0));
    assert_int_equal(wire_mesh_left_out(scene.mesh), 5);
    assert_null(wire_mesh_peers(scene.mesh, WIRE_NODES_MAX, &count));
    wire_mesh_free(scene.mesh);
}

static void subscribe_on(const struct scene *scene, const char *id, const char *topic)
{
    struct rpc_writer writer = {0};
    rpc_write_subscription(&writer, bytes_of_text(topic), true);
    hear_on(scene, id, TAP_LISTENER, &writer);
}

/* What B has of A: the topics, with "m" behind those in the mesh. */
static void assert_says(const struct scene *scene, const char *expected)
{
    size_t count;
    const struct wire_peer *peer = wire_mesh_peers(scene->mesh, B, &count);
    char text[1024] = "";
    for (size_t i = 0; i < peer->topic_count; i++)
        if (peer->topics[i].subscribed || peer->topics[i].mesh)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s ",
                     peer->topics[i].name, peer->topics[i].mesh ? "(m)" : "");
    assert_string_equal(text, expected);
}

/* B ends without a word, and is back before anybody finds out. */
static void who_is_lost_and_connected_was_restarted(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    struct rpc_writer edge = {0};
    subscribe(&scene, TAP_DIALLER, true);
    subscribe_on(&scene, "c1", "t");
    subscribe_on(&scene, "c1", "gone");
    graft(&scene, TAP_DIALLER);
    wire_mesh_connected(scene.mesh, "c2", A, B, scene.now_us);
    subscribe_on(&scene, "c2", "t");
    subscribe_on(&scene, "c2", "new");
    assert_says(&scene, "t(m) gone new ");
    changes[0] = '\0';
    assert_true(wire_mesh_closed(scene.mesh, "c1", nodes, TAP_LISTENER, true, scene.now_us));
    assert_says(&scene, "t new ");
    assert_has(&scene, A, "sm"); /* which has not heard of it */
    assert_changes("Bl");
    rpc_write_graft(&edge, bytes_of_text("t"));
    hear_on(&scene, "c2", TAP_LISTENER, &edge);
    assert_changes("Bj");
    assert_says(&scene, "t(m) new ");
    wire_mesh_free(scene.mesh);
}

/* As nodes of rust-libp2p, which say each topic on either of two connections. */
static void who_ends_one_of_two_connections_stays_as_it_was(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    subscribe(&scene, TAP_DIALLER, true);
    subscribe_on(&scene, "c1", "t");
    wire_mesh_connected(scene.mesh, "c2", A, B, scene.now_us);
    subscribe_on(&scene, "c2", "other");
    graft(&scene, TAP_DIALLER);
    close_at(&scene, "c1");
    assert_says(&scene, "t(m) other ");
    /* It is A that is lost, by B's connection that is over. */
    wire_mesh_connected(scene.mesh, "c3", A, B, scene.now_us);
    assert_true(wire_mesh_closed(scene.mesh, "c2", nodes, TAP_DIALLER, true, scene.now_us));
    assert_says(&scene, "t(m) other ");
    wire_mesh_free(scene.mesh);
}

static void connections_that_have_no_room_count_until_they_end(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    char id[WIRE_ID_SIZE];
    size_t count;
    for (int i = 2; i <= WIRE_CONNECTIONS_MAX + 1; i++) {
        snprintf(id, sizeof(id), "c%d", i);
        wire_mesh_connected(scene.mesh, id, A, B, scene.now_us);
    }
    subscribe(&scene, TAP_DIALLER, true);
    for (int i = 1; i <= WIRE_CONNECTIONS_MAX; i++) {
        snprintf(id, sizeof(id), "c%d", i);
        assert_true(close_at(&scene, id));
    }
    assert_has(&scene, A, "s");
    assert_int_equal(wire_mesh_peers(scene.mesh, A, &count)->left_out, 1);
    snprintf(id, sizeof(id), "c%d", WIRE_CONNECTIONS_MAX + 1);
    assert_true(close_at(&scene, id));
    assert_false(close_at(&scene, id));
    assert_has(&scene, A, "");
    assert_int_equal(wire_mesh_peers(scene.mesh, A, &count)->left_out, 0);
    wire_mesh_free(scene.mesh);
}

static void what_was_missed_is_missing_until_they_part(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    static const size_t beyond[] = {WIRE_NODES_MAX, 0};
    size_t count;
    wire_mesh_missed(scene.mesh, nodes);
    wire_mesh_missed(scene.mesh, beyond);
    assert_int_equal(wire_mesh_peers(scene.mesh, A, &count)->left_out, 1);
    close_at(&scene, "c1");
    assert_int_equal(wire_mesh_peers(scene.mesh, A, &count)->left_out, 0);
    wire_mesh_free(scene.mesh);
}

/* One topic after the other, of which there is nothing left, takes no room. */
static void topics_that_are_over_make_room(void **state)
{
    (void)state;
    struct scene scene = scene_new();
    char name[16];
    for (int i = 0; i < 2 * WIRE_TOPICS_MAX + 2; i++) {
        struct rpc_writer writer = {0};
        snprintf(name, sizeof(name), "%d", i / 2);
        rpc_write_subscription(&writer, bytes_of_text(name), i % 2 == 0);
        hear(&scene, TAP_DIALLER, &writer);
        assert_changes(i % 2 == 0 ? "As" : "Au");
    }
    assert_int_equal(wire_mesh_left_out(scene.mesh), 0);
    wire_mesh_free(scene.mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edge_is_in_force_until_it_is_refused),
        cmocka_unit_test(the_last_connection_takes_all_along),
        cmocka_unit_test(the_outbound_stream_is_the_first_of_the_newest_connection),
        cmocka_unit_test(what_a_node_said_of_itself_outlives_its_connections),
        cmocka_unit_test(a_stream_is_over_once_nothing_more_goes_over_it),
        cmocka_unit_test(what_does_not_fit_is_counted),
        cmocka_unit_test(topics_that_are_over_make_room),
        cmocka_unit_test(who_is_lost_and_connected_was_restarted),
        cmocka_unit_test(who_ends_one_of_two_connections_stays_as_it_was),
        cmocka_unit_test(connections_that_have_no_room_count_until_they_end),
        cmocka_unit_test(what_was_missed_is_missing_until_they_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
