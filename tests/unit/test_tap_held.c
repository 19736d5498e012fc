/* What a tap keeps of dials that the listener has not answered: so many datagrams of each, and so
 * many dials. The diallers are sockets, which send Initials that are none behind their header. */
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/tap_scene.h"

enum { INITIAL_SIZE = 1200, SOCKETS = 4, AT_ONCE = 32 };

static const struct way tapped = {.tapped = true};
static int sockets[SOCKETS];
static size_t opened;

static int open_socket(struct multiaddr *address)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(here);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&here, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &size), 0);
    multiaddr_from_sockaddr((const struct sockaddr *)&here, address);
    sockets[opened++] = fd;
    return fd;
}

/* A node of the tap's that is a socket. */
static const struct tap_node *add_socket(void)
{
    struct error error;
    struct tap_plan plan = {.identity = identity_generate()};
    snprintf(plan.name, sizeof(plan.name), "socket_%zu", opened);
    open_socket(&plan.real);
    assert_true(multiaddr_parse("/ip4/127.0.0.1/udp/0/quic-v1", &plan.tap, &error));
    assert_true(tap_add(tap, &plan, &error));
    tap_plan_clear(&plan);
    return tap_node(tap, tap_node_count(tap) - 1);
}

/* Of the connection NUMBER: version 1, ids of 8 bytes, no token (RFC 9000, section 17.2.2). */
static void send_initial(int fd, const struct tap_node *to, uint64_t number)
{
    enum { ORIGINAL_AT = 6, LENGTH_AT = 24, LENGTH_END = 26 };
    uint8_t packet[INITIAL_SIZE] = {[0] = 0xc0, [4] = 1, [5] = 8, [14] = 8};
    size_t length = sizeof(packet) - LENGTH_END;
    memcpy(packet + ORIGINAL_AT, &number, sizeof(number));
    packet[LENGTH_AT] = (uint8_t)(0x40 | length >> 8);
    packet[LENGTH_AT + 1] = (uint8_t)length;
    struct sockaddr_storage there;
    socklen_t size = multiaddr_to_sockaddr(tap_node_address(to), &there);
    assert_int_equal(sendto(fd, packet, sizeof(packet), 0, (const struct sockaddr *)&there, size),
                     sizeof(packet));
}

/* Runs the loop until so many datagrams have come to be dialled at NODE. */
static void await_datagrams(const struct tap_node *node, uint64_t count)
{
    uint64_t limit = clock_now_ms() + PATIENCE_MS;
    while (tap_node_statistics(node)->datagrams_in < count && clock_now_ms() < limit)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(tap_node_statistics(node)->datagrams_in, count);
}

static void end_scene(void)
{
    end_all();
    while (opened > 0)
        close(sockets[--opened]);
}

static void datagrams_of_a_held_dial_are_bounded(void **state)
{
    (void)state;
    enum { BEYOND = 5, ALL = QUIC_HELD_DATAGRAMS_MAX + BEYOND };
    begin(&tapped);
    b.admission = QUIC_HOLD; /* it does not answer */
    const struct tap_node *listener = tap_node_named(tap, bytes_of_text("b"));
    add_socket();
    for (unsigned i = 0; i < ALL; i++)
        send_initial(sockets[0], listener, 1);
    await_datagrams(listener, ALL);
    assert_int_equal(tap_node_statistics(listener)->datagrams_dropped, BEYOND);
    assert_int_equal(tap_statistics(tap)->live, 1);
    assert_int_equal(tap_statistics(tap)->front_first, 0);
    end_scene();
}

/* Listeners that answer nobody: of each no more than are taken without a Retry. */
static void dials_are_bounded(void **state)
{
    (void)state;
    enum { LISTENERS = SOCKETS - 1 };
    begin(&tapped);
    const struct tap_node *listeners[LISTENERS];
    uint64_t sent[LISTENERS] = {0};
    add_socket();
    for (size_t i = 0; i < LISTENERS; i++)
        listeners[i] = add_socket();
    for (uint64_t number = 0; number <= TAP_PAIRS_MAX; number++) {
        size_t to = number % LISTENERS;
        send_initial(sockets[0], listeners[to], number);
        sent[to]++;
        if (number % AT_ONCE == 0 || number == TAP_PAIRS_MAX)
            for (size_t i = 0; i < LISTENERS; i++)
                await_datagrams(listeners[i], sent[i]);
    }
    assert_int_equal(tap_statistics(tap)->live, TAP_PAIRS_MAX);
    assert_int_equal(tap_statistics(tap)->refused_full, 1);
    uint8_t told[INITIAL_SIZE];
    assert_true(recv(sockets[0], told, sizeof(told), 0) > 0);
    assert_true(recv(sockets[0], told, sizeof(told), 0) < 0); /* who is held hears nothing */
    end_scene();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_of_a_held_dial_are_bounded),
        cmocka_unit_test(dials_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
