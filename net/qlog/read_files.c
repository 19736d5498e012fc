#include "net/qlog/read_files.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/memory.h"

enum {
    WORKERS_PAY_FROM = 4 * 1024 * 1024, /* bytes of logs: less is read before a worker has begun */
    BLOCK_SIZE = 64 * 1024,
};

/* What the workers share, in memory that is mapped into all of them. */
struct shared {
    uint64_t next;       /* place in the order of the file that is taken next */
    uint64_t read_bytes; /* by all of them */
};

/* Comes before each packed reading. */
struct frame {
    size_t index; /* of the file */
    size_t size;
};

struct worker {
    pid_t pid;
    int pipe; /* -1: it has ended */
    struct buffer input;
};

struct pool {
    const struct qlog_search *search;
    struct qlog_reading *readings;
    bool *done; /* by file */
    struct shared *shared;
    size_t *order; /* files, the largest first */
    struct worker workers[QLOG_JOBS_LIMIT];
    size_t count, running;
};

/* --- In a worker --- */

static bool write_all(int descriptor, struct bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t written = write(descriptor, bytes.data, bytes.size);
        if (written < 0 && errno != EINTR)
            return false;
        bytes = bytes_after(bytes, written > 0 ? (size_t)written : 0);
    }
    return true;
}

static bool hand_over(int pipe, size_t index, const struct qlog_reading *reading)
{
    struct buffer packed = {0};
    qlog_reading_pack(reading, &packed);
    struct frame frame = {.index = index, .size = packed.size};
    bool written = write_all(pipe, bytes_of((const uint8_t *)&frame, sizeof(frame))) &&
                   write_all(pipe, buffer_bytes(&packed));
    buffer_clear(&packed);
    return written;
}

static _Noreturn void work(const struct pool *pool, int pipe)
{
    struct shared *shared = pool->shared;
    size_t place;
    bool heard = true;
    while (heard &&
           (place = __atomic_fetch_add(&shared->next, 1, __ATOMIC_RELAXED)) < pool->search->count) {
        size_t index = pool->order[place];
        struct qlog_reading reading;
        qlog_reading_make(&reading, pool->search->files[index].path, &shared->read_bytes);
        heard = hand_over(pipe, index, &reading);
        qlog_reading_clear(&reading);
    }
    _exit(heard ? 0 : 1);
}

/* --- In the process that judges --- */

static bool start_worker(struct pool *pool)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        close(ends[0]);
        work(pool, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    pool->workers[pool->count++] = (struct worker){.pid = pid, .pipe = ends[0]};
    pool->running++;
    return true;
}

/* Takes the readings that have arrived whole. */
static void take_readings(struct pool *pool, struct worker *worker)
{
    struct frame frame;
    while (worker->input.size >= sizeof(frame)) {
        memcpy(&frame, worker->input.data, sizeof(frame));
        if (worker->input.size - sizeof(frame) < frame.size)
            return;
        struct bytes packed = bytes_of(worker->input.data + sizeof(frame), frame.size);
        if (frame.index < pool->search->count && !pool->done[frame.index])
            pool->done[frame.index] = qlog_reading_unpack(&pool->readings[frame.index], packed);
        buffer_consume(&worker->input, sizeof(frame) + frame.size);
    }
}

static void end_worker(struct pool *pool, struct worker *worker)
{
    close(worker->pipe);
    worker->pipe = -1;
    buffer_clear(&worker->input);
    while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    pool->running--;
}

static void hear(struct pool *pool, struct worker *worker)
{
    ssize_t size = read(worker->pipe, buffer_extend(&worker->input, BLOCK_SIZE), BLOCK_SIZE);
    worker->input.size -= BLOCK_SIZE - (size > 0 ? (size_t)size : 0);
    if (size > 0)
        take_readings(pool, worker);
    else if (size == 0 || errno != EINTR)
        end_worker(pool, worker);
}

static void hear_all(struct pool *pool, const struct qlog_progress *progress)
{
    while (pool->running > 0) {
        struct pollfd pipes[QLOG_JOBS_LIMIT];
        for (size_t i = 0; i < pool->count; i++)
            pipes[i] = (struct pollfd){.fd = pool->workers[i].pipe, .events = POLLIN};
        int ready = poll(pipes, pool->count, progress != NULL ? progress->interval : -1);
        for (size_t i = 0; ready > 0 && i < pool->count; i++)
            if (pipes[i].revents != 0)
                hear(pool, &pool->workers[i]);
        if (progress != NULL)
            progress->show(progress->context,
                           __atomic_load_n(&pool->shared->read_bytes, __ATOMIC_RELAXED));
    }
}

/* A worker that was killed leaves files unread. */
static void account_for_all(struct pool *pool)
{
    for (size_t i = 0; i < pool->search->count; i++) {
        if (pool->done[i])
            continue;
        pool->readings[i].outcome = QLOG_FAILED;
        error_set(&pool->readings[i].error,
                  "the process that read it was ended: it may need more memory than there is");
    }
}

static int by_size(const void *a, const void *b, void *argument)
{
    const struct qlog_found *files = argument;
    uint64_t first = files[*(const size_t *)a].size, second = files[*(const size_t *)b].size;
    return first > second ? -1 : first < second;
}

static bool pool_init(struct pool *pool, const struct qlog_search *search,
                      struct qlog_reading *readings)
{
    *pool = (struct pool){.search = search, .readings = readings};
    pool->shared = mmap(NULL, sizeof(*pool->shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pool->shared == MAP_FAILED)
        return false;
    pool->done = memory_new(search->count + 1);
    pool->order = memory_new((search->count + 1) * sizeof(*pool->order));
    for (size_t i = 0; i < search->count; i++)
        pool->order[i] = i;
    qsort_r(pool->order, search->count, sizeof(*pool->order), by_size, search->files);
    return true;
}

static void pool_clear(struct pool *pool)
{
    if (pool->shared != MAP_FAILED)
        munmap(pool->shared, sizeof(*pool->shared));
    free(pool->done);
    free(pool->order);
}

/* False where no worker could be started. */
static bool read_by_workers(const struct qlog_search *search, struct qlog_reading *readings,
                            unsigned jobs, const struct qlog_progress *progress)
{
    struct pool pool;
    if (!pool_init(&pool, search, readings))
        return false;
    while (pool.count < jobs && pool.count < search->count && start_worker(&pool))
        continue;
    bool started = pool.count > 0;
    if (started) {
        hear_all(&pool, progress);
        account_for_all(&pool);
    }
    pool_clear(&pool);
    return started;
}

static unsigned cores(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > QLOG_JOBS_LIMIT ? QLOG_JOBS_LIMIT : (unsigned)count;
}

struct qlog_reading *qlog_read_files(const struct qlog_search *search, unsigned jobs,
                                     const struct qlog_progress *progress)
{
    struct qlog_reading *readings = memory_new((search->count + 1) * sizeof(*readings));
    bool pays = jobs > 0 || qlog_search_size(search) >= WORKERS_PAY_FROM;
    jobs = jobs > QLOG_JOBS_LIMIT ? QLOG_JOBS_LIMIT : jobs > 0 ? jobs : cores();
    if (pays && read_by_workers(search, readings, jobs, progress))
        return readings;
    for (size_t i = 0; i < search->count; i++)
        qlog_reading_make(&readings[i], search->files[i].path, NULL);
    return readings;
}
