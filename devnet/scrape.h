/* Where Prometheus finds the nodes of a devnet: a file of targets for its file_sd_configs. */
#ifndef DEVNET_SCRAPE_H
#define DEVNET_SCRAPE_H

#include "devnet/state.h"

/*
 * Writes DIR/prometheus.json, [{"targets": ["HOST:PORT"], "labels": {"node": NAME, "peer_id"}}],
 * of all nodes whose metrics have a URL; where its path is another than /metrics, it is the label
 * __metrics_path__. A tap between them has the label "between": "tap". Prometheus notices by itself
 * when the file changes or goes.
 */
bool scrape_write(const struct devnet *devnet, struct error *error);
void scrape_remove(const struct devnet *devnet);

#endif
