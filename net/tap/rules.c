#include "net/tap/rules.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/number.h"
#include "common/options.h"

enum { WORDS_MAX = 16, MS_US = 1000 };

/* Bytes that are held now. */
struct hold {
    const struct tap_rule *rule;
    uint64_t connection;
    int64_t stream;
    enum tap_side from;
    uint64_t until_us, limit_us; /* UINT64_MAX: not known yet, or never */
};

/* What a rule waits for has come on the connection. */
struct past {
    const struct tap_rule *rule;
    uint64_t connection, at_us;
};

struct tap_rules {
    tap_rules_act *act;
    void *context;
    struct tap_rule rules[TAP_RULES_MAX];
    size_t count;
    struct hold holds[TAP_HOLDS_MAX];
    size_t hold_count;
    struct past *past;
    size_t past_count;
    uint64_t not_held;
};

/* ---- rules as people write them ---- */

struct words {
    char text[TAP_RULE_TEXT_MAX + 1];
    const char *words[WORDS_MAX + 1]; /* ends with NULL */
    size_t next;
};

static bool split(const char *text, struct words *words, struct error *error)
{
    size_t count = 0;
    char *rest = NULL;
    *words = (struct words){0};
    if (strlen(text) > TAP_RULE_TEXT_MAX)
        return error_set(error, "a rule is longer than %d bytes", TAP_RULE_TEXT_MAX);
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

static bool read_hold_end(struct words *words, struct tap_rule *rule, struct error *error)
{
    static const char *const names[] = {"plus", "limit", NULL};
    while (words->words[words->next] != NULL) {
        int which = take_choice(words, names, "plus DURATION or limit DURATION", error);
        if (which < 0 ||
            !take_duration(words, which == 0 ? &rule->plus_ms : &rule->limit_ms, error))
            return false;
    }
    return true;
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

/* ---- what is to be done ---- */

static bool protocol_fits(const char *pattern, const char *protocol)
{
    size_t size = strlen(pattern);
    if (pattern[size - 1] == '*')
        return strncmp(pattern, protocol, size - 1) == 0;
    return strcmp(pattern, protocol) == 0;
}

static void act(const struct tap_rules *rules, enum tap_action_kind kind, const struct hold *hold,
                uint64_t offset, bool by_limit)
{
    const struct tap_action action = {.kind = kind,
                                      .rule = hold->rule,
                                      .connection = hold->connection,
                                      .stream = hold->stream,
                                      .from = hold->from,
                                      .offset = offset,
                                      .by_limit = by_limit};
    rules->act(rules->context, &action);
}

static uint64_t later(uint64_t time_us, uint64_t span_ms)
{
    return time_us + span_ms * MS_US;
}

static const struct past *find_past(const struct tap_rules *rules, const struct tap_rule *rule,
                                    uint64_t connection)
{
    for (size_t i = 0; i < rules->past_count; i++)
        if (rules->past[i].rule == rule && rules->past[i].connection == connection)
            return &rules->past[i];
    return NULL;
}

/* Nothing is held for what is past already. */
static void begin_hold(struct tap_rules *rules, const struct tap_rule *rule, uint64_t connection,
                       const struct tap_fact *fact, uint64_t offset, uint64_t now_us)
{
    bool forever = rule->kind == TAP_RULE_DROP_ECHO;
    const struct past *past = find_past(rules, rule, connection);
    struct hold hold = {.rule = rule,
                        .connection = connection,
                        .stream = fact->stream,
                        .from = fact->by,
                        .until_us = past != NULL ? later(past->at_us, rule->plus_ms) : UINT64_MAX,
                        .limit_us = forever ? UINT64_MAX : later(now_us, rule->limit_ms)};
    if (hold.until_us <= now_us)
        return;
    if (rules->hold_count == TAP_HOLDS_MAX) {
        rules->not_held++;
        return;
    }
    rules->holds[rules->hold_count++] = hold;
    act(rules, TAP_ACT_HOLD, &hold, offset, false);
}

/* Where a fact is what the rule acts on; *OFFSET is where it begins. */
static bool is_its_moment(const struct tap_rule *rule, const struct tap_fact *fact,
                          uint64_t *offset)
{
    *offset = fact->at;
    if (rule->kind == TAP_RULE_RESET)
        return fact->kind == TAP_FACT_PROPOSED;
    switch (rule->held) {
    case TAP_HELD_ECHO:
        return fact->kind == TAP_FACT_AGREED;
    case TAP_HELD_ANSWER:
        return fact->kind == TAP_FACT_SPEAKS && fact->answer;
    case TAP_HELD_RPC:
        return fact->kind == TAP_FACT_SPEAKS && !fact->answer;
    default:
        *offset = 0;
        return fact->kind == TAP_FACT_PROPOSED;
    }
}

/* With a protocol's name, that a stream begins is known when it proposes. */
static bool ends_the_wait(const struct tap_rule *rule, const struct tap_fact *fact)
{
    bool any = strcmp(rule->until_protocol, "*") == 0;
    switch (rule->trigger) {
    case TAP_UNTIL_PROPOSES:
        return fact->kind == TAP_FACT_PROPOSED;
    case TAP_UNTIL_OPENS:
        return fact->kind == (any ? TAP_FACT_OPENED : TAP_FACT_PROPOSED);
    default:
        return fact->kind == TAP_FACT_SPEAKS && !fact->answer;
    }
}

static void remember(struct tap_rules *rules, const struct tap_rule *rule, uint64_t connection,
                     uint64_t time_us)
{
    if (find_past(rules, rule, connection) != NULL)
        return;
    rules->past = memory_resize(rules->past, (rules->past_count + 1) * sizeof(*rules->past));
    rules->past[rules->past_count++] = (struct past){rule, connection, time_us};
    for (size_t i = 0; i < rules->hold_count; i++)
        if (rules->holds[i].rule == rule && rules->holds[i].connection == connection)
            rules->holds[i].until_us = later(time_us, rule->plus_ms);
}

static void forget_holds(struct tap_rules *rules, uint64_t connection, const int64_t *stream)
{
    for (size_t i = rules->hold_count; i > 0; i--) {
        const struct hold *hold = &rules->holds[i - 1];
        if (hold->connection == connection && (stream == NULL || hold->stream == *stream))
            rules->holds[i - 1] = rules->holds[--rules->hold_count];
    }
}

static void reset_stream(const struct tap_rules *rules, const struct tap_rule *rule,
                         uint64_t connection, const struct tap_fact *fact)
{
    const struct hold hold = {
        .rule = rule, .connection = connection, .stream = fact->stream, .from = fact->by};
    act(rules, TAP_ACT_RESET, &hold, 0, false);
}

void tap_rules_fact(struct tap_rules *rules, uint64_t connection,
                    const char *const names[TAP_SIDES], const struct tap_fact *fact,
                    uint64_t now_us)
{
    if (fact->kind == TAP_FACT_CLOSED)
        forget_holds(rules, connection, &fact->stream);
    for (size_t i = 0; i < rules->count; i++) {
        const struct tap_rule *rule = &rules->rules[i];
        uint64_t offset;
        bool waits = rule->kind == TAP_RULE_HOLD && strcmp(rule->until, names[fact->by]) == 0 &&
                     ends_the_wait(rule, fact) &&
                     protocol_fits(rule->until_protocol, fact->protocol);
        if (waits)
            remember(rules, rule, connection, now_us);
        if (strcmp(rule->from, names[fact->by]) != 0 || !is_its_moment(rule, fact, &offset) ||
            !protocol_fits(rule->protocol, fact->protocol))
            continue;
        if (rule->kind == TAP_RULE_RESET)
            reset_stream(rules, rule, connection, fact);
        else
            begin_hold(rules, rule, connection, fact, offset, now_us);
    }
    tap_rules_time(rules, now_us);
}

void tap_rules_closed(struct tap_rules *rules, uint64_t connection)
{
    forget_holds(rules, connection, NULL);
    for (size_t i = rules->past_count; i > 0; i--)
        if (rules->past[i - 1].connection == connection)
            rules->past[i - 1] = rules->past[--rules->past_count];
}

/* Another rule may hold the same bytes still. */
static bool is_held_elsewhere(const struct tap_rules *rules, const struct hold *hold)
{
    for (size_t i = 0; i < rules->hold_count; i++) {
        const struct hold *other = &rules->holds[i];
        if (other->connection == hold->connection && other->stream == hold->stream &&
            other->from == hold->from)
            return true;
    }
    return false;
}

void tap_rules_time(struct tap_rules *rules, uint64_t now_us)
{
    for (size_t i = rules->hold_count; i > 0; i--) {
        const struct hold hold = rules->holds[i - 1];
        if (now_us < hold.until_us && now_us < hold.limit_us)
            continue;
        rules->holds[i - 1] = rules->holds[--rules->hold_count];
        if (!is_held_elsewhere(rules, &hold))
            act(rules, TAP_ACT_RELEASE, &hold, 0, now_us < hold.until_us);
    }
}

uint64_t tap_rules_due_us(const struct tap_rules *rules)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < rules->hold_count; i++) {
        const struct hold *hold = &rules->holds[i];
        due = hold->until_us < due ? hold->until_us : due;
        due = hold->limit_us < due ? hold->limit_us : due;
    }
    return due;
}

/* ---- the whole ---- */

struct tap_rules *tap_rules_new(tap_rules_act *act_on, void *context)
{
    struct tap_rules *rules = memory_new(sizeof(*rules));
    rules->act = act_on;
    rules->context = context;
    return rules;
}

void tap_rules_free(struct tap_rules *rules)
{
    if (rules != NULL)
        free(rules->past);
    free(rules);
}

bool tap_rules_add(struct tap_rules *rules, const struct tap_rule *rule)
{
    if (rules->count == TAP_RULES_MAX)
        return false;
    rules->rules[rules->count++] = *rule;
    return true;
}

size_t tap_rules_count(const struct tap_rules *rules)
{
    return rules->count;
}

uint64_t tap_rules_not_held(const struct tap_rules *rules)
{
    return rules->not_held;
}
