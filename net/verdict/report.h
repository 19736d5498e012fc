/* The judgements as one JSON object, from which text is printed too. */
#ifndef NET_VERDICT_REPORT_H
#define NET_VERDICT_REPORT_H

#include <jansson.h>

#include "net/verdict/verdict.h"

enum { QLOG_REPORT_VERSION = 1 };

/*
 * {schema_version, connections: [{id, logs: [{path, role, writer, leg, records, stream_frames,
 * truncated, own_events, part, packets_dropped}], peers: {client, server}, names: {client, server},
 * epoch_ms, duration_ms,
 * ended: {at_ms, code, space, reason, by, error, broken_by: {role, stream_id}}, one_way: {from,
 * stream_id}, unknown:
 * [{path, reason}], streams: [{id, opened_by, verdict, orphan, suspected, healthy, confidence,
 * evidence, protocol, shape, bytes_out, bytes_back, first_activity_ms, last_activity_ms,
 * first_out_ms, last_out_ms, first_back_ms, last_back_ms, moments: [{at_ms, by, what}]}]}],
 * summary: {connections, logs, streams, let_go, orphans, suspected, verdicts: {NAME: count}}}.
 * `id`, `writer`, peers, `protocol`, `ended`, its `code`, `epoch_ms` and times stand only where
 * known, `leg` (front or back) on a tap's logs, and `names`, those that it has for both, beside
 * them. A stream is `suspected` where only a habit of some stacks would make it an orphan, and
 * whose the other end's is nothing tells: it is no `orphan`, and not among `verdicts`. `let_go`
 * counts closed streams of long logs that are not listed, to make room for later ones; `streams`
 * beside it includes them.
 *
 * `part` stands where the log was rotated: the last of its parts, which says what was known of
 * those before it; of all packets before it, `packets_dropped` went with parts that are no more.
 *
 * Times are milliseconds since the connection's first log began, which `epoch_ms` says the
 * calendar's time of. `bytes_out` are the opener's, null where the log does not tell how many;
 * `first_out_ms` and `last_out_ms` are when the first of them and the last new one passed. `shape`
 * is what the lengths look like or events of ours say: gossip, exchange, ping, refused, opening,
 * foreign, untold. `moments` are in order of time; `what` is negotiated (gossip alone: the opener
 * had the whole answer), fin, reset, stop_sending, and by events of ours registered, deregistered,
 * closed; `by` is client or server.
 *
 * `ended.error` is RFC 9000's name of the code; `broken_by` stands where a side closed the
 * connection because the other had broken the protocol, and names that side and, where the logs
 * show it, the stream. `one_way` stands on the connection whose stream `stream_id` is the only
 * gossipsub stream in use between its two nodes: gossip flows `from` that side only. `unknown`
 * stands where a log of the connection cannot tell all of it, with why.
 */
json_t *qlog_report(const struct qlog_judgements *judgements);

/* What a summary counts. */
struct qlog_tally {
    uint64_t connections, logs, streams;
    uint64_t let_go; /* closed streams of which no more is known, besides `streams` */
};

void qlog_tally_add(struct qlog_tally *tally, const struct qlog_connection *connection);
/* The report's `summary`; VERDICTS are counts by enum qlog_verdict, without those SUSPECTED. */
json_t *qlog_report_summary(const struct qlog_tally *tally, const uint64_t *verdicts,
                            uint64_t suspected);
/* One of its streams[]. */
json_t *qlog_report_stream(const struct qlog_connection *connection,
                           const struct qlog_joined_stream *stream,
                           const struct qlog_judgement *judgement);
/* The report's `names`, by a tap: of a connection with a log of one. */
json_t *qlog_report_names(const struct qlog_connection *connection);

#endif
