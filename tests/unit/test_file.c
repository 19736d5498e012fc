#include "common/file.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/support.h"

static char folder[] = "/tmp/test_file.XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? chdir(folder) : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void assert_holds(const char *path, const char *text)
{
    struct buffer read = {0};
    assert_true(file_read(path, 100, &read, NULL));
    assert_true(bytes_equal(buffer_bytes(&read), bytes_of_text(text)));
    buffer_clear(&read);
}

static mode_t mode_of(const char *path)
{
    struct stat about;
    assert_int_equal(lstat(path, &about), 0);
    return about.st_mode;
}

static void a_new_file_is_as_the_umask_lets_it_and_keeps_its_mode(void **state)
{
    (void)state;
    mode_t mask = umask(027);
    assert_true(file_write("a", bytes_of_text("one"), 0666, NULL));
    assert_holds("a", "one");
    assert_int_equal(mode_of("a") & 0777, 0640);
    assert_true(file_write("a", bytes_of_text("two"), 0600, NULL));
    assert_holds("a", "two");
    assert_int_equal(mode_of("a") & 0777, 0640);
    assert_int_equal(chmod("a", 0606), 0);
    assert_true(file_write("a", bytes_of_text("three"), 0666, NULL));
    assert_holds("a", "three");
    assert_int_equal(mode_of("a") & 0777, 0606);
    assert_int_equal(umask(mask), 027);
    assert_int_equal(unlink("a"), 0);
}

static void a_link_stays_one(void **state)
{
    (void)state;
    assert_true(file_write("a", bytes_of_text("one"), 0666, NULL));
    assert_int_equal(symlink("a", "link"), 0);
    assert_true(file_write("link", bytes_of_text("two"), 0666, NULL));
    assert_true(S_ISLNK(mode_of("link")));
    assert_holds("a", "two");
    assert_int_equal(unlink("link"), 0);
    assert_int_equal(unlink("a"), 0);
}

static void a_link_to_nothing_yet_stays_one(void **state)
{
    (void)state;
    assert_int_equal(mkdir("in", 0777), 0);
    assert_int_equal(symlink("../b", "in/second"), 0);
    assert_int_equal(symlink("in/second", "first"), 0);
    assert_true(file_write("first", bytes_of_text("one"), 0666, NULL));
    assert_true(S_ISLNK(mode_of("first")) && S_ISLNK(mode_of("in/second")));
    assert_holds("b", "one");
    assert_int_equal(unlink("first") | unlink("in/second") | unlink("b") | rmdir("in"), 0);
    assert_int_equal(symlink("round", "round"), 0);
    struct error error;
    assert_false(file_write("round", bytes_of_text("one"), 0666, &error));
    assert_non_null(strstr(error.text, "round: cannot write: Too many levels of symbolic links"));
    assert_int_equal(unlink("round"), 0);
}

static void a_file_keeps_its_other_names(void **state)
{
    (void)state;
    assert_true(file_write("a", bytes_of_text("a longer one"), 0666, NULL));
    assert_int_equal(link("a", "b"), 0);
    assert_true(file_write("a", bytes_of_text("two"), 0666, NULL));
    assert_holds("b", "two");
    assert_int_equal(unlink("a") | unlink("b"), 0);
}

static void a_pipe_is_written_into(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    int fd = open("pipe", O_RDWR | O_CLOEXEC);
    char text[8] = "";
    assert_true(file_write("pipe", bytes_of_text("text"), 0666, NULL));
    assert_true(S_ISFIFO(mode_of("pipe")));
    assert_int_equal(read(fd, text, sizeof(text)), 4);
    assert_string_equal(text, "text");
    close(fd);
    assert_int_equal(unlink("pipe"), 0);
}

static void what_is_no_plain_file_is_not_waited_for(void **state)
{
    (void)state;
    struct error error;
    struct buffer read = {0};
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_false(file_read_plain("pipe", 100, &read, &error));
    assert_string_equal(error.text, "pipe: not a plain file");
    assert_false(file_read_plain(".", 100, &read, &error));
    assert_string_equal(error.text, ".: not a plain file");
    assert_false(file_read_plain("none", 100, &read, &error));
    assert_string_equal(error.text, "none: No such file or directory");
    assert_false(file_read_pipe("pipe", 100, &read, &error));
    assert_string_equal(error.text, "pipe: a pipe that nobody writes into");
    assert_int_equal(read.size, 0);
    assert_int_equal(unlink("pipe"), 0);
}

/* In a process of its own: TEXT in two parts, of which the second comes once the first is taken. */
static pid_t write_slowly(const char *path, const char *text)
{
    pid_t writer = fork();
    if (writer != 0)
        return writer;
    int fd = open(path, O_WRONLY), left = 1; /* waits for the reader */
    bool written = fd >= 0 && write(fd, text, 1) == 1;
    while (written && ioctl(fd, FIONREAD, &left) == 0 && left > 0)
        sched_yield();
    written = written && write(fd, text + 1, strlen(text + 1)) > 0;
    _exit(written ? 0 : 1);
}

static void a_pipe_that_somebody_writes_into_is_read_to_its_end(void **state)
{
    (void)state;
    struct error error = {0};
    struct buffer read = {0};
    int status;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    pid_t writer = write_slowly("pipe", "key\n");
    assert_true(file_read_pipe("pipe", 100, &read, &error));
    assert_true(bytes_equal(buffer_bytes(&read), bytes_of_text("key\n")));
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    buffer_clear(&read);
    assert_int_equal(unlink("pipe"), 0);
    assert_true(file_write("a", bytes_of_text("one"), 0600, NULL));
    assert_true(file_read_plain("a", 3, &read, &error));
    assert_true(file_read_pipe("a", 3, &read, &error));
    assert_true(bytes_equal(buffer_bytes(&read), bytes_of_text("oneone")));
    assert_false(file_read_plain("a", 2, &read, &error));
    assert_string_equal(error.text, "a: larger than 2 bytes");
    buffer_clear(&read);
    assert_int_equal(unlink("a"), 0);
}

static void what_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    struct error error;
    assert_false(file_write("none/a", bytes_of_text("one"), 0666, &error));
    assert_string_equal(error.text, "none/a: cannot write: No such file or directory");
    assert_int_equal(mkdir("b", 0700), 0);
    assert_false(file_write("b", bytes_of_text("one"), 0666, &error));
    assert_string_equal(error.text, "b: cannot write: Is a directory");
    assert_int_equal(rmdir("b"), 0); /* and the folder is empty in the end */
}

static void a_folder_is_made_with_those_above_it(void **state)
{
    (void)state;
    static const char *const paths[] = {"q", "q/", "q/r", "./q//r/s/", "/", "."};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        struct error error = {.text = ""};
        if (!file_make_folder(paths[i], &error))
            fail_msg("%s", error.text);
        assert_true(S_ISDIR(mode_of(paths[i])));
    }
    assert_int_equal(rmdir("q/r/s"), 0);
    assert_int_equal(rmdir("q/r"), 0);
    assert_int_equal(rmdir("q"), 0);
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    (void)state;
    struct error error;
    assert_false(file_make_folder("", &error));
    assert_string_equal(error.text, ": cannot make the folder: No such file or directory");
    assert_true(file_write("f", bytes_of_text("one"), 0666, NULL));
    assert_false(file_make_folder("f", &error));
    assert_string_equal(error.text, "f: cannot make the folder: Not a directory");
    assert_false(file_make_folder("f/g/h", &error));
    assert_string_equal(error.text, "f/g/h: cannot make the folder: Not a directory");
    assert_int_equal(unlink("f"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_file_is_as_the_umask_lets_it_and_keeps_its_mode),
        cmocka_unit_test(a_link_stays_one),
        cmocka_unit_test(a_link_to_nothing_yet_stays_one),
        cmocka_unit_test(a_file_keeps_its_other_names),
        cmocka_unit_test(a_pipe_is_written_into),
        cmocka_unit_test(what_is_no_plain_file_is_not_waited_for),
        cmocka_unit_test(a_pipe_that_somebody_writes_into_is_read_to_its_end),
        cmocka_unit_test(what_cannot_be_written_leaves_nothing),
        cmocka_unit_test(a_folder_is_made_with_those_above_it),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_named),
    };
    return cmocka_run_group_tests_name("file", tests, make_folder, remove_folder);
}
