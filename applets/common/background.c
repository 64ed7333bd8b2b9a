#include "applets/common/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int wait_for(pid_t child, int from, bool show_id) {
    char byte;
    int status;
    ssize_t n;
    do {
        n = read(from, &byte, 1);
    } while (n < 0 && errno == EINTR);
    close(from);
    if (n == 1) {
        if (show_id) printf("pid %ld\n", (long)child);
        return 0;
    }
    /* It has ended, and has said why on our stderr. */
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 1;
    return WEXITSTATUS(status) ? WEXITSTATUS(status) : 1;
}

int background_begin(background *d, bool show_id) {
    int ends[2];
    d->word = -1;
    fflush(NULL);
    pid_t child = pipe2(ends, O_CLOEXEC) == 0 ? fork() : -1;
    if (child < 0) {
        fprintf(stderr, "no background: %s\n", strerror(errno));
        return 1;
    }
    if (child > 0) {
        close(ends[1]);
        return wait_for(child, ends[0], show_id);
    }
    close(ends[0]);
    d->word = ends[1];
    setsid();
    return -1;
}

void background_ready(background *d, bool keep_stderr) {
    if (d->word < 0) return;
    fflush(NULL);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int last = keep_stderr ? STDOUT_FILENO : STDERR_FILENO;
    for (int fd = STDIN_FILENO; nothing >= 0 && fd <= last; fd++) dup2(nothing, fd);
    if (nothing > STDERR_FILENO) close(nothing);
    /* The document root is held open, and the log knows its whole path. */
    if (chdir("/") != 0 || write(d->word, "r", 1) != 1) return;
    close(d->word);
    d->word = -1;
}
