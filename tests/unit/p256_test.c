/* tls/accel/p256: published vectors, rows computed with big integers from the textbook's formulas,
 * sums that meet the exceptions, inputs that must be refused, and itself both ways. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tls/accel/p256.h"
#include "tls/accel/sha2.h"

#if defined(__SIZEOF_INT128__)

#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define PRIME "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
#define ZERO  "0000000000000000000000000000000000000000000000000000000000000000"
#define GENERATOR                                                      \
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" \
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"

static void hex(const char *text, uint8_t *out) {
    for (unsigned v; *text; text += 2) {
        cr_assert_eq(sscanf(text, "%2x", &v), 1);
        *out++ = (uint8_t)v;
    }
}

typedef struct key_row {
    const char *key, *point;
} key_row;

/* RFC 6979 appendix A.2.5, RFC 5903 section 8.1 (both sides), then digits and ends of the range. */
static const key_row key_rows[] = {
    {"c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
     "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
     "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"},
    {"c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
     "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
     "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3"},
    {"c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
     "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
     "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab"},
    {"0000000000000000000000000000000000000000000000000000000000000001", GENERATOR},
    {"0000000000000000000000000000000000000000000000000000000000000002",
     "7cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978"
     "07775510db8ed040293d9ac69f7430dbba7dade63ce982299e04b79d227873d1"},
    {"0000000000000000000000000000000000000000000000000000000000000010",
     "76a94d138a6b41858b821c629836315fcd28392eff6ca038a5eb4787e1277c6e"
     "a985fe61341f260e6cb0a1b5e11e87208599a0040fc78baa0e9ddd724b8c5110"},
    {"0000000000000000000000000000000000000000000000000000000000000011",
     "47776904c0f1cc3a9c0984b66f75301a5fa68678f0d64af8ba1abce34738a73e"
     "aa005ee6b5b957286231856577648e8381b2804428d5733f32f787ff71f1fcdc"},
    {"0000000000000000000000000000000000000000000000000000000000000020",
     "2377c7d690a242ca6c45074e8ea5beefaa557fd5b68371d9d1475bd52a7ed0e1"
     "47a13fb98413a4393f8d90e9bf901b7e6658a6cdecf46716e7c067b1ddb8d2b2"},
    {"0000000000000000000000000000000000000000000000000000000000000021",
     "9807d699fcd81356fa9aa25b89d9d34ea03b0a533aa872fd65c100f3cb2cd793"
     "c2a59cdccab11bf286a01a4d1d091b2fffe630b96c5878532f6bf92479634af4"},
    {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
     "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
     "b01cbd1c01e58065711814b583f061e9d431cca994cea1313449bf97c840ae0a"},
    {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63254f",
     "7cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978"
     "f888aaee24712fc0d6c26539608bcf244582521ac3167dd661fb4862dd878c2e"},
    {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632541",
     "76a94d138a6b41858b821c629836315fcd28392eff6ca038a5eb4787e1277c6e"
     "567a019dcbe0d9f2934f5e4a1ee178df7a665ffcf0387455f162228db473aeef"},
    {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632540",
     "47776904c0f1cc3a9c0984b66f75301a5fa68678f0d64af8ba1abce34738a73e"
     "55ffa1184a46a8d89dce7a9a889b717c7e4d7fbcd72a8cc0cd0878008e0e0323"},
    {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632530",
     "9807d699fcd81356fa9aa25b89d9d34ea03b0a533aa872fd65c100f3cb2cd793"
     "3d5a6322354ee40e795fe5b2e2f6e4d00019cf4793a787acd09406db869cb50b"},
    {"7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8",
     "2afa386b3f2bdcdb83f4d83f8fa3874d7b74dcb454bd644fdd6bf3d1f2da8db6"
     "72184be1caa8563462b536f10852d665ae8a64fdf1eb8d4c946ad589796f729c"},
    {"8000000000000000000000000000000000000000000000000000000000000000",
     "77b20a912e6b23135066e911891524bc4efe3560e3e92350b52dec8f375f2b54"
     "a3dc291825cea3f7f7b10bfcdd038a72df623da1e850e0f1caa801fcd6cc67ff"},
    {"1084210842108421084210842108421084210842108421084210842108421084",
     "ee47e7123bc86a9c89d3760138968b826816734d20de843afefcba681f082cbd"
     "935b931a87701ea72954002afe03faf2b861336dd6ef4ffceaf46ed5b5e09ec7"},
    {"fffffffefffffffefffffffefffffffefffffffefffffffefffffffefffffffe",
     "6fa3613331cf2ff2362461c3d09b189182851db6d7774e172e43ecabdd3637ac"
     "30b05ba0355af49f224da1fa4a955fef0ec8ea535ccc861c269eb81bed7b8b9b"},
};

/* Both products: the generator's table, and the generator as anybody's point. */
Test(p256, keys) {
    uint8_t key[32], want[64], point[64], generator[64], x[32];
    hex(GENERATOR, generator);
    for (size_t i = 0; i < sizeof key_rows / sizeof *key_rows; i++) {
        hex(key_rows[i].key, key);
        hex(key_rows[i].point, want);
        cr_assert(p256_key(key) && p256_derive(key, point) && p256_public(point));
        cr_assert_arr_eq(point, want, 64, "row %zu", i);
        cr_assert(p256_agree(key, generator, x));
        cr_assert_arr_eq(x, want, 32, "row %zu", i);
    }
}

typedef struct agree_row {
    const char *key, *point, *secret;
} agree_row;

static const agree_row agree_rows[] = {
    /* RFC 5903 section 8.1 */
    {"c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
     "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
     "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
     "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"},
    {"c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
     "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
     "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
     "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"},
    /* Big integers */
    {"d23f0824128b2f330c5c7fd0a6a3a4506513270e269e0d37f2a74de452e6b439",
     "8dd0cb91f783328c76cbdbdc3106e4435e34cd7635a747f135f4457e8ecf1a6c"
     "9f417c23844785b2b1e70853e1adf3f4ae42c3e1dd2fdcbe0e23168cfc3578b0",
     "1f8cbbfb8b1c83977efe7e0f0cd3746b50200935421a90ceb5d594c3bc322560"},
    {"8d116ece1738f7d93d9c172411e20b8f6b0d549b6f03675a1600a35a099950d9",
     "34bd6e33388c49e6c136f6d1c5b98933c7e728e58e8bff31849e444b4efe3ed8"
     "eac33303baf8df855fe2bf68cbefe75015b473282d4eb696485e7cd46732fb62",
     "5c73bbe8b0f10d40329b5049bdd7e5f63c3896ed47fe61de22e20ce13fa46e0c"},
};

Test(p256, agreement) {
    uint8_t key[32], point[64], want[32], secret[32];
    for (size_t i = 0; i < sizeof agree_rows / sizeof *agree_rows; i++) {
        hex(agree_rows[i].key, key);
        hex(agree_rows[i].point, point);
        hex(agree_rows[i].secret, want);
        cr_assert(p256_agree(key, point, secret));
        cr_assert_arr_eq(secret, want, 32, "row %zu", i);
    }
}

/* RFC 6979 appendix A.2.5, SHA-256; with other random bytes another signature, as good. */
Test(p256, signatures) {
    static const char *const rows[][2] = {
        {"sample", "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                   "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
        {"test", "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
                 "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"}};
    uint8_t key[32], point[64], digest[32], want[64], got[64], other[64];
    hex(key_rows[0].key, key);
    hex(key_rows[0].point, point);
    for (size_t i = 0; i < 2; i++) {
        sha2 s;
        sha2_begin(&s, SHA2_256);
        sha2_add(&s, (const uint8_t *)rows[i][0], strlen(rows[i][0]));
        sha2_end(&s, digest);
        hex(rows[i][1], want);
        cr_assert(p256_sign(key, digest, 32, NULL, 0, got));
        cr_assert_arr_eq(got, want, 64, "row %zu", i);
        cr_assert(p256_verify(point, digest, 32, got));
        cr_assert(p256_sign(key, digest, 32, (const uint8_t *)"fresh", 5, other));
        cr_assert(p256_verify(point, digest, 32, other));
        cr_assert_arr_neq(got, other, 32);
    }
}

typedef struct verify_row {
    const char *point, *digest, *signature;
    bool good;
} verify_row;

#define KEY_D                                                          \
    "b0bb72eb8293b39aaa3cb2267dfc3c07ec9b450897d76e88e3e78c4719e03bef" \
    "2a7ae344bc661ad15fabd33e82c041c9ff808873e7ead8449c636ae6756e42ac"

static const verify_row verify_rows[] = {
    /* u1 G = u2 Q: the last sum is a doubling */
    {KEY_D, "00e1fc5d49aa657c753a197c2104824aabe95a8a68888412fe275c1d83479a71",
     "73264f96219cb36527e220472bae18b22015e8ffeee526571426d8ac7dfbcdf0"
     "876fbc29b86c8372bb3fe0b688c01ff64aaec62f9b796790838509689f9c080a",
     true},
    /* u1 G = -u2 Q: the last sum is infinity */
    {KEY_D, "3f376f5920405ba4b2cdcdfff8e1be8c9c5d5a1926a0e0f730c4d2fc4846c927",
     "7f15052434b9b5df9e7769b10f4205b4907a70c31012f037b64ce4228c38fb2a"
     "c29761f621cdbafe11fe8121d30f4a3c27bffb4ee487d8e632748632ec8e1ad6",
     false},
    /* The sum's x is n + 3, r is 3 */
    {"c0e52577486a77703bb21f56190d7fdcbbb2c6347a155ba6bb149dc3c41ab95d"
     "c62ea592f4520f93d69dd2d94e3541e8ee193569393cab8a09191074d52908c1",
     "6c73c53601665bcb69ab900218d006a12036dd68eb1f9a61c2c0ee07e5e7b257",
     "0000000000000000000000000000000000000000000000000000000000000003"
     "0d0d9514880b440618ee4416f8943a9bef65bb6f7c104be59d6313d5cb9f08fc",
     true},
};

Test(p256, exceptional_sums) {
    uint8_t point[64], digest[32], signature[64];
    for (size_t i = 0; i < sizeof verify_rows / sizeof *verify_rows; i++) {
        hex(verify_rows[i].point, point);
        hex(verify_rows[i].digest, digest);
        hex(verify_rows[i].signature, signature);
        cr_assert_eq(p256_verify(point, digest, 32, signature), verify_rows[i].good, "row %zu", i);
    }
}

Test(p256, refused_keys_and_points) {
    static const char *const keys[] = {
        ZERO, ORDER, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
    static const char *const points[] = {
        ZERO ZERO, /* nor is it infinity */
        PRIME "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4", /* x = p for 0 */
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f4",
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" PRIME,
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
    uint8_t key[32], point[64], out[64], digest[32] = {1};
    hex(GENERATOR, point);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        hex(keys[i], key);
        cr_assert_not(p256_key(key), "key %zu", i);
        cr_assert_not(p256_derive(key, out));
        cr_assert_not(p256_agree(key, point, out));
        cr_assert_not(p256_sign(key, digest, 32, NULL, 0, out));
    }
    hex(key_rows[0].key, key);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        hex(points[i], point);
        cr_assert_not(p256_public(point), "point %zu", i);
        cr_assert_not(p256_agree(key, point, out));
    }
    hex(ZERO "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4", point);
    cr_assert(p256_public(point), "x = 0 is a point's");
}

/* r and s outside of 1 to n - 1; n - s instead of s verifies, as ECDSA has it. */
Test(p256, refused_signatures) {
    static const char *const bad[] = {
        ZERO, ORDER, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
    uint8_t key[32], point[64], digest[32] = {1}, good[64], other[64], order[32];
    hex(key_rows[0].key, key);
    hex(key_rows[0].point, point);
    hex(ORDER, order);
    cr_assert(p256_sign(key, digest, 32, NULL, 0, good));
    cr_assert(p256_verify(point, digest, 32, good));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (size_t half = 0; half < 2; half++) {
            memcpy(other, good, 64);
            hex(bad[i], other + 32 * half);
            cr_assert_not(p256_verify(point, digest, 32, other), "%zu in half %zu", i, half);
        }
    memcpy(other, good, 64);
    int borrow = 0;
    for (size_t i = 32; i-- > 0;) {
        int difference = order[i] - good[32 + i] - borrow;
        other[32 + i] = (uint8_t)difference;
        borrow = difference < 0;
    }
    cr_assert(p256_verify(point, digest, 32, other));
}

static void random_bytes(uint8_t *p, size_t n) {
    static uint64_t seed = 1;
    while (n--) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        *p++ = (uint8_t)(seed >> 40);
    }
}

/* Two parties agree, what one signs the other verifies, and no bit of it may differ. Digests of any
 * size are cut or filled. */
Test(p256, itself_both_ways) {
    uint8_t a[32], b[32], a_point[64], b_point[64], ab[32], ba[32], digest[64], signature[64];
    for (size_t i = 0; i < 40; i++) {
        random_bytes(a, 32);
        random_bytes(b, 32);
        random_bytes(digest, 64);
        a[0] &= 0x7f, b[0] &= 0x7f;
        if (i % 4 == 1) memset(a, 0, 28);
        if (i % 4 == 2) memset(b + 8, 0xff, 20);
        cr_assert(p256_derive(a, a_point) && p256_derive(b, b_point));
        cr_assert(p256_agree(a, b_point, ab) && p256_agree(b, a_point, ba));
        cr_assert_arr_eq(ab, ba, 32);
        size_t n = i % 3 == 0 ? 20 : i % 3 == 1 ? 32 : 64;
        cr_assert(p256_sign(a, digest, n, b, 32, signature));
        cr_assert(p256_verify(a_point, digest, n, signature));
        cr_assert_not(p256_verify(b_point, digest, n, signature));
        signature[i] ^= (uint8_t)(1 << i % 8);
        cr_assert_not(p256_verify(a_point, digest, n, signature));
        signature[i] ^= (uint8_t)(1 << i % 8);
        digest[i % 20] ^= 1;
        cr_assert_not(p256_verify(a_point, digest, n, signature));
    }
}

#else
Test(p256, not_here) {}
#endif
