/* Which changes `devnet-mesh diff --ignore` leaves out. */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/mesh/ignore.h"

#include "tests/unit/json_text.h"
#include "tests/unit/support.h"

static const char changes_text[] =
    "[{'change':'changed','kind':'peer','node':'A','peer':'B','field':'agent'},"
    "{'change':'added','kind':'mesh','topic':'/a/attestation_1','node':'A','peer':'B'},"
    "{'change':'removed','kind':'mesh','topic':'/a/block','node':'C','peer':'D'}]";

/* INDICES of those changes that are left. */
static void expect_left(const char *rule, const char *indices)
{
    struct error error;
    json_t *changes = json_of(changes_text), *expected = json_array();
    if (!mesh_ignore_check(rule, &error))
        fail_msg("%s", error.text);
    for (; *indices != '\0'; indices++)
        json_array_append(expected, json_array_get(changes, (size_t)(*indices - '0')));
    json_t *left = mesh_ignore(changes, &rule, 1);
    if (!json_equal(left, expected))
        fail_msg("%s: left %s", rule, json_dumps(left, 0));
    json_decref(left);
    json_decref(expected);
    json_decref(changes);
}

static void changes_are_ignored_by_kind_field_and_pattern(void **state)
{
    (void)state;
    expect_left("mesh", "0");
    expect_left("peer", "12");
    expect_left("peer.agent", "12");
    expect_left("peer.status", "012");
    expect_left("topic=*/attestation_*", "02");
    expect_left("topic=*", "0");
    expect_left("node=A", "2");
    expect_left("node=", "012");
    expect_left("change=removed", "01");
    struct error error;
    assert_false(mesh_ignore_check("edges", &error));
    assert_non_null(
        strstr(error.text, "--ignore edges: no such kind of change; there are unreach"));
    assert_false(mesh_ignore_check("color=x", &error));
    assert_non_null(strstr(error.text, "--ignore color=x: a change has no \"color\""));
    assert_false(mesh_ignore_check("", &error));
    json_t *none = json_of(changes_text), *all = mesh_ignore(none, NULL, 0);
    assert_true(json_equal(none, all));
    json_decref(none);
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_ignored_by_kind_field_and_pattern),
    };
    return cmocka_run_group_tests_name("mesh_ignore", tests, NULL, NULL);
}
