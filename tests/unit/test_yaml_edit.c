/* Texts of a YAML file replaced where they stand, however they are written. */
#include <string.h>

#include "common/yaml_edit.h"
#include "tests/unit/support.h"

static struct error error;

/* SOURCE with "x" of each of the list replaced by TEXT, the last one first. */
static char *with_each_x(const char *source, const char *text)
{
    static struct buffer output;
    struct yaml_edit edits[8];
    size_t count = 0;
    struct yaml_tree *yaml = yaml_tree_parse("f.yaml", bytes_of_text(source), &error);
    assert_non_null(yaml);
    yaml_item list = yaml_find(yaml, yaml_root(yaml), "list");
    for (size_t i = yaml_count(yaml, list); i-- > 0;)
        edits[count++] = (struct yaml_edit){yaml_find(yaml, yaml_at(yaml, list, i), "x"), text};
    buffer_clear(&output);
    assert_true(yaml_edit(yaml, bytes_of_text(source), edits, count, &output, &error));
    yaml_tree_free(yaml);
    buffer_append_byte(&output, 0);
    return (char *)output.data;
}

static void a_text_is_replaced_where_it_stands_and_all_else_stays(void **state)
{
    (void)state;
    static const struct {
        const char *source, *edited;
    } files[] = {
        {"list:\n  - x: 1 # a remark\n    y: 2\n  - {y: 3, x: 44}\n",
         "list:\n  - x: 70000 # a remark\n    y: 2\n  - {y: 3, x: 70000}\n"},
        {"{\"list\": [{\"y\": \"z\", \"x\": \"1\"}]}",
         "{\"list\": [{\"y\": \"z\", \"x\": \"70000\"}]}"},
        {"list:\r\n- y: '\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80' # \xc3\xb6\r\n  x: '1'\r\n",
         "list:\r\n- y: '\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80' # \xc3\xb6\r\n  x: '70000'\r\n"},
        {"\xef\xbb\xbflist: [{x: 1}]", "\xef\xbb\xbflist: [{x: 70000}]"},
        {"list:\n- x: &a !!str 1\n- x: *a\n- x: 2\n",
         "list:\n- x: &a !!str 70000\n- x: *a\n- x: 70000\n"},
        {"list:\n- x: >-\n    one\n    two\n  y: 1\n- x: |\n    1\n",
         "list:\n- x: 70000\n  y: 1\n- x: 70000\n"},
        {"list:\n- x: one\n    two\n  y: 1\n- ? x\n  : 3\n",
         "list:\n- x: 70000\n  y: 1\n- ? x\n  : 70000\n"},
        {"list: []\n", "list: []\n"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        assert_string_equal(with_each_x(files[i].source, "70000"), files[i].edited);
}

static void what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    static const char source[] = "\xff\xfex\0:\0 \0001\0";
    const struct bytes text = bytes_of(source, sizeof(source) - 1);
    struct buffer output = {0};
    struct yaml_tree *yaml = yaml_tree_parse("f.yaml", text, &error);
    assert_non_null(yaml);
    struct yaml_edit edit = {yaml_find(yaml, yaml_root(yaml), "x"), "2"};
    assert_string_equal(yaml_text(yaml, edit.item), "1");
    assert_false(yaml_edit(yaml, text, &edit, 1, &output, &error));
    assert_string_equal(error.text, "f.yaml:1: UTF-8 is expected");
    yaml_tree_free(yaml);
    buffer_clear(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_replaced_where_it_stands_and_all_else_stays),
        cmocka_unit_test(what_is_not_utf8_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
