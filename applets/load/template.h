/* Values that are new in each request: text with ${n}, ${uuid} and ${rand:a-b} in it.
 *
 * ${n} counts the requests of the run from 1, ${uuid} is a random UUID (RFC 9562 section 5.4),
 * ${rand:a-b} a whole number from a to b. Parsed once, shared by all workers; each brings its own
 * source of random numbers. */
#ifndef H2BOX_APPLETS_LOAD_TEMPLATE_H
#define H2BOX_APPLETS_LOAD_TEMPLATE_H

#include "core/bytes.h"

/* A source of random numbers for one thread: splitmix64. The same seed gives the same numbers. */
typedef struct template_dice {
    uint64_t state;
} template_dice;

uint64_t template_roll(template_dice *d);

/* Evenly from 0 to n - 1. */
uint64_t template_roll_below(template_dice *d, uint64_t n);

typedef struct template template;

/* *t is the template of a text that has any ${...} in it, else NULL. NULL, or what is wrong. The
 * text must outlive it. */
const char *template_parse(span text, template **t);
void template_free(template *t);

/* The most bytes that writing it takes. */
size_t template_room(const template *t);

/* Writes it for request number n to p and returns its length. */
size_t template_write(const template *t, uint8_t *p, uint64_t n, template_dice *dice);

#endif
