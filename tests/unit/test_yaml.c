/* YAML as it is read: what is in it, and what is said of what is wrong. */
#include <string.h>

#include "common/buffer.h"
#include "common/yaml.h"
#include "tests/unit/support.h"

static struct error error;

static struct yaml_tree *parse(const char *text)
{
    struct yaml_tree *yaml = yaml_tree_parse("f.yaml", bytes_of_text(text), &error);
    if (yaml == NULL)
        fail_msg("%s", error.text);
    return yaml;
}

static void what_is_in_it_is_found_with_its_line(void **state)
{
    (void)state;
    struct yaml_tree *yaml =
        parse("# a remark\nlist:\n  - one\n  - \"0x02\"\nmap: {a: 1, b: [x]}\n");
    yaml_item root = yaml_root(yaml), list = yaml_find(yaml, root, "list");
    yaml_item map = yaml_find(yaml, root, "map");
    assert_int_equal(yaml_kind(yaml, root), YAML_MAP);
    assert_int_equal(yaml_count(yaml, root), 2);
    assert_string_equal(yaml_key_at(yaml, root, 1), "map");
    assert_int_equal(yaml_kind(yaml, list), YAML_LIST);
    assert_int_equal(yaml_count(yaml, list), 2);
    assert_string_equal(yaml_text(yaml, yaml_at(yaml, list, 1)), "0x02");
    assert_int_equal(yaml_line(yaml, yaml_at(yaml, list, 1)), 4);
    assert_string_equal(yaml_text(yaml, yaml_find(yaml, map, "a")), "1");
    assert_null(yaml_text(yaml, yaml_find(yaml, map, "b")));
    assert_false(yaml_fault(yaml, map, &error, "%s is %d", "it", 3));
    assert_string_equal(error.text, "f.yaml:5: it is 3");
    yaml_tree_free(yaml);
}

static void of_nothing_there_is_nothing(void **state)
{
    (void)state;
    struct yaml_tree *yaml = parse("a: b\n");
    yaml_item none = yaml_find(yaml, yaml_root(yaml), "c");
    assert_int_equal(none, 0);
    assert_int_equal(yaml_kind(yaml, none), YAML_NONE);
    assert_int_equal(yaml_count(yaml, none), 0);
    assert_null(yaml_text(yaml, none));
    assert_int_equal(yaml_at(yaml, none, 0), 0);
    assert_int_equal(yaml_at(yaml, yaml_root(yaml), 1), 0);
    assert_string_equal(yaml_key_at(yaml, none, 0), "");
    assert_int_equal(yaml_find(yaml, yaml_find(yaml, yaml_root(yaml), "a"), "b"), 0);
    yaml_tree_free(yaml);
    static const char *const empty[] = {"",    "# nothing\n",          "---\n",
                                        "~\n", "--- # nothing\n...\n", "null"};
    for (size_t i = 0; i < sizeof(empty) / sizeof(*empty); i++) {
        yaml = parse(empty[i]);
        assert_int_equal(yaml_root(yaml), 0);
        yaml_tree_free(yaml);
    }
}

static void what_refers_to_itself_is_no_trap(void **state)
{
    (void)state;
    struct yaml_tree *yaml = parse("a: &x\n  - *x\n  - b\n");
    yaml_item list = yaml_find(yaml, yaml_root(yaml), "a");
    assert_int_equal(yaml_at(yaml, list, 0), list);
    yaml_tree_free(yaml);
}

static void what_stands_for_nothing_is_not_told(void **state)
{
    (void)state;
    struct yaml_tree *yaml = parse("a:\nb: ~\nc: null\nd: \"null\"\ne: ''\nf: []\ng: 0\n");
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        bool told = *keys[i] >= 'd' && *keys[i] <= 'g';
        yaml_item item = yaml_find(yaml, yaml_root(yaml), keys[i]);
        assert_int_equal(yaml_find_told(yaml, yaml_root(yaml), keys[i]), told ? item : 0);
        assert_int_equal(yaml_is_null(yaml, item), *keys[i] < 'd');
    }
    yaml_tree_free(yaml);
}

static void a_fault_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
    } bad[] = {
        {"a: b\n c: d\n", "f.yaml:2: not YAML: "},
        {"a: [b\n", "f.yaml:2: not YAML: "},
        {"a: 1\nb: 2\na: 3\n", "f.yaml:3: a: is there already, on line 1"},
        {"- x:\n    k: 1\n    k: 2\n", "f.yaml:3: k: is there already, on line 2"},
        {"a: &x {k: 1}\nb:\n  <<: *x\n", "f.yaml:3: <<: merging is not supported; repeat the keys"},
        {"a: 1\n---\nb: 2\n", "f.yaml:3: a second document"},
        {"a: *b\n", "f.yaml:1: not YAML: found undefined alias"},
        {"a: \x01\n", "f.yaml: not YAML: control characters are not allowed"},
        {"a: \xff\n", "f.yaml: not YAML: "},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_null(yaml_tree_parse("f.yaml", bytes_of_text(bad[i].text), &error));
        if (strncmp(error.text, bad[i].problem, strlen(bad[i].problem)) != 0)
            fail_msg("%s: %s", bad[i].text, error.text);
    }
}

/* What the library would take minutes for, or more memory than it is worth, is refused at once. */
static void what_is_beyond_the_limits_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *start, *part, *problem;
        size_t allowed;
    } kinds[] = {
        {"", "[", "nested deeper than 64", YAML_DEPTH_MAX},
        {"", "{a: ", "nested deeper than 64", YAML_DEPTH_MAX},
        {"", "- ", "nested deeper than 64", YAML_DEPTH_MAX},
        {"- x\n", "- &a x\n", "more than 1000 anchors", YAML_ANCHORS_MAX},
        {"", "%TAG !a! b\n", "more than 16 %TAG directives", YAML_DIRECTIVES_MAX},
    };
    enum { PARTS = 200 * 1000 };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct buffer text = {0};
        buffer_append_text(&text, kinds[i].start);
        for (size_t j = 0; j < kinds[i].allowed; j++)
            buffer_append_text(&text, kinds[i].part);
        struct yaml_tree *yaml = yaml_tree_parse("f.yaml", buffer_bytes(&text), &error);
        assert_true(yaml != NULL || strstr(error.text, kinds[i].problem) == NULL);
        yaml_tree_free(yaml);
        for (size_t j = kinds[i].allowed; j < PARTS; j++)
            buffer_append_text(&text, kinds[i].part);
        assert_null(yaml_tree_parse("f.yaml", buffer_bytes(&text), &error));
        if (strstr(error.text, kinds[i].problem) == NULL)
            fail_msg("%s: %s", kinds[i].part, error.text);
        buffer_clear(&text);
    }
}

static void a_text_with_a_nul_in_it_is_none(void **state)
{
    (void)state;
    struct yaml_tree *yaml = parse("a: \"x\\0y\"\n");
    assert_null(yaml_text(yaml, yaml_find(yaml, yaml_root(yaml), "a")));
    yaml_tree_free(yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_it_is_found_with_its_line),
        cmocka_unit_test(of_nothing_there_is_nothing),
        cmocka_unit_test(what_refers_to_itself_is_no_trap),
        cmocka_unit_test(what_stands_for_nothing_is_not_told),
        cmocka_unit_test(a_fault_is_told_with_its_line),
        cmocka_unit_test(what_is_beyond_the_limits_is_refused),
        cmocka_unit_test(a_text_with_a_nul_in_it_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
