#include "CSimdjson.h"

#include <simdjson.h>

#include <new>

struct overt_json_parser {
  simdjson::dom::parser parser;
  size_t max_depth;
};

extern "C" overt_json_parser *overt_json_parser_create(size_t max_depth) {
  auto *result = new (std::nothrow) overt_json_parser();
  if (result != nullptr) result->max_depth = max_depth;
  return result;
}

extern "C" void overt_json_parser_destroy(overt_json_parser *parser) { delete parser; }

extern "C" size_t overt_json_parser_capacity(const overt_json_parser *parser) {
  return parser->parser.capacity();
}

static int code_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::SUCCESS: return OVERT_JSON_OK;
    case simdjson::DEPTH_ERROR: return OVERT_JSON_DEPTH;
    case simdjson::UTF8_ERROR: return OVERT_JSON_UTF8;
    case simdjson::STRING_ERROR: return OVERT_JSON_STRING;
    case simdjson::NUMBER_ERROR: return OVERT_JSON_NUMBER;
    case simdjson::EMPTY: return OVERT_JSON_EMPTY;
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY: return OVERT_JSON_MEMORY;
    default: return OVERT_JSON_SYNTAX;
  }
}

static_assert(OVERT_JSON_PADDING >= simdjson::SIMDJSON_PADDING, "simdjson's padding has grown");

extern "C" size_t overt_json_count_values(const uint8_t *bytes, size_t count) {
  size_t values = 1;
  const uint8_t *end = bytes + count;
  for (const uint8_t *at = bytes; at < end; at++) {
    switch (*at) {
      case ',':
      case '[':
      case '{': values++; break;
      case '"':
        // To the end of the string: a quotation mark that an even number of backslashes precedes.
        for (at++; at < end && *at != '"'; at++)
          if (*at == '\\') at++;
        break;
      default: break;
    }
  }
  return values;
}

extern "C" int overt_json_parse(overt_json_parser *parser, const uint8_t *bytes, size_t count,
                                int is_padded, overt_json_tape *tape) {
  if (parser->parser.capacity() < count || parser->parser.max_depth() != parser->max_depth) {
    size_t capacity = count < 65536 ? 65536 : count;
    auto error = parser->parser.allocate(capacity, parser->max_depth);
    if (error) return code_of(error);
  }
  auto error = parser->parser.parse(bytes, count, !is_padded).error();
  if (error) return code_of(error);
  tape->words = parser->parser.doc.tape.get();
  tape->strings = parser->parser.doc.string_buf.get();
  return OVERT_JSON_OK;
}
