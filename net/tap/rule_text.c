/* Rules as people write them. */
#include <string.h>

#include "common/number.h"
#include "common/options.h"
#include "net/tap/rules.h"

enum { WORDS_MAX = 16 };

struct words {
    char text[TAP_RULE_TEXT_MAX + 1];
    const char *words[WORDS_MAX + 1]; /* ends with NULL */
    size_t next;
};

/* Rules are told in events as they were written, and no name of a protocol has more. */
static bool is_printable(const char *text, struct error *error)
{
    for (const char *at = text; *at != '\0'; at++)
        if (strchr("\t\n", *at) == NULL && (*at < ' ' || *at > '~'))
            return error_set(error, "byte %zu is 0x%02x: a rule is of printable ASCII characters",
                             (size_t)(at - text) + 1, (unsigned)(unsigned char)*at);
    return true;
}

static bool split(const char *text, struct words *words, struct error *error)
{
    size_t count = 0;
    char *rest = NULL;
    *words = (struct words){0};
    if (strlen(text) > TAP_RULE_TEXT_MAX)
        return error_set(error, "a rule is longer than %d bytes", TAP_RULE_TEXT_MAX);
    if (!is_printable(text, error))
        return false;
    memcpy(words->text, text, strlen(text) + 1);
    for (char *word = strtok_r(words->text, " \t\n", &rest); word != NULL;
         word = strtok_r(NULL, " \t\n", &rest)) {
        if (count == WORDS_MAX)
            return error_set(error, "'%s': more words than a rule has", text);
        words->words[count++] = word;
    }
    return true;
}

static const char *take(struct words *words)
{
    const char *word = words->words[words->next];
    words->next += word != NULL;
    return word;
}

static bool expected(const char *what, const char *word, struct error *error)
{
    if (word == NULL)
        return error_set(error, "it ends where %s should follow", what);
    return error_set(error, "'%s': expected %s", word, what);
}

static bool take_literal(struct words *words, const char *literal, struct error *error)
{
    const char *word = take(words);
    return (word != NULL && strcmp(word, literal) == 0) || expected(literal, word, error);
}

static bool take_name(struct words *words, char *name, struct error *error)
{
    const char *word = take(words);
    if (word == NULL)
        return expected("the name of a node", word, error);
    memcpy(name, word, strlen(word) + 1);
    return true;
}

static bool take_protocol(struct words *words, char *protocol, struct error *error)
{
    static const char *const short_names[][2] = {
        {"gossipsub", "/meshsub/*"},
        {"status", "/leanconsensus/req/status/*"},
        {"identify", "/ipfs/id/*"},
    };
    const char *word = take(words);
    for (size_t i = 0; word != NULL && i < sizeof(short_names) / sizeof(*short_names); i++)
        if (strcmp(word, short_names[i][0]) == 0)
            word = short_names[i][1];
    if (word == NULL || (*word != '/' && strcmp(word, "*") != 0))
        return expected("a protocol: /NAME, /BEGINNING*, gossipsub, status or identify", word,
                        error);
    if (strcspn(word, "*") + 1 < strlen(word))
        return error_set(error, "'%s': a * stands at the end alone, for any ending", word);
    memcpy(protocol, word, strlen(word) + 1);
    return true;
}

/* The index of the word in NAMES, a list that ends with NULL; -1 with the error set. */
static int take_choice(struct words *words, const char *const *names, const char *what,
                       struct error *error)
{
    const char *word = take(words);
    for (int i = 0; word != NULL && names[i] != NULL; i++)
        if (strcmp(word, names[i]) == 0)
            return i;
    expected(what, word, error);
    return -1;
}

static bool take_duration(struct words *words, uint64_t *milliseconds, struct error *error)
{
    const char *word = take(words);
    return word != NULL ? duration_parse(word, milliseconds, error)
                        : expected("a duration", word, error);
}

/* What comes after LIMIT is not waited for. */
static bool check_times(const struct tap_rule *rule, const char *limit, struct error *error)
{
    if (rule->limit_ms == 0)
        return error_set(error, "limit %s: nothing would be held", limit);
    if (rule->limit_ms > TAP_HOLD_LIMIT_MAX_MS)
        return error_set(error, "limit %s: longer than a day", limit);
    return rule->plus_ms < rule->limit_ms ||
           error_set(error, "plus %llums is no shorter than the limit, %llums: it would never pass",
                     (unsigned long long)rule->plus_ms, (unsigned long long)rule->limit_ms);
}

static bool read_hold_end(struct words *words, struct tap_rule *rule, struct error *error)
{
    static const char *const names[] = {"plus", "limit", NULL};
    const char *given[] = {NULL, NULL};
    while (words->words[words->next] != NULL) {
        int which = take_choice(words, names, "plus DURATION or limit DURATION", error);
        if (which < 0)
            return false;
        if (given[which] != NULL)
            return error_set(error, "%s stands twice", names[which]);
        given[which] = words->words[words->next];
        if (!take_duration(words, which == 0 ? &rule->plus_ms : &rule->limit_ms, error))
            return false;
    }
    return check_times(rule, given[1], error);
}

static bool read_hold(struct words *words, struct tap_rule *rule, struct error *error)
{
    static const char *const held[] = {"echo", "answer", "rpc", "stream", NULL};
    static const char *const triggers[] = {"proposes", "opens", "sends", NULL};
    int what = take_choice(words, held, "echo, answer, rpc or stream", error);
    if (what < 0 || !take_protocol(words, rule->protocol, error) ||
        !take_literal(words, "from", error) || !take_name(words, rule->from, error) ||
        !take_literal(words, "until", error) || !take_name(words, rule->until, error))
        return false;
    int trigger = take_choice(words, triggers, "proposes, opens or sends", error);
    if (trigger < 0 || !take_protocol(words, rule->until_protocol, error))
        return false;
    rule->held = (enum tap_held)what;
    rule->trigger = (enum tap_trigger)trigger;
    rule->limit_ms = TAP_HOLD_LIMIT_MS;
    return read_hold_end(words, rule, error);
}

static bool read_other(struct words *words, struct tap_rule *rule, struct error *error)
{
    if (!take_protocol(words, rule->protocol, error) || !take_literal(words, "from", error) ||
        !take_name(words, rule->from, error))
        return false;
    rule->held = TAP_HELD_ECHO;
    if (rule->kind == TAP_RULE_RESET && words->words[words->next] != NULL) {
        if (!take_literal(words, "code", error))
            return false;
        const char *word = take(words);
        if (word == NULL || !number_read(word, &rule->code) || rule->code >> 62 != 0)
            return expected("a number under 2^62", word, error);
    }
    const char *more = take(words);
    return more == NULL || error_set(error, "'%s': the rule has ended before", more);
}

bool tap_rule_parse(enum tap_rule_kind kind, const char *text, struct tap_rule *rule,
                    struct error *error)
{
    struct words words;
    *rule = (struct tap_rule){.kind = kind};
    if (!split(text, &words, error))
        return false;
    memcpy(rule->text, text, strlen(text) + 1);
    return kind == TAP_RULE_HOLD ? read_hold(&words, rule, error) : read_other(&words, rule, error);
}
