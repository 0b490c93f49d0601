// simdjson (https://simdjson.org) behind a C interface: a parser that writes the DOM tape, and the
// tape itself. The tape's format is documented in simdjson's doc/tape.md.
#ifndef OVERT_CSIMDJSON_H
#define OVERT_CSIMDJSON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct overt_json_parser overt_json_parser;

typedef struct {
  const uint64_t *words;   // the tape; word 0 is the root
  const uint8_t *strings;  // the string buffer that string words point into
} overt_json_tape;

// What a parse can answer; the order is the Swift side's too.
enum {
  OVERT_JSON_OK = 0,
  OVERT_JSON_SYNTAX = 1,
  OVERT_JSON_DEPTH = 2,
  OVERT_JSON_UTF8 = 3,
  OVERT_JSON_STRING = 4,
  OVERT_JSON_NUMBER = 5,
  OVERT_JSON_EMPTY = 6,
  OVERT_JSON_MEMORY = 7,
};

// NULL when memory is short.
overt_json_parser *overt_json_parser_create(size_t max_depth);
void overt_json_parser_destroy(overt_json_parser *parser);

// Bytes behind a document that a parse may read, though it does not depend on them.
#define OVERT_JSON_PADDING 64

// Parses a whole document. `tape` is valid until the next parse or the parser's end. `is_padded`
// promises that OVERT_JSON_PADDING bytes behind the document are allocated; without it the document
// is copied.
int overt_json_parse(overt_json_parser *parser, const uint8_t *bytes, size_t count, int is_padded,
                     overt_json_tape *tape);

// How many commas and opening brackets of arrays and objects stand outside of strings: within a few,
// the number of values.
size_t overt_json_count_values(const uint8_t *bytes, size_t count);

// The largest document, in bytes, that the parser has room for without allocating.
size_t overt_json_parser_capacity(const overt_json_parser *parser);

#ifdef __cplusplus
}
#endif
#endif
