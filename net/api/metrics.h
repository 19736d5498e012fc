/*
 * What a host does, counted, in Prometheus' text format: the network metrics of leanMetrics
 * (github.com/leanEthereum/leanMetrics, metrics.md) under their names and labels, and our own,
 * which begin with devnet_. A client is named by its agent up to the slash, or unknown.
 */
#ifndef NET_API_METRICS_H
#define NET_API_METRICS_H

#include "net/host/host.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum { METRICS_CLIENT_MAX = 64 }; /* bytes of an agent that are taken for a client's name */

struct metrics;

/* Counts from now on what happens at HOST, which is borrowed and outlives it. */
struct metrics *metrics_new(struct host *host);
void metrics_free(struct metrics *metrics);
/* So many events did not reach a client that read too slowly. */
void metrics_count_lost(struct metrics *metrics, uint64_t count);
/* The whole page; freed with free(). */
char *metrics_text(const struct metrics *metrics);

#endif
