/* The files that --follow follows: which there are, and which have changed. */
#ifndef CMD_ORPHANS_FOLLOWED_FILES_H
#define CMD_ORPHANS_FOLLOWED_FILES_H

#include "cmd/orphans/orphans.h"
#include "common/file_watch.h"
#include "common/hash_table.h"
#include "net/qlog/followed.h"

struct file_place {
    dev_t device;
    ino_t inode;
};

struct followed_file {
    struct qlog_followed *log;
    struct file_place place;
    struct followed_file *predecessor; /* had the path before, and may go on here; or NULL */
    char *former;                      /* the path that it had before; or NULL */
    char *trouble;                     /* told last, or NULL */
    bool changed;                      /* there may be more to read */
    bool gone;                         /* there is no such file any more, but what it said stays */
    bool seen;                         /* at the last look around */
    bool told;                         /* that it is no log, or cannot be read on */
    UT_hash_handle hh_path, hh_place;
    struct followed_file *prev, *next;
};

struct followed_files {
    char *const *operands; /* files and folders, which need not exist yet */
    size_t operand_count;
    struct file_watch *watch;
    struct followed_file *all;      /* list */
    struct followed_file *by_path;  /* hash table: those that are there */
    struct followed_file *by_place; /* hash table: the same, by place */
    struct search found;            /* at the last look around */
    json_t *troubles;               /* with files, as in struct search */
    bool look_around;               /* entries of folders came or went */
    bool unwatched;                 /* not all can be watched: look around all the time */
    bool unwatched_told;            /* and that was told, since all could be */
};

/* False with the error set where the system cannot watch. */
bool followed_files_init(struct followed_files *files, char *const *operands, size_t count,
                         struct error *error);
void followed_files_clear(struct followed_files *files);
/* To be called when the watch's descriptor is readable. */
void followed_files_hear(struct followed_files *files);
/* Adds a log whose bytes are fed by the caller. */
struct followed_file *followed_files_add_fed(struct followed_files *files, const char *path);
/* Looks around where that is due, and reads what has changed; true where there is more. */
bool followed_files_read(struct followed_files *files);
/* Tells, once, what is wrong with FILE. */
void followed_files_tell(struct followed_files *files, struct followed_file *file);
/* Drops FILE, which is gone. */
void followed_files_drop(struct followed_files *files, struct followed_file *file);

#endif
