/* Routers among themselves: what they build, and that every message comes once to everybody. */
#include "tests/unit/gossip_network.h"

#include <stdio.h>

#include "tests/unit/support.h"

static const char topic[] = "/leanconsensus/12345678/block/ssz_snappy";

static struct network *full_network(size_t nodes, uint64_t seed)
{
    struct gossipsub_parameters parameters;
    gossipsub_parameters_default(&parameters);
    struct network *network = network_new(nodes, &parameters, seed, 5);
    for (size_t i = 0; i < nodes; i++)
        network_subscribe(network, i, topic);
    network_link_all(network, GOSSIPSUB_1_2);
    return network;
}

static void assert_degrees(const struct network *network, size_t nodes, size_t low, size_t high)
{
    for (size_t i = 0; i < nodes; i++)
        assert_in_range(network_mesh_size(network, i, topic), low, high);
}

static void assert_mutual(const struct network *network, size_t nodes)
{
    for (size_t a = 0; a < nodes; a++)
        for (size_t b = 0; b < nodes; b++)
            if (a != b)
                assert_int_equal(network_in_mesh(network, a, b, topic),
                                 network_in_mesh(network, b, a, topic));
}

static void assert_delivered_once(struct network *network, size_t nodes, size_t publisher,
                                  struct bytes payload)
{
    for (size_t i = 0; i < nodes; i++)
        assert_int_equal(network_deliveries(network, i, payload), i != publisher);
}

static void two_nodes_mesh_one_flight_after_the_subscriptions(void **state)
{
    (void)state;
    struct network *network = full_network(2, 1);
    assert_int_equal(network_mesh_size(network, 0, topic), 0);
    network_run(network, 5);
    assert_true(network_in_mesh(network, 0, 1, topic));
    assert_true(network_in_mesh(network, 1, 0, topic));
    network_free(network);
}

static void ten_nodes_deliver_each_message_once_to_each(void **state)
{
    (void)state;
    struct network *network = full_network(10, 1);
    network_run(network, 3000);
    assert_degrees(network, 10, 6, 12);
    assert_mutual(network, 10);
    for (size_t i = 0; i < 10; i++) {
        char payload[4096] = {0};
        size_t size = i % 2 == 0 ? 100 : sizeof(payload);
        snprintf(payload, sizeof(payload), "message %zu", i);
        network_publish(network, i, topic, bytes_of(payload, size));
        network_run(network, 2000);
        assert_delivered_once(network, 10, i, bytes_of(payload, size));
    }
    network_free(network);
}

static void fifty_nodes_keep_their_degrees_within_bounds(void **state)
{
    (void)state;
    struct network *network = full_network(50, 7);
    network_run(network, 5000);
    assert_degrees(network, 50, 6, 12);
    assert_mutual(network, 50);
    network_publish(network, 3, topic, bytes_of_text("to all"));
    network_run(network, 1000);
    assert_delivered_once(network, 50, 3, bytes_of_text("to all"));
    network_free(network);
}

static uint64_t digest_of(uint64_t seed)
{
    struct network *network = full_network(20, seed);
    network_run(network, 2000);
    network_publish(network, 0, topic, bytes_of_text("the same bytes"));
    network_run(network, 2000);
    uint64_t digest = network_digest(network);
    network_free(network);
    return digest;
}

static void the_same_seed_gives_the_same_actions(void **state)
{
    (void)state;
    assert_true(digest_of(5) == digest_of(5));
    assert_true(digest_of(5) != digest_of(6));
}

/* Meshes of one: A and B have each other, and C hears of messages by IHAVE alone. */
static void who_is_outside_the_mesh_recovers_messages_by_gossip(void **state)
{
    (void)state;
    for (enum gossipsub_version version = GOSSIPSUB_1_0; version <= GOSSIPSUB_1_3; version++) {
        struct gossipsub_parameters parameters;
        gossipsub_parameters_default(&parameters);
        parameters.d = parameters.d_low = parameters.d_high = 1;
        parameters.d_out = 0;
        struct network *network = network_new(3, &parameters, 1, 5);
        enum { A, B, C };
        for (size_t i = 0; i < 3; i++)
            network_subscribe(network, i, topic);
        network_link(network, A, B, version);
        network_run(network, 100);
        network_link(network, A, C, version);
        network_run(network, 1000);
        assert_true(network_in_mesh(network, A, B, topic));
        assert_int_equal(network_mesh_size(network, C, topic), 0);
        network_publish(network, B, topic, bytes_of_text("from B"));
        network_run(network, 20);
        assert_int_equal(network_deliveries(network, C, bytes_of_text("from B")), 0);
        network_run(network, 1000);
        assert_delivered_once(network, 3, B, bytes_of_text("from B"));
        network_free(network);
    }
}

static void links_that_come_and_go_leave_every_mesh_sound(void **state)
{
    (void)state;
    enum { NODES = 16 };
    struct network *network = full_network(NODES, 3);
    network_run(network, 2000);
    for (size_t round = 0; round < 20; round++) {
        size_t a = round % NODES, b = (round * 7 + 3) % NODES;
        if (a == b)
            continue;
        network_unlink(network, a, b);
        network_run(network, 300);
        network_link(network, a, b, GOSSIPSUB_1_2);
        if (round % 5 == 0)
            network_unsubscribe(network, b, topic);
        network_run(network, 300);
        network_subscribe(network, b, topic);
    }
    network_run(network, 80000);
    assert_degrees(network, NODES, 6, 12);
    assert_mutual(network, NODES);
    network_publish(network, 3, topic, bytes_of_text("to all"));
    network_run(network, 1000);
    assert_delivered_once(network, NODES, 3, bytes_of_text("to all"));
    network_free(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_nodes_mesh_one_flight_after_the_subscriptions),
        cmocka_unit_test(ten_nodes_deliver_each_message_once_to_each),
        cmocka_unit_test(fifty_nodes_keep_their_degrees_within_bounds),
        cmocka_unit_test(who_is_outside_the_mesh_recovers_messages_by_gossip),
        cmocka_unit_test(links_that_come_and_go_leave_every_mesh_sound),
        cmocka_unit_test(the_same_seed_gives_the_same_actions),
    };
    return cmocka_run_group_tests_name("gossip network", tests, NULL, NULL);
}
