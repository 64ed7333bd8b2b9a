/* The dynamic table (RFC 7541 section 2.3.2 and 4): a ring of records and a ring of bytes in one
 * block.
 *
 * Records come first, a power of two of them; the entry inserted as number s has record s mod
 * slots. Its bytes are contiguous: when they do not fit at the end of the ring they start over at
 * its begin. Names that have a token are not stored: fields.def has them. The 32 bytes that
 * section 4.1 adds to each entry pay for its record, so that the block stays near the size the peer
 * knows of. */
#include "core/hpack_impl.h"

enum { FIRST_SLOTS = 8, FIRST_ROOM = 128 };

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

hpack_entry hpack_table_entry(const hpack_table *t, uint32_t i) {
    const hpack_record *r = hpack_table_record(t, i);
    const uint8_t *p = hpack_table_bytes(t) + r->at;
    if (r->token) {
        return (hpack_entry){fields_name((http_token)r->token), span_of(p, r->value_n), r->token};
    }
    return (hpack_entry){span_of(p, r->name_n), span_of(p + r->name_n, r->value_n), r->token};
}

/* Evicts the oldest entries until the size is at most `size`. Their bytes stay as they are. */
static void evict_to(hpack_table *t, uint32_t size) {
    while (t->size > size) {
        const hpack_record *oldest = hpack_table_record(t, t->count - 1);
        t->size -= oldest->name_n + oldest->value_n + HPACK_ENTRY_OVERHEAD;
        t->held -= hpack_table_stored(oldest);
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
    uint64_t size = slots * sizeof(hpack_record) + room + HPACK_COPY_STEP;
    if (size > UINT32_MAX / 2) return false;
    uint8_t *block = mem_take(t->mem, (size_t)size);
    if (!block) return false;

    hpack_record *records = (hpack_record *)(void *)block;
    uint8_t *bytes = block + slots * sizeof(hpack_record);
    uint32_t tail = 0;
    for (uint32_t i = t->count; i-- > 0;) {
        const hpack_record *from = hpack_table_record(t, i);
        hpack_record *to = &records[(t->inserted - 1 - i) & (slots - 1)];
        *to = *from;
        to->at = tail;
        memcpy(bytes + tail, hpack_table_bytes(t) + from->at, hpack_table_stored(from));
        tail += hpack_table_stored(from);
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
    uint32_t head = hpack_table_record(t, t->count - 1)->at;
    uint8_t *bytes = hpack_table_bytes(t);
    if (t->tail > head) {
        memmove(bytes, bytes + head, t->tail - head);
        for (uint32_t i = 0; i < t->count; i++) hpack_table_record(t, i)->at -= head;
        t->tail -= head;
        return;
    }
    /* Wrapped: the older part goes to the end of the ring. It begins at `head` and ends where the
     * last of its entries does. */
    uint32_t end = head, first = t->count;
    while (first > 0 && hpack_table_record(t, first - 1)->at >= head) {
        const hpack_record *r = hpack_table_record(t, --first);
        end = r->at + hpack_table_stored(r);
    }
    uint32_t shift = t->room - end;
    memmove(bytes + head + shift, bytes + head, end - head);
    for (uint32_t i = first; i < t->count; i++) hpack_table_record(t, i)->at += shift;
}

/* Makes `tail` a place with n free bytes behind it, if that is possible without moving anything. */
static bool seek(hpack_table *t, uint32_t n) {
    if (n == 0) return true;
    if (t->held == 0) {
        /* Nothing but entries without bytes: start over. */
        for (uint32_t i = 0; i < t->count; i++) hpack_table_record(t, i)->at = 0;
        t->tail = 0;
    }
    uint32_t head = t->held ? hpack_table_record(t, t->count - 1)->at : t->room;
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
    uint32_t count = t->count, old_size = t->size, held = t->held;
    evict_to(t, t->max_size - (uint32_t)size);
    uint32_t name_n = token ? 0 : (uint32_t)name.n, value_n = (uint32_t)value.n;
    if (!make_place(t, name_n + value_n)) {
        t->count = count;
        t->size = old_size;
        t->held = held;
        return false;
    }
    uint8_t *p = hpack_table_bytes(t) + t->tail;
    if (name_n) memcpy(p, name.p, name_n);
    if (value_n) memcpy(p + name_n, value.p, value_n);
    t->inserted++;
    *hpack_table_record(t, 0) = (hpack_record){t->tail, (uint32_t)name.n, value_n, token, false};
    t->count++;
    t->size += (uint32_t)size;
    t->held += name_n + value_n;
    t->tail += name_n + value_n;
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
