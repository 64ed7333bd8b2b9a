/* The dynamic table (RFC 7541 section 2.3.2 and 4): a ring of records and a ring of bytes in one
 * block.
 *
 * Records come first, a power of two of them; the entry inserted as number s has record s mod
 * slots. Its bytes are contiguous: when they do not fit at the end of the ring they start over at
 * its begin. Names that have a token are not stored: fields.def has them. The 32 bytes that
 * section 4.1 adds to each entry pay for its record, so that the block stays near the size the peer
 * knows of. */
#include "core/hpack_impl.h"

typedef struct record {
    uint32_t at; /* where in the bytes: the name unless it has a token, then the value */
    uint32_t name_n, value_n;
    uint16_t token;
} record;

enum { FIRST_SLOTS = 8, FIRST_ROOM = 512 };

void hpack_table_init(hpack_table *t, const mem *m, uint32_t max_size) {
    *t = (hpack_table){.mem = m, .max_size = max_size, .inserted = 1};
}

static void give_block(hpack_table *t) {
    mem_give(t->mem, t->block, t->block_size);
    t->block = NULL;
    t->block_size = t->slots = t->room = t->tail = 0;
}

void hpack_table_end(hpack_table *t) {
    give_block(t);
    t->count = t->size = t->held = 0;
}

/* The record of entry i, 0 the newest. */
static inline record *record_of(const hpack_table *t, uint32_t i) {
    return (record *)(void *)t->block + ((t->inserted - 1 - i) & (t->slots - 1));
}

static inline uint8_t *bytes_of(const hpack_table *t) {
    return t->block + t->slots * sizeof(record);
}

static inline uint32_t stored(const record *r) { return (r->token ? 0 : r->name_n) + r->value_n; }

hpack_entry hpack_table_entry(const hpack_table *t, uint32_t i) {
    const record *r = record_of(t, i);
    const uint8_t *p = bytes_of(t) + r->at;
    if (r->token) {
        return (hpack_entry){fields_name((http_token)r->token), span_of(p, r->value_n), r->token};
    }
    return (hpack_entry){span_of(p, r->name_n), span_of(p + r->name_n, r->value_n), r->token};
}

/* Evicts the oldest entries until the size is at most `size`. Their bytes stay as they are. */
static void evict_to(hpack_table *t, uint32_t size) {
    while (t->size > size) {
        const record *oldest = record_of(t, t->count - 1);
        t->size -= oldest->name_n + oldest->value_n + HPACK_ENTRY_OVERHEAD;
        t->held -= stored(oldest);
        t->count--;
    }
}

/* Bytes of room that suffice for max_size: a third more than entries can hold, so that at most
 * three quarters are in use and compacting them pays for itself before the next time. */
static uint64_t most_room(const hpack_table *t) {
    return (uint64_t)t->max_size + t->max_size / 3 + 4;
}

/* Moves everything into a new block of the given measures, oldest entry first. */
static bool move_block(hpack_table *t, uint64_t slots, uint64_t room) {
    uint64_t size = slots * sizeof(record) + room;
    if (size > UINT32_MAX / 2) return false;
    uint8_t *block = mem_take(t->mem, (size_t)size);
    if (!block) return false;

    record *records = (record *)(void *)block;
    uint8_t *bytes = block + slots * sizeof(record);
    uint32_t tail = 0;
    for (uint32_t i = t->count; i-- > 0;) {
        const record *from = record_of(t, i);
        record *to = &records[(t->inserted - 1 - i) & (slots - 1)];
        *to = *from;
        to->at = tail;
        memcpy(bytes + tail, bytes_of(t) + from->at, stored(from));
        tail += stored(from);
    }
    mem_give(t->mem, t->block, t->block_size);
    t->block = block;
    t->block_size = (uint32_t)size;
    t->slots = (uint32_t)slots;
    t->room = (uint32_t)room;
    t->tail = tail;
    return true;
}

/* A block in which n more bytes and one more record find place when the ones in use are packed. */
static bool grow(hpack_table *t, uint32_t n) {
    uint64_t slots = t->slots ? t->slots : FIRST_SLOTS;
    uint64_t room = t->room ? t->room : FIRST_ROOM;
    if (t->count == t->slots && t->slots) slots *= 2;
    while (room / 4 * 3 < (uint64_t)t->held + n && room < most_room(t)) room *= 2;
    if (room > most_room(t)) room = most_room(t);
    return move_block(t, slots, room);
}

/* Moves the bytes in use to one side, so that all free ones are together. */
static void compact(hpack_table *t) {
    uint32_t head = record_of(t, t->count - 1)->at;
    uint8_t *bytes = bytes_of(t);
    if (t->tail > head) {
        memmove(bytes, bytes + head, t->tail - head);
        for (uint32_t i = 0; i < t->count; i++) record_of(t, i)->at -= head;
        t->tail -= head;
        return;
    }
    /* Wrapped: the older part goes to the end of the ring. It begins at `head` and ends where the
     * last of its entries does. */
    uint32_t end = head, first = t->count;
    while (first > 0 && record_of(t, first - 1)->at >= head) {
        const record *r = record_of(t, --first);
        end = r->at + stored(r);
    }
    uint32_t shift = t->room - end;
    memmove(bytes + head + shift, bytes + head, end - head);
    for (uint32_t i = first; i < t->count; i++) record_of(t, i)->at += shift;
}

/* Makes `tail` a place with n free bytes behind it, if that is possible without moving anything. */
static bool seek(hpack_table *t, uint32_t n) {
    if (n == 0) return true;
    if (t->held == 0) {
        /* Nothing but entries without bytes: start over. */
        for (uint32_t i = 0; i < t->count; i++) record_of(t, i)->at = 0;
        t->tail = 0;
    }
    uint32_t head = t->held ? record_of(t, t->count - 1)->at : t->room;
    if (t->held && t->tail > head) {
        if (t->room - t->tail >= n) return true;
        if (head < n) return false;
        t->tail = 0;
        return true;
    }
    return head - t->tail >= n;
}

/* Makes place for one more record and n more bytes at `tail`. */
static bool make_place(hpack_table *t, uint32_t n) {
    if (t->count == t->slots) return grow(t, n);
    if (seek(t, n)) return true;
    bool tight = t->held + n > t->room / 4 * 3;
    if (tight && t->room < most_room(t) && grow(t, n)) return true;
    if (t->held == 0 || t->held + n > t->room) return false;
    compact(t);
    return seek(t, n);
}

bool hpack_table_add(hpack_table *t, uint16_t token, span name, span value) {
    uint64_t size = (uint64_t)name.n + value.n + HPACK_ENTRY_OVERHEAD;
    if (size > t->max_size) {
        hpack_table_end(t);
        return true;
    }
    hpack_table before = *t;
    evict_to(t, t->max_size - (uint32_t)size);
    record added = {.name_n = (uint32_t)name.n, .value_n = (uint32_t)value.n, .token = token};
    if (!make_place(t, stored(&added))) {
        *t = before;
        return false;
    }
    added.at = t->tail;
    uint8_t *p = bytes_of(t) + t->tail;
    if (!token && name.n) memcpy(p, name.p, name.n);
    if (value.n) memcpy(p + stored(&added) - value.n, value.p, value.n);
    t->inserted++;
    *record_of(t, 0) = added;
    t->count++;
    t->size += (uint32_t)size;
    t->held += stored(&added);
    t->tail += stored(&added);
    return true;
}

void hpack_table_limit(hpack_table *t, uint32_t max_size) {
    t->max_size = max_size;
    evict_to(t, max_size);
    if (t->count == 0) {
        hpack_table_end(t);
    } else if (t->room > 2 * most_room(t)) {
        /* Of use only to save memory: a refusal changes nothing. */
        uint64_t slots = FIRST_SLOTS;
        while (slots < t->count) slots *= 2;
        move_block(t, slots, most_room(t));
    }
}
