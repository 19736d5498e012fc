#include "common/words.h"

#include <stdlib.h>

#include "common/memory.h"

/* ---- splitting ---- */

static const char blanks[] = " \t\r\n";

struct splitter {
    const char *at;
    struct buffer word;
    char **words; /* so far; ends with NULL */
    size_t count;
};

static void add(struct splitter *splitter)
{
    buffer_append(&splitter->word, "", 1);
    splitter->words =
        memory_resize(splitter->words, (splitter->count + 2) * sizeof(*splitter->words));
    splitter->words[splitter->count++] = text_copy((const char *)splitter->word.data);
    splitter->words[splitter->count] = NULL;
    splitter->word.size = 0;
}

/* Takes a character that may be escaped. */
static void take_one(struct splitter *splitter, bool escapes)
{
    if (escapes && *splitter->at == '\\' && splitter->at[1] != '\0')
        splitter->at++;
    buffer_append_byte(&splitter->word, (uint8_t)*splitter->at++);
}

static bool take_quoted(struct splitter *splitter, struct error *error)
{
    char quote = *splitter->at++;
    while (*splitter->at != quote) {
        if (*splitter->at == '\0')
            return error_set(error, "a %c is not closed", quote);
        take_one(splitter, quote == '"');
    }
    splitter->at++;
    return true;
}

static bool take_word(struct splitter *splitter, struct error *error)
{
    while (*splitter->at != '\0' && strchr(blanks, *splitter->at) == NULL)
        if (*splitter->at != '\'' && *splitter->at != '"')
            take_one(splitter, true);
        else if (!take_quoted(splitter, error))
            return false;
    add(splitter);
    return true;
}

char **words_split(const char *text, struct error *error)
{
    struct splitter splitter = {.at = text + strspn(text, blanks),
                                .words = memory_new(sizeof(char *))};
    bool sound = true;
    while (sound && *splitter.at != '\0') {
        sound = take_word(&splitter, error);
        splitter.at += strspn(splitter.at, blanks);
    }
    buffer_clear(&splitter.word);
    if (sound)
        return splitter.words;
    words_free(splitter.words);
    return NULL;
}

void words_free(char **words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++)
        free(words[i]);
    free(words);
}

size_t words_count(char *const *words)
{
    size_t count = 0;
    while (words != NULL && words[count] != NULL)
        count++;
    return count;
}

char **words_copy(char *const *words)
{
    if (words == NULL)
        return NULL;
    size_t count = words_count(words);
    char **copy = memory_new((count + 1) * sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = text_copy(words[i]);
    return copy;
}

const char *words_option(const char *word, const char *next, const char *name, const char *letter)
{
    size_t size = strlen(name), letter_size = letter != NULL ? strlen(letter) : 0;
    if (strncmp(word, name, size) == 0 && word[size] == '=')
        return word + size + 1;
    if (strcmp(word, name) == 0 || (letter != NULL && strcmp(word, letter) == 0))
        return next;
    return letter != NULL && strncmp(word, letter, letter_size) == 0 ? word + letter_size : NULL;
}

/* ---- quoting ---- */

void words_append(struct buffer *line, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:=,@%+";
    bool quoted = word[strspn(word, plain)] != '\0' || *word == '\0';
    buffer_append_text(line, line->size > 0 ? " " : "");
    buffer_append_text(line, quoted ? "'" : "");
    for (; *word != '\0'; word++)
        if (*word == '\'')
            buffer_append_text(line, "'\\''");
        else
            buffer_append_byte(line, (uint8_t)*word);
    buffer_append_text(line, quoted ? "'" : "");
}

void words_append_listed(struct buffer *text, size_t index, size_t count, const char *name)
{
    buffer_append_text(text, index == 0 ? "" : index + 1 < count ? ", " : " and ");
    buffer_append_text(text, name);
}

char *words_join(char *const *words)
{
    struct buffer line = {0};
    for (size_t i = 0; words[i] != NULL; i++)
        words_append(&line, words[i]);
    buffer_append(&line, "", 1);
    char *text = text_copy((const char *)line.data);
    buffer_clear(&line);
    return text;
}

/* ---- slips ---- */

enum { SLIP_MAX = 32 }; /* longer words are compared no further */

static size_t least(size_t a, size_t b, size_t c)
{
    size_t lesser = a < b ? a : b;
    return lesser < c ? lesser : c;
}

/* How many characters are to be put in, taken out, replaced or swapped with the next. */
static size_t distance(const char *one, const char *other)
{
    size_t rows[SLIP_MAX + 1][SLIP_MAX + 1];
    size_t length = strnlen(one, SLIP_MAX), width = strnlen(other, SLIP_MAX);
    for (size_t i = 0; i <= length; i++)
        for (size_t k = 0; k <= width; k++) {
            if (i == 0 || k == 0) {
                rows[i][k] = i + k;
                continue;
            }
            rows[i][k] = least(rows[i - 1][k] + 1, rows[i][k - 1] + 1,
                               rows[i - 1][k - 1] + (one[i - 1] != other[k - 1]));
            if (i > 1 && k > 1 && one[i - 1] == other[k - 2] && one[i - 2] == other[k - 1] &&
                rows[i - 2][k - 2] + 1 < rows[i][k])
                rows[i][k] = rows[i - 2][k - 2] + 1;
        }
    return rows[length][width];
}

const char *words_nearest(const char *text, const char *const *words)
{
    const char *nearest = NULL;
    size_t best = strnlen(text, SLIP_MAX) < 5 ? 2 : 3;
    for (; *words != NULL; words++) {
        size_t away = distance(text, *words);
        if (away < best) {
            nearest = *words;
            best = away;
        }
    }
    return nearest;
}
