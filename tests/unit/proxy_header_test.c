/* core/proxy_header.c: the examples of proxy-protocol.txt, each field at its bounds, and every
 * header cut at every byte. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/limits.h"
#include "core/proxy_header.h"

/* All prefixes of it want more, and bytes behind it change nothing. */
static proxy_header read_whole(span s) {
    proxy_header h, again;
    for (size_t n = 0; n < s.n; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        memcpy(exact, s.p, n);
        cr_assert_eq(proxy_header_read(span_of(exact, n), &h), PROXY_HEADER_MORE, "%zu", n);
        free(exact);
    }
    cr_assert_eq(proxy_header_read(s, &h), PROXY_HEADER_DONE, "%.*s", (int)s.n, (char *)s.p);
    cr_assert_eq(h.size, s.n);
    uint8_t *longer = malloc(s.n + 20);
    memcpy(longer, s.p, s.n);
    memset(longer + s.n, '\n', 20);
    cr_assert_eq(proxy_header_read(span_of(longer, s.n + 20), &again), PROXY_HEADER_DONE);
    cr_assert_eq(again.size, s.n);
    cr_assert_eq(again.family, h.family);
    free(longer);
    return h;
}

static void check_line(const char *line, proxy_header_family family, const char *source,
                       uint16_t port, const char *destination, uint16_t destination_port) {
    proxy_header h = read_whole(span_str(line));
    char text[INET6_ADDRSTRLEN];
    int af = family == PROXY_HEADER_IPV4 ? AF_INET : AF_INET6;
    cr_assert_eq(h.family, family);
    inet_ntop(af, h.source.address, text, sizeof text);
    cr_assert_str_eq(text, source);
    inet_ntop(af, h.destination.address, text, sizeof text);
    cr_assert_str_eq(text, destination);
    cr_assert_eq(h.source.port, port);
    cr_assert_eq(h.destination.port, destination_port);
}

static void check_broken(span s) {
    proxy_header h;
    cr_assert_eq(proxy_header_read(s, &h), PROXY_HEADER_BROKEN, "%.*s", (int)s.n, (char *)s.p);
}

Test(proxy_header, lines) {
    check_line("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n", PROXY_HEADER_IPV4, "192.0.2.1",
               56324, "198.51.100.7", 443);
    check_line("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n", PROXY_HEADER_IPV4,
               "255.255.255.255", 65535, "0.0.0.0", 0);
    check_line("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", PROXY_HEADER_IPV6, "2001:db8::1", 1, "::1", 2);
    check_line("PROXY TCP6 ::ffff:192.0.2.1 :: 1 2\r\n", PROXY_HEADER_IPV6, "::ffff:192.0.2.1", 1,
               "::", 2);
    check_line("PROXY TCP6 1:2:3:4:5:6:7:8 1::8 1 2\r\n", PROXY_HEADER_IPV6, "1:2:3:4:5:6:7:8", 1,
               "1::8", 2);
    check_line("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
               PROXY_HEADER_IPV6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
    cr_assert_eq(read_whole(SPAN("PROXY UNKNOWN\r\n")).family, PROXY_HEADER_NONE);
    cr_assert_eq(read_whole(SPAN("PROXY UNKNOWN any thing\r\n")).family, PROXY_HEADER_NONE);
}

Test(proxy_header, addresses_as_the_system_reads_them) {
    static const char *const texts[] = {"1::",
                                        "::2:3",
                                        "1:2:3:4:5:6:7::",
                                        "::2:3:4:5:6:7:8",
                                        "1::8:9",
                                        "a:B:c::D",
                                        "0:0::",
                                        "1:2:3:4:5:6:1.2.3.4",
                                        "::1.2.3.4",
                                        "64:ff9b::1.2.3.4",
                                        "1:::2",
                                        "1::2::3",
                                        ":1",
                                        "1:",
                                        "12345::",
                                        "1:2:3:4:5:6:7",
                                        "1:2:3:4:5:6:7:8:9",
                                        "::1.2.3",
                                        "::1.2.3.256",
                                        "::g",
                                        "1:2:3:4:5:6:7:1.2.3.4",
                                        "1.2.3.4",
                                        "",
                                        "::1%lo",
                                        "1:2:3:4:5:6:7:8::",
                                        ":::"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char line[200];
        uint8_t want[16];
        proxy_header h;
        snprintf(line, sizeof line, "PROXY TCP6 %s ::1 1 2\r\n", texts[i]);
        bool good = inet_pton(AF_INET6, texts[i], want) == 1;
        cr_assert_eq(proxy_header_read(span_str(line), &h),
                     good ? PROXY_HEADER_DONE : PROXY_HEADER_BROKEN, "%s", line);
        if (good) cr_assert_arr_eq(h.source.address, want, 16, "%s", line);
    }
}

Test(proxy_header, lines_that_are_none) {
    static const char *const lines[] = {
        "GET / HTTP/1.1\r\n",
        "\n",
        "PROXX",
        "PROXY\r\n\r\n",
        "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
        "PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4.5 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4. 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY UNKNOWN 567890123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789012345678\r\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) check_broken(span_str(lines[i]));
}

/* ---- version 2 ---- */

static span binary(uint8_t command, uint8_t family, span block) {
    static uint8_t bytes[70000];
    memcpy(bytes, "\r\n\r\n\0\r\nQUIT\n", 12);
    bytes[12] = command;
    bytes[13] = family;
    bytes_put16(bytes + 14, (uint32_t)block.n);
    if (block.n) memcpy(bytes + 16, block.p, block.n);
    return span_of(bytes, 16 + block.n);
}

Test(proxy_header, binary) {
    static const span v4 = SPAN_LIT("\xc0\0\2\1\xc6\x33\x64\7\1\2\0\x50");
    static uint8_t v6[40] = {[15] = 1, [31] = 2, [32] = 0x12, 0x34, 0, 80}, paths[216], big[4080];
    proxy_header h = read_whole(binary(0x21, 0x11, v4));
    cr_assert_eq(h.family, PROXY_HEADER_IPV4);
    cr_assert_arr_eq(h.source.address, "\xc0\0\2\1", 4);
    cr_assert_arr_eq(h.destination.address, "\xc6\x33\x64\7", 4);
    cr_assert(h.source.port == 0x102 && h.destination.port == 80);
    h = read_whole(binary(0x21, 0x21, span_of(v6, 40))); /* four bytes behind it */
    cr_assert_eq(h.family, PROXY_HEADER_IPV6);
    cr_assert(h.source.address[15] == 1 && h.destination.address[15] == 2);
    cr_assert(h.source.port == 0x1234 && h.destination.port == 80);
    memcpy(paths, "/run/a", 6);
    memset(paths + 108, 'x', 108);
    h = read_whole(binary(0x21, 0x31, span_of(paths, 216)));
    cr_assert_eq(h.family, PROXY_HEADER_UNIX);
    cr_assert(span_eq(h.source.path, SPAN("/run/a")) && h.destination.path.n == 108);
    cr_assert_eq(read_whole(binary(0x20, 0x11, v4)).family, PROXY_HEADER_NONE);
    cr_assert_eq(read_whole(binary(0x20, 0xff, SPAN(""))).family, PROXY_HEADER_NONE);
    cr_assert_eq(read_whole(binary(0x21, 0x00, SPAN(""))).family, PROXY_HEADER_NONE);
    cr_assert_eq(read_whole(binary(0x21, 0x12, v4)).family, PROXY_HEADER_NONE);
    cr_assert_eq(read_whole(binary(0x21, 0x11, span_of(big, LIMIT_PROXY_HEADER - 16))).family,
                 PROXY_HEADER_IPV4);
}

Test(proxy_header, binary_that_is_none) {
    static uint8_t block[5000];
    check_broken(binary(0x11, 0x11, span_of(block, 12)));
    check_broken(binary(0x22, 0x11, span_of(block, 12)));
    check_broken(binary(0x21, 0x11, span_of(block, 11)));
    check_broken(binary(0x21, 0x12, span_of(block, 11)));
    check_broken(binary(0x21, 0x21, span_of(block, 35)));
    check_broken(binary(0x21, 0x31, span_of(block, 215)));
    check_broken(binary(0x21, 0x10, span_of(block, 12)));
    check_broken(binary(0x21, 0x01, span_of(block, 12)));
    check_broken(binary(0x21, 0x41, span_of(block, 300)));
    check_broken(binary(0x21, 0x13, span_of(block, 12)));
    check_broken(binary(0x21, 0x11, span_of(block, LIMIT_PROXY_HEADER - 15)));
    check_broken(SPAN("\r\n\r\n\0\r\nQUIT\r"));
    check_broken(SPAN("\r\n\r\nG"));
}
