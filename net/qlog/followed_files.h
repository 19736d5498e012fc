/*
 * The files that are followed: which there are at the names and in the folders that are asked for,
 * and which have changed. They may appear, be renamed, rotated, cut to nothing or written anew.
 */
#ifndef NET_QLOG_FOLLOWED_FILES_H
#define NET_QLOG_FOLLOWED_FILES_H

#include "common/file_watch.h"
#include "common/hash_table.h"
#include "net/qlog/followed.h"
#include "net/qlog/search.h"

struct qlog_file_place {
    dev_t device;
    ino_t inode;
};

struct qlog_followed_file {
    struct qlog_followed *log;
    struct qlog_file_place place;
    struct qlog_followed_file *predecessor; /* had the path before, and may go on here; or NULL */
    char *former;                           /* the path that it had before; or NULL */
    char *trouble;                          /* told last, or NULL */
    bool changed;                           /* there may be more to read */
    bool gone; /* there is no such file any more, but what it said stays */
    bool seen; /* at the last look around */
    bool told; /* that it is no log, or cannot be read on */
    bool fed;  /* by the caller, and there is no file */
    UT_hash_handle hh_path, hh_place;
    struct qlog_followed_file *prev, *next;
};

struct qlog_followed_files {
    char *const *operands; /* files and folders, which need not exist yet */
    size_t operand_count;
    struct file_watch *watch;
    struct qlog_followed_file *all;      /* list */
    struct qlog_followed_file *by_path;  /* hash table: those that are there */
    struct qlog_followed_file *by_place; /* hash table: the same, by place */
    struct qlog_search found;            /* at the last look around */
    struct qlog_remarks not_found;       /* troubles with names and folders at that look */
    struct qlog_remarks troubles;        /* with files, each told once */
    qlog_remark_handler *handler;
    void *context;
    bool look_around;    /* entries of folders came or went */
    bool unwatched;      /* not all can be watched: look around all the time */
    bool unwatched_told; /* and that was told, since all could be */
};

/* OPERANDS are borrowed, and outlive FILES; HANDLER hears what is wrong. False with the error set
 * where the system cannot watch: there is nothing to clear then. */
bool qlog_followed_files_init(struct qlog_followed_files *files, char *const *operands,
                              size_t count, qlog_remark_handler *handler, void *context,
                              struct error *error);
void qlog_followed_files_clear(struct qlog_followed_files *files);
/* To be called when the watch's descriptor is readable. */
void qlog_followed_files_hear(struct qlog_followed_files *files);
/* Adds a log whose bytes are fed by the caller (qlog_followed_feed). */
struct qlog_followed_file *qlog_followed_files_add_fed(struct qlog_followed_files *files,
                                                       const char *path);
/* Looks around where that is due, and reads what has changed, of each file no more than
 * QLOG_READ_AT_ONCE; true where there is more. */
bool qlog_followed_files_read(struct qlog_followed_files *files);
/* Tells, once, what is wrong with FILE. */
void qlog_followed_files_tell(struct qlog_followed_files *files, struct qlog_followed_file *file);
/* Drops FILE, which is gone, and what it said with it. */
void qlog_followed_files_drop(struct qlog_followed_files *files, struct qlog_followed_file *file);

#endif
