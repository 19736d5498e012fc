/* Words of a command line: split, quoted, and slips of them. */
#include <stdlib.h>
#include <string.h>

#include "common/words.h"
#include "tests/unit/support.h"

/* Splits TEXT, and quotes and joins the words again. */
static char *there_and_back(const char *text)
{
    struct error error = {.text = ""};
    char **words = words_split(text, &error);
    if (words == NULL)
        return strdup(error.text);
    char *line = words_join(words);
    words_free(words);
    return line;
}

static void words_are_split_and_quoted_as_a_shell_does(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {" \t\n ", ""},
        {"kill  node2\n", "kill node2"},
        {"publish n1 'a b' \"c 'd'\"", "publish n1 'a b' 'c '\\''d'\\'''"},
        {"a\\ b '' x''y", "'a b' '' xy"},
        {"\"\\\"\" '\\' $x *", "'\"' '\\' '$x' '*'"},
        {"end\\", "'end\\'"},
        {"'open", "a ' is not closed"},
        {"x \"open\\\"", "a \" is not closed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *line = there_and_back(cases[i].text);
        assert_string_equal(line, cases[i].expected);
        free(line);
    }
}

static void slips_are_close_to_what_was_meant(void **state)
{
    static const char *const words[] = {"nodes",  "connect", "timeline", "checks",
                                        "report", "at",      NULL};
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"node", "nodes"}, {"conect", "connect"}, {"timelien", "timeline"}, {"check", "checks"},
        {"ta", "at"},      {"reports", "report"}, {"frobnicate", NULL},     {"", NULL},
        {"xy", NULL}};
    char *endless = calloc(1, 100001);
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *nearest = words_nearest(cases[i].text, words);
        if (cases[i].expected == NULL)
            assert_null(nearest);
        else
            assert_string_equal(nearest, cases[i].expected);
    }
    memset(endless, 'n', 100000);
    assert_null(words_nearest(endless, words));
    free(endless);
}

static void options_say_what_they_say_in_one_word_or_two(void **state)
{
    static const struct {
        const char *word, *said;
    } cases[] = {{"--with", "next"}, {"-w", "next"},      {"--with=a=b", "a=b"}, {"-wa=b", "a=b"},
                 {"--with=", ""},    {"--without", NULL}, {"-", NULL},           {"--wit", NULL},
                 {"w", NULL},        {"", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *said = words_option(cases[i].word, "next", "--with", "-w");
        if (cases[i].said == NULL)
            assert_null(said);
        else
            assert_string_equal(said, cases[i].said);
    }
    assert_null(words_option("--to", NULL, "--to", NULL));
    assert_null(words_option("-w", "next", "--to", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_split_and_quoted_as_a_shell_does),
        cmocka_unit_test(slips_are_close_to_what_was_meant),
        cmocka_unit_test(options_say_what_they_say_in_one_word_or_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
