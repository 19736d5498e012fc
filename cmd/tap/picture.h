/* A page of who said what when: what a tap told, kept until it is drawn. */
#ifndef CMD_TAP_PICTURE_H
#define CMD_TAP_PICTURE_H

#include "common/bytes.h"
#include "common/error.h"

enum {
    PICTURE_SIZE_MAX = 16 * 1024 * 1024, /* bytes of events; what comes later is counted alone */
    PICTURE_FILE_MAX = 1024 * 1024 * 1024,
};

struct picture;

struct picture *picture_new(void);
void picture_free(struct picture *picture); /* NULL is allowed */
/* An event as devnet-tap prints it: one JSON object, without its newline. */
void picture_add(struct picture *picture, struct bytes line);
/* What a devnet-tap has printed; false where the file cannot be read, or a line is no event: but
 * the last, where the file ends within it, is left out with a warning. */
bool picture_read(struct picture *picture, const char *path, struct error *error);
/* Streams are marked by what devnet-orphans makes of the QUIC logs in FOLDER; where there are no
 * events, what is drawn is theirs, too. False where there are no logs. */
bool picture_judge(struct picture *picture, const char *folder, struct error *error);
/* Writes the page whole; false where it cannot be written. */
bool picture_write(const struct picture *picture, const char *path, struct error *error);

#endif
