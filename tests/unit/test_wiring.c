#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "devnet/wiring.h"

#include "tests/unit/support.h"

enum { NODES_MAX = 60 };

struct picture {
    bool joined[NODES_MAX][NODES_MAX];
    size_t degrees[NODES_MAX], reached[NODES_MAX], reached_count;
};

static void draw(struct picture *picture, const struct wiring_pair *pairs, size_t count,
                 size_t nodes)
{
    memset(picture, 0, sizeof(*picture));
    for (size_t i = 0; i < count; i++) {
        size_t a = pairs[i].dialler, b = pairs[i].listener;
        assert_in_range(a, 0, nodes - 1);
        assert_in_range(b, 0, nodes - 1);
        assert_int_not_equal(a, b);
        assert_false(picture->joined[a][b]); /* each once */
        picture->joined[a][b] = picture->joined[b][a] = true;
        picture->degrees[a]++;
        picture->degrees[b]++;
    }
}

/* How many nodes can be reached from the first. */
static size_t reach(struct picture *picture, size_t nodes)
{
    bool seen[NODES_MAX] = {true};
    picture->reached[picture->reached_count++] = 0;
    for (size_t i = 0; i < picture->reached_count; i++)
        for (size_t k = 0; k < nodes; k++)
            if (picture->joined[picture->reached[i]][k] && !seen[k]) {
                seen[k] = true;
                picture->reached[picture->reached_count++] = k;
            }
    return picture->reached_count;
}

static struct wiring wiring_of(const char *text, uint64_t seed)
{
    struct error error;
    struct wiring wiring = {.seed = seed};
    assert_true(wiring_parse(text, &wiring, &error));
    return wiring;
}

static void each_shape_has_its_pairs(void **state)
{
    (void)state;
    static const struct {
        const char *shape;
        size_t nodes, count, first, last; /* degrees of the first and the last node */
    } cases[] = {{"none", 5, 0, 0, 0}, {"line", 5, 4, 1, 1},  {"ring", 5, 5, 2, 2},
                 {"star", 5, 4, 4, 1}, {"full", 5, 10, 4, 4}, {"ring", 2, 1, 1, 1},
                 {"star", 2, 1, 1, 1}, {"full", 1, 0, 0, 0},  {"random:8", 2, 1, 1, 1},
                 {"ring", 1, 0, 0, 0}, {"ring", 3, 3, 2, 2},  {"random:9", 5, 10, 4, 4}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct wiring wiring = wiring_of(cases[i].shape, 1);
        struct picture picture;
        size_t count, nodes = cases[i].nodes;
        struct wiring_pair *pairs = wiring_pairs(&wiring, nodes, &count);
        assert_int_equal(count, cases[i].count);
        draw(&picture, pairs, count, nodes);
        assert_int_equal(picture.degrees[0], cases[i].first);
        assert_int_equal(picture.degrees[nodes - 1], cases[i].last);
        for (size_t k = 0; k < count; k++) /* a star is dialled, and others dial upwards */
            assert_true((pairs[k].listener == 0) == (strcmp(cases[i].shape, "star") == 0));
        free(pairs);
    }
}

static void at_random_none_is_apart_and_none_has_too_few(void **state)
{
    (void)state;
    for (size_t nodes = 3; nodes <= NODES_MAX; nodes += nodes < 14 ? 1 : 23) {
        for (uint64_t degree = 2; degree < 14; degree++) {
            for (uint64_t seed = 0; seed < 8; seed++) {
                const struct wiring wiring = {
                    .shape = WIRING_RANDOM, .degree = degree, .seed = seed};
                struct picture picture;
                size_t count, more = 0, wanted = degree < nodes ? (size_t)degree : nodes - 1;
                struct wiring_pair *pairs = wiring_pairs(&wiring, nodes, &count);
                draw(&picture, pairs, count, nodes);
                free(pairs);
                assert_int_equal(reach(&picture, nodes), nodes);
                for (size_t i = 0; i < nodes; i++) {
                    assert_in_range(picture.degrees[i], wanted, wanted + 3);
                    more += picture.degrees[i] - wanted;
                }
                assert_in_range(more, 0, wanted + 1);
            }
        }
    }
}

static void the_seed_decides(void **state)
{
    (void)state;
    struct wiring wiring = wiring_of("random:8", 7);
    size_t count[3];
    struct wiring_pair *pairs[3];
    for (int i = 0; i < 3; i++) {
        wiring.seed = i < 2 ? 7 : 8;
        pairs[i] = wiring_pairs(&wiring, NODES_MAX, &count[i]);
    }
    assert_int_equal(count[0], count[1]);
    assert_memory_equal(pairs[0], pairs[1], count[0] * sizeof(**pairs));
    assert_true(count[0] != count[2] ||
                memcmp(pairs[0], pairs[2], count[0] * sizeof(**pairs)) != 0);
    for (int i = 0; i < 3; i++)
        free(pairs[i]);
}

static void what_is_no_shape_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "Full",  "random",   "random:",  "random:1",  "random:-2",
        "random:8,5", "lines", "random:x", "random:0", "random: 8", "star:2"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct wiring wiring;
        struct error error = {.text = ""};
        assert_false(wiring_parse(bad[i], &wiring, &error));
        assert_non_null(strstr(error.text, bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shape_has_its_pairs),
        cmocka_unit_test(at_random_none_is_apart_and_none_has_too_few),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(what_is_no_shape_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
