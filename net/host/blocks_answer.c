/*
 * Blocks by root or by range, answered from what the host was given. A block is read from its file
 * when there is room for it, so that a peer that does not read has us keep little.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/chunk.h"
#include "common/event.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/varint.h"
#include "net/host/internal.h"
#include "net/protocols/reqresp.h"

enum {
    UNACKNOWLEDGED_MAX = 512 * 1024, /* bytes of an answer, up to which the next block follows */
    ANSWERS_MAX = 16,                /* under way at a time, of all peers */
    REQUEST_MAX = BLOCKS_BY_ROOT_SSZ_MAX,
};

struct answer {
    struct protocol_stream *stream;
    uint8_t (*roots)[BLOCK_ROOT_SIZE];
    size_t root_count, next; /* root */
    uint64_t slot, slot_end; /* next, for a range */
    bool counted, told;
    size_t sent;
    size_t kept;  /* bytes that are not acknowledged, once it is counted */
    bool waiting; /* for room, in the host's list */
    bool waited;
    TAILQ_ENTRY(answer) link;
};

static bool is_by_root(const struct protocol_stream *stream)
{
    return stream->protocol == &blocks_by_root_protocol;
}

static const struct block_store *store_of(const struct protocol_stream *stream)
{
    return stream->connection->host->settings.blocks;
}

static struct answer *answer_of(struct protocol_stream *stream)
{
    if (stream->state == NULL) {
        struct answer *answer = memory_new(sizeof(*answer));
        answer->stream = stream;
        stream->state = answer;
    }
    return stream->state;
}

static void tell(struct protocol_stream *stream, enum reqresp_code code, const char *reason)
{
    struct answer *answer = answer_of(stream);
    if (answer->told)
        return;
    answer->told = true;
    struct host_event event = {
        .kind = HOST_BLOCKS_ANSWERED,
        .peer = stream->connection->peer,
        .connection = stream->connection,
        .protocol = is_by_root(stream) ? "blocks_by_root" : "blocks_by_range",
        .code = (uint8_t)code,
        .count = answer->sent,
        .reason = reason,
    };
    host_tell(stream->connection->host, &event);
}

static void respond(struct protocol_stream *stream, enum reqresp_code code, struct bytes payload)
{
    struct buffer response = {0};
    reqresp_encode_response(code, payload, &response);
    protocol_stream_write(stream, buffer_bytes(&response));
    buffer_clear(&response);
}

static void refuse(struct protocol_stream *stream, enum reqresp_code code, const char *reason)
{
    struct bytes text = bytes_of_text(reason);
    if (text.size > REQRESP_ERROR_TEXT_MAX)
        text.size = REQRESP_ERROR_TEXT_MAX;
    respond(stream, code, text);
    protocol_stream_finish(stream);
    log_info("%s asks for blocks: refused with code %u: %s", stream->connection->peer->name, code,
             reason);
    tell(stream, code, reason);
}

/* ---- what is kept until the peer has it ---- */

static struct host *host_of(const struct answer *answer)
{
    return answer->stream->connection->host;
}

static void wait_for_room(struct answer *answer)
{
    struct host *host = host_of(answer);
    TAILQ_INSERT_TAIL(&host->answers_waiting, answer, link);
    host->answers_waiting_count++;
    if (!answer->waited)
        log_info("%s asks for blocks: behind %zu of them, the next waits until others have arrived",
                 answer->stream->connection->peer->name, answer->sent);
    answer->waiting = answer->waited = true;
}

static void stop_waiting(struct answer *answer)
{
    struct host *host = host_of(answer);
    if (!answer->waiting)
        return;
    TAILQ_REMOVE(&host->answers_waiting, answer, link);
    host->answers_waiting_count--;
    answer->waiting = false;
}

/* Not at once: others may be about to end. */
static void note_kept(struct answer *answer, size_t kept)
{
    struct host *host = host_of(answer);
    struct peer *peer = answer->stream->connection->peer;
    host->answers_kept += kept - answer->kept;
    peer->answers_kept += kept - answer->kept;
    if (kept < answer->kept && !TAILQ_EMPTY(&host->answers_waiting))
        event_active(host->answers_turn, EV_TIMEOUT, 0);
    answer->kept = kept;
}

static size_t unacknowledged(const struct answer *answer)
{
    const struct quic_stream *quic = answer->stream->quic;
    return (size_t)(quic_stream_written(quic) - quic_stream_acknowledged(quic));
}

static bool fits(const struct answer *answer, size_t entry)
{
    struct host *host = host_of(answer);
    size_t size = block_store_at(store_of(answer->stream), entry)->size;
    host->shares.elsewhere = chunk_total();
    return shares_fit_answer(&host->shares, host->answers_kept,
                             answer->stream->connection->peer->answers_kept, size);
}

/* ---- one block after the other ---- */

/* The next entry to be sent, or the store's count where none is left. Those who ask by slots want
 * one block of each: who knows no chain has no better than the first. Meanwhile more may be added.
 */
static size_t next_entry(struct protocol_stream *stream)
{
    const struct block_store *store = store_of(stream);
    struct answer *answer = stream->state;
    size_t none = block_store_count(store), entry = none;
    while (is_by_root(stream) && entry == none && answer->next < answer->root_count)
        entry = block_store_find(store, answer->roots[answer->next++]);
    if (is_by_root(stream))
        return entry;
    entry = block_store_from_slot(store, answer->slot);
    if (entry == none || block_store_at(store, entry)->slot >= answer->slot_end)
        return none;
    answer->slot = block_store_at(store, entry)->slot + 1;
    return entry;
}

static bool send_block(struct protocol_stream *stream, size_t entry)
{
    unsigned faults = stream->connection->host->settings.faults;
    struct answer *answer = stream->state;
    struct buffer ssz = {0};
    struct error error;
    bool read = block_store_read(store_of(stream), entry, &ssz, &error);
    if (read) {
        respond(stream, REQRESP_SUCCESS, buffer_bytes(&ssz));
        answer->sent++;
        if ((faults & FAULT_BLOCKS_TWICE) != 0)
            respond(stream, REQRESP_SUCCESS, buffer_bytes(&ssz));
    } else {
        log_warn("%s", error.text);
        refuse(stream, REQRESP_SERVER_ERROR, "the block cannot be read");
    }
    buffer_clear(&ssz);
    return read;
}

static void go_on(struct protocol_stream *stream)
{
    struct answer *answer = stream->state;
    size_t none = block_store_count(store_of(stream));
    while (unacknowledged(answer) < UNACKNOWLEDGED_MAX) {
        struct answer before = *answer;
        size_t entry = next_entry(stream);
        if (entry == none) {
            protocol_stream_finish(stream);
            tell(stream, REQRESP_SUCCESS, NULL);
            return;
        }
        if (!fits(answer, entry)) { /* it is the next again */
            answer->next = before.next;
            answer->slot = before.slot;
            wait_for_room(answer);
            return;
        }
        bool sent = send_block(stream, entry);
        note_kept(answer, unacknowledged(answer));
        if (!sent)
            return;
    }
}

void blocks_answer_acknowledged(struct protocol_stream *stream)
{
    struct answer *answer = stream->state;
    if (answer == NULL || !answer->counted)
        return;
    note_kept(answer, unacknowledged(answer));
    if (!answer->told && !answer->waiting)
        go_on(stream);
}

/* In turn, each as far as there is room for it: who waits again is behind the others. */
static void on_turn(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct host *host = argument;
    for (size_t left = host->answers_waiting_count;
         left > 0 && !TAILQ_EMPTY(&host->answers_waiting); left--) {
        struct answer *answer = TAILQ_FIRST(&host->answers_waiting);
        stop_waiting(answer);
        go_on(answer->stream);
    }
}

void blocks_answer_start(struct host *host)
{
    TAILQ_INIT(&host->answers_waiting);
    host->answers_turn = event_new(host->settings.base, -1, 0, on_turn, host);
}

void blocks_answer_stop(struct host *host)
{
    if (host->answers_turn != NULL)
        event_free(host->answers_turn);
}

/* ---- misbehaviour on purpose ---- */

enum {
    BLOCKS_FAULTS_INSTEAD =
        FAULT_BLOCKS_TOO_LARGE | FAULT_BLOCKS_CODE | FAULT_BLOCKS_MALFORMED | FAULT_BLOCKS_STALLED
};

static void misbehave(struct protocol_stream *stream, unsigned faults)
{
    static const uint8_t nonsense[] = {
        REQRESP_SUCCESS, 80, 0xff, 6, 0, 0, 's', 'N', 'a', 'P', 'p', 'Y', 2, 0, 0, 0};
    struct buffer answer = {0};
    if ((faults & FAULT_BLOCKS_CODE) != 0) {
        reqresp_encode_response((enum reqresp_code)7, bytes_of_text("no such code"), &answer);
    } else if ((faults & FAULT_BLOCKS_TOO_LARGE) != 0) {
        buffer_append_byte(&answer, REQRESP_SUCCESS);
        varint_append(&answer, REQRESP_PAYLOAD_MAX + 1);
    } else {
        bool stalled = (faults & FAULT_BLOCKS_STALLED) != 0;
        buffer_append(&answer, nonsense, stalled ? 2 : sizeof(nonsense));
    }
    protocol_stream_deadline(stream, 0); /* it is the peer's that is to pass */
    protocol_stream_write(stream, buffer_bytes(&answer));
    buffer_clear(&answer);
}

static void respond_other(struct protocol_stream *stream)
{
    if (block_store_count(store_of(stream)) == 0 || send_block(stream, 0))
        protocol_stream_finish(stream);
}

/* ---- the request ---- */

static bool take_request(struct protocol_stream *stream, struct bytes ssz, struct error *error)
{
    struct answer *answer = stream->state;
    struct block_range range;
    block_root_list roots;
    if (!is_by_root(stream)) {
        if (!blocks_by_range_decode(ssz, &range, error))
            return false;
        answer->slot = range.start;
        answer->slot_end = range.start + range.count;
        return true;
    }
    if (!blocks_by_root_decode(ssz, &roots, &answer->root_count, error))
        return false;
    answer->roots = memory_new((answer->root_count + 1) * BLOCK_ROOT_SIZE);
    if (answer->root_count > 0)
        memcpy(answer->roots, roots, answer->root_count * BLOCK_ROOT_SIZE);
    return true;
}

static void begin(struct protocol_stream *stream)
{
    struct host *host = stream->connection->host;
    struct answer *answer = stream->state;
    if ((host->settings.faults & BLOCKS_FAULTS_INSTEAD) != 0) {
        misbehave(stream, host->settings.faults);
    } else if (host->settings.blocks == NULL) {
        refuse(stream, REQRESP_RESOURCE_UNAVAILABLE, "no blocks are kept here");
    } else if (host->blocks_answers == ANSWERS_MAX) {
        refuse(stream, REQRESP_RESOURCE_UNAVAILABLE, "too many requests at once");
    } else {
        host->blocks_answers++;
        answer->counted = true;
        if ((host->settings.faults & FAULT_BLOCKS_OTHER) != 0)
            respond_other(stream);
        else
            go_on(stream);
    }
}

void blocks_answer_fin(struct protocol_stream *stream)
{
    struct buffer ssz = {0};
    struct error error;
    if (answer_of(stream)->told) /* it was refused before its end */
        return;
    if (reqresp_decode_request(buffer_bytes(&stream->input), REQUEST_MAX, &ssz, &error) &&
        take_request(stream, buffer_bytes(&ssz), &error)) {
        protocol_stream_deadline(stream, REQRESP_TIMEOUT_MS);
        begin(stream);
    } else {
        refuse(stream, REQRESP_INVALID_REQUEST, error.text);
    }
    buffer_clear(&ssz);
}

void blocks_answer_data(struct protocol_stream *stream, struct bytes data)
{
    if (answer_of(stream)->told)
        return;
    if (stream->input.size + data.size > reqresp_encoded_max(REQUEST_MAX))
        refuse(stream, REQRESP_INVALID_REQUEST, "the request is too large");
    else
        buffer_append(&stream->input, data.data, data.size);
}

void blocks_answer_ended(struct protocol_stream *stream)
{
    struct answer *answer = stream->state;
    if (answer == NULL)
        return;
    stop_waiting(answer);
    if (answer->counted) {
        note_kept(answer, 0);
        stream->connection->host->blocks_answers--;
        tell(stream, REQRESP_SERVER_ERROR, "the answer did not get through in time");
    }
    free(answer->roots);
    free(answer);
    stream->state = NULL;
}
