/* Counts of streams, a connection and protocol. */
#ifndef NET_VERDICT_STATS_H
#define NET_VERDICT_STATS_H

#include <jansson.h>

/*
 * From a report of net/verdict/report.h: {connections: [{id, groups}], total: groups, let_go}, in
 * its order of connections. `groups` is a list of {protocol, shape, streams, orphans, bytes_out,
 * bytes_back, verdicts: {NAME: count}}, sorted by name, protocols first. A group has either
 * `protocol`, where the log tells it, or `shape`: what the streams look like by the lengths of
 * their messages. `bytes_out` are those of the streams' openers. `let_go` streams, of which no more
 * is known than that they closed, are in no group.
 */
json_t *qlog_stats(const json_t *report);

#endif
