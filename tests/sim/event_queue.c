#include "tests/sim/event_queue.h"

#include <stdlib.h>

#include "common/memory.h"

static bool is_before(const struct event *a, const struct event *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->sequence < b->sequence;
}

void event_queue_put(struct event_queue *queue, struct event event)
{
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity > 0 ? 2 * queue->capacity : 1024;
        queue->events = memory_resize(queue->events, queue->capacity * sizeof(*queue->events));
    }
    event.sequence = queue->next_sequence++;
    size_t hole = queue->count++;
    for (size_t parent; hole > 0; hole = parent) {
        parent = (hole - 1) / 2;
        if (!is_before(&event, &queue->events[parent]))
            break;
        queue->events[hole] = queue->events[parent];
    }
    queue->events[hole] = event;
}

bool event_queue_take(struct event_queue *queue, struct event *event)
{
    if (queue->count == 0)
        return false;
    *event = queue->events[0];
    const struct event *last = &queue->events[--queue->count];
    size_t hole = 0;
    for (size_t child = 1; child < queue->count; child = 2 * hole + 1) {
        if (child + 1 < queue->count && is_before(&queue->events[child + 1], &queue->events[child]))
            child++;
        if (!is_before(&queue->events[child], last))
            break;
        queue->events[hole] = queue->events[child];
        hole = child;
    }
    queue->events[hole] = *last;
    return true;
}

void event_queue_clear(struct event_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++)
        chunk_unref(queue->events[i].rpc);
    free(queue->events);
    *queue = (struct event_queue){0};
}
