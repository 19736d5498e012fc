#include "net/gossipsub/backoff.h"

#include <stdlib.h>

#include "common/hash_table.h"
#include "common/memory.h"

struct backoff_key {
    gossipsub_topic topic;
    uint32_t size;
    uint8_t peer_id[BACKOFF_PEER_ID_SIZE_MAX]; /* zeros behind SIZE */
};

struct backoff {
    struct backoff_key key;
    uint64_t end;
    UT_hash_handle hh;
};

static struct backoff_key key_of(struct bytes peer_id, gossipsub_topic topic)
{
    struct backoff_key key = {.topic = topic, .size = (uint32_t)peer_id.size};
    memcpy(key.peer_id, peer_id.data, peer_id.size);
    return key;
}

static struct backoff *find(const struct backoff_table *table, struct bytes peer_id,
                            gossipsub_topic topic)
{
    struct backoff_key key = key_of(peer_id, topic);
    struct backoff *backoff;
    HASH_FIND(hh, table->backoffs, &key, sizeof(key), backoff);
    return backoff;
}

void backoff_set(struct backoff_table *table, uint64_t now, struct bytes peer_id,
                 gossipsub_topic topic, uint64_t duration)
{
    uint64_t end = now + (duration < BACKOFF_MS_MAX ? duration : BACKOFF_MS_MAX);
    struct backoff *backoff = find(table, peer_id, topic);
    if (backoff == NULL) {
        if (backoff_count(table) >= BACKOFFS_MAX)
            return;
        backoff = memory_new(sizeof(*backoff));
        backoff->key = key_of(peer_id, topic);
        HASH_ADD(hh, table->backoffs, key, sizeof(backoff->key), backoff);
    }
    if (backoff->end < end)
        backoff->end = end;
}

uint64_t backoff_left(const struct backoff_table *table, uint64_t now, struct bytes peer_id,
                      gossipsub_topic topic)
{
    const struct backoff *backoff = find(table, peer_id, topic);
    return backoff != NULL && now < backoff->end ? backoff->end - now : 0;
}

uint64_t backoff_left_with_slack(const struct backoff_table *table, uint64_t now,
                                 struct bytes peer_id, gossipsub_topic topic)
{
    const struct backoff *backoff = find(table, peer_id, topic);
    uint64_t end = backoff != NULL ? backoff->end + table->slack : 0;
    return now < end ? end - now : 0;
}

void backoff_expire(struct backoff_table *table, uint64_t now)
{
    struct backoff *backoff, *next;
    HASH_ITER(hh, table->backoffs, backoff, next)
    {
        if (backoff->end + table->slack > now)
            continue;
        HASH_DEL(table->backoffs, backoff);
        free(backoff);
    }
}

bool backoff_any_for(const struct backoff_table *table, gossipsub_topic topic)
{
    const struct backoff *backoff = table->backoffs;
    while (backoff != NULL && backoff->key.topic != topic)
        backoff = backoff->hh.next;
    return backoff != NULL;
}

size_t backoff_count(const struct backoff_table *table)
{
    return HASH_COUNT(table->backoffs);
}

void backoff_clear(struct backoff_table *table)
{
    struct backoff *backoff, *next;
    HASH_ITER(hh, table->backoffs, backoff, next)
    {
        HASH_DEL(table->backoffs, backoff);
        free(backoff);
    }
}
