// Compact Language Detector 2 (https://github.com/CLD2Owners/cld2) behind a C interface.
#ifndef OVERT_CCLD2_H
#define OVERT_CCLD2_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// The language of a UTF-8 text as its ISO 639 code, such as "en" or "zh-Hant"; a constant. NULL if
// the detector is not sure, or the text is no UTF-8.
const char *overt_language(const char *text, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
