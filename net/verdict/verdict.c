#include "net/verdict/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/memory.h"
#include "net/verdict/one_way.h"
#include "net/verdict/presumption.h"
#include "net/verdict/undecidable.h"

/* Milliseconds. */
static const double answer_limit = 10000;   /* a response has this long */
static const double answer_patience = 5000; /* who gives up no sooner has waited for it */
static const double answer_doubt = 2000;    /* below that, one may still come */

static const struct {
    const char *name;
    bool orphan, healthy;
} verdicts[QLOG_VERDICTS] = {
    [QLOG_LIVE] = {"live", .healthy = true},
    [QLOG_LIVE_UNTIL_CONNECTION_ENDED] = {"live_until_connection_ended", .healthy = true},
    [QLOG_ORPHANED] = {"orphaned", .orphan = true},
    [QLOG_ORPHANED_AT_OPENER] = {"orphaned_at_opener", .orphan = true},
    [QLOG_UNREAD_AT_RECEIVER] = {"unread_at_receiver", .orphan = true},
    [QLOG_ORPHANED_AFTER_DEREGISTRATION] = {"orphaned_after_deregistration", .orphan = true},
    [QLOG_NEGOTIATION_FAILED_AND_LEFT_OPEN] = {.name = "negotiation_failed_and_left_open"},
    [QLOG_REQUEST_NEVER_ANSWERED] = {.name = "request_never_answered"},
    [QLOG_DUPLICATE_ACROSS_CONNECTIONS] = {.name = "duplicate_across_connections"},
    [QLOG_REQRESP] = {"reqresp", .healthy = true},
    [QLOG_CLOSED] = {"closed", .healthy = true},
    [QLOG_HALF_CLOSED] = {.name = "half_closed"},
    [QLOG_OPEN_AT_END] = {.name = "open_at_end"},
    [QLOG_NOT_OURS] = {"not_ours", .healthy = true},
    [QLOG_UNKNOWN] = {.name = "unknown"},
};

const char *qlog_verdict_name(enum qlog_verdict verdict)
{
    return verdicts[verdict].name;
}

bool qlog_verdict_find(const char *name, enum qlog_verdict *verdict)
{
    for (int i = 0; i < QLOG_VERDICTS; i++) {
        if (strcmp(verdicts[i].name, name) == 0) {
            *verdict = (enum qlog_verdict)i;
            return true;
        }
    }
    return false;
}

bool qlog_verdict_is_orphan(enum qlog_verdict verdict)
{
    return verdicts[verdict].orphan;
}

bool qlog_verdict_is_healthy(enum qlog_verdict verdict)
{
    return verdicts[verdict].healthy;
}

const char *qlog_confidence_name(enum qlog_confidence confidence)
{
    static const char *const names[] = {"exact", "high", "medium", "low"};
    return names[confidence];
}

static void judge(struct qlog_judgement *judgement, enum qlog_verdict verdict,
                  enum qlog_confidence confidence, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void judge(struct qlog_judgement *judgement, enum qlog_verdict verdict,
                  enum qlog_confidence confidence, const char *format, ...)
{
    char why[ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    free(judgement->evidence);
    *judgement = (struct qlog_judgement){
        .verdict = verdict, .confidence = confidence, .evidence = text_copy(why)};
}

/* --- Streams that are not gossipsub's --- */

struct subject {
    const struct qlog_connection *connection;
    const struct qlog_joined_stream *stream;
    struct qlog_use use;
    double opener_ended, receiver_ended; /* NEVER where only the connection's end did */
    double last;                         /* the last frame on it */
    bool unclaimed;                      /* an end with events of ours does not own it */
};

static bool is_over(const struct qlog_connection *connection)
{
    return connection->over >= 0;
}

/* Whether what passed at TIME is so late in a log that was cut off that more may have followed. */
static bool is_unsettled(const struct qlog_connection *connection, double time)
{
    return !is_over(connection) && qlog_cut_off(connection) &&
           connection->end - time < QLOG_SETTLING;
}

/* Whether an end whose log has events of ours never had anybody own the stream. */
static bool is_unclaimed(const struct qlog_connection *connection,
                         const struct qlog_joined_stream *stream)
{
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++) {
        const struct qlog_claims *claims = stream->claims[end];
        if (qlog_claims_decide(connection, stream->id, (enum qlog_role)end) &&
            (claims == NULL || claims->registered < 0))
            return true;
    }
    return false;
}

/* Whether a log with events of ours stops so soon after the stream was agreed upon that the next
 * event may have named its owner. */
static bool owner_may_follow(const struct qlog_connection *connection,
                             const struct qlog_joined_stream *stream)
{
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER && !is_over(connection); end++) {
        const struct qlog_log *log = connection->ends[end];
        const struct qlog_claims *claims = stream->claims[end];
        if (log == NULL || !qlog_may_go_on(log) || !log->has_claims ||
            (claims != NULL && claims->registered >= 0))
            continue;
        double agreed = claims != NULL && claims->negotiated >= 0
                            ? claims->negotiated + connection->shift[end]
                            : stream->completion;
        if (agreed >= 0 && log->end + log->quiet + connection->shift[end] - agreed < QLOG_SETTLING)
            return true;
    }
    return false;
}

static struct subject subject_of(const struct qlog_connection *connection,
                                 const struct qlog_joined_stream *stream)
{
    enum qlog_role receiver = qlog_other(stream->opener);
    double opened = stream->half[stream->opener].last, answered = stream->half[receiver].last;
    return (struct subject){
        .connection = connection,
        .stream = stream,
        .use = qlog_use_of(connection, stream),
        .opener_ended = qlog_half_ended(connection, stream, stream->opener),
        .receiver_ended = qlog_half_ended(connection, stream, receiver),
        .last = qlog_later(opened, answered),
        .unclaimed = is_unclaimed(connection, stream),
    };
}

static void judge_refused(const struct subject *subject, struct qlog_judgement *judgement)
{
    bool told = subject->use.claimed || subject->use.heard;
    enum qlog_confidence sure = told ? QLOG_EXACT : QLOG_HIGH;
    if (subject->opener_ended >= 0 && subject->receiver_ended >= 0)
        judge(judgement, QLOG_CLOSED, sure, "its protocol was refused, and both ends closed it");
    else if (subject->opener_ended >= 0)
        judge(judgement, QLOG_HALF_CLOSED, sure,
              "its protocol was refused; the opener ended it, the receiver did not");
    else if (is_unsettled(subject->connection, subject->last))
        judge(judgement, QLOG_OPEN_AT_END, QLOG_LOW,
              "its protocol was refused shortly before the log ends");
    else
        judge(judgement, QLOG_NEGOTIATION_FAILED_AND_LEFT_OPEN, sure,
              "its protocol was refused (the answer is %s`na`), and its opener never ended it",
              told ? "" : "as long as ");
}

/* A request and its FIN, and no answer: how long the responder was alive and silent, or the opener
 * waited until it gave up. */
static void judge_unanswered(const struct subject *subject, struct qlog_judgement *judgement)
{
    enum qlog_role opener = subject->stream->opener;
    const struct qlog_half *half = &subject->stream->half[opener];
    double ended = subject->opener_ended;
    double waited = subject->connection->active[qlog_other(opener)] - ended;
    double gave_up = half->reset > half->stop ? half->reset - ended : half->stop - ended;
    if (qlog_is_held(subject->stream))
        judge(
            judgement, QLOG_OPEN_AT_END, QLOG_LOW,
            "a request, and a tap had not passed on all of it or of its answer when the log ends");
    else if (gave_up >= answer_patience && gave_up > waited)
        judge(judgement, QLOG_REQUEST_NEVER_ANSWERED, QLOG_MEDIUM,
              "a request and its FIN, and no byte of an answer and no end in the %.1f s until its "
              "opener gave up",
              gave_up / 1000);
    else if (waited < answer_doubt)
        judge(judgement, QLOG_OPEN_AT_END, QLOG_MEDIUM,
              "a request and its FIN, unanswered when the log ends or its peer falls silent");
    else
        judge(judgement, QLOG_REQUEST_NEVER_ANSWERED,
              waited >= answer_limit ? QLOG_HIGH : QLOG_MEDIUM,
              "a request and its FIN, and in the %.1f s that the peer lived on no byte of an "
              "answer and no end",
              waited / 1000);
}

static bool judge_ended(const struct subject *subject, struct qlog_judgement *judgement)
{
    const struct qlog_half *half = subject->stream->half;
    bool finished = half[QLOG_CLIENT].fin >= 0 && half[QLOG_SERVER].fin >= 0;
    bool answered = subject->use.shape == QLOG_SHAPE_EXCHANGE && !subject->use.unanswered;
    if (!(finished && answered) && (subject->opener_ended < 0 || subject->receiver_ended < 0))
        return false;
    if (finished && subject->use.shape == QLOG_SHAPE_EXCHANGE)
        judge(judgement, QLOG_REQRESP, QLOG_HIGH,
              "negotiated, request and answer, and a FIN each way");
    else
        judge(judgement, QLOG_CLOSED, QLOG_HIGH, "ended both ways");
    return true;
}

static void judge_open_exchange(const struct subject *subject, struct qlog_judgement *judgement)
{
    bool over = is_over(subject->connection);
    if (subject->unclaimed && owner_may_follow(subject->connection, subject->stream))
        judge(judgement, QLOG_OPEN_AT_END, QLOG_LOW, "negotiated just before the log ends");
    else if (subject->unclaimed)
        judge(judgement, QLOG_ORPHANED, QLOG_EXACT,
              "negotiated and open, and by the events of the node that logged it nobody there owns "
              "it");
    else if (subject->use.ping || subject->use.claimed)
        judge(judgement, over ? QLOG_LIVE_UNTIL_CONNECTION_ENDED : QLOG_LIVE,
              subject->use.claimed ? QLOG_EXACT
              : subject->use.heard ? QLOG_HIGH
                                   : QLOG_MEDIUM,
              subject->use.claimed ? "open, and registered with its owner"
              : subject->use.heard ? "open, as ping keeps its stream"
                                   : "as many bytes back as out, as ping keeps a stream open");
    else
        judge(judgement, QLOG_OPEN_AT_END, QLOG_MEDIUM,
              over ? "negotiated, and ended by neither side before the connection ended"
                   : "negotiated, and ended by neither side when the log ends");
}

static void judge_exchange(const struct subject *subject, struct qlog_judgement *judgement)
{
    if (subject->opener_ended < 0 && subject->receiver_ended < 0)
        judge_open_exchange(subject, judgement);
    else if (subject->opener_ended >= 0 && subject->use.unanswered)
        judge_unanswered(subject, judgement);
    else
        judge(judgement, QLOG_HALF_CLOSED, QLOG_MEDIUM, "ended by the %s and not by the %s",
              subject->opener_ended >= 0 ? "opener" : "receiver",
              subject->opener_ended >= 0 ? "receiver" : "opener");
}

static void judge_opening(const struct subject *subject, struct qlog_judgement *judgement)
{
    bool answered = subject->stream->half[qlog_other(subject->stream->opener)].bytes > 0;
    if (subject->opener_ended >= 0)
        judge_unanswered(subject, judgement);
    else
        judge(judgement, QLOG_OPEN_AT_END, QLOG_HIGH,
              answered ? "its negotiation was not over when the %s"
                       : "its negotiation was not answered when the %s",
              is_over(subject->connection) ? "connection ended" : "log ends");
}

static void judge_untold(const struct subject *subject, struct qlog_judgement *judgement)
{
    const struct qlog_joined_stream *stream = subject->stream;
    enum qlog_role side =
        stream->half[stream->opener].open ? stream->opener : qlog_other(stream->opener);
    judge(judgement, QLOG_UNKNOWN, QLOG_LOW,
          "the STREAM frame at offset %" PRIu64 " from the %s has %s in the log, and no later "
          "offset, FIN or final size tells where it ends",
          stream->half[side].open_offset, qlog_role_name(side),
          stream->half[side].open_limit > 0 ? "a length that may count its header" : "no length");
}

static void judge_alone(const struct subject *subject, struct qlog_judgement *judgement)
{
    if (subject->use.shape == QLOG_SHAPE_FOREIGN)
        judge(judgement, QLOG_NOT_OURS, QLOG_HIGH,
              subject->connection->foreign ? "the connection speaks another protocol than libp2p's"
                                           : "libp2p has no use for unidirectional streams");
    else if (judge_ended(subject, judgement))
        return;
    else if (subject->use.shape == QLOG_SHAPE_UNTOLD)
        judge_untold(subject, judgement);
    else if (subject->use.shape == QLOG_SHAPE_REFUSED)
        judge_refused(subject, judgement);
    else if (subject->use.shape == QLOG_SHAPE_OPENING)
        judge_opening(subject, judgement);
    else if (subject->use.shape == QLOG_SHAPE_EXCHANGE)
        judge_exchange(subject, judgement);
    else
        judge(judgement, QLOG_UNKNOWN, QLOG_LOW,
              "one more than the %d gossipsub streams between two nodes that are judged",
              QLOG_GOSSIP_LIMIT);
}

/* --- Gossipsub streams --- */

static bool several_logs(const struct qlog_gossip *gossip)
{
    return qlog_log_count(gossip->connection) > 1;
}

/* How a stream is named beside another: with its connection, where that is another one. */
static const char *name_of(const struct qlog_gossip *other, const struct qlog_gossip *gossip,
                           char *text, size_t size)
{
    if (other->connection == gossip->connection)
        snprintf(text, size, "stream %" PRIu64, other->stream->id);
    else
        snprintf(text, size, "stream %" PRIu64 " of connection %s", other->stream->id,
                 other->connection->id != NULL ? other->connection->id : "without an id");
    return text;
}

static void judge_dropped(const struct qlog_gossip *gossip, struct qlog_judgement *judgement)
{
    bool by_opener = gossip->opener_dropped >= 0;
    enum qlog_role opener = gossip->stream->opener;
    const char *side = qlog_role_name(by_opener ? opener : qlog_other(opener));
    if (gossip->cause == NULL) {
        judge(judgement, QLOG_ORPHANED_AFTER_DEREGISTRATION, QLOG_EXACT,
              "the %s let go of it and left it open, its own events say", side);
        return;
    }
    char cause[128];
    name_of(gossip->cause, gossip, cause, sizeof(cause));
    enum qlog_confidence sure = gossip->reopened ? QLOG_HIGH
                                : gossip->at_end ? QLOG_LOW
                                                 : QLOG_MEDIUM;
    const char *since = gossip->reopened ? ", and has opened another stream since"
                        : gossip->at_end ? ", and the log ends there"
                                         : "";
    if (gossip->cause == gossip)
        judge(judgement, QLOG_ORPHANED_AFTER_DEREGISTRATION, sure,
              "its opener ended it, the %s forgot the peer and never ended its own half%s", side,
              since);
    else
        judge(judgement, QLOG_ORPHANED_AFTER_DEREGISTRATION, sure,
              "it was in use until the other side %s %s: the %s forgot the peer then, has written "
              "nothing on this one since and left it open%s",
              gossip->cause->connection == gossip->connection ? "ended"
                                                              : "closed the connection of",
              cause, side, since);
}

static bool undecided_yet(const struct qlog_gossip *gossip)
{
    if (gossip->opener_exact || gossip->receiver_exact)
        return owner_may_follow(gossip->connection, gossip->stream);
    return is_unsettled(gossip->connection, gossip->stream->completion);
}

static void judge_not_owned(const struct qlog_gossip *gossip, struct qlog_judgement *judgement)
{
    char rival[128] = "another stream of its side", before[128] = "another stream";
    if (gossip->rival != NULL)
        name_of(gossip->rival, gossip, rival, sizeof(rival));
    if (gossip->before != NULL)
        name_of(gossip->before, gossip, before, sizeof(before));
    bool clear = gossip->rival != NULL && gossip->rival->used;
    const char *why = gossip->opener_exact ? "its opener's own events name no owner there"
                      : gossip->used       ? "its opener has written no more on it since"
                                           : "its opener never wrote a byte beyond the negotiation";
    if (gossip->receiver_owns)
        judge(judgement, QLOG_ORPHANED_AT_OPENER,
              gossip->opener_exact                                 ? QLOG_EXACT
              : gossip->receiver_exact || (clear && !gossip->used) ? QLOG_HIGH
                                                                   : QLOG_MEDIUM,
              "%s, and %s %s; the receiver %s and waits on it", why,
              clear ? "writes are made on" : "what it holds is", rival,
              gossip->receiver_exact ? "has registered it"
              : gossip->used         ? "reads it"
                                     : "read it first");
    else
        judge(judgement, QLOG_ORPHANED,
              gossip->opener_exact || gossip->receiver_exact ? QLOG_EXACT
              : clear                                        ? QLOG_HIGH
                                                             : QLOG_MEDIUM,
              "negotiated to the end while %s was open already; %s, so neither end has it "
              "registered",
              gossip->rival != NULL ? rival : before, why);
}

static void judge_unread(const struct qlog_gossip *gossip, struct qlog_judgement *judgement)
{
    char before[128] = "another one";
    if (gossip->before != NULL)
        name_of(gossip->before, gossip, before, sizeof(before));
    if (gossip->receiver_exact)
        judge(judgement, QLOG_UNREAD_AT_RECEIVER, QLOG_EXACT,
              "the opener writes on it, and by the receiver's own events nobody there reads it");
    else
        judge(judgement, QLOG_UNREAD_AT_RECEIVER, several_logs(gossip) ? QLOG_HIGH : QLOG_MEDIUM,
              "the opener %s it, but the receiver was reading %s when it arrived, and a second one "
              "is ignored",
              gossip->used ? "writes on" : "holds", before);
}

static void judge_twin(const struct qlog_gossip *gossip, struct qlog_judgement *judgement)
{
    char twin[128];
    bool exact = gossip->opener_exact || gossip->receiver_exact;
    judge(judgement, QLOG_DUPLICATE_ACROSS_CONNECTIONS, exact ? QLOG_EXACT : QLOG_MEDIUM,
          "%s, beside %s, which its opener has in use to the same peer; one would do",
          gossip->used ? "in use" : "open, and a spare that was never used",
          name_of(gossip->twin, gossip, twin, sizeof(twin)));
}

static void judge_owned(const struct qlog_gossip *gossip, struct qlog_judgement *judgement)
{
    bool over = is_over(gossip->connection);
    bool exact = gossip->opener_exact || gossip->receiver_exact;
    enum qlog_confidence sure = exact ? QLOG_EXACT : gossip->used ? QLOG_HIGH : QLOG_MEDIUM;
    const char *why = exact ? "registered with its owner, by the events of the node itself"
                      : gossip->used
                          ? "the one gossipsub stream that its opener writes on"
                          : "the one gossipsub stream of its opener, with nothing to say";
    if (gossip->ended[0] >= 0 || gossip->ended[1] >= 0)
        judge(judgement, QLOG_HALF_CLOSED, QLOG_MEDIUM,
              "ended by its %s alone; the peering goes on",
              gossip->ended[0] >= 0 ? "opener" : "receiver");
    else if (gossip->twin != NULL)
        judge_twin(gossip, judgement);
    else
        judge(judgement, over ? QLOG_LIVE_UNTIL_CONNECTION_ENDED : QLOG_LIVE, sure, "%s%s", why,
              over ? ", until the connection ended" : "");
}

static bool rests_on_habit(const struct qlog_gossip *gossip, enum qlog_verdict verdict)
{
    switch (verdict) {
    case QLOG_UNREAD_AT_RECEIVER:
        return gossip->habit_unread && !gossip->receiver_exact;
    case QLOG_ORPHANED_AFTER_DEREGISTRATION:
        return gossip->habit_dropped;
    case QLOG_ORPHANED:
    case QLOG_ORPHANED_AT_OPENER:
        return gossip->habit_rival && !gossip->opener_exact;
    default:
        return false;
    }
}

/* What only a habit would prove, where whose stack it is nobody says. */
static void suspect(const struct qlog_gossip *gossip, struct qlog_judgement *judgement)
{
    if (!rests_on_habit(gossip, judgement->verdict))
        return;
    judgement->suspected = true;
    judgement->confidence = QLOG_LOW;
    char *evidence = text_format("%s: if the other end is of a stack that does so, which nothing "
                                 "tells (--peer-kind would)",
                                 judgement->evidence);
    free(judgement->evidence);
    judgement->evidence = evidence;
}

static void judge_gossip(const struct qlog_gossip *gossip, struct qlog_judgement *judgement)
{
    if (gossip->ended[0] >= 0 && gossip->ended[1] >= 0)
        judge(judgement, QLOG_CLOSED, QLOG_HIGH, "ended both ways");
    else if (gossip->opener_owns && gossip->receiver_owns &&
             (gossip->opener_dropped >= 0 || gossip->receiver_dropped >= 0))
        judge_dropped(gossip, judgement);
    else if (gossip->opener_owns && gossip->receiver_owns)
        judge_owned(gossip, judgement);
    else if (undecided_yet(gossip))
        judge(judgement, QLOG_OPEN_AT_END, QLOG_LOW,
              "a gossipsub stream that was negotiated just before the log ends");
    else if (gossip->opener_owns || (gossip->used && !gossip->receiver_owns))
        judge_unread(gossip, judgement);
    else
        judge_not_owned(gossip, judgement);
    suspect(gossip, judgement);
    if (gossip->presumed && judgement->confidence < QLOG_LOW) {
        judgement->confidence = QLOG_LOW;
        char *evidence = text_format("%s (both connections are presumed to be with the same peer)",
                                     judgement->evidence);
        free(judgement->evidence);
        judgement->evidence = evidence;
    }
}

/* --- All of them --- */

static void describe(const struct qlog_joined_stream *stream, struct qlog_judgement *judgement)
{
    const struct qlog_half *opener = &stream->half[stream->opener];
    const struct qlog_half *receiver = &stream->half[qlog_other(stream->opener)];
    double last = qlog_later(opener->last, receiver->last);
    char *evidence = text_format(
        "opened by the %s at %.3f s, %" PRIu64 "%s bytes out and %" PRIu64
        "%s back, last active at %.3f s: %s",
        qlog_role_name(stream->opener), opener->first > 0 ? opener->first / 1000 : 0, opener->bytes,
        opener->open ? " or more" : "", receiver->bytes, receiver->open ? " or more" : "",
        last > 0 ? last / 1000 : 0, judgement->evidence);
    free(judgement->evidence);
    judgement->evidence = evidence;
}

static bool is_accused(const struct qlog_judgement *judgement)
{
    return qlog_verdict_is_orphan(judgement->verdict) ||
           judgement->verdict == QLOG_REQUEST_NEVER_ANSWERED;
}

static void take_back(struct qlog_judgement *judgement)
{
    char *seems = judgement->evidence;
    judgement->evidence = NULL;
    judge(judgement, QLOG_UNKNOWN, QLOG_LOW,
          "parts of the log are missing, and with them what it may have carried; by the rest it "
          "would be %s: %s",
          qlog_verdict_name(judgement->verdict), seems);
    free(seems);
}

/* Whether what was concluded from is on another connection, of which parts are missing. */
static bool rests_on_parts(const struct qlog_gossip *gossip)
{
    const struct qlog_gossip *const reasons[] = {gossip->before, gossip->rival, gossip->cause};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i] != NULL && reasons[i]->connection != gossip->connection &&
            qlog_is_patchy(reasons[i]->connection))
            return true;
    return false;
}

static void judge_peering(const struct qlog_peering *peering, struct qlog_judgements *judgements)
{
    for (size_t i = 0; i < peering->count; i++) {
        const struct qlog_gossip *gossip = &peering->streams[i];
        struct qlog_judgement *judgement =
            &judgements->items[gossip->connection->index][gossip->index];
        judge_gossip(gossip, judgement);
        if (is_accused(judgement) && rests_on_parts(gossip))
            take_back(judgement);
        judgement->one_way = gossip->one_way;
    }
}

/* What is missing from the logs may be what would speak for a stream that is accused: packets, or
 * the claim whose absence proves that nobody owns it. */
static void take_back_accusations(const struct qlog_connection *connection,
                                  struct qlog_judgement *judgements)
{
    bool patchy = qlog_is_patchy(connection), lacking[2];
    qlog_find_lacking(connection, lacking);
    for (size_t i = 0; i < connection->stream_count; i++) {
        struct qlog_judgement *judgement = &judgements[i];
        if (is_accused(judgement) &&
            (patchy || (judgement->confidence == QLOG_EXACT &&
                        qlog_claims_may_be_missing(lacking, &connection->streams[i]))))
            take_back(judgement);
    }
}

struct qlog_judgements qlog_judge(const struct qlog_connections *connections)
{
    struct qlog_judgements judgements = {
        .items = memory_new((connections->count + 1) * sizeof(struct qlog_judgement *)),
        .connections = connections};
    for (size_t i = 0; i < connections->count; i++) {
        const struct qlog_connection *connection = connections->items[i];
        judgements.items[i] =
            memory_new((connection->stream_count + 1) * sizeof(struct qlog_judgement));
        for (size_t k = 0; k < connection->stream_count; k++) {
            struct subject subject = subject_of(connection, &connection->streams[k]);
            judge_alone(&subject, &judgements.items[i][k]);
        }
    }
    struct qlog_peerings peerings = qlog_peerings_of(connections);
    qlog_presume(&peerings);
    qlog_mark_one_way(&peerings);
    for (size_t i = 0; i < peerings.count; i++)
        judge_peering(&peerings.items[i], &judgements);
    qlog_peerings_clear(&peerings);
    for (size_t i = 0; i < connections->count; i++)
        take_back_accusations(connections->items[i], judgements.items[i]);
    for (size_t i = 0; i < connections->count; i++)
        for (size_t k = 0; k < connections->items[i]->stream_count; k++)
            describe(&connections->items[i]->streams[k], &judgements.items[i][k]);
    return judgements;
}

void qlog_judgements_clear(struct qlog_judgements *judgements)
{
    for (size_t i = 0; i < judgements->connections->count; i++) {
        for (size_t k = 0; k < judgements->connections->items[i]->stream_count; k++)
            free(judgements->items[i][k].evidence);
        free(judgements->items[i]);
    }
    free(judgements->items);
    *judgements = (struct qlog_judgements){0};
}
