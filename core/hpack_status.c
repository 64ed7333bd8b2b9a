/* Faults of a header block in words. */
#include "core/hpack.h"

const char *hpack_status_text(hpack_status s) {
    switch (s) {
    case HPACK_OK: return "ok";
    case HPACK_TRUNCATED: return "header block ends inside a field";
    case HPACK_BAD_INTEGER: return "header block integer over 2^32-1 or over-long";
    case HPACK_BAD_INDEX: return "header field index outside both tables";
    case HPACK_BAD_HUFFMAN: return "bad Huffman code in a header block";
    case HPACK_BAD_SIZE: return "dynamic table size update over the limit";
    case HPACK_LATE_SIZE: return "dynamic table size update after a field";
    case HPACK_MISSING_SIZE: return "header block does not acknowledge the lowered table size";
    case HPACK_EXCESS: return "header fields many times over the limit";
    case HPACK_NO_MEMORY: return "out of memory for header fields";
    }
    return "unknown header block fault";
}
