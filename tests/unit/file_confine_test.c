/* netio/file_root.c and folder.c: links that lead out of the root, and what a folder holds.
 * timeout: 120 */
#include "tests/unit/file_root.h"

static char outside[80];

/* in: file, folder/file; and links of every kind. */
static void begin_links(bool confined) {
    begin();
    if (confined) file_cache_confine(cache);
    snprintf(outside, sizeof outside, "%s-outside", root);
    mkdir(outside, 0755);
    write_file("file", 10);
    mkdir(at("folder"), 0755);
    write_file("folder/file", 11);
    char path[200];
    snprintf(path, sizeof path, "%s/secret", outside);
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    cr_assert_eq(write(fd, "secret\n", 7), 7);
    close(fd);
    cr_assert_eq(symlink(path, at("out")), 0);
    cr_assert_eq(symlink(outside, at("out-folder")), 0);
    snprintf(path, sizeof path, "../%s/secret", strrchr(outside, '/') + 1);
    cr_assert_eq(symlink(path, at("out-relative")), 0);
    cr_assert_eq(symlink("folder/file", at("in")), 0);
    cr_assert_eq(symlink("../file", at("folder/up")), 0);
    char inside[200];
    snprintf(inside, sizeof inside, "%s/folder/file", root);
    cr_assert_eq(symlink(inside, at("in-absolute")), 0);
    cr_assert_eq(symlink("loop", at("loop")), 0);
    cr_assert_eq(symlink("/proc/self/root/etc", at("magic")), 0);
    mkfifo(at("fifo"), 0644);
}

static void end_links(void) {
    char command[200];
    end();
    snprintf(command, sizeof command, "rm -rf %s", outside);
    cr_assert_eq(system(command), 0);
}

static file_status status_of(const char *path) {
    opened o = open_now(path, NULL);
    if (o.f) file_close(o.f);
    return o.status;
}

Test(file_confine, links_that_lead_out, .timeout = 60) {
    begin_links(true);
    for (int round = 0; round < 2; round++) {
        cr_expect_eq(status_of("/file"), FILE_OK);
        cr_expect_eq(status_of("/in"), FILE_OK);
        cr_expect_eq(status_of("/folder/up"), FILE_OK);
        cr_expect_eq(status_of("/in-absolute"), FILE_OK);
        cr_expect_eq(status_of("/folder"), FILE_DIRECTORY);
        cr_expect_eq(status_of("/"), FILE_DIRECTORY);
        cr_expect_eq(status_of("/out"), FILE_MISSING);
        cr_expect_eq(status_of("/out-relative"), FILE_MISSING);
        cr_expect_eq(status_of("/out-folder"), FILE_MISSING);
        cr_expect_eq(status_of("/out-folder/secret"), FILE_MISSING);
        cr_expect_eq(status_of("/loop"), FILE_MISSING);
        cr_expect_eq(status_of("/magic"), FILE_MISSING);
        cr_expect_eq(status_of("/magic/passwd"), FILE_MISSING);
        if (round == 0) pause_ms(LIMIT_CACHE_FRESH_MS + 100); /* looked at again */
    }
    end_links();
}

Test(file_confine, not_asked_for, .timeout = 60) {
    begin_links(false);
    cr_expect_eq(status_of("/out"), FILE_OK);
    cr_expect_eq(status_of("/out-relative"), FILE_OK);
    cr_expect_eq(status_of("/out-folder"), FILE_DIRECTORY);
    end_links();
}

/* A file that becomes a link to the outside is gone with the next look. */
Test(file_confine, a_file_becomes_a_link, .timeout = 60) {
    begin_links(true);
    cr_expect_eq(status_of("/file"), FILE_OK);
    unlink(at("file"));
    char path[200];
    snprintf(path, sizeof path, "%s/secret", outside);
    cr_assert_eq(symlink(path, at("file")), 0);
    pause_ms(LIMIT_CACHE_FRESH_MS + 100);
    cr_expect_eq(status_of("/file"), FILE_MISSING);
    unlink(at("file"));
    cr_assert_eq(symlink(outside, at("file")), 0);
    pause_ms(LIMIT_CACHE_FRESH_MS + 100);
    cr_expect_eq(status_of("/file"), FILE_MISSING);
    end_links();
}

typedef struct seen {
    char names[400];
    unsigned count, most;
} seen;

static bool on_entry(void *user, const folder_entry *e) {
    seen *s = user;
    char one[64];
    snprintf(one, sizeof one, "[%s%s %llu]", e->name, e->is_folder ? "/" : "",
             e->is_folder ? 0 : (unsigned long long)e->size);
    strcat(s->names, one);
    cr_assert_gt(e->modified, 1500000000);
    return ++s->count < s->most;
}

static seen look_into(const char *path, unsigned most, file_status status) {
    seen s = {.most = most};
    folder *d = folder_open(cache, span_str(path));
    cr_assert_not_null(d);
    cr_assert_eq(folder_read(d, on_entry, &s), status);
    folder_close(d);
    return s;
}

Test(folder, entries, .timeout = 60) {
    begin_links(true);
    seen s = look_into("/", 100, FILE_OK);
    cr_assert_eq(s.count, 4, "%s", s.names);
    for (unsigned i = 0; i < 4; i++) {
        static const char *const due[] = {"[file 10]", "[folder/ 0]", "[in 11]",
                                          "[in-absolute 11]"};
        cr_assert_not_null(strstr(s.names, due[i]), "%s", s.names);
    }
    cr_assert_eq(look_into("/", 2, FILE_OK).count, 2);
    s = look_into("/folder/", 100, FILE_OK);
    cr_assert_eq(s.count, 2);
    look_into("/out-folder/", 100, FILE_MISSING);
    look_into("/file", 100, FILE_MISSING);
    look_into("/none", 100, FILE_MISSING);
    end_links();
}

Test(folder, follows_when_not_confined, .timeout = 60) {
    begin_links(false);
    cr_assert_eq(look_into("/out-folder", 100, FILE_OK).count, 1);
    cr_assert_not_null(strstr(look_into("/", 100, FILE_OK).names, "[out 7]"));
    end_links();
}
