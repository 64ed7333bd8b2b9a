#include "core/h2_stream.h"

#define FIRST_ROOM 4u

static const uint8_t moves[][4] = {
#define H2_STATE(name, send_headers, recv_headers, send_end, recv_end)                          \
    [H2_STATE_##name] = {H2_STATE_##send_headers, H2_STATE_##recv_headers, H2_STATE_##send_end, \
                         H2_STATE_##recv_end},
#include "core/h2_state.def"
#undef H2_STATE
};

uint8_t h2_stream_next(uint8_t from, h2_move move) { return moves[from][move]; }

/* Identifiers come in steps of two; the multiplication spreads any step over the buckets (Knuth,
 * TAOCP 6.4). They lie before the streams, where they are found without the size of a stream. */
static uint32_t *bucket_of(const h2_streams *t, uint32_t id) {
    return h2_stream_rings(t) - 1 - (((id * 2654435761u) >> 7) & (t->room - 1));
}

static size_t block_size(uint32_t room) {
    return room * (sizeof(h2_stream) + sizeof(uint32_t)) + H2_STREAM_RINGS * sizeof(uint32_t);
}

static void *block_of(const h2_streams *t) { return h2_stream_rings(t) - t->room; }

void h2_stream_init(h2_streams *t, const mem *m) {
    *t = (h2_streams){.mem = m, .free = H2_NO_SLOT, .gone = H2_NO_SLOT, .gone_last = H2_NO_SLOT};
}

void h2_stream_end(h2_streams *t) {
    uint32_t wanted = t->begun < t->wanted / 2 ? t->wanted / 2 : t->room;
    if (t->room) mem_give(t->mem, block_of(t), block_size(t->room));
    h2_stream_init(t, t->mem);
    t->wanted = wanted;
}

static void map_put(h2_streams *t, h2_stream *s) {
    uint32_t *bucket = bucket_of(t, s->id);
    s->map_next = *bucket;
    *bucket = s->slot;
}

static bool grow(h2_streams *t) {
    uint32_t first = t->wanted > FIRST_ROOM ? t->wanted : FIRST_ROOM;
    uint32_t old = t->room, room = old ? old * 2 : first;
    uint32_t *buckets = mem_take(t->mem, block_size(room));
    if (!buckets) return false;
    uint32_t *rings = buckets + room;
    h2_stream *at = (h2_stream *)(void *)(rings + H2_STREAM_RINGS);
    memset(buckets, 0xff, (room + H2_STREAM_RINGS) * sizeof *buckets); /* H2_NO_SLOT */
    if (old) {
        memcpy(at, t->at, old * sizeof *at);
        memcpy(rings, h2_stream_rings(t), H2_STREAM_RINGS * sizeof *rings);
        mem_give(t->mem, block_of(t), block_size(old));
    }
    t->at = at;
    t->room = room;
    for (uint32_t i = 0; i < old; i++)
        if (at[i].id && !(at[i].flags & H2_STREAM_GONE)) map_put(t, &at[i]);
    return true;
}

h2_stream *h2_stream_add(h2_streams *t, uint32_t id) {
    if (t->free == H2_NO_SLOT && t->begun == t->room && !grow(t)) return NULL;
    uint32_t slot = t->free;
    if (slot != H2_NO_SLOT)
        t->free = t->at[slot].map_next;
    else
        slot = t->begun++;
    h2_stream *s = &t->at[slot];
    t->used++;
    t->live++;
    memset(s, 0, sizeof *s);
    s->id = id;
    s->slot = slot;
    s->recv_left = FIELDS_NO_LENGTH;
    map_put(t, s);
    return s;
}

h2_stream *h2_stream_find(const h2_streams *t, uint32_t id) {
    if (t->room == 0) return NULL;
    for (uint32_t i = *bucket_of(t, id); i != H2_NO_SLOT; i = t->at[i].map_next)
        if (t->at[i].id == id) return &t->at[i];
    return NULL;
}

h2_stream *h2_stream_of(const h2_streams *t, http_ref ref) {
    if (ref.id == 0 || ref.slot >= t->begun) return NULL;
    h2_stream *s = &t->at[ref.slot];
    return s->id == ref.id && !(s->flags & H2_STREAM_GONE) ? s : NULL;
}

void h2_stream_retire(h2_streams *t, h2_stream *s) {
    uint32_t *at = bucket_of(t, s->id);
    while (*at != s->slot) at = &t->at[*at].map_next;
    *at = s->map_next;
    s->flags |= H2_STREAM_GONE;
    s->map_next = H2_NO_SLOT;
    if (t->gone == H2_NO_SLOT)
        t->gone = s->slot;
    else
        t->at[t->gone_last].map_next = s->slot;
    t->gone_last = s->slot;
    t->live--;
}

void h2_stream_reap(h2_streams *t, bool (*drop)(void *user, h2_stream *s), void *user) {
    uint32_t *at = &t->gone;
    t->gone_last = H2_NO_SLOT;
    while (*at != H2_NO_SLOT) {
        h2_stream *s = &t->at[*at];
        if (!drop(user, s)) {
            t->gone_last = s->slot;
            at = &s->map_next;
            continue;
        }
        *at = s->map_next;
        s->id = 0;
        s->flags = 0;
        s->map_next = t->free;
        t->free = s->slot;
        t->used--;
    }
}

void h2_stream_trim(h2_streams *t) {
    if (t->used == 0 && t->room) h2_stream_end(t);
}
