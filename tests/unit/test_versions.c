#include "net/host/versions.h"

#include "tests/unit/support.h"

enum { V0 = 1 << GOSSIPSUB_1_0, V2 = 1 << GOSSIPSUB_1_2 };

/* What is proposed one after the other where each is refused, as "210". */
static void assert_proposed(const char *expected, unsigned untried, const struct identify *listed)
{
    char order[8];
    size_t count = 0;
    enum gossipsub_version version;
    while (version_to_propose(untried, listed, &version)) {
        order[count++] = (char)('0' + version);
        untried &= ~(1U << version);
    }
    order[count] = '\0';
    assert_string_equal(order, expected);
}

static void the_newest_comes_first_where_nothing_is_known(void **state)
{
    (void)state;
    assert_proposed("210", VERSIONS_PROPOSED, NULL);
    assert_proposed("20", V2 | V0, NULL);
    assert_proposed("", 0, NULL);
}

static void what_the_peer_lists_comes_before_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *protocols[3];
        size_t count;
        const char *expected;
    } rows[] = {
        {{MESHSUB_1_2, MESHSUB_1_1, MESHSUB_1_0}, 3, "210"},
        {{MESHSUB_1_0, "/ipfs/ping/1.0.0", MESHSUB_1_1}, 3, "102"},
        {{MESHSUB_1_1}, 1, "120"},
        {{MESHSUB_1_0}, 1, "021"},
        {{MESHSUB_1_3}, 1, "210"}, /* accepted, never proposed */
        {{"/meshsub/1.1.0/other"}, 1, "210"},
        {{0}, 0, "210"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct identify identify = {.protocols = (char **)(uintptr_t)rows[i].protocols,
                                    .protocol_count = rows[i].count};
        assert_proposed(rows[i].expected, VERSIONS_PROPOSED, &identify);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_comes_first_where_nothing_is_known),
        cmocka_unit_test(what_the_peer_lists_comes_before_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
