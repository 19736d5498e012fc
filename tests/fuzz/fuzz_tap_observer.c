/*
 * What two nodes may say to each other through a tap. The input is a run of steps: a byte that says
 * on which of four streams, by whom and what; for data two bytes of length and the data. Whatever
 * comes, the facts are the same in one go and byte by byte, are safe to show, begin within what was
 * said, and leave the mesh on the wire and the rules sound.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "common/utf8.h"
#include "net/tap/fact_text.h"
#include "net/tap/observer.h"
#include "net/tap/rules.h"
#include "net/tap/wire_mesh.h"
#include "net/tap/withheld.h"
#include "tests/fuzz/fuzz.h"

enum { STREAMS = 4, STEP_US = 40000, WHAT_FIN = 28, WHAT_RESET, WHAT_STOP, WHAT_CLOSED };

static const char *const names[TAP_SIDES] = {"a", "b"};
static const size_t numbers[TAP_SIDES] = {0, 1};
static const char connection[] = "00aa";

struct run {
    struct tap_observer *observer;
    struct wire_mesh *mesh;
    struct tap_rules *rules;
    struct tap_withheld *withheld;
    struct buffer facts;
    uint64_t said[STREAMS][TAP_SIDES];
    size_t held, released;
    uint64_t now_us;
};

static void require_safe(struct bytes text)
{
    while (text.size > 0) {
        uint32_t character;
        size_t size = utf8_read(text, &character);
        require(size > 0 && character >= ' ');
        text = bytes_after(text, size);
    }
}

static void note(void *context, const struct tap_fact *fact)
{
    struct run *run = context;
    char head[96];
    struct buffer line = {0};
    require(fact->kind < TAP_FACT_KINDS && tap_fact_name(fact->kind) != NULL);
    require(fact->at <= run->said[fact->stream / 4][fact->by]);
    require((fact->kind == TAP_FACT_RPC) == (fact->rpc != NULL));
    require((fact->kind == TAP_FACT_STATUS) == (fact->status != NULL));
    snprintf(head, sizeof(head), "%d %d %" PRId64 " %" PRIu64 " %" PRIu64 " %d ", fact->kind,
             fact->by, fact->stream, fact->at, fact->size, fact->unfinished);
    if (tap_fact_text(fact, names, &line))
        require_safe(buffer_bytes(&line));
    buffer_append_text(&run->facts, head);
    buffer_append(&run->facts, line.data, line.size);
    buffer_append_byte(&run->facts, '\n');
    buffer_clear(&line);
    tap_rules_fact(run->rules, 1, names, fact, fact->time_us);
    tap_withheld_fact(run->withheld, fact);
}

static void note_passed(void *context, const struct tap_fact *fact)
{
    const struct run *run = context;
    require(fact->time_us <= run->now_us);
    wire_mesh_fact(run->mesh, connection, numbers, fact);
}

static void act(void *context, const struct tap_action *action)
{
    struct run *run = context;
    require(action->connection == 1 && action->rule != NULL);
    run->held += action->kind == TAP_ACT_HOLD;
    run->released += action->kind == TAP_ACT_RELEASE;
    require(run->released <= run->held);
    if (action->kind == TAP_ACT_HOLD)
        tap_withheld_hold(run->withheld, action->stream, action->from, action->offset,
                          action->rule->kind == TAP_RULE_DROP_ECHO);
    if (action->kind == TAP_ACT_RELEASE)
        tap_withheld_release(run->withheld, action->stream, action->from, action->offset,
                             run->now_us);
    if (action->kind == TAP_ACT_REFUSE)
        require(action->offset + strlen(action->protocol) <
                run->said[action->stream / 4][action->from]);
}

static struct bytes take(struct bytes *input, size_t size)
{
    struct bytes taken = bytes_of(input->data, size < input->size ? size : input->size);
    *input = bytes_after(*input, taken.size);
    return taken;
}

/* In pieces of SIZE. */
static void say(struct run *run, size_t stream, enum tap_side by, struct bytes data, size_t size)
{
    while (data.size > 0) {
        struct bytes piece = take(&data, size);
        run->said[stream][by] += piece.size;
        tap_observer_data(run->observer, (int64_t)stream * 4, by, piece, run->now_us);
    }
}

static void step(struct run *run, struct bytes *input, size_t size)
{
    uint8_t byte = *take(input, 1).data;
    enum tap_side by = byte & 1;
    size_t stream = byte / 2 % STREAMS, what = byte / 8;
    int64_t id = (int64_t)stream * 4;
    if (what == WHAT_CLOSED) {
        tap_observer_closed(run->observer, id, run->now_us);
        memset(run->said[stream], 0, sizeof(run->said[stream]));
        tap_observer_opened(run->observer, id, by, run->now_us);
    } else if (what >= WHAT_FIN) {
        tap_observer_ended(run->observer, id, by, (enum tap_end)(what - WHAT_FIN), what,
                           run->now_us);
    } else {
        struct bytes length = take(input, 2);
        if (length.size == 2)
            say(run, stream, by, take(input, (size_t)(length.data[0] | length.data[1] << 8)), size);
    }
}

static void add_rule(struct run *run, enum tap_rule_kind kind, const char *text)
{
    struct tap_rule rule;
    require(tap_rule_parse(kind, text, &rule, NULL) && tap_rules_add(run->rules, &rule));
}

static void begin(struct run *run)
{
    run->observer = tap_observer_new(note, run);
    run->mesh = wire_mesh_new(NULL, NULL);
    run->rules = tap_rules_new(act, run);
    run->withheld = tap_withheld_new(note_passed, run);
    add_rule(run, TAP_RULE_HOLD, "echo gossipsub from b until b proposes gossipsub plus 100ms");
    add_rule(run, TAP_RULE_HOLD, "rpc gossipsub from a until b sends gossipsub limit 200ms");
    add_rule(run, TAP_RULE_REFUSE, "/a* from b");
    add_rule(run, TAP_RULE_RESET, "identify from a code 7");
    add_rule(run, TAP_RULE_DROP_ECHO, "status from b");
    wire_mesh_connected(run->mesh, connection, numbers[TAP_DIALLER], numbers[TAP_LISTENER], 0);
    for (size_t i = 0; i < STREAMS; i++)
        tap_observer_opened(run->observer, (int64_t)i * 4, i % 2 == 0 ? TAP_DIALLER : TAP_LISTENER,
                            0);
}

static void check_mesh(const struct wire_mesh *mesh)
{
    for (size_t node = 0; node < TAP_SIDES; node++) {
        size_t count;
        const struct wire_peer *peers = wire_mesh_peers(mesh, node, &count);
        for (size_t i = 0; i < count; i++)
            require(peers[i].node == 1 - node && peers[i].topic_count <= WIRE_TOPICS_MAX &&
                    peers[i].stream_count <= WIRE_STREAMS_MAX);
    }
}

/* Returns what was told. */
static struct buffer play(struct bytes input, size_t size)
{
    struct run run = {0};
    begin(&run);
    while (input.size > 0) {
        run.now_us += STEP_US;
        tap_rules_time(run.rules, run.now_us);
        require(tap_rules_due_us(run.rules) > run.now_us);
        step(&run, &input, size);
    }
    check_mesh(run.mesh);
    tap_rules_closed(run.rules, 1);
    require(tap_rules_due_us(run.rules) == UINT64_MAX);
    wire_mesh_closed(run.mesh, connection, numbers, TAP_DIALLER, true, run.now_us);
    tap_observer_free(run.observer);
    tap_rules_free(run.rules);
    tap_withheld_free(run.withheld);
    wire_mesh_free(run.mesh);
    return run.facts;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer whole = play(bytes_of(data, size), SIZE_MAX);
    struct buffer pieces = play(bytes_of(data, size), 1);
    require(whole.size == pieces.size && memcmp(whole.data, pieces.data, whole.size) == 0);
    buffer_clear(&whole);
    buffer_clear(&pieces);
    return 0;
}
