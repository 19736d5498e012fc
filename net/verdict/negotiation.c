#include "net/verdict/negotiation.h"

/*
 * A message is a byte of length, the text and a newline. The header `/multistream/1.0.0` makes 20
 * bytes, each `na` 4, `/meshsub/1.x.0` 16, the longest protocol of ours (blocks_by_range) 49.
 */
enum {
    HEADER_SIZE = 20,
    REFUSAL_SIZE = 4,
    GOSSIP_SIZE = 16,
    PING_SIZE = 18,
    PING_PAYLOAD_SIZE = 32,
    LONGEST_ANSWER = HEADER_SIZE + 49,
    REFUSALS_MAX = 3, /* a fourth makes as many bytes as an accepted gossipsub protocol */
};

static bool cut_at(const struct qlog_half *half, uint64_t offset)
{
    return (half->cuts[offset / 64] >> (offset % 64) & 1) != 0;
}

static unsigned cut_count(const struct qlog_half *half)
{
    return (unsigned)(__builtin_popcountll(half->cuts[0]) + __builtin_popcountll(half->cuts[1]));
}

const char *qlog_protocol_of(const struct qlog_joined_stream *stream)
{
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++)
        if (stream->claims[end] != NULL && stream->claims[end]->protocol != NULL)
            return stream->claims[end]->protocol;
    return stream->heard != NULL ? stream->heard->protocol : NULL;
}

static bool is_half_held(const struct qlog_joined_stream *stream, enum qlog_role sender)
{
    return stream->end_held[sender] || stream->reached[sender] < stream->half[sender].bytes;
}

bool qlog_is_held(const struct qlog_joined_stream *stream)
{
    return is_half_held(stream, QLOG_CLIENT) || is_half_held(stream, QLOG_SERVER);
}

/* After how many refusals the answer accepts a gossipsub protocol; -1 where it does not. */
static int refusals_before_gossip(const struct qlog_half *asked, const struct qlog_half *answered)
{
    for (unsigned refusals = 0; refusals <= 2; refusals++) {
        uint64_t refused = HEADER_SIZE + (uint64_t)REFUSAL_SIZE * refusals;
        if (answered->bytes == refused + GOSSIP_SIZE &&
            asked->bytes >= HEADER_SIZE + (uint64_t)GOSSIP_SIZE * (refusals + 1) &&
            (refusals == 0 || cut_at(answered, refused)))
            return (int)refusals;
    }
    return -1;
}

static bool is_refused(const struct qlog_half *asked, const struct qlog_half *answered)
{
    for (unsigned refusals = 1; refusals <= REFUSALS_MAX; refusals++)
        if (answered->bytes == HEADER_SIZE + REFUSAL_SIZE * refusals && asked->bytes > HEADER_SIZE)
            return true;
    return false;
}

static bool claims_failure(const struct qlog_joined_stream *stream)
{
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++) {
        const struct qlog_claims *claims = stream->claims[end];
        if (claims != NULL && claims->failed >= 0 && claims->negotiated < claims->failed &&
            claims->registered < 0)
            return true;
    }
    return false;
}

static bool is_negotiated(const struct qlog_joined_stream *stream)
{
    for (int end = QLOG_CLIENT; end <= QLOG_SERVER; end++)
        if (stream->claims[end] != NULL &&
            (stream->claims[end]->negotiated >= 0 || stream->claims[end]->registered >= 0))
            return true;
    return false;
}

bool qlog_is_multistream(const struct qlog_joined_stream *stream)
{
    const struct qlog_half *asked = &stream->half[stream->opener];
    const struct qlog_half *answered = &stream->half[qlog_other(stream->opener)];
    return !qlog_unidirectional(stream->id) &&
           ((cut_at(asked, HEADER_SIZE) && cut_at(answered, HEADER_SIZE)) ||
            refusals_before_gossip(asked, answered) >= 0);
}

/* Whether where a half ends is not told, so early that it might be anything. A frame behind the
 * negotiation has a byte more at least. */
static bool is_untold(const struct qlog_half *asked, const struct qlog_half *answered)
{
    return (asked->open && asked->bytes < HEADER_SIZE + GOSSIP_SIZE) ||
           (answered->open && answered->bytes <= LONGEST_ANSWER);
}

static struct qlog_use use_by_bytes(const struct qlog_half *asked, const struct qlog_half *answered)
{
    struct qlog_use use = {.shape = QLOG_SHAPE_EXCHANGE};
    if (is_untold(asked, answered)) {
        use.shape = QLOG_SHAPE_UNTOLD;
        return use;
    }
    int refusals = refusals_before_gossip(asked, answered);
    if (refusals >= 0) {
        use.shape = QLOG_SHAPE_GOSSIP;
        use.negotiation = HEADER_SIZE + (uint64_t)GOSSIP_SIZE * (unsigned)(refusals + 1);
        return use;
    }
    if (is_refused(asked, answered)) {
        use.shape = QLOG_SHAPE_REFUSED;
        return use;
    }
    if (answered->bytes < HEADER_SIZE + GOSSIP_SIZE) {
        use.shape = QLOG_SHAPE_OPENING;
        use.unanswered = true;
        return use;
    }
    use.unanswered = answered->bytes <= LONGEST_ANSWER && cut_count(answered) <= 2;
    use.ping = answered->bytes == asked->bytes && asked->bytes > HEADER_SIZE + PING_SIZE &&
               (asked->bytes - HEADER_SIZE - PING_SIZE) % PING_PAYLOAD_SIZE == 0;
    return use;
}

/* The protocol, where events of ours tell it, against what the bytes look like. */
static void use_by_claims(const struct qlog_joined_stream *stream, struct qlog_use *use)
{
    const char *protocol = qlog_protocol_of(stream);
    if (claims_failure(stream)) {
        use->shape = QLOG_SHAPE_REFUSED;
        use->claimed = true;
    } else if (protocol != NULL && is_negotiated(stream)) {
        bool gossip = strncmp(protocol, "/meshsub/", 9) == 0;
        if (gossip && use->shape != QLOG_SHAPE_GOSSIP)
            use->negotiation = HEADER_SIZE + GOSSIP_SIZE;
        use->shape = gossip ? QLOG_SHAPE_GOSSIP : QLOG_SHAPE_EXCHANGE;
        use->ping = strncmp(protocol, "/ipfs/ping/", 11) == 0;
        use->claimed = true;
    }
}

/* The same of what a tap heard, which knows the protocol and of no owner. */
static void use_by_tap(const struct qlog_joined_stream *stream, struct qlog_use *use)
{
    const struct qlog_heard *heard = stream->heard;
    if (heard == NULL || use->claimed || (heard->negotiated < 0 && heard->refused < 0))
        return;
    use->heard = true;
    if (heard->negotiated < 0) {
        use->shape = QLOG_SHAPE_REFUSED;
        return;
    }
    bool gossip = heard->protocol != NULL && strncmp(heard->protocol, "/meshsub/", 9) == 0;
    use->ping = heard->protocol != NULL && strncmp(heard->protocol, "/ipfs/ping/", 11) == 0;
    use->shape = gossip ? QLOG_SHAPE_GOSSIP : QLOG_SHAPE_EXCHANGE;
    if (gossip && heard->proposed > 0)
        use->negotiation = HEADER_SIZE + heard->proposed;
    else if (gossip && use->negotiation == 0)
        use->negotiation = HEADER_SIZE + GOSSIP_SIZE;
}

/* An answer that a tap holds ends no negotiation. */
static bool is_answer_held(const struct qlog_joined_stream *stream, const struct qlog_use *use)
{
    enum qlog_role receiver = qlog_other(stream->opener);
    return use->shape == QLOG_SHAPE_GOSSIP && stream->completion < 0 &&
           is_half_held(stream, receiver);
}

/* Whether all that the opener said may be the negotiation, and may be not: the log tells too little
 * of its frames, and no event of its own says whether it has the stream. */
static bool is_use_untold(const struct qlog_joined_stream *stream, const struct qlog_use *use)
{
    const struct qlog_half *asked = &stream->half[stream->opener];
    const struct qlog_claims *claims = stream->claims[stream->opener];
    return use->shape == QLOG_SHAPE_GOSSIP && (claims == NULL || claims->registered < 0) &&
           asked->open && asked->bytes < use->negotiation;
}

struct qlog_use qlog_use_of(const struct qlog_connection *connection,
                            const struct qlog_joined_stream *stream)
{
    if (connection->foreign || qlog_unidirectional(stream->id))
        return (struct qlog_use){.shape = QLOG_SHAPE_FOREIGN};
    struct qlog_use use =
        use_by_bytes(&stream->half[stream->opener], &stream->half[qlog_other(stream->opener)]);
    use_by_claims(stream, &use);
    use_by_tap(stream, &use);
    if (is_answer_held(stream, &use))
        use = (struct qlog_use){.shape = QLOG_SHAPE_OPENING, .unanswered = true};
    if (is_use_untold(stream, &use))
        use.shape = QLOG_SHAPE_UNTOLD;
    return use;
}

const char *qlog_use_name(const struct qlog_use *use)
{
    static const char *const names[] = {
        [QLOG_SHAPE_FOREIGN] = "foreign",   [QLOG_SHAPE_OPENING] = "opening",
        [QLOG_SHAPE_REFUSED] = "refused",   [QLOG_SHAPE_GOSSIP] = "gossip",
        [QLOG_SHAPE_EXCHANGE] = "exchange", [QLOG_SHAPE_UNTOLD] = "untold",
    };
    return use->shape == QLOG_SHAPE_EXCHANGE && use->ping ? "ping" : names[use->shape];
}
