/* tls/accel: published vectors on every path that the processor has, and all paths against the
 * portable one on random texts, cut and placed anyhow. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tls/accel/aead.h"
#include "tls/accel/cpu.h"
#include "tls/accel/sha2.h"

static const uint32_t paths[] = {CPU_ALL, CPU_ALL & ~(uint32_t)CPU_AVX512,
                                 CPU_ALL & ~(uint32_t)(CPU_AVX512 | CPU_VAES), 0};
enum { PATHS = 4, ROOM = 5000 };

static uint64_t seed = 1;

static uint32_t drawn(uint32_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static span hex(const char *text, uint8_t *out) {
    size_t n = 0;
    for (unsigned v; *text; text += 2) {
        cr_assert_eq(sscanf(text, "%2x", &v), 1);
        out[n++] = (uint8_t)v;
    }
    return span_of(out, n);
}

typedef struct gcm_row {
    const char *key, *nonce, *aad, *text, *sealed; /* cipher text and tag */
} gcm_row;

#define GCM_TEXT                                                       \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define GCM_AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"

/* McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 1, 2, 4, 16. */
static const gcm_row gcm_rows[] = {
    {"00000000000000000000000000000000", "000000000000000000000000", "", "",
     "58e2fccefa7e3061367f1d57a4e7455a"},
    {"00000000000000000000000000000000", "000000000000000000000000", "",
     "00000000000000000000000000000000",
     "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"},
    {"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", GCM_AAD, GCM_TEXT,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     GCM_AAD, GCM_TEXT,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static void sealed(const aead *a, const uint8_t *nonce, span aad, span text, uint8_t *out) {
    aead_stream s;
    aead_begin(&s, a, nonce, aad);
    aead_encrypt(&s, text, out);
    aead_end(&s, out + text.n);
}

Test(accel, gcm_vectors) {
    uint8_t k[32], n[12], a[32], t[64], w[96], out[96];
    for (size_t p = 0; p < PATHS; p++) {
        cpu_limit(paths[p]);
        for (size_t i = 0; i < sizeof gcm_rows / sizeof *gcm_rows; i++) {
            const gcm_row *row = &gcm_rows[i];
            span key = hex(row->key, k), text = hex(row->text, t), want = hex(row->sealed, w);
            span aad = hex(row->aad, a);
            aead one;
            hex(row->nonce, n);
            aead_init(&one, key.n == 16 ? AEAD_AES_128_GCM : AEAD_AES_256_GCM, key.p);
            sealed(&one, n, aad, text, out);
            cr_assert(span_eq(span_of(out, text.n + AEAD_TAG), want), "path %zu, row %zu", p, i);
            cr_assert(aead_open(&one, n, aad, want, out));
            cr_assert(span_eq(span_of(out, text.n), text));
        }
    }
}

/* RFC 8439 section 2.8.2. */
Test(accel, chacha_poly_vector) {
    span text = SPAN("Ladies and Gentlemen of the class of '99: If I could offer you only one tip "
                     "for the future, sunscreen would be it.");
    uint8_t key[32], n[12], a[16], w[16], out[160];
    for (size_t i = 0; i < 32; i++) key[i] = (uint8_t)(0x80 + i);
    hex("070000004041424344454647", n);
    span aad = hex("50515253c0c1c2c3c4c5c6c7", a);
    hex("1ae10b594f09e26a7e902ecbd0600691", w);
    for (size_t p = 0; p < PATHS; p++) {
        aead one;
        cpu_limit(paths[p]);
        aead_init(&one, AEAD_CHACHA20_POLY1305, key);
        sealed(&one, n, aad, text, out);
        cr_assert_eq(memcmp(out + text.n, w, 16), 0);
        cr_assert_eq(out[0], 0xd3);
        cr_assert(aead_open(&one, n, aad, span_of(out, text.n + 16), out));
        cr_assert_eq(memcmp(out, text.p, text.n), 0);
    }
}

/* Every path seals as the portable one does, in pieces as in one, at any alignment, and counters
 * wrap where they must. */
Test(accel, paths_agree) {
    static uint8_t text[ROOM + 64], want[ROOM + 64], out[ROOM + 64];
    static const uint8_t nonce[12] = {1, 2, 3};
    uint8_t key[32];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)drawn(256);
    for (int round = 0; round < 300; round++) {
        aead_kind kind = (aead_kind)drawn(3);
        size_t n = round < 150 ? (size_t)round * 3 : drawn(ROOM), shift = drawn(32);
        span aad = span_of(text + 7, drawn(40));
        aead one;
        aead_stream s;
        for (size_t i = 0; i < 32; i++) key[i] = (uint8_t)drawn(256);
        cpu_limit(0);
        aead_init(&one, kind, key);
        sealed(&one, nonce, aad, span_of(text + shift, n), want);
        for (size_t p = 0; p < PATHS - 1; p++) {
            cpu_limit(paths[p]);
            aead_init(&one, kind, key);
            aead_begin(&s, &one, nonce, aad);
            for (size_t at = 0, piece; at < n; at += piece) {
                piece = 1 + drawn(drawn(4) ? 40 : 1500);
                if (piece > n - at) piece = n - at;
                aead_encrypt(&s, span_of(text + shift + at, piece), out + shift + at);
            }
            aead_end(&s, out + shift + n);
            cr_assert_eq(memcmp(out + shift, want, n + AEAD_TAG), 0, "kind %d, %zu bytes", kind, n);
            cr_assert(aead_open(&one, nonce, aad, span_of(want, n + AEAD_TAG), out));
            cr_assert_eq(memcmp(out, text + shift, n), 0);
            want[drawn((uint32_t)(n + AEAD_TAG))] ^= (uint8_t)(1u << drawn(8));
            cr_assert_not(aead_open(&one, nonce, aad, span_of(want, n + AEAD_TAG), out));
            for (size_t i = 0; i < n; i++) cr_assert_eq(out[i], 0, "nothing is given out");
            sealed(&one, nonce, aad, span_of(text + shift, n), want);
        }
    }
}

/* FIPS 180-4's examples and a million letters; both paths, and texts in pieces. */
Test(accel, sha2) {
    static uint8_t letters[1000000];
    uint8_t want[48], got[48];
    memset(letters, 'a', sizeof letters);
    for (size_t p = 0; p < 2; p++) {
        sha2 s;
        cpu_limit(p ? 0 : CPU_ALL);
        hex("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", want);
        sha2_begin(&s, SHA2_256);
        for (size_t at = 0; at < sizeof letters; at += 1000) sha2_add(&s, letters + at, 1000);
        sha2_end(&s, got);
        cr_assert_eq(memcmp(got, want, 32), 0);
        hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", want);
        sha2_begin(&s, SHA2_256);
        sha2_end(&s, got);
        cr_assert_eq(memcmp(got, want, 32), 0);
        hex("cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7",
            want);
        sha2_begin(&s, SHA2_384);
        sha2_add(&s, (const uint8_t *)"abc", 3);
        sha2_end(&s, got);
        cr_assert_eq(memcmp(got, want, 48), 0);
        /* RFC 4231 section 4.3. */
        hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", want);
        sha2_hmac(SHA2_256, (const uint8_t *)"Jefe", 4,
                  (const uint8_t *)"what do ya want for nothing?", 28, got);
        cr_assert_eq(memcmp(got, want, 32), 0);
    }
}
