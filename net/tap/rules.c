#include "net/tap/rules.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/varint.h"

enum { MS_US = 1000 };

/* Bytes that are held now. */
struct hold {
    const struct tap_rule *rule;
    uint64_t connection;
    int64_t stream;
    enum tap_side from;
    uint64_t offset;
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

/* ---- what is to be done ---- */

const char *tap_act_name(enum tap_action_kind kind)
{
    static const char *const names[TAP_ACT_KINDS] = {[TAP_ACT_HOLD] = "held",
                                                     [TAP_ACT_RELEASE] = "released",
                                                     [TAP_ACT_REFUSE] = "renamed",
                                                     [TAP_ACT_RESET] = "reset"};
    return names[kind];
}

static bool protocol_fits(const char *pattern, const char *protocol)
{
    size_t size = strlen(pattern);
    if (pattern[size - 1] == '*')
        return strncmp(pattern, protocol, size - 1) == 0;
    return strcmp(pattern, protocol) == 0;
}

/* What the action of KIND on what HOLD is of has in every case. */
static struct tap_action action_of(enum tap_action_kind kind, const struct hold *hold)
{
    return (struct tap_action){.kind = kind,
                               .rule = hold->rule,
                               .connection = hold->connection,
                               .stream = hold->stream,
                               .from = hold->from,
                               .offset = hold->offset};
}

static void act(const struct tap_rules *rules, const struct tap_action *action)
{
    rules->act(rules->context, action);
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
                        .offset = offset,
                        .until_us = past != NULL ? later(past->at_us, rule->plus_ms) : UINT64_MAX,
                        .limit_us = forever ? UINT64_MAX : later(now_us, rule->limit_ms)};
    if (hold.until_us <= now_us)
        return;
    if (rules->hold_count == TAP_HOLDS_MAX) {
        rules->not_held++;
        return;
    }
    rules->holds[rules->hold_count++] = hold;
    const struct tap_action action = action_of(TAP_ACT_HOLD, &hold);
    act(rules, &action);
}

/* Where a fact is what the rule acts on; *OFFSET is where it begins. */
static bool is_its_moment(const struct tap_rule *rule, const struct tap_fact *fact,
                          uint64_t *offset)
{
    *offset = fact->at;
    if (rule->kind == TAP_RULE_RESET || rule->kind == TAP_RULE_REFUSE)
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

static void act_once(const struct tap_rules *rules, const struct tap_rule *rule,
                     uint64_t connection, const struct tap_fact *fact)
{
    const struct hold of = {
        .rule = rule, .connection = connection, .stream = fact->stream, .from = fact->by};
    bool reset = rule->kind == TAP_RULE_RESET;
    struct tap_action action = action_of(reset ? TAP_ACT_RESET : TAP_ACT_REFUSE, &of);
    if (!reset)
        action.offset = fact->at + varint_size(strlen(fact->protocol) + 1);
    action.protocol = fact->protocol;
    act(rules, &action);
}

void tap_rules_fact(struct tap_rules *rules, uint64_t connection,
                    const char *const names[TAP_SIDES], const struct tap_fact *fact,
                    uint64_t now_us)
{
    if (fact->kind == TAP_FACT_CLOSED)
        forget_holds(rules, connection, &fact->stream);
    bool refused = false; /* once is enough: it is another name then */
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
        if (rule->kind == TAP_RULE_RESET || (rule->kind == TAP_RULE_REFUSE && !refused))
            act_once(rules, rule, connection, fact);
        else if (rule->kind != TAP_RULE_REFUSE)
            begin_hold(rules, rule, connection, fact, offset, now_us);
        refused |= rule->kind == TAP_RULE_REFUSE;
    }
    tap_rules_time(rules, now_us);
}

/* From where on other rules hold the same half still. */
static uint64_t held_elsewhere(const struct tap_rules *rules, const struct hold *hold)
{
    uint64_t from = UINT64_MAX;
    for (size_t i = 0; i < rules->hold_count; i++) {
        const struct hold *other = &rules->holds[i];
        if (other->connection == hold->connection && other->stream == hold->stream &&
            other->from == hold->from && other->offset < from)
            from = other->offset;
    }
    return from;
}

static void release(struct tap_rules *rules, size_t index, enum tap_release why)
{
    const struct hold hold = rules->holds[index];
    rules->holds[index] = rules->holds[--rules->hold_count];
    struct tap_action action = action_of(TAP_ACT_RELEASE, &hold);
    action.offset = held_elsewhere(rules, &hold);
    action.why = why;
    act(rules, &action);
}

/* An echo that is never to come does not, at the end either. */
void tap_rules_closed(struct tap_rules *rules, uint64_t connection)
{
    for (size_t i = rules->hold_count; i > 0; i--)
        if (rules->holds[i - 1].connection == connection &&
            rules->holds[i - 1].rule->kind == TAP_RULE_HOLD)
            release(rules, i - 1, TAP_RELEASE_END);
    forget_holds(rules, connection, NULL);
    for (size_t i = rules->past_count; i > 0; i--)
        if (rules->past[i - 1].connection == connection)
            rules->past[i - 1] = rules->past[--rules->past_count];
}

void tap_rules_time(struct tap_rules *rules, uint64_t now_us)
{
    for (size_t i = rules->hold_count; i > 0; i--) {
        const struct hold *hold = &rules->holds[i - 1];
        if (now_us >= hold->until_us)
            release(rules, i - 1, TAP_RELEASE_DONE);
        else if (now_us >= hold->limit_us)
            release(rules, i - 1, TAP_RELEASE_LIMIT);
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
