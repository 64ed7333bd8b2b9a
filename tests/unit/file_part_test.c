/* netio/file_body.c: parts of files as bodies. netio/file_load.c: what tells versions apart.
 * timeout: 120 */
#include "tests/unit/file_pull.h"

static http_body part_of(const char *path, uint64_t start, uint64_t length) {
    http_body b = HTTP_NO_BODY;
    opened o = {0};
    file_open(cache, span_str(path), on_open, &o);
    while (!o.calls) pause_loop(1);
    cr_assert_eq(o.status, FILE_OK);
    cr_assert(file_body_part(o.f, k, HTTP_NO_REF, start, length, &b));
    file_close(o.f);
    begins_at = start;
    return b;
}

static void check_parts(const char *path, uint64_t size, size_t want, size_t hold) {
    const uint64_t lengths[] = {1, 2, 9999, 16384, 16385, 50000, 400000, 1000000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint64_t n = lengths[i] < size ? lengths[i] : size;
        const uint64_t starts[] = {0, 1, 4096, size / 2, size - n};
        for (size_t j = 0; j < sizeof starts / sizeof starts[0]; j++) {
            if (starts[j] + n > size) continue;
            http_body b = part_of(path, starts[j], n);
            read_all r = drain(b, want, hold);
            cr_assert_eq(r.got, n);
            cr_assert_eq(r.last, HTTP_PULL_END);
            span none;
            cr_assert_eq(b.ops->pull(b.user, n, 0, &none), HTTP_PULL_END);
            b.ops->release(b.user);
        }
    }
}

Test(file_part, small, .timeout = 60) {
    begin_body();
    write_file("f", 60000);
    check_parts("/f", 60000, 16384, 100000);
    check_parts("/f", 60000, 100, 0);
    end_body();
}

Test(file_part, big, .timeout = 60) {
    begin_body();
    write_file("f", 2000003);
    check_parts("/f", 2000003, 16384, 0);
    check_parts("/f", 2000003, 9999, 100000);
    forget_pages("f");
    check_parts("/f", 2000003, 16384, 100000);
    end_body();
}

Test(file_part, big_read, .timeout = 60) {
    begin_link(&no_tls);
    write_file("f", 2000003);
    check_parts("/f", 2000003, 16384, 50000);
    end_body();
}

Test(file_part, versions, .timeout = 60) {
    begin();
    write_file("a", 10);
    write_file("b", 10);
    struct timespec same[2] = {{1000000000, 0}, {1000000000, 0}};
    utimensat(AT_FDCWD, at("a"), same, 0);
    utimensat(AT_FDCWD, at("b"), same, 0);
    opened a = open_now("/a", NULL), b = open_now("/b", NULL);
    cr_assert_neq(file_version(a.f), file_version(b.f));
    span tag = file_etag(a.f);
    cr_assert_eq(tag.n, FILE_ETAG);
    cr_assert(tag.p[0] == '"' && tag.p[tag.n - 1] == '"' && !memchr(tag.p + 1, '"', tag.n - 2));
    cr_assert(!span_eq(tag, file_etag(b.f)));
    file_cache_free(cache);
    const char *why;
    cache = file_cache_new(l, root, &why); /* a tag outlives a restart */
    opened again = open_now("/a", NULL);
    cr_assert(span_eq(file_etag(again.f), tag));
    uint8_t byte[20];
    cr_assert_eq(file_read(a.f, 3, byte, sizeof byte), 7);
    cr_assert_eq(byte[0], byte_at(3));
    cr_assert_eq(file_read(a.f, 10, byte, sizeof byte), 0);
    file_close(a.f);
    file_close(again.f);
    file_close(b.f);
    end();
}
