#include "common/options.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/output.h"
#include "tests/unit/support.h"

struct values {
    bool loud;
    bool quiet;
    const char *name;
    struct option_list peers;
    uint64_t count;
    double loss;
    uint64_t wait;
    int until;
};

enum { UNTIL_HANDSHAKE, UNTIL_MESH };
static const char *const untils[] = {"handshake", "mesh", NULL};

#define AT(member) .offset = offsetof(struct values, member)

static const struct option_spec options[] = {
    {"loud", 'l', OPTION_FLAG, AT(loud), .help = "Say more"},
    {"quiet", 'q', OPTION_FLAG, AT(quiet), .help = "Say less"},
    {"name", 'n', OPTION_STRING, AT(name), "NAME", "What it is called", .files = true},
    {"peer", 'p', OPTION_LIST, AT(peers), "ADDRESS", "A peer; may be given more than once"},
    {"count", 'c', OPTION_NUMBER, AT(count), "N", "How many (2 to 9)", .minimum = 2, .maximum = 9},
    {"loss", 0, OPTION_DECIMAL, AT(loss), "PERCENT", "Lost datagrams", .maximum = 100},
    {"wait", 'w', OPTION_DURATION, AT(wait), "DURATION", "How long", .maximum = 60000},
    {0},
};

static const struct option_spec walk_options[] = {
    {"until", 'u', OPTION_CHOICE, AT(until), "STEP", "Where to stop", .choices = untils},
    {0},
};

static const struct command_spec simple_commands[] = {
    {.summary = "", .operands = "[FILE...]", .options = walk_options, .operands_maximum = 2},
    {0},
};

static const struct command_spec commands[] = {
    {"walk", "A B", "Walk from A to B", walk_options, 2, 2},
    {"rest", NULL, "Do nothing", NULL, 0, 0},
    {0},
};

static const struct example examples[] = {{"thing --loud .hidden\\x", "Does it."}, {0}};
static const struct exit_status statuses[] = {{0, "it worked"}, {2, "usage"}, {0}};

static const struct program_spec simple = {
    .name = "thing",
    .summary = "does a thing",
    .description = "First.\n\n.Second begins with a dot and is long enough to be wrapped into a "
                   "second line of text.",
    .options = options,
    .commands = simple_commands,
    .examples = examples,
    .exit_statuses = statuses,
    .see_also = "other(1)",
};

static const struct program_spec suite = {
    .name = "suite-of-things",
    .summary = "does things",
    .options = options,
    .commands = commands,
    .exit_statuses = statuses,
};

/* The argument count and vector that main would get. */
#define ARGUMENTS(...)                                                                             \
    (int)(sizeof((const char *[]){"prog", __VA_ARGS__}) / sizeof(const char *)),                   \
        (char **)(const char *[])                                                                  \
    {                                                                                              \
        "prog", __VA_ARGS__, NULL                                                                  \
    }
#define PARSE(program, values, ...) parse(program, values, ARGUMENTS(__VA_ARGS__))

static struct options_result parse(const struct program_spec *program, struct values *values,
                                   int argc, char **argv)
{
    return options_parse(program, argc, argv, values);
}

/* What options_parse prints and its exit status, in a process of its own. */
struct outcome {
    int status;
    char text[16384];
};

static void read_until_end(int fd, char *text, size_t size)
{
    size_t used = 0;
    ssize_t count;
    while (used < size - 1 && (count = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)count;
    text[used] = '\0';
    close(fd);
}

static struct outcome run(const struct program_spec *program, int stream, int argc, char **argv)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct values values = {0};
        dup2(ends[1], stream);
        close(ends[0]);
        options_parse(program, argc, argv, &values);
        options_clear(program, &values);
        exit(99);
    }
    close(ends[1]);
    struct outcome outcome;
    read_until_end(ends[0], outcome.text, sizeof(outcome.text));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
}

#define RUN(program, stream, ...) run(program, stream, ARGUMENTS(__VA_ARGS__))

#define ASSERT_REFUSED(program, expected, ...)                                                     \
    do {                                                                                           \
        struct outcome outcome_ = RUN(program, STDERR_FILENO, __VA_ARGS__);                        \
        char *whole_ = NULL;                                                                       \
        assert_true(asprintf(&whole_, "%s: %s\ntry: %s --help\n", (program)->name, expected,       \
                             (program)->name) > 0);                                                \
        assert_string_equal(outcome_.text, whole_);                                                \
        assert_int_equal(outcome_.status, 2);                                                      \
        free(whole_);                                                                              \
    } while (0)

static void every_type_is_read_in_every_form(void **state)
{
    (void)state;
    struct values values = {0};
    struct options_result result =
        PARSE(&simple, &values, "one", "--loud", "--name=x=y", "-pA", "-p", "B", "--count", "9",
              "--loss", "12.5", "-qw1.5s", "two", "--until", "mesh");
    assert_true(values.loud);
    assert_true(values.quiet);
    assert_string_equal(values.name, "x=y");
    assert_int_equal(values.peers.count, 2);
    assert_string_equal(values.peers.items[0], "A");
    assert_string_equal(values.peers.items[1], "B");
    assert_int_equal(values.count, 9);
    assert_true(values.loss == 12.5);
    assert_int_equal(values.wait, 1500);
    assert_int_equal(values.until, UNTIL_MESH);
    assert_int_equal(result.operand_count, 2);
    assert_string_equal(result.operands[0], "one");
    assert_string_equal(result.operands[1], "two");
    options_clear(&simple, &values);
    assert_null(values.peers.items);
}

static void defaults_stay_and_a_later_value_wins(void **state)
{
    (void)state;
    struct values values = {.count = 5, .name = "kept", .until = UNTIL_MESH};
    PARSE(&simple, &values, "--wait", "1s", "--wait", "2s");
    assert_int_equal(values.count, 5);
    assert_string_equal(values.name, "kept");
    assert_int_equal(values.until, UNTIL_MESH);
    assert_int_equal(values.wait, 2000);
}

static void two_dashes_end_the_options_and_one_is_an_operand(void **state)
{
    (void)state;
    struct values values = {0};
    struct options_result result = PARSE(&simple, &values, "-", "--", "--loud");
    assert_false(values.loud);
    assert_int_equal(result.operand_count, 2);
    assert_string_equal(result.operands[0], "-");
    assert_string_equal(result.operands[1], "--loud");
}

static void options_may_stand_around_the_name_of_a_command(void **state)
{
    (void)state;
    struct values values = {0};
    struct options_result result = PARSE(&suite, &values, "--name", "rest", "-u", "mesh", "walk",
                                         "-l", "here", "--count=2", "there");
    assert_string_equal(result.command->name, "walk");
    assert_string_equal(values.name, "rest");
    assert_int_equal(values.until, UNTIL_MESH);
    assert_true(values.loud);
    assert_int_equal(values.count, 2);
    assert_int_equal(result.operand_count, 2);
    assert_string_equal(result.operands[0], "here");
    assert_string_equal(result.operands[1], "there");
}

static void usage_errors_say_what_is_wrong_and_exit_2(void **state)
{
    (void)state;
    ASSERT_REFUSED(&simple, "unknown option --lou", "--lou");
    ASSERT_REFUSED(&simple, "unknown option -x", "-lx");
    ASSERT_REFUSED(&simple, "--loud takes no value", "--loud=yes");
    ASSERT_REFUSED(&simple, "--name needs a value: --name NAME", "--name");
    ASSERT_REFUSED(&simple, "-c needs a value: -c N", "-lc");
    ASSERT_REFUSED(&simple, "unexpected operand 'c': [FILE...]", "a", "b", "c");
    ASSERT_REFUSED(&suite, "a command is missing", "--loud");
    ASSERT_REFUSED(&suite, "unknown command 'run'", "run");
    ASSERT_REFUSED(&suite, "unknown option --until for rest", "rest", "--until", "mesh");
    ASSERT_REFUSED(&suite, "unknown option --until for rest", "--until", "mesh", "rest");
    ASSERT_REFUSED(&suite, "too few operands: walk A B", "walk", "a");
    ASSERT_REFUSED(&suite, "unexpected operand 'a'", "rest", "a");
    ASSERT_REFUSED(&simple,
                   "--help=html: the forms are --help, --help=man, --help=bash and --help=check",
                   "--help=html");
}

static void a_command_line_can_be_checked_alone(void **state)
{
    (void)state;
    struct outcome outcome = RUN(&suite, STDOUT_FILENO, "--help=check", "walk", "--until", "mesh",
                                 "here it", "--", "--there");
    assert_int_equal(outcome.status, 0);
    assert_string_equal(outcome.text, "'here it' --there\n");
    ASSERT_REFUSED(&suite, "unknown command 'run'", "--help=check", "run");
    ASSERT_REFUSED(&simple, "--count: '1' is under the minimum of 2", "--count=1", "--help=check");
    ASSERT_REFUSED(&simple, "unknown option --lou", "--lou", "--help=check");
}

static void bad_values_are_named_with_what_is_expected(void **state)
{
    (void)state;
    ASSERT_REFUSED(&simple, "--count: '1' is under the minimum of 2", "--count=1");
    ASSERT_REFUSED(&simple, "-c: '10' is over the maximum of 9", "-c10");
    ASSERT_REFUSED(&simple, "--count: '' is not a whole number", "--count=");
    ASSERT_REFUSED(&simple, "--count: '-3' is not a whole number", "--count", "-3");
    ASSERT_REFUSED(&simple, "--count: '99999999999999999999' is too large",
                   "--count=99999999999999999999");
    ASSERT_REFUSED(&simple, "--loss: '100.5' is over the maximum of 100", "--loss", "100.5");
    ASSERT_REFUSED(&simple, "--loss: 'nan' is not a decimal number", "--loss", "nan");
    ASSERT_REFUSED(&simple, "--loss: '.' is not a decimal number", "--loss", ".");
    ASSERT_REFUSED(&simple, "--wait: '5' is not a duration such as 500ms, 4s or 2m", "--wait=5");
    ASSERT_REFUSED(&simple, "--wait: '2m' is over the maximum of 60000ms", "--wait", "2m");
    ASSERT_REFUSED(&simple, "--until: 'end' is not one of handshake, mesh", "--until", "end");
}

static void sizes_are_read_to_the_byte(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {{"0", 0},
                 {"65536", 65536},
                 {"64K", 65536},
                 {"4M", 4194304},
                 {"3G", UINT64_C(3221225472)},
                 {"18446744073709551615", UINT64_MAX}};
    static const char *const bad[] = {"",
                                      "K",
                                      "-1",
                                      "4MB",
                                      "4k",
                                      "1.5M",
                                      " 4M",
                                      "4M ",
                                      "0x10K",
                                      "4 M",
                                      "4T",
                                      "18446744073709551616",
                                      "18014398509481984K"};
    uint64_t bytes;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_true(size_parse(cases[i].text, &bytes, NULL));
        assert_true(bytes == cases[i].bytes);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct error error = {.text = ""};
        assert_false(size_parse(bad[i], &bytes, &error));
        assert_non_null(strstr(error.text, bad[i]));
    }
}

static void durations_are_read_to_the_millisecond(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint64_t milliseconds;
    } cases[] = {{"0ms", 0},     {"500ms", 500}, {"4s", 4000},     {"2m", 120000},
                 {"1.5s", 1500}, {"0.001s", 1},  {"0.25m", 15000}, {"1.000s", 1000},
                 {"1.0ms", 1},   {"00010ms", 10}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint64_t milliseconds = 0;
        assert_true(duration_parse(cases[i].text, &milliseconds, NULL));
        assert_int_equal(milliseconds, cases[i].milliseconds);
    }
    const char *const bad[] = {"",
                               "5",
                               "s",
                               "-1s",
                               "1 s",
                               " 1s",
                               "1h",
                               "1.s",
                               ".5s",
                               "1.5ms",
                               "1,5s",
                               "1ss",
                               "0x1s",
                               "1.00001s",
                               "1e3ms",
                               "1.5.5s",
                               "99999999999999999999s",
                               "18446744073709551615m"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        uint64_t milliseconds = 0;
        struct error error = {.text = ""};
        assert_false(duration_parse(bad[i], &milliseconds, &error));
        assert_non_null(strstr(error.text, bad[i]));
    }
}

static void help_shows_everything_and_fits_80_columns(void **state)
{
    (void)state;
    struct outcome outcome = RUN(&simple, STDOUT_FILENO, "--help");
    assert_int_equal(outcome.status, 0);
    const char *const parts[] = {
        "Usage: thing [OPTION...] [FILE...]\n\ndoes a thing\n\nFirst.\n\n.Second",
        "  -u, --until STEP     Where to stop (handshake|mesh)\n",
        "  -l, --loud           Say more\n",
        "      --version        Show the version\n",
        "Examples:\n  thing --loud .hidden\\x\n      Does it.\n",
        "Exit status:\n  0    it worked\n  2    usage\n",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        assert_non_null(strstr(outcome.text, parts[i]));
    for (char *line = strtok(outcome.text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 80);
}

static void help_lists_the_commands_or_shows_one(void **state)
{
    (void)state;
    struct outcome outcome = RUN(&suite, STDOUT_FILENO, "-h");
    assert_int_equal(outcome.status, 0);
    assert_non_null(strstr(outcome.text, "Usage: suite-of-things [OPTION...] COMMAND ...\n"));
    assert_non_null(strstr(outcome.text, "  walk A B  Walk from A to B\n  rest      Do nothing\n"));
    assert_null(strstr(outcome.text, "--until"));
    outcome = RUN(&suite, STDOUT_FILENO, "walk", "--help");
    assert_int_equal(outcome.status, 0);
    assert_non_null(strstr(outcome.text, "Usage: suite-of-things walk [OPTION...] A B\n"));
    assert_non_null(strstr(outcome.text, "--until"));
}

static void the_version_is_shown(void **state)
{
    (void)state;
    struct outcome outcome = RUN(&suite, STDOUT_FILENO, "--version");
    assert_int_equal(outcome.status, 0);
    assert_string_equal(outcome.text, "suite-of-things " DEVNET_VERSION "\n");
}

/* Runs SHELL with TEXT on its standard input, and returns what it prints on stdout and stderr. */
static struct outcome pipe_through(const char *shell, const char *text)
{
    char path[] = "/tmp/test_options.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    char *command = NULL;
    assert_true(asprintf(&command, "{ %s; } 2>&1 < %s", shell, path) > 0);
    FILE *pipe_end = popen(command, "r");
    assert_non_null(pipe_end);
    struct outcome outcome;
    outcome.text[fread(outcome.text, 1, sizeof(outcome.text) - 1, pipe_end)] = '\0';
    int status = pclose(pipe_end);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    free(command);
    unlink(path);
    return outcome;
}

static void the_manual_page_is_sound_roff(void **state)
{
    (void)state;
    if (system("command -v groff > /dev/null") != 0)
        skip();
    const struct program_spec *const programs[] = {&simple, &suite};
    for (size_t i = 0; i < 2; i++) {
        struct outcome page = RUN(programs[i], STDOUT_FILENO, "--help=man");
        assert_int_equal(page.status, 0);
        struct outcome warnings = pipe_through("groff -man -ww -Tascii -z", page.text);
        assert_string_equal(warnings.text, "");
        struct outcome shown =
            pipe_through("groff -man -Tascii -P-c -rLL=100n | sed 's/.\\x08//g'", page.text);
        assert_non_null(strstr(shown.text, i == 0 ? ".Second begins with a dot" : "walk A B\n"));
        assert_non_null(strstr(shown.text, "-u, --until STEP\n"));
        if (i == 0)
            assert_non_null(strstr(shown.text, "thing --loud .hidden\\x\n"));
    }
}

/* What bash offers for the words of LINE, the last of which is being completed. */
static void assert_completes(const struct program_spec *program, const char *line,
                             const char *expected)
{
    struct outcome script = RUN(program, STDOUT_FILENO, "--help=bash");
    assert_int_equal(script.status, 0);
    char *whole = NULL;
    assert_true(asprintf(&whole,
                         "%s\nCOMP_WORDS=(prog %s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                         "_%s\necho \"${COMPREPLY[*]}\"\n",
                         script.text, line, program == &simple ? "thing" : "suite_of_things") > 0);
    struct outcome offered = pipe_through("cd common && bash -u", whole);
    free(whole);
    assert_string_equal(offered.text, expected);
}

static void bash_completes_options_choices_files_and_commands(void **state)
{
    (void)state;
    if (system("command -v bash > /dev/null && test -d common") != 0)
        skip();
    assert_completes(&simple, "--lo", "--loud --loss\n");
    assert_completes(&simple, "--until h", "handshake\n");
    assert_completes(&simple, "--until = m", "mesh\n");
    assert_completes(&simple, "--until =", "handshake mesh\n");
    assert_completes(&simple, "-n options.h", "options.h\n");
    assert_completes(&simple, "--count ''", "\n");
    assert_completes(&simple, "varint.h", "varint.h\n");
    assert_completes(&suite, "''", "walk rest\n");
    assert_completes(&suite, "--name walk r", "rest\n");
    assert_completes(&suite, "--name = walk w", "walk\n");
    assert_completes(&suite, "walk --u", "--until\n");
    assert_completes(&suite, "rest --u", "\n");
    assert_completes(&suite, "walk -u ''", "handshake mesh\n");
}

static void colour_is_for_terminals_without_no_color(void **state)
{
    (void)state;
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_string_equal(output_colour(file, COLOUR_RED), "");
    assert_string_equal(output_colour_end(file), "");
    fclose(file);
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        skip();
    file = fopen(ptsname(master), "r+");
    assert_non_null(file);
    assert_string_equal(output_colour(file, COLOUR_RED), "\033[31m");
    assert_string_equal(output_colour_end(file), "\033[0m");
    setenv("NO_COLOR", "1", 1);
    assert_string_equal(output_colour(file, COLOUR_RED), "");
    unsetenv("NO_COLOR");
    fclose(file);
    close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read_in_every_form),
        cmocka_unit_test(defaults_stay_and_a_later_value_wins),
        cmocka_unit_test(two_dashes_end_the_options_and_one_is_an_operand),
        cmocka_unit_test(options_may_stand_around_the_name_of_a_command),
        cmocka_unit_test(usage_errors_say_what_is_wrong_and_exit_2),
        cmocka_unit_test(a_command_line_can_be_checked_alone),
        cmocka_unit_test(bad_values_are_named_with_what_is_expected),
        cmocka_unit_test(durations_are_read_to_the_millisecond),
        cmocka_unit_test(sizes_are_read_to_the_byte),
        cmocka_unit_test(help_shows_everything_and_fits_80_columns),
        cmocka_unit_test(help_lists_the_commands_or_shows_one),
        cmocka_unit_test(the_version_is_shown),
        cmocka_unit_test(the_manual_page_is_sound_roff),
        cmocka_unit_test(bash_completes_options_choices_files_and_commands),
        cmocka_unit_test(colour_is_for_terminals_without_no_color),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
