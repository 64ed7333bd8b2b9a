/* libuv closes descriptors by syscall(SYS_close), which ThreadSanitizer does not see: when another
 * thread gets the same number it takes both for one descriptor, and reports a race between the old
 * one's last use and the new one's first. In its flavor libuv's calls of syscall come here (ld's
 * --wrap), and close(2) is called where it does see it. */
#include <sys/syscall.h>
#include <unistd.h>

long __real_syscall(long number, ...);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
    if (number == SYS_close) return close((int)a);
    return __real_syscall(number, a, b, c, d, e, f);
}
