/* Configurations of sessions toward clients and backends, and the plan's times. */
#include "applets/proxy/plan_parts.h"
#include "core/limits.h"

/* RFC 9113 section 6.9.2: a connection's window begins there, and WINDOW_UPDATE only moves it up.
 */
#define LEAST_WINDOW 65535u

static uint32_t connection_window(uint64_t size) {
    return size < LEAST_WINDOW ? LEAST_WINDOW : (uint32_t)size;
}

static void make_front(plan_making *m) {
    const proxy_settings *set = m->set;
    session_config *c = &m->plan->front;
    session_defaults(c, true);
    h2_config *h2 = &c->h2;
    h2->settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = (uint32_t)set->front_streams;
    h2->settings[H2_SLOT_INITIAL_WINDOW_SIZE] = (uint32_t)set->front_window;
    h2->settings[H2_SLOT_HEADER_TABLE_SIZE] = (uint32_t)set->front_decoder_table;
    h2->settings[H2_SLOT_MAX_HEADER_LIST_SIZE] = (uint32_t)set->request_fields;
    h2->settings[H2_SLOT_ENABLE_CONNECT_PROTOCOL] = 1; /* RFC 8441 */
    h2->connection_window = connection_window(set->front_connection_window);
    h2->encoder_table_cap = (uint32_t)set->front_encoder_table;
    h2->settings_ack_ms = (uint32_t)set->front_settings_ms;
    h2->content_ms = (uint32_t)set->front_stream_read_ms;
    h2->window_ms = (uint32_t)set->front_stream_write_ms;
    h2->padding = (uint32_t)set->padding;
    h2->requests_max = (uint32_t)set->max_requests;
    h1_config *h1 = &c->h1;
    h1->head_max = (uint32_t)set->request_fields;
    h1->head_ms = (uint32_t)set->front_header_ms;
    h1->held_max = (uint32_t)set->request_buffer;
    h1->content_ms = h2->content_ms;
    h1->requests_max = (uint32_t)set->max_requests;
    h1->title_case = true;
    h1->upgrade_any = true;
    h1->close_old = m->plan->mode != PLAN_REVERSE;
}

static void make_back(plan_making *m, session_config *c) {
    const proxy_settings *set = m->set;
    session_defaults(c, false);
    h2_config *h2 = &c->h2;
    h2->settings[H2_SLOT_ENABLE_PUSH] = m->plan->push;
    h2->settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = (uint32_t)set->back_streams;
    h2->settings[H2_SLOT_INITIAL_WINDOW_SIZE] = (uint32_t)set->back_window;
    h2->settings[H2_SLOT_HEADER_TABLE_SIZE] = (uint32_t)set->back_decoder_table;
    h2->settings[H2_SLOT_MAX_HEADER_LIST_SIZE] = (uint32_t)set->response_fields;
    h2->connection_window = connection_window(set->back_connection_window);
    h2->encoder_table_cap = (uint32_t)set->back_encoder_table;
    h2->settings_ack_ms = (uint32_t)set->back_settings_ms;
    h2->window_ms = (uint32_t)set->back_stream_write_ms;
    h2->padding = (uint32_t)set->padding;
    h1_config *h1 = &c->h1;
    h1->pipeline = 1;
    h1->head_max = (uint32_t)set->response_fields;
    h1->held_max = (uint32_t)set->response_buffer;
    h1->title_case = true;
    h1->absolute = m->plan->mode == PLAN_FORWARD;
}

void plan_sessions_make(plan_making *m) {
    const proxy_settings *set = m->set;
    plan *p = m->plan;
    make_front(m);
    make_back(m, &p->back_h1);
    make_back(m, &p->back_h2);
    p->back_h1.start = SESSION_H1;
    p->back_h2.start = SESSION_H2;
    p->front_idle_ms = (uint32_t)set->front_idle_ms;
    p->front_keep_alive_ms = (uint32_t)set->front_keep_alive_ms;
    p->front_write_ms = (uint32_t)set->front_write_ms;
    p->back_connect_ms = (uint32_t)set->back_connect_ms;
    p->back_idle_ms = (uint32_t)set->back_idle_ms;
    p->back_read_ms = (uint32_t)set->back_read_ms;
    p->back_stream_read_ms = (uint32_t)set->back_stream_read_ms;
    p->back_write_ms = (uint32_t)set->back_write_ms;
    p->back_backoff_ms = (uint32_t)set->back_backoff_ms;
    p->dns_cache_ms = (uint32_t)set->dns_cache_ms;
    p->dns_limit_ms = (uint32_t)set->dns_limit_ms;
    p->dns_tries = (uint32_t)set->dns_tries;
    p->drain_ms = (uint32_t)set->grace_ms;
}
