/* What a tap has carried, counted, in Prometheus' text format. */
#ifndef CMD_TAP_METRICS_H
#define CMD_TAP_METRICS_H

#include "cmd/tap/tell.h"

#define TAP_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The whole page; freed with free(). */
char *tap_metrics_text(struct tap *tap, const struct teller_counts *counts);

#endif
