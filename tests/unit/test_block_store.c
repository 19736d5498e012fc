/* Blocks that are added in whatever order are found by slot and by root, as those of a folder are.
 */
#include <stdlib.h>
#include <string.h>

#include "common/random.h"
#include "net/host/block_store.h"
#include "tests/unit/support.h"

enum { BLOCKS = 200, SLOTS = 60 };

/* Several have one slot. */
static struct block_summary block_of(size_t number)
{
    struct block_summary block = {.slot = number % SLOTS, .size = 100 + number};
    for (size_t i = 0; i < BLOCK_ROOT_SIZE; i++)
        block.root[i] = (uint8_t)(number * 37 + i * number);
    block.root[0] = (uint8_t)number;
    return block;
}

static void shuffle(size_t *numbers, struct random *random)
{
    for (size_t i = 0; i < BLOCKS; i++)
        numbers[i] = i;
    for (size_t i = BLOCKS; i > 1; i--) {
        size_t other = random_below(random, i), swapped = numbers[i - 1];
        numbers[i - 1] = numbers[other];
        numbers[other] = swapped;
    }
}

static void check(const struct block_store *store, const size_t *added, size_t count)
{
    assert_int_equal(block_store_count(store), count);
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        struct block_summary block = block_of(added[i]);
        size_t entry = block_store_find(store, block.root);
        assert_true(entry < count);
        assert_memory_equal(block_store_at(store, entry)->root, block.root, BLOCK_ROOT_SIZE);
        bytes += block.size;
    }
    assert_int_equal(block_store_bytes(store), bytes);
    for (size_t i = 1; i < count; i++)
        assert_true(block_store_at(store, i - 1)->slot <= block_store_at(store, i)->slot);
    for (uint64_t slot = 0; slot <= SLOTS; slot++) {
        size_t first = block_store_from_slot(store, slot);
        assert_true(first == count || block_store_at(store, first)->slot >= slot);
        assert_true(first == 0 || block_store_at(store, first - 1)->slot < slot);
    }
    assert_int_equal(block_store_find(store, block_of(BLOCKS + 1).root), count);
}

static void blocks_are_found_in_whatever_order_they_came(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7);
    for (size_t course = 0; course < 3; course++) {
        size_t numbers[BLOCKS];
        struct block_store *store = block_store_new();
        shuffle(numbers, &random);
        for (size_t i = 0; i < BLOCKS; i++) {
            struct block_summary block = block_of(numbers[i]);
            check(store, numbers, i);
            block_store_add(store, &block, "nowhere");
        }
        check(store, numbers, BLOCKS);
        block_store_free(store);
    }
}

static void added_blocks_stand_among_those_of_folders(void **state)
{
    (void)state;
    struct error error;
    struct buffer ssz = {0};
    struct block_summary block;
    struct block_store *store = block_store_new();
    assert_true(block_store_load(store, "tests/fixtures/blocks", &error));
    assert_true(block_store_load(store, "tests/fixtures/gossip", &error)); /* one block in it */
    assert_true(block_store_load(store, "tests/fixtures/blocks", &error)); /* the same again */
    assert_int_equal(block_store_count(store), 5);
    assert_int_equal(block_store_bytes(store), 100 + 242 + 805 + 200100 + 1877);
    assert_int_equal(block_store_at(store, 4)->slot, 42);
    block = *block_store_at(store, 2);
    assert_true(block_store_read(store, 2, &ssz, &error));
    assert_int_equal(ssz.size, block.size);
    struct block_summary other = block_of(7);
    block_store_add(store, &other, "nowhere");
    assert_int_equal(block_store_find(store, other.root), 3);
    assert_int_equal(block_store_find(store, block.root), 2);
    buffer_clear(&ssz);
    assert_false(block_store_read(store, 3, &ssz, &error));
    assert_non_null(strstr(error.text, "nowhere: "));
    assert_false(block_store_load(store, "tests/fixtures/absent", &error));
    assert_int_equal(block_store_count(store), 6);
    block_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_found_in_whatever_order_they_came),
        cmocka_unit_test(added_blocks_stand_among_those_of_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
