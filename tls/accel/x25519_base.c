/* Multiples of the base point on the Edwards curve -x^2 + y^2 = 1 + d x^2 y^2 that is the same
 * curve (RFC 7748 section 4.1): u = (1 + y) / (1 - y). The scalar has 64 digits of four bits from
 * -8 to 8; those at odd places are summed first, times 16, and those at even places added. Formulas
 * of Hisil, Wong, Carter and Dawson (2008): complete, so no case differs from another. */
#include <pthread.h>
#include <string.h>

#include "tls/accel/field25519.h"
#include "tls/accel/wipe.h"
#include "tls/accel/x25519.h"

/* x / z and y / z, t = x y / z. */
typedef struct point {
    field x, y, z, t;
} point;

/* y + x, y - x and 2 d x y of what is added. */
typedef struct addend {
    field plus, minus, dxy;
} addend;

enum { ROWS = 32, WIDE = 8 };

/* row i, column j: (j + 1) 256^i times the base point. 30 KiB that are computed once (a tenth of
 * a millisecond), since they would be most of a source file that nobody can read. */
static addend table[ROWS][WIDE];
static pthread_once_t made = PTHREAD_ONCE_INIT;

/* p and what is added; zz: 2 z1 z2. */
static inline point sum(const point *p, const addend *n, field zz) {
    field a = field_mul(field_sub(p->y, p->x), n->minus);
    field b = field_mul(field_add(p->y, p->x), n->plus);
    field c = field_mul(p->t, n->dxy);
    field e = field_sub(b, a), f = field_sub(zz, c), g = field_add(zz, c), h = field_add(b, a);
    return (point){field_mul(e, f), field_mul(g, h), field_mul(f, g), field_mul(e, h)};
}

static inline point doubled(const point *p) {
    field a = field_square(p->x), b = field_square(p->y), zz = field_square(p->z);
    field h = field_add(a, b), e = field_sub(field_square(field_add(p->x, p->y)), h);
    field f = field_sub(field_add(field_add(zz, zz), a), b), g = field_sub(b, a);
    return (point){field_mul(e, f), field_mul(g, h), field_mul(f, g), field_mul(e, h)};
}

static addend addend_of(field x, field y, field xy, field d2) {
    return (addend){field_add(y, x), field_sub(y, x), field_mul(xy, d2)};
}

static void make(void) {
    static const uint8_t base_x[32] = {
        0x1a, 0xd5, 0x25, 0x8f, 0x60, 0x2d, 0x56, 0xc9, 0xb2, 0xa7, 0x25,
        0x95, 0x60, 0xc7, 0x2c, 0x69, 0x5c, 0xdc, 0xd6, 0xfd, 0x31, 0xe2,
        0xa4, 0xc0, 0xfe, 0x53, 0x6e, 0xcd, 0xd3, 0x36, 0x69, 0x21,
    };
    const field zero = {{0}}, one = {{1}}, four = {{4}}, five = {{5}};
    const field above = {{2 * 121665}}, below = {{121666}};
    field d2 = field_mul(field_sub(zero, above), field25519_inverse(below));
    field x = field25519_unpack(base_x), y = field_mul(four, field25519_inverse(five));
    field product = one, before[ROWS * WIDE];
    point unit = {x, y, one, field_mul(x, y)};
    /* First x, y and z in place of the addends, with the products of all z before. */
    for (unsigned i = 0; i < ROWS; i++) {
        addend by = addend_of(unit.x, unit.y, unit.t, d2);
        point p = unit;
        for (unsigned j = 0; j < WIDE; j++) {
            field zz = field_mul(field_add(p.z, p.z), unit.z);
            table[i][j] = (addend){p.x, p.y, p.z};
            before[i * WIDE + j] = product;
            product = field_mul(product, p.z);
            p = sum(&p, &by, zz);
        }
        for (unsigned n = 0; n < 8; n++) unit = doubled(&unit);
    }
    /* Then backwards: one inversion serves them all. */
    field inverse = field25519_inverse(product);
    for (unsigned k = ROWS * WIDE; k-- > 0;) {
        addend *a = &table[k / WIDE][k % WIDE];
        field z = field_mul(inverse, before[k]);
        inverse = field_mul(inverse, a->dxy);
        x = field_mul(a->plus, z);
        y = field_mul(a->minus, z);
        *a = addend_of(x, y, field_mul(x, y), d2);
    }
}

/* The digit's multiple in a row: the whole row is read, whatever the digit. */
static inline addend pick(const addend row[WIDE], int digit) {
    addend n = {{{1}}, {{1}}, {{0}}};
    uint64_t negative = field_all((uint32_t)digit >> 31);
    uint32_t size = ((uint32_t)digit ^ (uint32_t)negative) - (uint32_t)negative;
    for (uint32_t j = 0; j < WIDE; j++) {
        uint64_t mask = field_all(((size ^ (j + 1)) - 1) >> 31);
        field_take(&n.plus, &row[j].plus, mask);
        field_take(&n.minus, &row[j].minus, mask);
        field_take(&n.dxy, &row[j].dxy, mask);
    }
    field other = field_sub((field){{0}}, n.dxy);
    field_swap(&n.plus, &n.minus, negative);
    field_take(&n.dxy, &other, negative);
    return n;
}

static void digits_of(int digit[64], const uint8_t scalar[X25519_BYTES]) {
    int carry = 0;
    for (unsigned i = 0; i < 64; i++) {
        int v = (scalar[i / 2] >> (4 * (i % 2))) & 15;
        if (i == 0) v &= 8;           /* clamped (section 5): a multiple of 8, */
        if (i == 63) v = (v & 7) | 4; /* and bit 254 is the highest */
        v += carry;
        carry = i < 63 ? (v + 8) >> 4 : 0;
        digit[i] = v - 16 * carry;
    }
}

void x25519_base(uint8_t out[X25519_BYTES], const uint8_t scalar[X25519_BYTES]) {
    int digit[64];
    addend n;
    point p = {{{0}}, {{1}}, {{1}}, {{0}}};
    pthread_once(&made, make);
    digits_of(digit, scalar);
    for (unsigned odd = 2; odd-- > 0;) {
        for (unsigned i = odd; i < 64; i += 2) {
            n = pick(table[i / 2], digit[i]);
            p = sum(&p, &n, field_add(p.z, p.z));
        }
        for (unsigned k = 0; k < 4 * odd; k++) p = doubled(&p);
    }
    field25519_pack(out, field_mul(field_add(p.z, p.y), field25519_inverse(field_sub(p.z, p.y))));
    wipe(digit, sizeof digit);
    wipe(&n, sizeof n);
    wipe(&p, sizeof p);
}
