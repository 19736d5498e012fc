#include "net/relay/delay_queue.h"

#include <stdlib.h>

#include "common/memory.h"

static bool is_before(const struct delayed *a, const struct delayed *b)
{
    return a->release_ns != b->release_ns ? a->release_ns < b->release_ns
                                          : a->sequence < b->sequence;
}

static size_t cost(size_t size)
{
    return sizeof(struct delayed) + size;
}

static void sift_up(struct delayed **heap, size_t place)
{
    struct delayed *moved = heap[place];
    for (; place > 0 && is_before(moved, heap[(place - 1) / 2]); place = (place - 1) / 2)
        heap[place] = heap[(place - 1) / 2];
    heap[place] = moved;
}

static void sift_down(struct delayed **heap, size_t count)
{
    struct delayed *moved = heap[0];
    size_t place = 0;
    for (size_t child; (child = 2 * place + 1) < count; place = child) {
        if (child + 1 < count && is_before(heap[child + 1], heap[child]))
            child++;
        if (!is_before(heap[child], moved))
            break;
        heap[place] = heap[child];
    }
    heap[place] = moved;
}

struct delayed *delay_queue_push(struct delay_queue *queue, uint64_t release_ns,
                                 struct bytes datagram)
{
    if (queue->bytes + cost(datagram.size) > DELAY_QUEUE_BYTES_MAX)
        return NULL;
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity > 0 ? 2 * queue->capacity : 64;
        queue->heap = memory_resize(queue->heap, queue->capacity * sizeof(struct delayed *));
    }
    struct delayed *delayed = memory_new(cost(datagram.size));
    delayed->release_ns = release_ns;
    delayed->sequence = queue->sequence++;
    delayed->size = datagram.size;
    if (datagram.size > 0)
        memcpy(delayed->data, datagram.data, datagram.size);
    queue->bytes += cost(datagram.size);
    queue->heap[queue->count] = delayed;
    sift_up(queue->heap, queue->count++);
    return delayed;
}

struct delayed *delay_queue_pop(struct delay_queue *queue, uint64_t now_ns)
{
    if (queue->count == 0 || queue->heap[0]->release_ns > now_ns)
        return NULL;
    struct delayed *first = queue->heap[0];
    queue->heap[0] = queue->heap[--queue->count];
    if (queue->count > 0)
        sift_down(queue->heap, queue->count);
    queue->bytes -= cost(first->size);
    return first;
}

uint64_t delay_queue_next(const struct delay_queue *queue)
{
    return queue->count > 0 ? queue->heap[0]->release_ns : UINT64_MAX;
}

void delay_queue_clear(struct delay_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++)
        free(queue->heap[i]);
    free(queue->heap);
    *queue = (struct delay_queue){0};
}
