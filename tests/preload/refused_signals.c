/* Loaded before a program (LD_PRELOAD), refuses it all signals, as those to another user's process
 * are. */
#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>

int pidfd_send_signal(int fd, int signal, siginfo_t *info, unsigned int flags)
{
    (void)fd;
    (void)signal;
    (void)info;
    (void)flags;
    errno = EPERM;
    return -1;
}
