#include "tls/accel/aes_gcm.h"

#include <string.h>

#include "core/bytes.h"
#include "tls/accel/aes_gcm_code.h"
#include "tls/accel/cpu.h"
#include "tls/accel/wipe.h"

static const aes_gcm_code *best(void) {
#if defined(__x86_64__)
    if (cpu_has(CPU_AES | CPU_VAES | CPU_AVX512)) return &aes_gcm_avx512;
    if (cpu_has(CPU_AES | CPU_VAES)) return &aes_gcm_vaes;
    if (cpu_has(CPU_AES)) return &aes_gcm_ni;
#endif
    return &aes_gcm_portable;
}

bool aes_gcm_init(aes_gcm_key *k, const uint8_t *key, size_t n) {
    if (n != 16 && n != 24 && n != 32) return false;
    k->code = best();
    k->rounds = (uint32_t)n / 4 + 6;
    k->code->setup(k, key, n);
    return true;
}

/* The counter is 32 bits wide and wraps (SP 800-38D section 6.2). */
static void count(uint8_t counter[16]) { bytes_put32(counter + 12, bytes_get32(counter + 12) + 1); }

static void put64(uint8_t *p, uint64_t v) {
    bytes_put32(p, (uint32_t)(v >> 32));
    bytes_put32(p + 4, (uint32_t)v);
}

void aes_gcm_begin(aes_gcm_stream *s, const aes_gcm_key *k, const uint8_t *nonce, size_t n) {
    memset(s, 0, sizeof *s);
    s->key = k;
    if (n == AES_GCM_NONCE) {
        memcpy(s->first, nonce, AES_GCM_NONCE);
        s->first[15] = 1;
    } else {
        /* Section 7.1: GHASH of the nonce, zeros and its length. */
        uint8_t length[16] = {0};
        put64(length + 8, (uint64_t)n * 8);
        k->code->ghash(k, s->sum, nonce, n);
        k->code->ghash(k, s->sum, length, 16);
        for (size_t i = 0; i < 16; i++) s->first[i] = s->sum[15 - i];
        memset(s->sum, 0, 16);
    }
    memcpy(s->counter, s->first, 16);
    count(s->counter);
}

void aes_gcm_aad(aes_gcm_stream *s, const uint8_t *p, size_t n) {
    const aes_gcm_key *k = s->key;
    size_t used = s->aad_n % 16;
    s->aad_n += n;
    if (used) {
        size_t more = n < 16 - used ? n : 16 - used;
        memcpy(s->part + used, p, more);
        if (used + more < 16) return;
        k->code->ghash(k, s->sum, s->part, 16);
        p += more;
        n -= more;
    }
    size_t whole = n & ~(size_t)15;
    if (whole) k->code->ghash(k, s->sum, p, whole);
    if (n - whole) memcpy(s->part, p + whole, n - whole);
}

/* The blocks that are not full end where the next kind of data begins. */
static void aad_end(aes_gcm_stream *s) {
    size_t used = s->aad_n % 16;
    if (used) s->key->code->ghash(s->key, s->sum, s->part, used);
}

/* n < 16 bytes at `used` of the block begun; what goes to GHASH is the cipher text. */
static void part_crypt(aes_gcm_stream *s, size_t used, const uint8_t *in, size_t n, uint8_t *out,
                       bool decrypt) {
    for (size_t i = 0; i < n; i++) {
        uint8_t c = in[i], o = c ^ s->pad[used + i];
        s->part[used + i] = decrypt ? c : o;
        out[i] = o;
    }
}

static void crypt(aes_gcm_stream *s, const uint8_t *in, size_t n, uint8_t *out, bool decrypt) {
    const aes_gcm_code *code = s->key->code;
    size_t used = s->text_n % 16;
    if (n == 0) return;
    if (s->text_n == 0) aad_end(s);
    s->text_n += n;
    if (used) {
        size_t more = n < 16 - used ? n : 16 - used;
        part_crypt(s, used, in, more, out, decrypt);
        if (used + more < 16) return;
        code->ghash(s->key, s->sum, s->part, 16);
        in += more;
        out += more;
        n -= more;
    }
    size_t whole = n & ~(size_t)15;
    if (whole)
        (decrypt ? code->decrypt : code->encrypt)(s->key, s->counter, s->sum, in, whole, out);
    if (n - whole) {
        code->block(s->key, s->counter, s->pad);
        count(s->counter);
        part_crypt(s, 0, in + whole, n - whole, out + whole, decrypt);
    }
}

void aes_gcm_encrypt(aes_gcm_stream *s, const uint8_t *in, size_t n, uint8_t *out) {
    crypt(s, in, n, out, false);
}

void aes_gcm_decrypt(aes_gcm_stream *s, const uint8_t *in, size_t n, uint8_t *out) {
    crypt(s, in, n, out, true);
}

void aes_gcm_end(aes_gcm_stream *s, uint8_t tag[AES_GCM_TAG]) {
    const aes_gcm_key *k = s->key;
    size_t used = s->text_n % 16;
    uint8_t lengths[16];
    if (s->text_n == 0) aad_end(s);
    if (used) k->code->ghash(k, s->sum, s->part, used);
    put64(lengths, s->aad_n * 8);
    put64(lengths + 8, s->text_n * 8);
    k->code->ghash(k, s->sum, lengths, 16);
    k->code->block(k, s->first, s->pad);
    for (size_t i = 0; i < 16; i++) tag[i] = s->sum[15 - i] ^ s->pad[i];
    wipe(s, sizeof *s);
}
