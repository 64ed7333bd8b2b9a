/* What a connection may hold: looks inside it, as nothing else of the simulator does. */
#include "core/h2_impl.h"
#include "tests/sim/sim.h"

void peer_check_idle(peer *p) {
    sim *s = p->sim;
    const h2_conn *c = p->conn;
    if (h2_conn_streams(c)) sim_fail(s, "%s has %u streams left", p->name, h2_conn_streams(c));
    if (c->streams.room) sim_fail(s, "%s: no stream is left, but their block is", p->name);
    if (c->out.first || c->out.pieces) sim_fail(s, "%s: an empty queue holds memory", p->name);
    if (c->part) sim_fail(s, "%s: no frame is begun, but a part of one is held", p->name);
    if (c->held || c->recv_unpaid) sim_fail(s, "%s: %u bytes count as held", p->name, c->held);
    if (c->peer_streams || c->our_streams || c->reserved)
        sim_fail(s, "%s: no stream is left, but %u + %u + %u are counted", p->name, c->peer_streams,
                 c->our_streams, c->reserved);
}

/* What is on hand by design: the connection, both tables, the rings; a block of streams that
 * doubles; what is queued, in chunks of 16 KiB; one header block in pieces. */
void peer_check_memory(peer *p) {
    const h2_config *config = &p->sim->plan.config[p->side];
    const h2_config *other = &p->sim->plan.config[side_other(p->side)];
    uint32_t table = config->settings[H2_SLOT_HEADER_TABLE_SIZE];
    uint32_t encoder = other->settings[H2_SLOT_HEADER_TABLE_SIZE];
    if (encoder > config->encoder_table_cap) encoder = config->encoder_table_cap;
    if (encoder < HPACK_DEFAULT_SIZE) encoder = HPACK_DEFAULT_SIZE;
    if (table < HPACK_DEFAULT_SIZE) table = HPACK_DEFAULT_SIZE;
    size_t most = sizeof *p->conn + LIMIT_RESET_MEMORY * 4 + LIMIT_EARLY_PRIORITIES * 8;
    most += 4 * ((size_t)table + encoder);
    size_t streams = p->sim->stream_count[CLIENT] + p->sim->stream_count[SERVER];
    most += 2 * (streams + 4) * (sizeof(h2_stream) + 4);
    most += 3 * (p->sim->wire[p->side].queued_bytes + p->writing) + 4 * 16384;
    most += 3 * LIMIT_HEADER_BLOCK + p->trailers_given;
    if (p->memory.held > most)
        sim_fail(p->sim, "%s holds %zu bytes, at most %zu were expected", p->name, p->memory.held,
                 most);
}
