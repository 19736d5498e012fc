/* The judgements as one JSON object, from which text is printed too. */
#ifndef NET_QLOG_REPORT_H
#define NET_QLOG_REPORT_H

#include <jansson.h>

#include "net/qlog/verdict.h"

enum { QLOG_REPORT_VERSION = 1 };

/*
 * {schema_version, connections: [{id, logs: [{path, role, writer, records, stream_frames,
 * truncated, own_events}], peers: {client, server}, duration_ms, ended: {at_ms, code, space,
 * reason, by}, streams: [{id, opened_by, verdict, orphan, confidence, evidence, protocol,
 * bytes_out, bytes_back, first_activity_ms, last_activity_ms}]}], summary: {connections, logs,
 * streams, let_go, orphans, verdicts: {NAME: count}}}. `id`, `writer`, peers, `protocol` and
 * `ended` stand only where known; `bytes_out` are the opener's. `let_go` counts closed streams of
 * long logs that are not listed, to make room for later ones; `streams` includes them.
 */
json_t *qlog_report(const struct qlog_judgements *judgements);

/* One of its streams[]. */
json_t *qlog_report_stream(const struct qlog_joined_stream *stream,
                           const struct qlog_judgement *judgement);

#endif
