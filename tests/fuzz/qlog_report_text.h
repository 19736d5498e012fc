/* What devnet-orphans would say of the logs of a file. */
#ifndef TESTS_FUZZ_QLOG_REPORT_TEXT_H
#define TESTS_FUZZ_QLOG_REPORT_TEXT_H

#include "net/qlog/log.h"

/* The report as JSON; freed with free(). */
char *qlog_report_text(struct qlog_log *const *logs, size_t count);

#endif
