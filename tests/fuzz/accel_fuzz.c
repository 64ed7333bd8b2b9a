/* Two record layers of TLS 1.3 joined in memory. One side says what the input tells it to: data,
 * messages and alerts of any content, key updates, records with a byte changed on their way. All of
 * it happens twice, with every instruction of the processor and with the portable code alone.
 *
 * Input: a byte for the suite, then steps: a byte for what is done and a byte of length or place.
 * What must hold: both runs write the same bytes and end the same way; what is read is the
 * beginning of what was said; a failure has its reason and stays; nobody who is left alone fails;
 * nothing leaks. */
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "tls/accel/cpu.h"
#include "tls/record_impl.h"

enum { STEP_DATA, STEP_HANDSHAKE, STEP_ALERT, STEP_UPDATE, STEP_CHANGE, STEPS };
enum { SPEECH = 1 << 17 };

static uint8_t speech[SPEECH];
static size_t held;

static void must(bool so) {
    if (!so) abort();
}

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    (void)user;
    held = held - old_size + new_size;
    if (new_size) return realloc(p, new_size);
    free(p);
    return NULL;
}

static const mem hook = {resize, NULL};

typedef struct run {
    record *speaker, *listener;
    size_t said, heard;
    uint64_t wire; /* a sum of all that was written */
    const char *why;
    tls_status status;
    unsigned change; /* where a byte of the next output is changed; 0: nowhere */
    bool honest;
} run;

static void listen(run *r, span in) {
    const char *why = NULL;
    uint8_t *copy = malloc(in.n); /* the sanitizer sees what is read beyond it, or later */
    must(copy != NULL);
    memcpy(copy, in.p, in.n);
    span all = span_of(copy, in.n);
    tls_status before = r->status;
    r->status = record_feed(r->listener, &all, &why);
    must(all.n == 0 && (r->status != TLS_FAILED || why));
    must(before != TLS_FAILED || (r->status == TLS_FAILED && why == r->why));
    r->why = why;
    free(copy);
    for (span plain; (plain = record_plain(r->listener)).n; r->heard += plain.n) {
        must(r->heard + plain.n <= r->said);
        must(memcmp(speech + r->heard, plain.p, plain.n) == 0);
    }
}

static void carry(run *r) {
    span out, answer;
    while (record_output(r->speaker, &out, 1)) {
        uint8_t *bytes = malloc(out.n);
        must(bytes != NULL);
        memcpy(bytes, out.p, out.n);
        for (size_t i = 0; i < out.n; i++) r->wire = (r->wire ^ bytes[i]) * 0x100000001b3u;
        if (r->change) bytes[(r->change * 7919u) % out.n] ^= (uint8_t)(1u << r->change % 8);
        r->change = 0;
        listen(r, span_of(bytes, out.n));
        record_output_done(r->speaker, out.n);
        free(bytes);
    }
    while (record_output(r->listener, &answer, 1)) {
        const char *why;
        span in = answer;
        record_feed(r->speaker, &in, &why);
        record_output_done(r->listener, answer.n);
    }
}

static void step(run *r, unsigned what, unsigned n, span *in) {
    span text;
    switch (what) {
    case STEP_DATA:
        n = n * n / 2;
        if (n > SPEECH - r->said) n = (unsigned)(SPEECH - r->said);
        text = span_of(speech + r->said, n);
        if (n) r->said += record_seal(r->speaker, &text, 1);
        break;
    case STEP_UPDATE:
        record_write_update(r->speaker);
        r->honest = false; /* there may be too many */
        break;
    case STEP_CHANGE:
        r->change = n + 1;
        r->honest = false;
        return; /* of what follows */
    default:
        text = span_take(in, n < in->n ? n : in->n);
        record_write_message(r->speaker, what == STEP_ALERT ? TYPE_ALERT : TYPE_HANDSHAKE, text);
        r->honest = false;
    }
    carry(r);
}

static record *side(uint16_t suite, bool server) {
    static const uint8_t up[SHA2_MAX] = {1}, down[SHA2_MAX] = {2};
    record *r = record_new(&(record_birth){
        .mem = &hook,
        .suite = suite,
        .server = server,
        .read_secret = server ? up : down,
        .write_secret = server ? down : up,
        .secret_bytes = suite == RECORD_AES_256_GCM_SHA384 ? SHA2_384 : SHA2_256,
        .records_per_key = 20,
        .warmup = {LIMIT_TLS_WARM, LIMIT_TLS_COLD_MS},
    });
    must(r != NULL);
    return r;
}

static run play(span in, uint32_t instructions) {
    uint16_t suite = (uint16_t)(RECORD_AES_128_GCM_SHA256 + *in.p % 3);
    cpu_limit(instructions);
    run r = {.speaker = side(suite, *in.p & 128), .listener = side(suite, !(*in.p & 128))};
    r.honest = true;
    in = span_skip(in, 1);
    while (in.n >= 2) {
        unsigned what = in.p[0] % STEPS, n = in.p[1];
        in = span_skip(in, 2);
        step(&r, what, n, &in);
    }
    must(!r.honest || (r.status == TLS_OK && r.heard == r.said));
    record_close(r.speaker);
    carry(&r);
    record_free(r.speaker);
    record_free(r.listener);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    for (size_t i = 0; i < SPEECH; i++) speech[i] = (uint8_t)(i * 7 + (i >> 8));
    run fast = play(span_of(data, size), CPU_ALL), plain = play(span_of(data, size), 0);
    must(fast.wire == plain.wire && fast.heard == plain.heard && fast.said == plain.said);
    must(fast.status == plain.status && fast.why == plain.why && held == 0);
    return 0;
}
