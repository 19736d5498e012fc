#include "tests/fuzz/qlog_report_text.h"

#include "net/verdict/report.h"
#include "tests/fuzz/fuzz.h"

char *qlog_report_text(struct qlog_log *const *logs, size_t count)
{
    struct qlog_connections connections = {0};
    const char *duplicate = NULL;
    qlog_connections_add(&connections, "log", logs, count, (struct qlog_mark){0}, &duplicate);
    qlog_connections_join(&connections);
    struct qlog_judgements judgements = qlog_judge(&connections);
    json_t *report = qlog_report(&judgements);
    char *text = json_dumps(report, JSON_SORT_KEYS);
    json_decref(report);
    qlog_judgements_clear(&judgements);
    qlog_connections_clear(&connections);
    require(text != NULL);
    return text;
}
