// # Where a text is cut, and how its subwords are joined
#include "examples/translate/pieces.h"

#include <algorithm>
#include <charconv>

namespace translate {

namespace {

// ---- between which characters a piece ends ----

enum class CharKind { space, letter, unspaced, mark };

// Only the plain space goes with what follows it. All other white space, and what is invisible,
// stands alone as a mark does.
CharKind char_kind_of(char32_t c) {
  if (c == U' ') return CharKind::space;
  if (is_unspaced(c)) return CharKind::unspaced;
  return is_mark(c) || is_space(c) ? CharKind::mark : CharKind::letter;
}

// Whether a piece goes on from the character `a` to the next character, `b`.
bool goes_on(char32_t a, char32_t b) {
  const CharKind before = char_kind_of(a), after = char_kind_of(b);
  if (after == CharKind::space) return false;
  if (before == CharKind::space) return true;
  return before == after && before != CharKind::mark;
}

Sentence cut_pieces(std::u32string_view codes) {
  Sentence result;
  for (std::size_t begin = 0, end = 0; begin < codes.size(); begin = end) {
    end = begin + 1;
    const std::size_t most = std::min(codes.size(), begin + longest_piece);
    while (end < most && goes_on(codes[end - 1], codes[end])) ++end;
    result.push_back(encode_utf8(codes.substr(begin, end - begin)));
  }
  return result;
}

// Control characters as spaces: a line of text stays a line.
std::u32string without_controls(std::u32string_view codes) {
  std::u32string text(codes);
  const auto is_control = [](char32_t c) { return c < 0x20 || (0x7F <= c && c < 0xA0); };
  std::ranges::replace_if(text, is_control, U' ');
  return text;
}

// Text with U+FFFD for every byte that is not UTF-8.
std::string repaired(std::string_view bytes) {
  std::string text;
  for (;;) {
    const std::size_t good = find_invalid_utf8(bytes).value_or(bytes.size());
    text += bytes.substr(0, good);
    if (good == bytes.size()) return text;
    text += "\uFFFD";
    bytes.remove_prefix(good + 1);
  }
}

}  // namespace

Sentence pieces(std::string_view text) { return cut_pieces(decode_utf8(text)); }

Sentence normal_pieces(std::u32string_view codes) {
  // Lower case, without the spaces at both ends.
  std::u32string text = without_controls(lower_case(codes));
  const auto begin = std::find_if_not(text.begin(), text.end(), is_space);
  text.erase(text.begin(), begin);
  while (!text.empty() && is_space(text.back())) text.pop_back();
  if (text.empty()) return {};

  // The first word gets the space that all others have.
  if (!is_unspaced(text.front())) text.insert(text.begin(), U' ');
  return cut_pieces(text);
}

std::string join_subwords(const Sentence& subwords) {
  std::string text = encode_utf8(without_controls(decode_utf8(repaired(bytes_of(subwords)))));
  if (text.starts_with(' ')) text.erase(0, 1);
  return text;
}

// ---- words among subwords ----

namespace {

bool continues_word(const std::string& before, const std::string& token) {
  // Bytes belong to one character, or to several that stand side by side.
  if (is_byte_token(before) || is_byte_token(token))
    return is_byte_token(before) && is_byte_token(token);
  // Otherwise the characters at the border decide, as they do in a text.
  const char32_t last = decode_utf8(before).back(), next = decode_utf8(token).front();
  const bool unspaced =
      char_kind_of(last) == CharKind::unspaced && char_kind_of(next) == CharKind::unspaced;
  return !unspaced && goes_on(last, next);
}

}  // namespace

std::vector<Index> word_starts(const Sentence& subwords) {
  std::vector<Index> starts;
  for (std::size_t i = 0; i < subwords.size(); ++i)
    if (i == 0 || !continues_word(subwords[i - 1], subwords[i]))
      starts.push_back(static_cast<Index>(i));
  return starts;
}

bool is_mostly_unspaced(std::span<const std::string> texts) {
  Index unspaced = 0, others = 0;
  for (const std::string& text : texts)
    for (const char32_t c : decode_utf8(text)) {
      const CharKind kind = char_kind_of(c);
      unspaced += kind == CharKind::unspaced;
      others += kind == CharKind::letter;
    }
  return unspaced > others;
}

// ---- bytes ----

std::string byte_token(unsigned char byte) { return fmt::format("<0x{:02X}>", byte); }

bool is_byte_token(std::string_view token) {
  return token.size() == 6 && token.starts_with("<0x") && token.ends_with('>');
}

std::string bytes_of(const Sentence& subwords) {
  std::string bytes;
  for (const std::string& token : subwords) {
    if (!is_byte_token(token)) {
      bytes += token;
      continue;
    }
    unsigned byte = 0;
    std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace translate
