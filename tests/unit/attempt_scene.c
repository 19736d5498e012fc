#include "tests/unit/attempt_scene.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/support.h"

enum { PEER = 3, STRANGER = 4, OURS = 7, OTHER = 8, MS = 1000000 };

#define TOPICS(list) .topics = (list), .topic_count = sizeof(list) / sizeof(*(list))
#define PLAIN .topics = shared, .topic_count = sizeof(shared) / sizeof(*shared)

static const struct attempt_topic shared[] = {{.name = "block", .ours = true, .theirs = true}};
static const struct attempt_topic meshed[] = {
    {.name = "block", .ours = true, .theirs = true, .meshed = true}};
static const struct attempt_topic pruned[] = {
    {.name = "block", .ours = true, .theirs = true, .pruned = true}};
static const struct attempt_topic second_left[] = {
    {.name = "block", .ours = true, .theirs = true, .pruned = true},
    {.name = "vote", .ours = true, .theirs = true, .meshed = true}};
static const struct attempt_topic second_open[] = {
    {.name = "block", .ours = true, .theirs = true, .pruned = true},
    {.name = "vote", .ours = true, .theirs = true}};
static const struct attempt_topic apart[] = {{.name = "block", .ours = true},
                                             {.name = "elsewhere", .theirs = true}};
static const struct attempt_topic many[] = {
    {.name = "a", .theirs = true}, {.name = "b", .theirs = true}, {.name = "c", .theirs = true},
    {.name = "d", .theirs = true}, {.name = "e", .theirs = true}, {.name = "f", .theirs = true},
    {.name = "g", .theirs = true}, {.name = "h", .theirs = true}, {.name = "i", .theirs = true},
    {.name = "j", .theirs = true}};

#define BOTH_OPEN .outbound_exists = true, .outbound_open = true, .inbound_open = true
#define HEARD(what) .kind = ATTEMPT_HEARD_##what, .peer = PEER, .connection = OURS

const struct scene_event scene_events[] = {
    {"name-failed", {HEARD(NAME_FAILED), .reason = "no such name"}},
    {"name-no-socket", {HEARD(NAME_FAILED), .loss = ATTEMPT_LOST_OURS, .reason = "no socket"}},
    {"dialling", {HEARD(DIALLING)}},
    {"dialling-other", {.kind = ATTEMPT_HEARD_DIALLING, .connection = OTHER}},
    {"dial-unanswered",
     {HEARD(DIAL_FAILED), .loss = ATTEMPT_LOST_UNANSWERED, .handshake_timeout_ms = 1500,
      .reason = "handshake timed out; 2 bytes came"}},
    {"dial-failed", {HEARD(DIAL_FAILED), .reason = "no way there"}},
    {"dial-tls", {HEARD(DIAL_FAILED), .loss = ATTEMPT_LOST_TLS, .reason = "it is another"}},
    {"dial-refused", {HEARD(DIAL_FAILED), .loss = ATTEMPT_LOST_REFUSED, .reason = "not you"}},
    {"other-dial-failed",
     {.kind = ATTEMPT_HEARD_DIAL_FAILED, .connection = OTHER, .reason = "no way there"}},
    {"accept-failed", {HEARD(ACCEPT_FAILED), .reason = "nonsense"}},
    {"accept-tls", {HEARD(ACCEPT_FAILED), .loss = ATTEMPT_LOST_TLS, .reason = "bad certificate"}},
    {"connected", {HEARD(CONNECTED), .dialled = true, .started_ns = MS, .view = {PLAIN}}},
    {"dials", {HEARD(CONNECTED), .started_ns = MS, .view = {PLAIN}}},
    {"connected-meshed",
     {HEARD(CONNECTED), .dialled = true, .started_ns = MS,
      .view = {BOTH_OPEN, .identify_asked = true, .identified = true, TOPICS(meshed)}}},
    {"connected-other",
     {.kind = ATTEMPT_HEARD_CONNECTED, .peer = STRANGER, .connection = OTHER, .dialled = true}},
    {"there", {HEARD(ALREADY_THERE), .dialled = true, .view = {PLAIN}}},
    {"pong", {HEARD(PONG), .dialled = true, .view = {PLAIN}}},
    {"pong-other", {.kind = ATTEMPT_HEARD_PONG, .peer = PEER, .connection = OTHER}},
    {"ping-refused",
     {HEARD(PING_FAILED), .dialled = true, .end = PROTOCOL_REJECTED, .view = {PLAIN}}},
    {"ping-late", {HEARD(PING_FAILED), .end = PROTOCOL_TIMED_OUT, .reason = "no answer in time"}},
    {"ping-lost", {HEARD(PING_FAILED), .end = PROTOCOL_CONNECTION_LOST, .reason = "lost"}},
    {"pong-meshed",
     {HEARD(PONG), .dialled = true, .confirmed = true, .status = ATTEMPT_STATUS_KNOWN,
      .view = {BOTH_OPEN, .identify_asked = true, .identified = true, TOPICS(meshed)}}},
    {"pong-no-status",
     {HEARD(PONG), .dialled = true, .status = ATTEMPT_STATUS_REFUSED, .view = {PLAIN}}},
    {"pong-dialled-us", {HEARD(PONG), .confirmed = true, .view = {BOTH_OPEN, TOPICS(meshed)}}},
    {"confirmed", {HEARD(CONFIRMED)}},
    {"confirmed-other", {.kind = ATTEMPT_HEARD_CONFIRMED, .peer = PEER, .connection = OTHER}},
    {"status", {HEARD(STATUS)}},
    {"status-identify-asked", {HEARD(STATUS), .view = {.identify_asked = true}}},
    {"status-streams", {HEARD(STATUS), .view = {BOTH_OPEN, .identify_asked = true, PLAIN}}},
    {"status-stranger", {.kind = ATTEMPT_HEARD_STATUS, .peer = STRANGER, .connection = OTHER}},
    {"status-na", {HEARD(STATUS_FAILED), .end = PROTOCOL_REJECTED, .reason = "not spoken"}},
    {"status-unanswered",
     {HEARD(STATUS_FAILED), .end = PROTOCOL_RESET_UNANSWERED, .reason = "reset"}},
    {"status-refused", {HEARD(STATUS_FAILED), .end = PROTOCOL_CLOSED, .reason = "refused"}},
    {"status-late", {HEARD(STATUS_FAILED), .end = PROTOCOL_TIMED_OUT, .reason = "no answer"}},
    {"status-lost", {HEARD(STATUS_FAILED), .end = PROTOCOL_CONNECTION_LOST, .reason = "lost"}},
    {"status-malformed",
     {HEARD(STATUS_FAILED), .end = PROTOCOL_UNINTELLIGIBLE, .reason = "a second answer"}},
    {"status-asked-badly",
     {HEARD(STATUS_FAILED), .end = PROTOCOL_UNINTELLIGIBLE, .by_peer = true, .reason = "nonsense"}},
    {"identified", {HEARD(IDENTIFIED), .view = {.identify_asked = true}}},
    {"identify-na", {HEARD(IDENTIFY_FAILED), .end = PROTOCOL_REJECTED, .reason = "not spoken"}},
    {"identify-failed", {HEARD(IDENTIFY_FAILED), .end = PROTOCOL_RESET, .reason = "was reset"}},
    {"identify-lost", {HEARD(IDENTIFY_FAILED), .end = PROTOCOL_CONNECTION_LOST, .reason = "lost"}},
    {"outbound",
     {HEARD(STREAM_OPENED), .view = {.outbound_exists = true, .outbound_open = true, PLAIN}}},
    {"inbound", {HEARD(STREAM_OPENED), .view = {.inbound_open = true, PLAIN}}},
    {"streams", {HEARD(STREAM_OPENED), .view = {BOTH_OPEN, PLAIN}}},
    {"streams-identify-asked",
     {HEARD(STREAM_OPENED), .view = {BOTH_OPEN, .identify_asked = true, PLAIN}}},
    {"gossip-na", {HEARD(STREAM_REFUSED), .end = PROTOCOL_REJECTED, .reason = ""}},
    {"gossip-reset", {HEARD(STREAM_REFUSED), .end = PROTOCOL_RESET, .reason = ""}},
    {"gossip-malformed",
     {HEARD(STREAM_REFUSED), .end = PROTOCOL_UNINTELLIGIBLE, .reason = "no varint"}},
    {"gossip-unintelligible",
     {HEARD(STREAM_REFUSED), .end = PROTOCOL_UNINTELLIGIBLE, .reason = ""}},
    {"gossip-lost", {HEARD(STREAM_REFUSED), .end = PROTOCOL_CONNECTION_LOST, .reason = ""}},
    {"stream-reset", {HEARD(STREAM_CLOSED), .end = PROTOCOL_RESET}},
    {"stream-reset-large",
     {HEARD(STREAM_CLOSED), .end = PROTOCOL_RESET, .reason = "an RPC of 2 bytes was under way"}},
    {"stream-closed", {HEARD(STREAM_CLOSED), .end = PROTOCOL_CLOSED}},
    {"their-stream-reset", {HEARD(STREAM_CLOSED), .end = PROTOCOL_RESET, .by_peer = true}},
    {"graft-ours", {HEARD(GRAFT), .topic = "block"}},
    {"graft-ours-vote", {HEARD(GRAFT), .topic = "vote"}},
    {"graft-theirs", {HEARD(GRAFT), .topic = "block", .by_peer = true}},
    {"graft-theirs-vote", {HEARD(GRAFT), .topic = "vote", .by_peer = true}},
    {"left", {HEARD(MESH_LEFT), .topic = "block", .view = {BOTH_OPEN, PLAIN}}},
    {"left-with-stream", {HEARD(MESH_LEFT), .topic = "block", .view = {PLAIN}}},
    {"left-by-prune", {HEARD(MESH_LEFT), .topic = "block", .by_peer = true, .view = {PLAIN}}},
    {"left-for-vote",
     {HEARD(MESH_LEFT), .topic = "block", .by_peer = true, .view = {TOPICS(second_left)}}},
    {"pruned", {HEARD(GRAFT_REFUSED), .topic = "block", .view = {TOPICS(pruned)}}},
    {"pruned-one-of-two", {HEARD(GRAFT_REFUSED), .topic = "block", .view = {TOPICS(second_open)}}},
    {"pruned-but-vote", {HEARD(GRAFT_REFUSED), .topic = "block", .view = {TOPICS(second_left)}}},
    {"acknowledged", {HEARD(ACKNOWLEDGEMENT), .round_trip_us = SCENE_ROUND_TRIP_US}},
    {"acknowledged-fast", {HEARD(ACKNOWLEDGEMENT), .round_trip_us = 1}},
    {"lost", {HEARD(DISCONNECTED), .last = true, .reason = "gone"}},
    {"lost-one-of-two", {HEARD(DISCONNECTED), .reason = "gone"}},
    {"lost-other",
     {.kind = ATTEMPT_HEARD_DISCONNECTED, .peer = PEER, .connection = OTHER, .reason = "gone"}},
    {"lost-tls",
     {HEARD(DISCONNECTED), .last = true, .loss = ATTEMPT_LOST_TLS, .reason = "bad certificate"}},
    {"lost-refused",
     {HEARD(DISCONNECTED), .last = true, .loss = ATTEMPT_LOST_REFUSED, .reason = "not you"}},
    {"takes-leave",
     {HEARD(DISCONNECTED), .last = true, .loss = ATTEMPT_LOST_LEAVE, .reason = "bye"}},
    {"interrupted", {HEARD(ABANDONED), .exit = 130, .reason = "interrupted"}},
    {"time", {HEARD(TIME), .view = {PLAIN}}},
    {"time-answered", {HEARD(TIME), .answered = true, .view = {PLAIN}}},
    {"time-refused", {HEARD(TIME), .reason = "; ICMP came back", .view = {PLAIN}}},
    {"time-one-tls",
     {HEARD(TIME), .loss = ATTEMPT_LOST_TLS, .reason = "; A: it is another; B: no answer"}},
    {"time-apart", {HEARD(TIME), .view = {TOPICS(apart)}}},
    {"time-many-topics", {HEARD(TIME), .view = {TOPICS(many)}}},
    {NULL, {0}},
};

const struct scene_event *scene_event_find(const char *name)
{
    const struct scene_event *event = scene_events;
    while (event->name != NULL && strcmp(event->name, name) != 0)
        event++;
    if (event->name == NULL)
        fail_msg("there is no event '%s'", name);
    return event;
}

void scene_begin(struct scene *scene, enum attempt_step until, bool accept, const char *topic)
{
    const struct attempt_settings settings = {
        .until = until, .topic = topic, .timeout_ms = SCENE_TIMEOUT_MS};
    memset(scene, 0, sizeof(*scene));
    scene->now_ns = MS;
    attempt_init(&scene->attempt, &settings, accept, scene->now_ns);
}

static void note(struct scene *scene, const struct attempt_told *told)
{
    size_t length = strlen(scene->told);
    const char *mark = !told->ok ? "!" : told->not_spoken ? "~" : "";
    bool fails = !told->ok && scene->attempt.exit != 0;
    snprintf(scene->told + length, sizeof(scene->told) - length, "%s%s%s", length > 0 ? " " : "",
             mark, attempt_step_name(told->step));
    assert_true(told->after_us >= scene->last.after_us);
    if (fails)
        scene->failures++;
    else
        scene->told_times[told->step]++;
    scene->last = *told;
}

void scene_take(struct scene *scene, const struct attempt_event *event)
{
    struct attempt_output output;
    uint64_t asked_for = attempt_next_time(&scene->attempt);
    scene->now_ns += MS;
    if (event->kind == ATTEMPT_HEARD_TIME && asked_for != UINT64_MAX && asked_for > scene->now_ns)
        scene->now_ns = asked_for;
    attempt_take(&scene->attempt, scene->now_ns, event, &output);
    assert_true(output.count <= ATTEMPT_TOLD_MAX);
    for (size_t i = 0; i < output.count; i++)
        note(scene, &output.told[i]);
    scene->asks_identify = output.ask_identify;
}

void scene_take_all(struct scene *scene, const char *names)
{
    char copy[1024];
    char *rest = copy, *name;
    assert_true(strlen(names) < sizeof(copy));
    snprintf(copy, sizeof(copy), "%s", names);
    while ((name = strsep(&rest, " ")) != NULL) {
        if (*name != '\0')
            scene_take(scene, &scene_event_find(name)->event);
    }
}
