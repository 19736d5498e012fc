#include "net/tap/fact_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/hex.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "net/gossipsub/lean_topic.h"
#include "net/tap/limits.h"

enum { ROOT_SHOWN = 4 }; /* bytes */

static void append(struct buffer *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(struct buffer *line, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    buffer_append_text(line, text);
}

static void append_safe(struct buffer *line, struct bytes text)
{
    char *safe = utf8_safe_text(text);
    buffer_append_text(line, safe);
    free(safe);
}

/* ---- RPCs ---- */

static void append_topic(struct buffer *line, struct bytes topic)
{
    char *text = utf8_safe_text(topic);
    struct bytes network, name;
    buffer_append_byte(line, ' ');
    if (lean_topic_read(text, &network, &name))
        buffer_append(line, name.data, name.size);
    else
        buffer_append_text(line, text);
    free(text);
}

static void append_entry(struct buffer *line, enum rpc_trace_kind kind,
                         const struct rpc_trace_entry *entry)
{
    const struct rpc_trace_form *form = &rpc_trace_forms[kind];
    bool off = kind == TRACE_SUBSCRIPTIONS && !entry->subscribe;
    buffer_append_text(line, off ? "unsubscribe" : form->name);
    if (form->topic)
        append_topic(line, entry->topic);
    if (form->message)
        append(line, " %zu bytes", entry->size);
    if (form->ids)
        append(line, " %zu id%s", entry->id_count, entry->id_count == 1 ? "" : "s");
    if (entry->has_backoff)
        append(line, " backoff %" PRIu64 "s", entry->backoff);
    if (entry->peers > 0)
        append(line, " peers %zu", entry->peers);
}

static void append_lists(struct buffer *line, const struct rpc_trace *trace)
{
    const char *separator = "";
    for (enum rpc_trace_kind kind = 0; kind < TRACE_KINDS; kind++) {
        const struct rpc_trace_list *list = &trace->lists[kind];
        for (size_t i = 0; i < rpc_trace_shown(list); i++) {
            buffer_append_text(line, separator);
            append_entry(line, kind, &list->entries[i]);
            separator = "; ";
        }
        if (list->count > TRACE_ENTRIES_MAX)
            append(line, "; and %zu more", list->count - TRACE_ENTRIES_MAX);
    }
    if (*separator == '\0' && !trace->malformed)
        buffer_append_text(line, "an empty RPC");
}

static void append_limits(struct buffer *line, uint64_t size)
{
    for (size_t i = 0; i < RPC_LIMITS && size > rpc_limits[i].size; i++)
        append(line, "%s%s", i == 0 ? ", over the limit of " : ", ", rpc_limits[i].whose);
}

static void append_rpc(struct buffer *line, const struct skimmed_rpc *rpc)
{
    struct rpc_trace *trace = memory_new(sizeof(*trace));
    rpc_skim_trace(rpc, trace);
    if (trace->malformed)
        append(line, "a malformed RPC of %" PRIu64 " bytes", rpc->size);
    append_lists(line, trace);
    if (rpc->signed_count > 0)
        append(line, "; %zu of %zu messages signed", rpc->signed_count, rpc->message_count);
    if (rpc->size > rpc_limits[0].size)
        append(line, "; %" PRIu64 " bytes", rpc->size);
    append_limits(line, rpc->size);
    if (rpc->cut)
        buffer_append_text(line, "; and more than is read of one RPC");
    free(trace);
}

/* ---- the others ---- */

static void append_checkpoint(struct buffer *line, const char *name,
                              const struct status_checkpoint *checkpoint)
{
    char root[2 * ROOT_SHOWN + 1];
    hex_write(bytes_of(checkpoint->root, ROOT_SHOWN), root);
    append(line, "%s 0x%s slot %" PRIu64, name, root, checkpoint->slot);
}

static void append_status(struct buffer *line, const struct tap_fact *fact)
{
    buffer_append_text(line, fact->answer ? "answers with its status: " : "sends its status: ");
    append_checkpoint(line, "finalized", &fact->status->finalized);
    append_checkpoint(line, ", head", &fact->status->head);
    if (fact->contradicts)
        buffer_append_text(line, "; this and the other's cannot both be true");
}

static void append_end(struct buffer *line, const struct tap_fact *fact)
{
    if (fact->how == TAP_FIN)
        append(line, "ends after %" PRIu64 " bytes (FIN)", fact->at);
    else if (fact->how == TAP_RESET)
        append(line, "resets after %" PRIu64 " bytes (RESET_STREAM, code %" PRIu64 ")", fact->at,
               fact->code);
    else
        append(line, "wants no more (STOP_SENDING, code %" PRIu64 ")", fact->code);
}

static void append_error(struct buffer *line, const struct tap_fact *fact)
{
    append(line, "answers with code %" PRIu64, fact->code);
    if (fact->text.size == 0)
        return;
    buffer_append_text(line, ": ");
    append_safe(line, fact->text);
}

static void append_problem(struct buffer *line, const struct tap_fact *fact)
{
    buffer_append_text(line, fact->problem);
    if (fact->size > 0)
        append(line, " of %" PRIu64 " bytes", fact->size);
    append_limits(line, fact->size);
}

static void append_what(struct buffer *line, const struct tap_fact *fact)
{
    switch (fact->kind) {
    case TAP_FACT_PROPOSED:
        buffer_append_text(line, "proposes it");
        break;
    case TAP_FACT_AGREED:
        buffer_append_text(line, "agrees");
        break;
    case TAP_FACT_REFUSED:
        buffer_append_text(line, "refuses it (na)");
        break;
    case TAP_FACT_RPC:
        append_rpc(line, fact->rpc);
        break;
    case TAP_FACT_STATUS:
        append_status(line, fact);
        break;
    case TAP_FACT_BLOCKS:
        append(line, "%s of %" PRIu64 " bytes", fact->answer ? "an answer" : "a request",
               fact->size);
        break;
    case TAP_FACT_ERROR_CODE:
        append_error(line, fact);
        break;
    case TAP_FACT_AGENT:
        buffer_append_text(line, "is ");
        append_safe(line, fact->text);
        break;
    case TAP_FACT_ENDED:
        append_end(line, fact);
        break;
    default:
        append_problem(line, fact);
        break;
    }
}

bool tap_fact_text(const struct tap_fact *fact, const char *const names[TAP_SIDES],
                   struct buffer *line)
{
    if (fact->kind == TAP_FACT_OPENED || fact->kind == TAP_FACT_SPEAKS ||
        fact->kind == TAP_FACT_CLOSED)
        return false;
    append(line, "%s -> %s stream %" PRId64, names[fact->by], names[tap_other(fact->by)],
           fact->stream);
    if (fact->protocol[0] != '\0') {
        buffer_append_byte(line, ' ');
        append_safe(line, bytes_of_text(fact->protocol));
    }
    buffer_append_text(line, ": ");
    append_what(line, fact);
    return true;
}
