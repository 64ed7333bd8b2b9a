#include "core/reason.h"

span reason_of(unsigned status) {
    switch (status) {
#define REASON(code, words) \
    case code: return SPAN(words);
#include "core/reason.def"
#undef REASON
    default: return SPAN("");
    }
}
