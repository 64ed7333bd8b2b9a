/* HTTP/2 frames on the wire: types, flags, codes, settings and the nine-byte header (RFC 9113
 * sections 4.1, 6, 7).
 *
 * All lists come from the .def files. Nothing here has state. */
#ifndef H2BOX_CORE_H2_FRAME_H
#define H2BOX_CORE_H2_FRAME_H

#include "core/bytes.h"
#include "core/verdict.h"

#define H2_FRAME_HEAD   9u /* bytes of a frame header, RFC 9113 section 4.1 */
#define H2_PREFACE      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define H2_PREFACE_SIZE 24u
#define H2_ID_MASK      0x7fffffffu

typedef enum h2_frame_type {
#define H2_FRAME(name, type, rule, min, max, severity) H2_FRAME_##name = (type),
#include "core/h2_frame.def"
#undef H2_FRAME
} h2_frame_type;

typedef enum h2_code {
#define H2_CODE(name, value, text) H2_##name = (value),
#include "core/h2_code.def"
#undef H2_CODE
} h2_code;

typedef enum h2_setting_id {
#define H2_SETTING(name, id, initial, min, max, code) H2_SETTINGS_##name = (id),
#include "core/h2_setting.def"
#undef H2_SETTING
} h2_setting_id;

/* Place of a setting in arrays of settings. */
typedef enum h2_setting_slot {
#define H2_SETTING(name, id, initial, min, max, code) H2_SLOT_##name,
#include "core/h2_setting.def"
#undef H2_SETTING
    H2_SETTING_SLOTS
} h2_setting_slot;

enum { /* flags, RFC 9113 section 6 */
       H2_FLAG_END_STREAM = 0x01,
       H2_FLAG_ACK = 0x01,
       H2_FLAG_END_HEADERS = 0x04,
       H2_FLAG_PADDED = 0x08,
       H2_FLAG_PRIORITY = 0x20
};

typedef struct h2_frame {
    uint32_t length;    /* of the payload */
    uint32_t stream_id; /* reserved bit cleared */
    uint8_t type, flags;
} h2_frame;

/* Reads the nine bytes at p. */
h2_frame h2_frame_get(const uint8_t *p);

/* Writes nine bytes at p. */
void h2_frame_put(uint8_t *p, h2_frame f);

/* Length and stream identifier against the rules of h2_frame.def; unknown types always pass. A
 * wrong length is a fault of the stream or of the connection as the table says; a wrong identifier
 * is always one of the connection. */
verdict h2_frame_check(h2_frame f);

/* Cuts padding off a DATA, HEADERS or PUSH_PROMISE payload (RFC 9113 section 6.1); *padding gets
 * the bytes cut in all. */
verdict h2_frame_unpad(h2_frame f, span *payload, uint32_t *padding);

/* Names as in the RFC, NULL for unknown values. Static storage. */
const char *h2_frame_name(uint8_t type);
const char *h2_frame_code_name(uint32_t code);
const char *h2_frame_setting_name(uint16_t id); /* without SETTINGS_ */

/* The slot of a setting, or -1 when it is unknown (RFC 9113 section 6.5.2: ignore it). */
int h2_frame_setting_slot(uint16_t id);

/* Whether the value is in range; otherwise the code to close the connection with. */
bool h2_frame_setting_valid(h2_setting_slot slot, uint32_t value, h2_code *code);

uint16_t h2_frame_setting_id(h2_setting_slot slot);
uint32_t h2_frame_setting_initial(h2_setting_slot slot);

#endif
