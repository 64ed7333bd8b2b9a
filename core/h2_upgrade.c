#include "core/h2_upgrade.h"

#include "core/h2_impl.h"

size_t h2_upgrade_settings(const h2_config *c, uint8_t payload[H2_UPGRADE_SETTINGS]) {
    return h2_send_settings(c, payload);
}

static h2_stream *first_stream(h2_conn *c) {
    h2_stream *s = h2_stream_add(&c->streams, 1);
    if (!s) return NULL;
    s->flags = H2_STREAM_COUNTED;
    s->priority = H2_PRIO_DEFAULT;
    s->send_window = (int32_t)c->peer[H2_SLOT_INITIAL_WINDOW_SIZE];
    s->recv_window = (int32_t)c->config->settings[H2_SLOT_INITIAL_WINDOW_SIZE];
    return s;
}

bool h2_upgrade_server(h2_conn *c, span settings, http_ref *ref) {
    if (settings.n % 6 || settings.n / 6 > LIMIT_SETTINGS_ENTRIES) return false;
    if (h2_recv_control_settings(c, settings).scope != VERDICT_NONE) return false;
    h2_stream *s = first_stream(c);
    if (!s) return false;
    s->flags |= H2_STREAM_PEER_FINAL;
    s->state = H2_STATE_HALF_CLOSED_REMOTE;
    c->peer_streams++;
    h2_recv_block_count(c, s->id);
    if (c->config->obey_priority) h2_prio_open(&c->prio, s);
    h2_watch_stream(c);
    *ref = (http_ref){s->slot, s->id};
    return true;
}

bool h2_upgrade_client(h2_conn *c, bool head, void *user, http_ref *ref) {
    h2_stream *s = first_stream(c);
    if (!s) return false;
    s->flags |= H2_STREAM_OUR_FINAL | (head ? H2_STREAM_NO_CONTENT : 0u);
    s->state = H2_STATE_HALF_CLOSED_LOCAL;
    s->user = user;
    c->our_streams++;
    c->next_id = s->id + 2;
    c->room_wanted = true; /* there was none for anything else */
    *ref = (http_ref){s->slot, s->id};
    return true;
}
