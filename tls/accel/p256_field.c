#include "tls/accel/p256_field.h"

#if defined(P256_HERE)

/* a^(2^n) b */
static void lift(p256_field *r, const p256_field *a, int n, const p256_field *b) {
    p256_field t = *a;
    while (n--) p256_field_square(&t, &t);
    p256_field_mul(r, &t, b);
}

/* Fermat: a^(p - 2). Its words of 32 bits are ffffffff 00000001 0 0 0 ffffffff ffffffff fffffffd;
 * x6 is a to the power of six ones, and so on. */
void p256_field_invert(p256_field *r, const p256_field *a) {
    p256_field x2, x4, x6, x8, x14, x16, x30, x32, t;
    lift(&x2, a, 1, a);
    lift(&x4, &x2, 2, &x2);
    lift(&x6, &x4, 2, &x2);
    lift(&x8, &x6, 2, &x2);
    lift(&x14, &x8, 6, &x6);
    lift(&x16, &x14, 2, &x2);
    lift(&x30, &x16, 14, &x14);
    lift(&x32, &x30, 2, &x2);
    lift(&t, &x32, 32, a);
    lift(&t, &t, 128, &x32);
    lift(&t, &t, 32, &x32);
    lift(&t, &t, 30, &x30);
    lift(r, &t, 2, a);
}

#else
typedef int p256_field_is_not_here;
#endif
