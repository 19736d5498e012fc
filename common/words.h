/* The words of a command line, split and quoted as a shell does; nothing in them is expanded. */
#ifndef COMMON_WORDS_H
#define COMMON_WORDS_H

#include <stddef.h>

#include "common/buffer.h"
#include "common/error.h"

/* Between words is white space; '...', "..." and \ keep what they hold. The list ends with NULL,
 * and is freed with words_free(). NULL with the error set where a quote has no end. */
char **words_split(const char *text, struct error *error);
/* Of any list of texts that ends with NULL; NULL is allowed. */
void words_free(char **words);
/* How many there are; NULL has none. */
size_t words_count(char *const *words);
/* A copy of any such list; NULL of NULL. Freed with words_free(). */
char **words_copy(char *const *words);
/* Appends WORD so that a shell takes it for one, after a space where something is before it. */
void words_append(struct buffer *line, const char *word);
/* The words of a list as a line; freed with free(). */
char *words_join(char *const *words);

/* Appends NAME, which is INDEX of COUNT, as people list them: "a, b and c". */
void words_append_listed(struct buffer *text, size_t index, size_t count, const char *name);

/* What WORD says for the option NAME, such as "--with", or LETTER, such as "-w", where that is not
 * NULL: in the word itself or in NEXT, the one behind it. NULL where it is not that option. */
const char *words_option(const char *word, const char *next, const char *name, const char *letter);

/* Which of WORDS, which end with NULL, TEXT may be a slip of: NULL where none is close. */
const char *words_nearest(const char *text, const char *const *words);

#endif
