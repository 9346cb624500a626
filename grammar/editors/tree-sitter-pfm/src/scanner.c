// Line ends that end a statement. One before a line that begins with `|>` or `else` does not; the parser asks only where a
// statement may end, so that those inside brackets are blanks.

#include "tree_sitter/parser.h"

enum Token { NEWLINE };

void *tree_sitter_pfm_external_scanner_create(void) { return NULL; }
void tree_sitter_pfm_external_scanner_destroy(void *payload) {}
unsigned tree_sitter_pfm_external_scanner_serialize(void *payload, char *buffer) { return 0; }
void tree_sitter_pfm_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {}

static bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == '\r' || c == 0xFEFF; }

bool tree_sitter_pfm_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
  if (!valid[NEWLINE]) return false;
  while (is_blank(lexer->lookahead)) lexer->advance(lexer, true);
  if (lexer->lookahead != '\n') return false;
  lexer->advance(lexer, false);
  lexer->mark_end(lexer);
  lexer->result_symbol = NEWLINE;
  for (;;) {
    while (is_blank(lexer->lookahead) || lexer->lookahead == '\n') lexer->advance(lexer, false);
    if (lexer->lookahead != '#') break;
    while (lexer->lookahead != '\n' && !lexer->eof(lexer)) lexer->advance(lexer, false);
  }
  const char *word = lexer->lookahead == '|' ? "|>" : "else";
  while (*word && lexer->lookahead == *word) {
    lexer->advance(lexer, false);
    word++;
  }
  return *word != 0;
}
