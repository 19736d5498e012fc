#include "net/tap/withheld.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/memory.h"

/* A fact that is kept, with what it borrowed. */
struct kept {
    struct tap_fact fact;
    struct skimmed_rpc rpc;
    struct status status;
    char *protocol;
    struct buffer bytes; /* the RPC's, or the text */
    STAILQ_ENTRY(kept) link;
};

/* Of a stream what FROM says, while some of it is withheld. */
struct half {
    int64_t stream;
    enum tap_side from;
    uint64_t held_from, lost_from; /* UINT64_MAX: nowhere */
    bool full;                     /* more came than is kept */
    STAILQ_HEAD(, kept) facts;
    LIST_ENTRY(half) link;
};

struct tap_withheld {
    tap_withheld_told *told;
    void *context;
    LIST_HEAD(, half) halves;
    size_t size; /* of all that is kept */
};

struct tap_withheld *tap_withheld_new(tap_withheld_told *told, void *context)
{
    struct tap_withheld *withheld = memory_new(sizeof(*withheld));
    withheld->told = told;
    withheld->context = context;
    LIST_INIT(&withheld->halves);
    return withheld;
}

/* ---- what is kept ---- */

static size_t size_of(const struct tap_fact *fact)
{
    return sizeof(struct kept) + strlen(fact->protocol) + fact->text.size +
           (fact->rpc != NULL ? fact->rpc->rpc.size : 0);
}

static void keep(struct tap_withheld *withheld, struct half *half, const struct tap_fact *fact)
{
    struct kept *kept = memory_new(sizeof(*kept));
    struct bytes bytes = fact->rpc != NULL ? fact->rpc->rpc : fact->text;
    kept->fact = *fact;
    kept->fact.protocol = kept->protocol = text_copy(fact->protocol);
    if (bytes.size > 0)
        buffer_append(&kept->bytes, bytes.data, bytes.size);
    if (fact->rpc != NULL) {
        kept->rpc = *fact->rpc;
        kept->rpc.rpc = buffer_bytes(&kept->bytes);
        kept->fact.rpc = &kept->rpc;
    } else {
        kept->fact.text = buffer_bytes(&kept->bytes);
    }
    if (fact->status != NULL) {
        kept->status = *fact->status;
        kept->fact.status = &kept->status;
    }
    withheld->size += size_of(&kept->fact);
    STAILQ_INSERT_TAIL(&half->facts, kept, link);
}

/* In the place of all that is not kept. */
static void keep_cut(struct tap_withheld *withheld, struct half *half, const struct tap_fact *fact)
{
    const struct skimmed_rpc rpc = {.size = fact->size, .cut = true};
    struct tap_fact cut = *fact;
    cut.kind = TAP_FACT_RPC;
    cut.rpc = &rpc;
    cut.status = NULL;
    cut.text = (struct bytes){0};
    keep(withheld, half, &cut);
    half->full = true;
}

static void drop_first(struct tap_withheld *withheld, struct half *half)
{
    struct kept *kept = STAILQ_FIRST(&half->facts);
    STAILQ_REMOVE_HEAD(&half->facts, link);
    withheld->size -= size_of(&kept->fact);
    buffer_clear(&kept->bytes);
    free(kept->protocol);
    free(kept);
}

/* ---- halves ---- */

static struct half *find(const struct tap_withheld *withheld, int64_t stream, enum tap_side from)
{
    struct half *half;
    LIST_FOREACH(half, &withheld->halves, link)
    {
        if (half->stream == stream && half->from == from)
            return half;
    }
    return NULL;
}

static struct half *half_for(struct tap_withheld *withheld, int64_t stream, enum tap_side from)
{
    struct half *half = find(withheld, stream, from);
    if (half != NULL)
        return half;
    half = memory_new(sizeof(*half));
    half->stream = stream;
    half->from = from;
    half->held_from = half->lost_from = UINT64_MAX;
    STAILQ_INIT(&half->facts);
    LIST_INSERT_HEAD(&withheld->halves, half, link);
    return half;
}

static void forget(struct tap_withheld *withheld, struct half *half)
{
    while (!STAILQ_EMPTY(&half->facts))
        drop_first(withheld, half);
    LIST_REMOVE(half, link);
    free(half);
}

static void forget_stream(struct tap_withheld *withheld, int64_t stream)
{
    for (int from = 0; from < TAP_SIDES; from++) {
        struct half *half = find(withheld, stream, (enum tap_side)from);
        if (half != NULL)
            forget(withheld, half);
    }
}

void tap_withheld_free(struct tap_withheld *withheld)
{
    struct half *half;
    if (withheld == NULL)
        return;
    while ((half = LIST_FIRST(&withheld->halves)) != NULL)
        forget(withheld, half);
    free(withheld);
}

/* ---- what is done, and what comes ---- */

void tap_withheld_hold(struct tap_withheld *withheld, int64_t stream, enum tap_side from,
                       uint64_t offset, bool lost)
{
    struct half *half = half_for(withheld, stream, from);
    uint64_t *begin = lost ? &half->lost_from : &half->held_from;
    if (offset < *begin)
        *begin = offset;
}

void tap_withheld_release(struct tap_withheld *withheld, int64_t stream, enum tap_side from,
                          uint64_t until, uint64_t time_us)
{
    struct half *half = find(withheld, stream, from);
    struct kept *kept;
    if (half == NULL)
        return;
    half->held_from = until;
    while ((kept = STAILQ_FIRST(&half->facts)) != NULL && kept->fact.at < until) {
        kept->fact.time_us = time_us;
        withheld->told(withheld->context, &kept->fact);
        drop_first(withheld, half);
    }
    half->full = half->full && !STAILQ_EMPTY(&half->facts);
    if (until == UINT64_MAX && half->lost_from == UINT64_MAX)
        forget(withheld, half);
}

/* What the other node comes to know whatever is held: that it wants no more is carried at once. */
static bool is_never_held(const struct tap_fact *fact)
{
    return fact->kind == TAP_FACT_OPENED || fact->kind == TAP_FACT_CLOSED ||
           (fact->kind == TAP_FACT_ENDED && fact->how == TAP_STOP);
}

void tap_withheld_fact(struct tap_withheld *withheld, const struct tap_fact *fact)
{
    struct half *half = find(withheld, fact->stream, fact->by);
    if (fact->kind == TAP_FACT_CLOSED)
        forget_stream(withheld, fact->stream);
    if (half == NULL || is_never_held(fact) ||
        (fact->at < half->held_from && fact->at < half->lost_from))
        withheld->told(withheld->context, fact);
    else if (fact->at >= half->lost_from || half->full)
        return;
    else if (withheld->size + size_of(fact) > TAP_WITHHELD_MAX)
        keep_cut(withheld, half, fact);
    else
        keep(withheld, half, fact);
}
