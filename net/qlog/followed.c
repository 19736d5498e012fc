#include "net/qlog/followed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

enum { BLOCK_SIZE = 128 * 1024 };

/* When a file was last written, by CLOCK_MONOTONIC. */
static int64_t written_at(const struct stat *about)
{
    int64_t now = (int64_t)clock_now_ms(), calendar = (int64_t)clock_epoch_ms();
    int64_t written = (int64_t)about->st_mtim.tv_sec * 1000 + about->st_mtim.tv_nsec / 1000000;
    return written < calendar ? now - (calendar - written) : now;
}

struct qlog_followed *qlog_followed_new(const char *path, const struct stat *about,
                                        qlog_note_handler *note, void *context)
{
    struct qlog_followed *followed = memory_new(sizeof(*followed));
    followed->path = text_copy(path);
    followed->heard = about != NULL ? written_at(about) : (int64_t)clock_now_ms();
    qlog_reader_init(&followed->reader, followed->path, note, context);
    return followed;
}

void qlog_followed_free(struct qlog_followed *followed)
{
    qlog_reader_clear(&followed->reader);
    free(followed->path);
    free(followed);
}

static void keep_tail(struct qlog_followed *followed, struct bytes input)
{
    size_t kept = input.size < QLOG_TAIL_SIZE ? QLOG_TAIL_SIZE - input.size : 0;
    kept = kept < followed->tail_size ? kept : followed->tail_size;
    memmove(followed->tail, followed->tail + followed->tail_size - kept, kept);
    size_t taken = input.size < QLOG_TAIL_SIZE ? input.size : QLOG_TAIL_SIZE;
    memcpy(followed->tail + kept, input.data + input.size - taken, taken);
    followed->tail_size = kept + taken;
}

void qlog_followed_feed(struct qlog_followed *followed, struct bytes input, int64_t now)
{
    if (input.size == 0)
        return;
    followed->offset += input.size;
    followed->heard = now;
    keep_tail(followed, input);
    if (followed->state != QLOG_FOLLOWED_ON ||
        qlog_reader_feed(&followed->reader, input, &followed->error))
        return;
    if (followed->reader.not_a_log) {
        followed->state = QLOG_FOLLOWED_NO_LOG;
        qlog_reader_clear(&followed->reader);
    } else {
        followed->state = QLOG_FOLLOWED_FAILED;
        qlog_splitter_clear(&followed->reader.splitter);
    }
}

/* Reads at OFFSET; the size, or -1 with errno. */
static ssize_t read_at(int descriptor, uint8_t *block, size_t size, uint64_t offset)
{
    ssize_t count;
    do
        count = pread(descriptor, block, size, (off_t)offset);
    while (count < 0 && errno == EINTR);
    return count;
}

/* Whether the bytes before the new ones are those that were read. */
static bool is_same(const struct qlog_followed *followed, int descriptor)
{
    uint8_t tail[QLOG_TAIL_SIZE];
    size_t size = followed->tail_size;
    return size == 0 ||
           (read_at(descriptor, tail, size, followed->offset - size) == (ssize_t)size &&
            memcmp(tail, followed->tail, size) == 0);
}

bool qlog_followed_is_in(const struct qlog_followed *followed, const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool same = descriptor >= 0 && is_same(followed, descriptor);
    if (descriptor >= 0)
        close(descriptor);
    return same;
}

static enum qlog_followed_news trouble(struct qlog_followed *followed, const char *what)
{
    error_set_kind(&followed->error, ERROR_SYSTEM, "%s: %s", what, strerror(errno));
    return QLOG_NEWS_TROUBLE;
}

/* Nothing more is wanted of it but to know whether it is the same. */
static void pass_over(struct qlog_followed *followed, int descriptor, uint64_t size)
{
    size_t last = size < QLOG_TAIL_SIZE ? (size_t)size : QLOG_TAIL_SIZE;
    if (read_at(descriptor, followed->tail, last, size - last) != (ssize_t)last)
        return;
    followed->tail_size = last;
    followed->offset = size;
}

static enum qlog_followed_news read_on(struct qlog_followed *followed, int descriptor)
{
    static uint8_t block[BLOCK_SIZE];
    uint64_t begin = followed->offset;
    struct stat about;
    if (!is_same(followed, descriptor))
        return QLOG_NEWS_REPLACED;
    if (fstat(descriptor, &about) != 0)
        return trouble(followed, "cannot be read");
    while (followed->state == QLOG_FOLLOWED_ON) {
        ssize_t size = read_at(descriptor, block, BLOCK_SIZE, followed->offset);
        if (size < 0)
            return trouble(followed, "cannot be read");
        if (size == 0)
            return followed->offset > begin ? QLOG_NEWS_GROWN : QLOG_NEWS_NONE;
        qlog_followed_feed(followed, bytes_of(block, (size_t)size), written_at(&about));
        if (followed->offset - begin >= QLOG_READ_AT_ONCE)
            return QLOG_NEWS_MORE;
    }
    enum qlog_followed_news news = followed->offset > begin ? QLOG_NEWS_GROWN : QLOG_NEWS_NONE;
    pass_over(followed, descriptor, (uint64_t)about.st_size);
    return news;
}

enum qlog_followed_news qlog_followed_read(struct qlog_followed *followed)
{
    int descriptor = open(followed->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return errno == ENOENT || errno == ENOTDIR ? QLOG_NEWS_GONE
                                                   : trouble(followed, "cannot be opened");
    enum qlog_followed_news news = read_on(followed, descriptor);
    close(descriptor);
    return news;
}

void qlog_followed_go_on(struct qlog_followed *followed)
{
    followed->offset = 0;
    followed->tail_size = 0;
}

void qlog_followed_retire(struct qlog_followed *followed)
{
    qlog_reader_clear(&followed->reader);
    followed->state = QLOG_FOLLOWED_RETIRED;
}

static enum qlog_beginning beginning_of(struct bytes block)
{
    static const char *const names[] = {"\"qlog_version\"", "\"qlog_format\"", "\"file_schema\""};
    if (block.size == 0)
        return QLOG_BEGINS_UNTOLD;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (memmem(block.data, block.size, names[i], strlen(names[i])) != NULL)
            return QLOG_BEGINS_ANEW;
    if (*block.data != '{' && *block.data != QLOG_RECORD_SEPARATOR)
        return QLOG_BEGINS_ANEW;
    bool whole = memchr(block.data, '\n', block.size) != NULL || block.size == QLOG_HEADER_SIGHT;
    return whole ? QLOG_BEGINS_AMID : QLOG_BEGINS_UNTOLD;
}

enum qlog_beginning qlog_beginning_of(const char *path)
{
    uint8_t block[QLOG_HEADER_SIGHT];
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return QLOG_BEGINS_UNTOLD;
    ssize_t size = read_at(descriptor, block, sizeof(block), 0);
    close(descriptor);
    return beginning_of(bytes_of(block, size > 0 ? (size_t)size : 0));
}
