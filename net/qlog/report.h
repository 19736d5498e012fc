/* The judgements as one JSON object, from which text is printed too. */
#ifndef NET_QLOG_REPORT_H
#define NET_QLOG_REPORT_H

#include <jansson.h>

#include "net/qlog/verdict.h"

enum { QLOG_REPORT_VERSION = 1 };

/*
 * {schema_version, connections: [{id, logs: [{path, role, writer, records, stream_frames,
 * truncated, own_events}], peers: {client, server}, duration_ms, ended: {at_ms, code, space,
 * reason, by, error, broken_by: {role, stream_id}}, one_way: {from, stream_id}, streams: [{id,
 * opened_by, verdict, orphan, confidence, evidence, protocol, bytes_out, bytes_back,
 * first_activity_ms, last_activity_ms}]}], summary: {connections, logs, streams, orphans, verdicts:
 * {NAME: count}}}. `id`, `writer`, peers, `protocol` and `ended` stand only where known;
 * `bytes_out` are the opener's.
 *
 * `ended.error` is RFC 9000's name of the code; `broken_by` stands where a side closed the
 * connection because the other had broken the protocol, and names that side and, where the logs
 * show it, the stream. `one_way` stands on the connection whose stream `stream_id` is the only
 * gossipsub stream in use between its two nodes: gossip flows `from` that side only.
 */
json_t *qlog_report(const struct qlog_judgements *judgements);

#endif
