/* What the asked node knows of the other end, which need not have been asked: a peer that tells it
 * nothing, a topic that nobody is in the mesh of, messages that it refuses. */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "net/gossipsub/lean_topic.h"
#include "net/mesh/check_state.h"
#include "net/mesh/members.h"
#include "net/mesh/tapped.h"

enum {
    SILENCE_MS = 3000, /* a peer may take so long to open its stream */
    LISTED_MAX = 3,    /* peers, or topics, in a message */
};

/* ---- what is volatile of a peer ---- */

static const json_t *unsteady(const json_t *node, const char *peer)
{
    return member(member(member(node, "volatile"), "peers"), peer);
}

/* Milliseconds that the oldest connection has been there, or -1 where that is not told. */
static json_int_t age_of(const json_t *node, const char *peer)
{
    json_int_t oldest = -1;
    const char *id;
    json_t *connection;
    json_object_foreach(member(unsteady(node, peer), "connections"), id, connection)
    {
        const json_t *age = member(connection, "age_ms");
        if (json_is_integer(age) && json_integer_value(age) > oldest)
            oldest = json_integer_value(age);
    }
    return oldest;
}

/* ---- the peer's stream ---- */

/* By identify, or by having accepted ours. */
static bool is_known_to_speak(const json_t *peer)
{
    return check_lists_gossipsub(peer) || check_stream_is_open(peer);
}

static const char *cause_of_silence(const json_t *peer)
{
    if (json_array_size(member(peer, "subscriptions")) > 0)
        return "it had one, which has ended: it may have given up opening others";
    if (json_array_size(member(peer, "connections")) > 1)
        return "it may count on a stream of another connection that is gone";
    return "likely the peer still holds your previous connection (a restart under the same key), "
           "or it waits for identify; disconnect, wait for its idle timeout, and dial again";
}

void check_peer_stream(struct check *check, const json_t *node, const json_t *peer)
{
    struct subject subject = {.node = text_member(node, "peer_id"),
                              .peer = text_member(peer, "peer_id"),
                              .by_tap = tapped_is_node(node)};
    /* Of those that we asked, their own end tells. */
    if (json_array_size(member(peer, "inbound_streams")) > 0 || !is_known_to_speak(peer) ||
        member(check->nodes, subject.peer) != NULL)
        return;
    json_int_t age = age_of(node, subject.peer);
    if (age < 0)
        check_find(check, MESH_PEER_STREAM, MESH_WARNING, subject,
                   "the peer speaks gossipsub and has no stream to it; since when is not told: %s",
                   cause_of_silence(peer));
    else
        check_find(
            check, MESH_PEER_STREAM, age < SILENCE_MS ? MESH_NOTE : MESH_ERROR, subject,
            "the peer speaks gossipsub, is connected for %.1f s, and has no stream to it%s%s",
            (double)age / 1000, age < SILENCE_MS ? " yet" : ": ",
            age < SILENCE_MS ? "" : cause_of_silence(peer));
}

/* ---- a mesh that is empty ---- */

/* Whether the peer, which was asked, has no room and says that it has us in backoff. */
static bool is_full(const struct check *check, const char *topic, const char *node,
                    const char *peer)
{
    const json_t *other = member(check->nodes, peer);
    const json_t *theirs = member(member(other, "topics"), topic);
    return other != NULL && check_item(member(theirs, "backoff"), node) != NULL &&
           json_array_size(member(theirs, "mesh")) >= check_d_high(other);
}

static char *tell_backoff(const struct check *check, struct subject subject, const json_t *node)
{
    const json_t *entry =
        member(member(member(member(member(node, "volatile"), "topics"), subject.topic), "backoff"),
               subject.peer);
    const json_t *left = member(entry, "left_ms");
    char *until = json_is_integer(left)
                      ? text_format(" for %.0f s more", (double)json_integer_value(left) / 1000)
                      : text_copy("");
    const char *why = "one of the two pruned the other";
    if (is_full(check, subject.topic, subject.node, subject.peer))
        why = check_gossips(member(check->nodes, subject.peer))
                  ? "pruned by it, as its mesh is full; messages come by IHAVE and IWANT"
                  : "pruned by it, as its mesh is full; no messages come, as it says no IHAVE";
    char *text = text_format("%s is in backoff%s (%s)", subject.peer, until, why);
    free(until);
    return text;
}

static char *tell_subscriptions(const char *topic, const json_t *peer)
{
    const json_t *topics = member(peer, "subscriptions");
    size_t count = json_array_size(topics);
    char *text = text_format("%s is subscribed to", text_member(peer, "peer_id"));
    bool elsewhere = false;
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(topics, i));
        struct bytes theirs, ours;
        elsewhere |= lean_topic_network(name, &theirs) && lean_topic_network(topic, &ours) &&
                     !bytes_equal(theirs, ours);
        if (i >= LISTED_MAX)
            continue;
        char *longer = text_format("%s%s %s", text, i > 0 ? "," : "", name);
        free(text);
        text = longer;
    }
    char *whole = count > LISTED_MAX ? text_format("%s and %zu more", text, count - LISTED_MAX)
                                     : text_copy(text);
    free(text);
    text = text_format("%s%s", whole, elsewhere ? " (another network's name)" : "");
    free(whole);
    return text;
}

/* Why one peer is not in the mesh; freed with free(). */
static char *tell_absence(const struct check *check, struct subject subject, const json_t *node,
                          const json_t *topic, const json_t *peer)
{
    if (check_item(member(topic, "subscribers"), subject.peer) != NULL) {
        if (check_item(member(topic, "backoff"), subject.peer) != NULL)
            return tell_backoff(check, subject, node);
        return text_format(check_stream_is_open(peer) ? "%s is subscribed"
                                                      : "%s is subscribed, and no stream is open "
                                                        "to it",
                           subject.peer);
    }
    if (json_array_size(member(peer, "subscriptions")) > 0)
        return tell_subscriptions(subject.topic, peer);
    if (json_array_size(member(peer, "inbound_streams")) > 0)
        return text_format("%s is subscribed to nothing", subject.peer);
    return text_format(is_known_to_speak(peer) ? "%s has no stream to it that could tell of a "
                                                 "subscription"
                                               : "%s is not known to speak gossipsub",
                       subject.peer);
}

/* "A is subscribed to nothing; B ...; and 3 more"; freed with free(). */
static char *tell_absences(const struct check *check, struct subject subject, const json_t *node,
                           const json_t *topic)
{
    const json_t *peers = member(node, "peers");
    size_t count = json_array_size(peers);
    char *text = text_copy("");
    for (size_t i = 0; i < count && i < LISTED_MAX; i++) {
        const json_t *peer = json_array_get(peers, i);
        subject.peer = text_member(peer, "peer_id");
        char *why = tell_absence(check, subject, node, topic, peer);
        char *longer = text_format("%s%s%s", text, i > 0 ? "; " : "", why);
        free(why);
        free(text);
        text = longer;
    }
    if (count > LISTED_MAX) {
        char *longer = text_format("%s; and %zu more", text, count - LISTED_MAX);
        free(text);
        text = longer;
    }
    return text;
}

/* Whether all who are subscribed have refused it with good cause, and offer it messages still. */
static bool all_full(const struct check *check, struct subject subject, const json_t *topic)
{
    const json_t *subscribers = member(topic, "subscribers"), *subscriber;
    size_t index;
    bool offered = false;
    json_array_foreach(subscribers, index, subscriber)
    {
        const char *name = json_string_value(subscriber);
        if (!is_full(check, subject.topic, subject.node, name))
            return false;
        offered |= check_gossips(member(check->nodes, name));
    }
    return offered;
}

/* Whether it is by a tap that one of those who are subscribed is known to be full. */
static bool is_excused_by_tap(const struct check *check, struct subject subject,
                              const json_t *topic)
{
    const json_t *subscribers = member(topic, "subscribers"), *subscriber;
    size_t index;
    json_array_foreach(subscribers, index, subscriber)
    {
        const char *name = json_string_value(subscriber);
        if (tapped_is_node(member(check->nodes, name)) &&
            is_full(check, subject.topic, subject.node, name))
            return true;
    }
    return false;
}

void check_empty_mesh(struct check *check, struct subject subject, const json_t *node,
                      const json_t *topic)
{
    size_t peers = json_array_size(member(node, "peers"));
    if (json_array_size(member(topic, "mesh")) > 0 || peers == 0)
        return;
    char *why = tell_absences(check, subject, node, topic);
    bool wanted = json_array_size(member(topic, "subscribers")) > 0;
    subject.by_tap |= is_excused_by_tap(check, subject, topic);
    check_find_text(
        check, MESH_NOT_EMPTY, all_full(check, subject, topic) ? MESH_WARNING : MESH_ERROR, subject,
        text_format("its mesh is empty, with %zu peer%s connected: %s%s", peers,
                    peers == 1 ? "" : "s", wanted ? "" : "nobody subscribes to it: ", why));
    free(why);
}

/* ---- messages that were refused ---- */

static const struct {
    const char *peer, *statistic, *text;
} refusals[] = {
    {"signed", "invalid_signed",
     "they said who made them (from, seqno, signature or key), which Lean's topics do not allow: "
     "the sender signs, as libp2p does by default; set StrictNoSign there"},
    {"unsigned", "invalid_unsigned",
     "they had no author or no signature, which --sign strict wants on topics that are not Lean's: "
     "the sender does not sign, or is not of this network"},
    {"seqno", "invalid_seqno", "they had no sequence number of 8 bytes beside their signature"},
    {"author", "invalid_author",
     "the key that came with them is not that of who they say made "
     "them"},
    {"signature", "invalid_signature", "their signature is wrong"},
    {"snappy", "invalid_snappy",
     "their data was no raw snappy block: the sender does not compress, or by frames"},
    {"other", "invalid_other", "their contents were refused"},
};

static json_int_t count_of(const json_t *counts, const char *name)
{
    json_int_t count = json_integer_value(member(counts, name));
    return count > 0 ? count : 0;
}

static void tell_refused(struct check *check, struct subject subject, json_int_t count,
                         const char *from, const char *why)
{
    check_find_text(check, MESH_MESSAGES_ACCEPTED, MESH_ERROR, subject,
                    text_format("%" JSON_INTEGER_FORMAT " message%s%s arrived and %s rejected: %s",
                                count, count == 1 ? "" : "s", from, count == 1 ? "was" : "were",
                                why));
}

/* Of the peers that are there, and then what those that are gone have left in the statistics. */
void check_refused_messages(struct check *check, const json_t *node)
{
    struct subject subject = {.node = text_member(node, "peer_id")};
    const json_t *statistics = member(member(node, "volatile"), "statistics");
    json_int_t untold = count_of(statistics, "invalid");
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        json_int_t left = count_of(statistics, refusals[i].statistic);
        const char *name;
        json_t *peer;
        untold -= left;
        json_object_foreach(member(member(node, "volatile"), "peers"), name, peer)
        {
            json_int_t count = count_of(member(peer, "invalid_messages"), refusals[i].peer);
            left -= count;
            subject.peer = name;
            if (count > 0)
                tell_refused(check, subject, count, " of the peer", refusals[i].text);
        }
        subject.peer = NULL;
        if (left > 0)
            tell_refused(check, subject, left, " of peers that are gone", refusals[i].text);
    }
    if (untold > 0)
        tell_refused(check, subject, untold, "", "the node does not tell why");
}

/* ---- who was not asked ---- */

json_t *check_not_asked(const struct check *check)
{
    json_t *known = json_object(), *names = json_array();
    size_t index, peer_index;
    const json_t *node, *peer;
    json_array_foreach(member(check->snapshot, "nodes"), index, node)
    {
        json_array_foreach(member(node, "peers"), peer_index, peer)
        {
            const char *name = text_member(peer, "peer_id");
            if (member(check->nodes, name) == NULL && member(check->foreign, name) == NULL &&
                member(known, name) == NULL) {
                json_object_set_new(known, name, json_true());
                json_array_append_new(names, json_string(name));
            }
        }
    }
    json_decref(known);
    return names;
}
