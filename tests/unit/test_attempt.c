/*
 * The state machine of a connection attempt: every state with every event, the way through, what is
 * said of each failure, and that whatever comes it ends and says one thing once.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "tests/unit/attempt_scene.h"

#include "tests/unit/support.h"

/* The states, for the tables. */
#define NAME ATTEMPT_AWAITS_NAME
#define ANSWER ATTEMPT_AWAITS_ANSWER
#define DIALLER ATTEMPT_AWAITS_DIALLER
#define ECHO ATTEMPT_AWAITS_ECHO
#define CONFIRMATION ATTEMPT_AWAITS_CONFIRMATION
#define IDENTIFY ATTEMPT_AWAITS_IDENTIFY
#define STATUS ATTEMPT_AWAITS_STATUS
#define STREAMS ATTEMPT_AWAITS_STREAMS
#define MESH ATTEMPT_AWAITS_MESH
#define STRAGGLERS ATTEMPT_AWAITS_STRAGGLERS
#define ENDS ATTEMPT_ENDS

/* ---- every state with every event ---- */

/* How each state is come to. */
static const struct {
    enum attempt_step until;
    bool accept;
    const char *events;
} ways[ATTEMPT_STATES] = {
    [NAME] = {ATTEMPT_MESH, false, ""},
    [ANSWER] = {ATTEMPT_MESH, false, "dialling"},
    [DIALLER] = {ATTEMPT_MESH, true, ""},
    [ECHO] = {ATTEMPT_MESH, false, "there"},
    [CONFIRMATION] = {ATTEMPT_HANDSHAKE, false, "dialling connected"},
    [IDENTIFY] = {ATTEMPT_IDENTIFY, false, "dialling connected"},
    [STATUS] = {ATTEMPT_MESH, false, "dialling connected"},
    [STREAMS] = {ATTEMPT_MESH, false, "dialling connected status"},
    [MESH] = {ATTEMPT_MESH, false, "dialling connected status streams"},
    [STRAGGLERS] = {ATTEMPT_STATUS, false, "dialling connected status-identify-asked"},
    [ENDS] = {ATTEMPT_HANDSHAKE, false, "dialling connected confirmed"},
};

/* What comes of the events that change anything; any other leaves all as it is. */
static const struct row {
    enum attempt_state state;
    const char *events;
    enum attempt_state next;
    int exit;
    const char *told;
} rows[] = {
    {NAME, "name-failed time time-answered time-refused time-one-tls time-apart time-many-topics",
     ENDS, 3, "!handshake"},
    {NAME, "name-no-socket", ENDS, 1, "!handshake"},
    {NAME, "dialling dialling-other", ANSWER, 0, ""},
    {ANSWER, "dialling-other", ANSWER, 0, ""}, /* of several addresses */
    {NAME, "there", ECHO, 0, ""},
    {NAME, "interrupted", ENDS, 130, "!handshake"},
    {ANSWER,
     "dial-unanswered dial-failed time time-answered time-refused time-apart time-many-topics",
     ENDS, 3, "!handshake"},
    {ANSWER, "dial-tls dial-refused time-one-tls", ENDS, 4, "!handshake"},
    {ANSWER, "connected", STATUS, 0, "handshake"},
    {ANSWER, "dials", STREAMS, 0, "handshake"},
    {ANSWER, "connected-meshed", STATUS, 0, "handshake identify"},
    {ANSWER, "interrupted", ENDS, 130, "!handshake"},
    {DIALLER, "accept-failed", DIALLER, 0, ""},
    {DIALLER, "accept-tls", ENDS, 4, "!handshake"},
    {DIALLER, "dials", STREAMS, 0, "handshake"},
    {DIALLER, "interrupted", ENDS, 130, "!handshake"},
    {DIALLER, "time time-answered time-refused time-one-tls time-apart time-many-topics", ENDS, 3,
     "!handshake"},
    {ECHO, "pong ping-refused", STATUS, 0, "handshake"},
    {ECHO, "pong-meshed", ENDS, 0, "handshake identify confirmed status streams mesh"},
    {ECHO, "pong-no-status", STREAMS, 0, "handshake confirmed ~status"},
    {ECHO, "pong-dialled-us", STRAGGLERS, 0, "handshake streams mesh confirmed"},
    {ECHO,
     "ping-late ping-lost lost lost-one-of-two lost-tls lost-refused takes-leave time "
     "time-answered time-refused time-one-tls time-apart time-many-topics",
     ENDS, 3, "!handshake"},
    {ECHO, "interrupted", ENDS, 130, "!handshake"},
    {CONFIRMATION, "confirmed status-refused status-malformed status-asked-badly", ENDS, 0,
     "confirmed"},
    {CONFIRMATION, "status", ENDS, 0, "confirmed status"},
    {CONFIRMATION, "status-identify-asked", STRAGGLERS, 0, "confirmed status"},
    {CONFIRMATION, "status-streams", STRAGGLERS, 0, "confirmed status streams"},
    {CONFIRMATION, "status-na status-unanswered", ENDS, 0, "confirmed ~status"},
    {CONFIRMATION, "status-late", ENDS, 6, "!status"},
    {CONFIRMATION, "identified", CONFIRMATION, 0, "identify"},
    {CONFIRMATION, "identify-na", CONFIRMATION, 0, "~identify"},
    {CONFIRMATION, "identify-failed", CONFIRMATION, 0, "!identify"},
    {CONFIRMATION,
     "outbound inbound streams streams-identify-asked graft-ours graft-ours-vote graft-theirs "
     "graft-theirs-vote",
     CONFIRMATION, 0, ""},
    {CONFIRMATION, "gossip-na", ENDS, 5, "!streams"},
    {CONFIRMATION,
     "gossip-reset gossip-malformed gossip-unintelligible stream-reset stream-reset-large", ENDS, 7,
     "!streams"},
    {CONFIRMATION, "pruned", ENDS, 8, "!mesh"},
    {CONFIRMATION, "lost lost-one-of-two takes-leave", ENDS, 3, "!confirmed"},
    {CONFIRMATION,
     "lost-tls lost-refused time time-answered time-refused time-one-tls time-apart "
     "time-many-topics",
     ENDS, 4, "!confirmed"},
    {CONFIRMATION, "interrupted", ENDS, 130, "!confirmed"},
    {IDENTIFY, "confirmed", IDENTIFY, 0, "confirmed"},
    {IDENTIFY, "status status-identify-asked", IDENTIFY, 0, "confirmed status"},
    {IDENTIFY, "status-streams", IDENTIFY, 0, "confirmed status streams"},
    {IDENTIFY, "status-na status-unanswered", IDENTIFY, 0, "confirmed ~status"},
    {IDENTIFY, "status-refused status-malformed status-asked-badly", ENDS, 6, "confirmed !status"},
    {IDENTIFY, "status-late", ENDS, 6, "!status"},
    {IDENTIFY, "identified", ENDS, 0, "identify"},
    {IDENTIFY,
     "identify-na identify-failed lost lost-one-of-two lost-tls takes-leave time time-answered "
     "time-refused time-one-tls "
     "time-apart time-many-topics",
     ENDS, 5, "!identify"},
    {IDENTIFY,
     "outbound inbound streams streams-identify-asked graft-ours graft-ours-vote graft-theirs "
     "graft-theirs-vote",
     IDENTIFY, 0, ""},
    {IDENTIFY, "gossip-na", ENDS, 5, "!streams"},
    {IDENTIFY,
     "gossip-reset gossip-malformed gossip-unintelligible stream-reset stream-reset-large", ENDS, 7,
     "!streams"},
    {IDENTIFY, "pruned", ENDS, 8, "!mesh"},
    {IDENTIFY, "lost-refused", ENDS, 4, "!confirmed"},
    {IDENTIFY, "interrupted", ENDS, 130, "!identify"},
    {STATUS, "confirmed", STATUS, 0, "confirmed"},
    {STATUS, "status status-identify-asked", STREAMS, 0, "confirmed status"},
    {STATUS, "status-streams", MESH, 0, "confirmed status streams"},
    {STATUS, "status-na status-unanswered", STREAMS, 0, "confirmed ~status"},
    {STATUS, "status-refused status-malformed status-asked-badly", ENDS, 6, "confirmed !status"},
    {STATUS,
     "status-late lost lost-one-of-two lost-tls takes-leave time time-answered time-refused "
     "time-one-tls "
     "time-apart "
     "time-many-topics",
     ENDS, 6, "!status"},
    {STATUS, "identified", STATUS, 0, "identify"},
    {STATUS, "identify-na", STATUS, 0, "~identify"},
    {STATUS, "identify-failed", STATUS, 0, "!identify"},
    {STATUS,
     "outbound inbound streams streams-identify-asked graft-ours graft-ours-vote graft-theirs "
     "graft-theirs-vote",
     STATUS, 0, ""},
    {STATUS, "gossip-na", ENDS, 5, "!streams"},
    {STATUS, "gossip-reset gossip-malformed gossip-unintelligible stream-reset stream-reset-large",
     ENDS, 7, "!streams"},
    {STATUS, "pruned", ENDS, 8, "!mesh"},
    {STATUS, "lost-refused", ENDS, 4, "!confirmed"},
    {STATUS, "interrupted", ENDS, 130, "!status"},
    {STREAMS, "identified", STREAMS, 0, "identify"},
    {STREAMS, "identify-na", STREAMS, 0, "~identify"},
    {STREAMS, "identify-failed", STREAMS, 0, "!identify"},
    {STREAMS, "outbound inbound graft-ours graft-ours-vote graft-theirs graft-theirs-vote", STREAMS,
     0, ""},
    {STREAMS, "streams streams-identify-asked", MESH, 0, "streams"},
    {STREAMS, "gossip-na", ENDS, 5, "!streams"},
    {STREAMS,
     "gossip-reset gossip-malformed gossip-unintelligible stream-reset stream-reset-large lost "
     "lost-tls takes-leave "
     "time time-answered time-refused time-one-tls time-apart time-many-topics",
     ENDS, 7, "!streams"},
    {STREAMS, "pruned", ENDS, 8, "!mesh"},
    {STREAMS, "status-malformed", ENDS, 6, "!status"},
    {STREAMS, "lost-refused", ENDS, 4, "!confirmed"},
    {STREAMS, "interrupted", ENDS, 130, "!streams"},
    {MESH, "identified", MESH, 0, "identify"},
    {MESH, "identify-na", MESH, 0, "~identify"},
    {MESH, "identify-failed", MESH, 0, "!identify"},
    {MESH, "outbound inbound graft-ours graft-ours-vote", MESH, 0, ""},
    {MESH, "gossip-na", ENDS, 5, "!streams"},
    {MESH, "gossip-reset gossip-malformed gossip-unintelligible stream-reset stream-reset-large",
     ENDS, 7, "!streams"},
    {MESH, "graft-theirs graft-theirs-vote", ENDS, 0, "mesh"},
    {MESH,
     "pruned lost lost-tls takes-leave time time-answered time-refused time-one-tls time-apart "
     "time-many-topics",
     ENDS, 8, "!mesh"},
    {MESH, "status-malformed", ENDS, 6, "!status"},
    {MESH, "lost-refused", ENDS, 4, "!confirmed"},
    {MESH, "interrupted", ENDS, 130, "!mesh"},
    {STRAGGLERS, "identified", ENDS, 0, "identify"},
    {STRAGGLERS, "identify-na", ENDS, 0, "~identify"},
    {STRAGGLERS, "identify-failed", ENDS, 0, "!identify"},
    {STRAGGLERS, "outbound inbound graft-ours graft-ours-vote graft-theirs graft-theirs-vote",
     STRAGGLERS, 0, ""},
    {STRAGGLERS, "streams streams-identify-asked", STRAGGLERS, 0, "streams"},
    {STRAGGLERS,
     "lost lost-tls lost-refused takes-leave interrupted time time-answered time-refused "
     "time-one-tls "
     "time-apart "
     "time-many-topics",
     ENDS, 0, ""},
    {ENDS, "lost lost-tls lost-refused takes-leave", ENDS, 0, ""},
};

static bool lists(const char *names, const char *name)
{
    size_t size = strlen(name);
    for (const char *found = names; (found = strstr(found, name)) != NULL; found += size) {
        bool begins = found == names || found[-1] == ' ';
        if (begins && (found[size] == ' ' || found[size] == '\0'))
            return true;
    }
    return false;
}

static const struct row *find_row(enum attempt_state state, const char *event)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (rows[i].state == state && lists(rows[i].events, event))
            return &rows[i];
    }
    return NULL;
}

/* In the state, with nothing told yet. */
static void come_to(struct scene *scene, enum attempt_state state)
{
    scene_begin(scene, ways[state].until, ways[state].accept, NULL);
    scene_take_all(scene, ways[state].events);
    assert_int_equal(scene->attempt.state, state);
    scene->told[0] = '\0';
}

static bool is_same(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

static void check_pair(enum attempt_state state, const struct scene_event *event)
{
    struct scene scene;
    struct attempt before;
    come_to(&scene, state);
    memcpy(&before, &scene.attempt, sizeof(before));
    scene_take(&scene, &event->event);
    const struct row *row = find_row(state, event->name);
    bool changed = !is_same(&before, &scene.attempt, sizeof(before));
    if (row == NULL && (changed || scene.told[0] != '\0'))
        fail_msg("state %d, %s: changes something, and tells '%s'", state, event->name, scene.told);
    if (row == NULL)
        return;
    if (!changed || scene.attempt.state != row->next || scene.attempt.exit != row->exit ||
        strcmp(scene.told, row->told) != 0)
        fail_msg("state %d, %s: state %d, exit %d, '%s'", state, event->name, scene.attempt.state,
                 scene.attempt.exit, scene.told);
}

static void every_state_takes_every_event_as_the_table_says(void **unused)
{
    (void)unused;
    for (enum attempt_state state = 0; state < ATTEMPT_STATES; state++) {
        for (const struct scene_event *event = scene_events; event->name != NULL; event++)
            check_pair(state, event);
    }
}

static void the_table_names_no_event_that_is_not_there(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char *names = text_copy(rows[i].events);
        char *rest = names, *name;
        while ((name = strsep(&rest, " ")) != NULL)
            assert_ptr_equal(find_row(rows[i].state, scene_event_find(name)->name), &rows[i]);
        free(names);
    }
}

/* ---- the way through ---- */

/* From the beginning to the end, or as far as it goes. */
static const struct way {
    enum attempt_step until;
    bool accept;
    const char *topic;
    const char *events;
    const char *told;
    const char *reached;
    enum attempt_state state;
} through[] = {
    /* dialled */
    {ATTEMPT_HANDSHAKE, false, NULL, "dialling connected confirmed", "handshake confirmed",
     "handshake", ENDS},
    {ATTEMPT_HANDSHAKE, false, NULL, "dialling-other dialling connected confirmed",
     "handshake confirmed", "handshake", ENDS},
    {ATTEMPT_IDENTIFY, false, NULL, "dialling connected identified", "handshake identify",
     "identify", ENDS},
    {ATTEMPT_STATUS, false, NULL, "dialling connected status", "handshake confirmed status",
     "status", ENDS},
    {ATTEMPT_STREAMS, false, NULL, "dialling connected confirmed status outbound streams",
     "handshake confirmed status streams", "streams", ENDS},
    {ATTEMPT_MESH, false, NULL, "dialling connected status streams graft-theirs",
     "handshake confirmed status streams mesh", "mesh", ENDS},
    {ATTEMPT_MESH, false, NULL, "dialling connected status graft-theirs streams",
     "handshake confirmed status streams mesh", "mesh", ENDS},
    /* a GRAFT of ours stands once a round trip has passed since its acknowledgement */
    {ATTEMPT_MESH, false, NULL, "dialling connected status streams graft-ours acknowledged time",
     "handshake confirmed status streams mesh", "mesh", ENDS},
    {ATTEMPT_MESH, false, NULL, "dialling connected status graft-ours acknowledged streams time",
     "handshake confirmed status streams mesh", "mesh", ENDS},
    {ATTEMPT_MESH, false, NULL, "dialling connected status streams graft-ours acknowledged",
     "handshake confirmed status streams", "streams", MESH},
    {ATTEMPT_MESH, false, NULL,
     "dialling connected status streams graft-ours acknowledged takes-leave",
     "handshake confirmed status streams mesh", "mesh", ENDS},
    {ATTEMPT_MESH, false, NULL, "dialling connected status streams graft-ours takes-leave",
     "handshake confirmed status streams !mesh", "streams", ENDS},
    /* a new GRAFT must be acknowledged anew, one on another topic changes nothing */
    {ATTEMPT_MESH, false, NULL,
     "dialling connected status streams graft-ours acknowledged graft-ours takes-leave",
     "handshake confirmed status streams !mesh", "streams", ENDS},
    {ATTEMPT_MESH, false, NULL,
     "dialling connected status streams graft-ours acknowledged graft-ours-vote time",
     "handshake confirmed status streams mesh", "mesh", ENDS},
    /* a PRUNE takes the GRAFT away, but another may stand, or come */
    {ATTEMPT_MESH, false, NULL,
     "dialling connected status streams graft-ours acknowledged pruned-but-vote time",
     "handshake confirmed status streams mesh", "mesh", ENDS},
    {ATTEMPT_MESH, false, NULL,
     "dialling connected status streams graft-ours acknowledged left-for-vote takes-leave",
     "handshake confirmed status streams mesh", "mesh", ENDS},
    {ATTEMPT_MESH, false, NULL,
     "dialling connected status streams graft-ours pruned-one-of-two graft-theirs-vote",
     "handshake confirmed status streams mesh", "mesh", ENDS},
    {ATTEMPT_MESH, false, NULL,
     "dialling connected status streams graft-ours acknowledged left takes-leave",
     "handshake confirmed status streams !mesh", "streams", ENDS},
    {ATTEMPT_MESH, false, NULL,
     "dialling connected status streams graft-ours acknowledged left-with-stream takes-leave",
     "handshake confirmed status streams mesh", "mesh", ENDS},
    /* the topic that was asked for, and no other */
    {ATTEMPT_MESH, false, "vote", "dialling connected status streams graft-theirs",
     "handshake confirmed status streams", "streams", MESH},
    {ATTEMPT_MESH, false, "vote",
     "dialling connected status streams graft-theirs graft-theirs-vote",
     "handshake confirmed status streams mesh", "mesh", ENDS},
    /* what is under way when the goal is reached is waited for, as long as the grace lasts */
    {ATTEMPT_STREAMS, false, NULL, "dialling connected status streams-identify-asked",
     "handshake confirmed status streams", "streams", STRAGGLERS},
    {ATTEMPT_STREAMS, false, NULL,
     "dialling connected status streams-identify-asked graft-theirs identify-failed",
     "handshake confirmed status streams mesh !identify", "streams", ENDS},
    {ATTEMPT_STREAMS, false, NULL, "dialling connected status streams-identify-asked time",
     "handshake confirmed status streams", "streams", ENDS},
    /* no failure counts after the goal */
    {ATTEMPT_STREAMS, false, NULL,
     "dialling connected status streams-identify-asked stream-reset interrupted",
     "handshake confirmed status streams", "streams", ENDS},
    /* another connection of the peer's may have done it all before */
    {ATTEMPT_MESH, false, NULL, "dialling connected-meshed status-streams",
     "handshake identify confirmed status streams mesh", "mesh", ENDS},
    {ATTEMPT_MESH, false, NULL, "dialling connected-meshed lost-other status-streams",
     "handshake identify confirmed status streams mesh", "mesh", ENDS},
    {ATTEMPT_HANDSHAKE, false, NULL, "there pong-meshed",
     "handshake identify confirmed status streams mesh", "handshake", ENDS},
    {ATTEMPT_IDENTIFY, false, NULL, "there pong-meshed",
     "handshake identify confirmed status streams mesh", "identify", ENDS},
    {ATTEMPT_MESH, false, NULL, "there pong-dialled-us time",
     "handshake streams mesh confirmed ~status", "mesh", ENDS},
    {ATTEMPT_STATUS, false, NULL, "there pong-no-status", "handshake confirmed !status",
     "handshake", ENDS},
    /* dialled by the peer: it may ask for our status, or leave it out */
    {ATTEMPT_MESH, true, NULL, "dials confirmed status streams graft-theirs",
     "handshake confirmed status streams mesh", "mesh", ENDS},
    {ATTEMPT_MESH, true, NULL, "dials confirmed streams graft-theirs",
     "handshake confirmed streams mesh", "mesh", STRAGGLERS},
    {ATTEMPT_MESH, true, NULL, "dials confirmed streams graft-theirs status",
     "handshake confirmed streams mesh status", "mesh", ENDS},
    {ATTEMPT_MESH, true, NULL, "dials confirmed streams graft-theirs time",
     "handshake confirmed streams mesh ~status", "mesh", ENDS},
    {ATTEMPT_MESH, true, NULL, "dials confirmed streams graft-theirs lost",
     "handshake confirmed streams mesh ~status", "mesh", ENDS},
    {ATTEMPT_STATUS, true, NULL, "dials streams", "handshake", "handshake", STATUS},
    {ATTEMPT_STATUS, true, NULL, "dials status-streams", "handshake confirmed status streams",
     "status", STRAGGLERS},
    {ATTEMPT_HANDSHAKE, true, NULL, "accept-failed connected-other dials confirmed",
     "handshake confirmed", "handshake", ENDS},
};

static void the_way_through_is_told_in_its_order(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(through) / sizeof(*through); i++) {
        const struct way *way = &through[i];
        struct scene scene;
        scene_begin(&scene, way->until, way->accept, way->topic);
        scene_take_all(&scene, way->events);
        struct attempt_outcome outcome = attempt_outcome(&scene.attempt);
        if (strcmp(scene.told, way->told) != 0 || strcmp(outcome.reached, way->reached) != 0 ||
            scene.attempt.state != way->state)
            fail_msg("%s: state %d, reached %s, '%s'", way->events, scene.attempt.state,
                     outcome.reached, scene.told);
    }
}

static void who_has_grafted_and_on_what_is_told(void **unused)
{
    (void)unused;
    static const struct {
        const char *events;
        enum attempt_grafted_by by;
        const char *topic;
    } cases[] = {
        {"dialling connected status streams graft-theirs", GRAFTED_BY_PEER, "block"},
        {"dialling connected status streams graft-ours acknowledged time", GRAFTED_BY_US, "block"},
        {"dialling connected-meshed status-streams", GRAFTED_EARLIER, "block"},
        {"dialling connected status streams graft-ours acknowledged left-for-vote time",
         GRAFTED_BY_US, "vote"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct scene scene;
        scene_begin(&scene, ATTEMPT_MESH, false, NULL);
        scene_take_all(&scene, cases[i].events);
        assert_int_equal(scene.last.step, ATTEMPT_MESH);
        assert_int_equal(scene.last.grafted_by, cases[i].by);
        assert_string_equal(scene.last.topic, cases[i].topic);
    }
}

static void a_connection_that_existed_is_pinged_first_and_said_to_be_one(void **unused)
{
    (void)unused;
    struct scene scene;
    struct attempt_output output;
    scene_begin(&scene, ATTEMPT_MESH, false, NULL);
    attempt_take(&scene.attempt, scene.now_ns, &scene_event_find("there")->event, &output);
    assert_true(output.ping);
    assert_int_equal(output.count, 0);
    attempt_take(&scene.attempt, scene.now_ns, &scene_event_find("pong")->event, &output);
    assert_false(output.ping);
    assert_int_equal(output.told[0].step, ATTEMPT_HANDSHAKE);
    assert_true(output.told[0].existed);
    scene_begin(&scene, ATTEMPT_MESH, false, NULL);
    scene_take_all(&scene, "dialling connected");
    assert_false(scene.last.existed);
}

/* ---- what is said of a failure ---- */

static const struct failure {
    enum attempt_step until;
    bool accept;
    const char *topic;
    const char *events;
    int exit;
    const char *error;
} failures[] = {
    {ATTEMPT_MESH, false, NULL, "name-failed", 3, "no such name"},
    {ATTEMPT_MESH, false, NULL, "name-no-socket", 1, "no socket"},
    {ATTEMPT_MESH, false, NULL, "time", 3, "the name was not resolved within 5 s"},
    {ATTEMPT_MESH, false, NULL, "dialling time", 3,
     "no QUIC answer within 5 s (handshake timed out)"},
    {ATTEMPT_MESH, false, NULL, "dialling time-answered", 3,
     "the peer answered, and did not complete the handshake within 5 s"},
    {ATTEMPT_MESH, false, NULL, "dialling dial-unanswered", 3,
     "no QUIC answer within 1.5 s (handshake timed out; 2 bytes came)"},
    {ATTEMPT_MESH, false, NULL, "dialling time-one-tls", 4,
     "no handshake was completed within 5 s; A: it is another; B: no answer"},
    {ATTEMPT_MESH, false, NULL, "dialling time-refused", 3,
     "no QUIC answer within 5 s (handshake timed out; ICMP came back)"},
    {ATTEMPT_MESH, false, NULL, "dialling dial-failed", 3, "no way there"},
    {ATTEMPT_MESH, false, NULL, "dialling dial-tls", 4, "it is another"},
    {ATTEMPT_MESH, false, NULL, "there ping-late", 3,
     "already connected, but the peer did not answer a ping: no answer in time"},
    {ATTEMPT_MESH, false, NULL, "there lost", 3,
     "already connected, but the peer did not answer a ping: gone"},
    {ATTEMPT_MESH, false, NULL, "there time", 3,
     "already connected, but the peer did not answer a ping within 5 s"},
    {ATTEMPT_MESH, false, NULL, "dialling interrupted", 130, "interrupted"},
    {ATTEMPT_MESH, true, NULL, "time", 3, "nobody dialled within 5 s"},
    {ATTEMPT_MESH, true, NULL, "accept-failed time", 3,
     "nobody dialled within 5 s (a handshake failed: nonsense)"},
    {ATTEMPT_MESH, true, NULL, "accept-tls", 4, "bad certificate"},
    {ATTEMPT_HANDSHAKE, false, NULL, "dialling connected time", 4,
     "the peer did not confirm the handshake within 5 s"},
    {ATTEMPT_HANDSHAKE, false, NULL, "dialling connected lost", 3, "connection lost: gone"},
    {ATTEMPT_HANDSHAKE, false, NULL, "dialling connected lost-tls", 4,
     "connection lost: bad certificate"},
    {ATTEMPT_MESH, false, NULL, "dialling connected lost-refused", 4,
     "the peer did not accept our certificate: not you"},
    {ATTEMPT_IDENTIFY, false, NULL, "dialling connected time", 5, "identify: no answer within 5 s"},
    {ATTEMPT_IDENTIFY, false, NULL, "dialling connected identify-na", 5,
     "identify: the peer does not speak it (`na`)"},
    {ATTEMPT_IDENTIFY, false, NULL, "dialling connected identify-failed", 5, "identify: was reset"},
    {ATTEMPT_IDENTIFY, false, NULL, "dialling connected identify-lost lost", 5,
     "identify: connection lost: gone"},
    {ATTEMPT_STATUS, false, NULL, "dialling connected status-na", 5,
     "status: the peer does not speak it (`na`)"},
    {ATTEMPT_STATUS, false, NULL, "dialling connected status-unanswered", 5,
     "status: the peer does not speak it (not answered, but reset by the peer)"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status-refused", 6, "status: refused"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status status-malformed", 6,
     "status: a second answer"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status-late", 6, "status: no answer"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status-lost lost", 6,
     "status: connection lost: gone"},
    {ATTEMPT_MESH, false, NULL, "dialling connected lost-one-of-two", 6,
     "status: connection lost: gone"},
    {ATTEMPT_MESH, false, NULL, "dialling connected time", 6, "status: no answer within 5 s"},
    {ATTEMPT_STATUS, true, NULL, "dials time", 6,
     "status: the peer, which dialled, did not ask for our status within 5 s"},
    {ATTEMPT_MESH, true, NULL, "dials status-asked-badly", 6,
     "status: the peer's request: nonsense"},
    {ATTEMPT_MESH, false, NULL, "dialling connected interrupted", 130, "status: interrupted"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status gossip-na", 5,
     "streams: the peer does not speak gossipsub (`na`)"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status gossip-reset", 7,
     "streams: our gossipsub stream: reset by the peer"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status gossip-malformed", 7,
     "streams: our gossipsub stream: no varint"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status gossip-unintelligible", 7,
     "streams: our gossipsub stream: malformed negotiation"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status outbound stream-reset", 7,
     "streams: our gossipsub stream was reset by the peer"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status outbound stream-reset-large", 7,
     "streams: our gossipsub stream was reset by the peer: an RPC of 2 bytes was under way"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status time", 7,
     "streams: no gossipsub stream opened either way within 5 s"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status outbound time", 7,
     "streams: one-way: the peer opened no gossipsub stream to us within 5 s"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status inbound time", 7,
     "streams: one-way: the peer did not accept our gossipsub stream within 5 s"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status gossip-lost lost", 7,
     "streams: connection lost: gone"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status streams pruned", 8,
     "mesh: the peer answered PRUNE on block: its mesh is full, or a backoff has not run out"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status streams lost", 8,
     "mesh: connection lost: gone"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status streams time", 8,
     "mesh: no GRAFT stood within 5 s: none came from the peer (ours: block; the peer's: block)"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status streams graft-ours time", 8,
     "mesh: no GRAFT stood within 5 s: none came from the peer, and ours was not acknowledged in "
     "time (ours: block; the peer's: block)"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status streams time-apart", 8,
     "mesh: no topic in common within 5 s (ours: block; the peer's: elsewhere)"},
    {ATTEMPT_MESH, false, "vote", "dialling connected status streams time", 8,
     "mesh: no topic in common within 5 s (ours: block; the peer's: block); asked for vote"},
    {ATTEMPT_MESH, false, NULL, "dialling connected status streams time-many-topics", 8,
     "mesh: no topic in common within 5 s (ours: none; the peer's: a, b, c, d, e, f, g, h and 2 "
     "more)"},
};

/* The failing step's own text leaves out the step's name. */
static const char *without_step(const char *error, enum attempt_step step)
{
    size_t size = strlen(attempt_step_name(step));
    bool named = strncmp(error, attempt_step_name(step), size) == 0 && error[size] == ':';
    return named ? error + size + 2 : error;
}

static void each_failure_says_what_was_missing(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
        const struct failure *failure = &failures[i];
        struct scene scene;
        scene_begin(&scene, failure->until, failure->accept, failure->topic);
        scene_take_all(&scene, failure->events);
        struct attempt_outcome outcome = attempt_outcome(&scene.attempt);
        assert_int_equal(scene.attempt.state, ATTEMPT_ENDS);
        assert_non_null(outcome.error);
        assert_string_equal(outcome.error, failure->error);
        assert_int_equal(outcome.exit, failure->exit);
        assert_false(scene.last.ok);
        assert_string_equal(scene.last.text, without_step(failure->error, scene.last.step));
    }
}

static void what_strangers_say_is_made_safe_and_stays_whole_characters(void **unused)
{
    (void)unused;
    char reason[2 * ERROR_TEXT_SIZE];
    memset(reason, '\033', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    struct attempt_event event = scene_event_find("status-refused")->event;
    event.reason = reason;
    struct scene scene;
    scene_begin(&scene, ATTEMPT_MESH, false, NULL);
    scene_take_all(&scene, "dialling connected");
    scene_take(&scene, &event);
    const char *error = attempt_outcome(&scene.attempt).error;
    assert_memory_equal(error, "status: ", 8);
    assert_int_equal(strlen(error), 8 + 3 * (ERROR_TEXT_SIZE - 1 - 8));
    for (const char *at = error + 8; *at != '\0'; at += 3)
        assert_memory_equal(at, "\xef\xbf\xbd", 3);
}

/* ---- time, and what is asked for ---- */

static void the_time_is_asked_for_when_something_may_come_of_it(void **unused)
{
    (void)unused;
    const uint64_t ms = 1000000;
    struct scene scene;
    scene_begin(&scene, ATTEMPT_MESH, false, NULL);
    uint64_t whole = scene.now_ns + SCENE_TIMEOUT_MS * ms;
    assert_int_equal(attempt_next_time(&scene.attempt), whole);
    scene_take_all(&scene, "dialling connected status streams graft-ours");
    assert_int_equal(attempt_next_time(&scene.attempt), whole);
    scene_take_all(&scene, "acknowledged");
    assert_int_equal(attempt_next_time(&scene.attempt),
                     scene.now_ns + SCENE_ROUND_TRIP_US * UINT64_C(1000));
    scene_take_all(&scene, "graft-ours");
    assert_int_equal(attempt_next_time(&scene.attempt), whole);
    scene_take_all(&scene, "acknowledged-fast");
    assert_int_equal(attempt_next_time(&scene.attempt),
                     scene.now_ns + ATTEMPT_ROUND_TRIP_MIN_US * UINT64_C(1000));
    scene_take_all(&scene, "graft-theirs");
    assert_true(attempt_next_time(&scene.attempt) == UINT64_MAX);
    scene_begin(&scene, ATTEMPT_STREAMS, false, NULL);
    scene_take_all(&scene, "dialling connected status streams-identify-asked");
    assert_int_equal(attempt_next_time(&scene.attempt), scene.now_ns + ATTEMPT_GRACE_MS * ms);
}

static void time_that_has_not_come_changes_nothing(void **unused)
{
    (void)unused;
    for (enum attempt_state state = 0; state < ATTEMPT_STATES; state++) {
        struct scene scene;
        struct attempt_output output;
        come_to(&scene, state);
        struct attempt before;
        memcpy(&before, &scene.attempt, sizeof(before));
        attempt_take(&scene.attempt, attempt_next_time(&scene.attempt) - 1,
                     &scene_event_find("time")->event, &output);
        assert_memory_equal(&before, &scene.attempt, sizeof(before));
        assert_int_equal(output.count, 0);
    }
}

static void steps_are_timed_from_the_first_packet(void **unused)
{
    (void)unused;
    struct scene scene;
    scene_begin(&scene, ATTEMPT_HANDSHAKE, true, NULL);
    scene_take_all(&scene, "accept-failed dials"); /* began at 1 ms */
    assert_int_equal(scene.last.after_us, 2000);
    scene_take_all(&scene, "confirmed");
    assert_int_equal(scene.last.after_us, 3000);
}

static void identify_is_asked_at_once_only_where_it_is_the_goal(void **unused)
{
    (void)unused;
    for (enum attempt_step until = ATTEMPT_HANDSHAKE; until <= ATTEMPT_MESH; until++) {
        struct scene scene;
        scene_begin(&scene, until, false, NULL);
        scene_take_all(&scene, "dialling connected");
        assert_int_equal(scene.asks_identify, until == ATTEMPT_IDENTIFY);
        scene_take_all(&scene, "confirmed");
        assert_false(scene.asks_identify);
    }
}

/* ---- whatever comes ---- */

static void take_checked(struct scene *scene, const struct attempt_event *event)
{
    enum attempt_state before = scene->attempt.state;
    size_t told = strlen(scene->told);
    scene_take(scene, event);
    assert_true(scene->attempt.state >= before);
    if (before == ATTEMPT_ENDS)
        assert_int_equal(strlen(scene->told), told);
    struct attempt_outcome outcome = attempt_outcome(&scene->attempt);
    assert_int_equal(outcome.error != NULL, outcome.exit != 0);
    assert_int_equal(scene->failures, outcome.exit != 0);
    if (outcome.exit != 0)
        assert_int_equal(scene->attempt.state, ATTEMPT_ENDS);
    else if (scene->attempt.state >= ATTEMPT_AWAITS_STRAGGLERS)
        assert_string_equal(outcome.reached, attempt_step_name(scene->attempt.settings.until));
    for (size_t step = 0; step < ATTEMPT_STEPS; step++)
        assert_true(scene->told_times[step] <= 1);
    assert_int_equal(attempt_next_time(&scene->attempt) == UINT64_MAX,
                     scene->attempt.state == ATTEMPT_ENDS);
}

/* A GRAFT may stand, then the whole time is over, then the grace. */
static void check_that_time_ends_it(struct scene *scene)
{
    static const struct attempt_event time = {.kind = ATTEMPT_HEARD_TIME};
    for (unsigned i = 0; i < 3; i++)
        take_checked(scene, &time);
    assert_int_equal(scene->attempt.state, ATTEMPT_ENDS);
}

static void check_from(const struct scene *scene, unsigned depth)
{
    struct scene next = *scene;
    check_that_time_ends_it(&next);
    for (const struct scene_event *event = scene_events; depth > 0 && event->name; event++) {
        next = *scene;
        take_checked(&next, &event->event);
        if (next.attempt.state != ATTEMPT_ENDS)
            check_from(&next, depth - 1);
    }
}

static void any_two_events_in_any_state_leave_it_sound(void **unused)
{
    (void)unused;
    for (enum attempt_state state = 0; state < ATTEMPT_STATES; state++) {
        struct scene scene;
        come_to(&scene, state);
        check_from(&scene, 2);
    }
}

static uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void long_ways_of_any_events_end_with_one_outcome(void **unused)
{
    (void)unused;
    enum { WAYS = 20000, LENGTH = 30 };
    uint64_t seed = 88172645463325252;
    size_t count = 1;
    while (scene_events[count].name != NULL)
        count++;
    for (unsigned i = 0; i < WAYS; i++) {
        struct scene scene;
        scene_begin(&scene, random_next(&seed) % (ATTEMPT_MESH + 1), random_next(&seed) % 2 == 0,
                    random_next(&seed) % 4 == 0 ? "vote" : NULL);
        for (unsigned j = 0; j < LENGTH; j++)
            take_checked(&scene, &scene_events[random_next(&seed) % count].event);
        check_that_time_ends_it(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_takes_every_event_as_the_table_says),
        cmocka_unit_test(the_table_names_no_event_that_is_not_there),
        cmocka_unit_test(the_way_through_is_told_in_its_order),
        cmocka_unit_test(who_has_grafted_and_on_what_is_told),
        cmocka_unit_test(a_connection_that_existed_is_pinged_first_and_said_to_be_one),
        cmocka_unit_test(each_failure_says_what_was_missing),
        cmocka_unit_test(what_strangers_say_is_made_safe_and_stays_whole_characters),
        cmocka_unit_test(the_time_is_asked_for_when_something_may_come_of_it),
        cmocka_unit_test(time_that_has_not_come_changes_nothing),
        cmocka_unit_test(steps_are_timed_from_the_first_packet),
        cmocka_unit_test(identify_is_asked_at_once_only_where_it_is_the_goal),
        cmocka_unit_test(any_two_events_in_any_state_leave_it_sound),
        cmocka_unit_test(long_ways_of_any_events_end_with_one_outcome),
    };
    return cmocka_run_group_tests_name("attempt", tests, NULL, NULL);
}
