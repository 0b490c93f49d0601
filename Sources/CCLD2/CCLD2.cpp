#include <cstdio>
#include "CCLD2.h"

#include <cld2/public/compact_lang_det.h>

#include <climits>

extern "C" const char *overt_language(const char *text, size_t bytes) {
  if (bytes > INT_MAX) return nullptr;
  bool is_reliable = false;
  int valid_bytes = 0;
  auto size = static_cast<int>(bytes);
  auto language =
      CLD2::DetectLanguageCheckUTF8(text, size, true, &is_reliable, &valid_bytes);
  if (!is_reliable || valid_bytes != size) return nullptr;
  if (language == CLD2::UNKNOWN_LANGUAGE) return nullptr;
  return CLD2::LanguageCode(language);
}
