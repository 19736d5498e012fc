/*
 * What a tap is to do to nodes on purpose: holds, refusals, resets and echoes that never come, so
 * that two nodes meet in the order that one wants. Pure: facts and times go in, actions come out.
 */
#ifndef NET_TAP_RULES_H
#define NET_TAP_RULES_H

#include "common/error.h"
#include "net/tap/fact.h"

enum {
    TAP_RULES_MAX = 64,
    TAP_HOLDS_MAX = 1024, /* at a time; what comes beyond is not held, and counted */
    TAP_RULE_TEXT_MAX = 255,
    TAP_HOLD_LIMIT_MS = 5000,
    TAP_HOLD_LIMIT_MAX_MS = 24 * 60 * 60 * 1000,
};

enum tap_rule_kind { TAP_RULE_HOLD, TAP_RULE_REFUSE, TAP_RULE_RESET, TAP_RULE_DROP_ECHO };

/* What is held, of what a node says. */
enum tap_held {
    TAP_HELD_ECHO,   /* its echo of a proposal, and what is behind it */
    TAP_HELD_ANSWER, /* what it says behind its echo */
    TAP_HELD_RPC,    /* what it says behind its proposal */
    TAP_HELD_STREAM, /* all that it says on a stream that it opened */
};

/* What ends a hold. */
enum tap_trigger { TAP_UNTIL_PROPOSES, TAP_UNTIL_OPENS, TAP_UNTIL_SENDS };

struct tap_rule {
    enum tap_rule_kind kind;
    char text[TAP_RULE_TEXT_MAX + 1]; /* as it was written */
    enum tap_held held;
    char protocol[TAP_RULE_TEXT_MAX + 1], from[TAP_RULE_TEXT_MAX + 1];
    char until[TAP_RULE_TEXT_MAX + 1], until_protocol[TAP_RULE_TEXT_MAX + 1];
    enum tap_trigger trigger;
    uint64_t plus_ms, limit_ms, code;
};

/*
 * TEXT is, by kind:
 *   TAP_RULE_HOLD       "echo|answer|rpc|stream PROTOCOL from NAME until NAME
 *                        proposes|opens|sends PROTOCOL [plus DURATION] [limit DURATION]"
 *   TAP_RULE_REFUSE     "PROTOCOL from NAME", who proposes it
 *   TAP_RULE_RESET      "PROTOCOL from NAME [code N]", the same
 *   TAP_RULE_DROP_ECHO  "PROTOCOL from NAME", who agrees to it
 * PROTOCOL is a protocol's name, or its beginning with a '*' behind it, or gossipsub, status or
 * identify. All is printable ASCII. The limit is TAP_HOLD_LIMIT_MS where none is given, and at most
 * TAP_HOLD_LIMIT_MAX_MS; plus is shorter than it. Errors name the word that cannot be.
 */
bool tap_rule_parse(enum tap_rule_kind kind, const char *text, struct tap_rule *rule,
                    struct error *error);

enum tap_action_kind {
    TAP_ACT_HOLD,
    TAP_ACT_RELEASE,
    TAP_ACT_REFUSE,
    TAP_ACT_RESET,
    TAP_ACT_KINDS,
};

/* "held", "released" and so on, as events have it; static. */
const char *tap_act_name(enum tap_action_kind kind);

/* Why something is released. */
enum tap_release {
    TAP_RELEASE_DONE,
    TAP_RELEASE_LIMIT, /* what it waited for has not come */
    TAP_RELEASE_END,   /* of the connection */
};

struct tap_action {
    enum tap_action_kind kind;
    const struct tap_rule *rule;
    uint64_t connection;
    int64_t stream;
    enum tap_side from; /* whose bytes */
    /* Of a hold where it begins; of a release where another rule holds the same half still,
     * UINT64_MAX: nowhere; of a refusal where the protocol's name begins. */
    uint64_t offset;
    enum tap_release why;
    const char *protocol; /* of a refusal, as it was proposed; borrowed */
};

typedef void tap_rules_act(void *context, const struct tap_action *action);

struct tap_rules;

struct tap_rules *tap_rules_new(tap_rules_act *act, void *context);
void tap_rules_free(struct tap_rules *rules); /* NULL is allowed */
/* False where there are TAP_RULES_MAX. */
bool tap_rules_add(struct tap_rules *rules, const struct tap_rule *rule);
size_t tap_rules_count(const struct tap_rules *rules);

/* A fact of the connection, which is a number of the caller's; NAMES are its nodes'. NOW_US here
 * and of tap_rules_time() is of a clock that nobody sets, as a fact's own time is not. */
void tap_rules_fact(struct tap_rules *rules, uint64_t connection,
                    const char *const names[TAP_SIDES], const struct tap_fact *fact,
                    uint64_t now_us);
void tap_rules_closed(struct tap_rules *rules, uint64_t connection);
void tap_rules_time(struct tap_rules *rules, uint64_t now_us);
/* When tap_rules_time() has something to do; UINT64_MAX: never. */
uint64_t tap_rules_due_us(const struct tap_rules *rules);
/* What should have been held and was not, since TAP_HOLDS_MAX were. */
uint64_t tap_rules_not_held(const struct tap_rules *rules);

#endif
