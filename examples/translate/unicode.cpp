#include "examples/translate/unicode.h"

#include "glassgrad.h"

namespace translate {

using glass::check;
using glass::FileError;

namespace {

// ---- UTF-8 ----

// Takes one code point off the front of `text`; nothing, and no step, where that is not UTF-8.
std::optional<char32_t> next_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0  // a continuation, or an overlong form
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;  // beyond U+10FFFF
  if (length == 0 || text.size() < length) return {};
  char32_t code = length == 1 ? lead : lead & (0x7Fu >> length);
  for (const char c : text.substr(1, length - 1)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte & 0x3Fu);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = 0xD800 <= code && code <= 0xDFFF;
  if (overlong || surrogate || code > 0x10FFFF) return {};
  text.remove_prefix(length);
  return code;
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
  std::u32string codes;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view at = rest;
    const auto code = next_code_point(rest);
    check<FileError>(code.has_value(), "tokenize: expected UTF-8; got byte 0x{:02x} at byte {}",
                     static_cast<unsigned char>(at.front()), text.size() - at.size() + 1);
    codes += *code;
  }
  return codes;
}

std::string encode_utf8(std::u32string_view codes) {
  std::string text;
  for (const char32_t code : codes) {
    const auto add = [&](char32_t lead, int shift) {
      text += static_cast<char>(lead | (code >> shift));
      while (shift > 0) text += static_cast<char>(0x80 | ((code >> (shift -= 6)) & 0x3F));
    };
    if (code < 0x80)
      add(0, 0);
    else if (code < 0x800)
      add(0xC0, 6);
    else if (code < 0x10000)
      add(0xE0, 12);
    else
      add(0xF0, 18);
  }
  return text;
}

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();)
    if (!next_code_point(rest)) return text.size() - rest.size();
  return {};
}

namespace {

// ---- letters ----

struct CaseRange {
  char32_t first, last;
  int step;    // 2 where capitals and small letters take turns
  int offset;  // from the capital to the small letter
};

constexpr CaseRange case_ranges[] = {
    {'A', 'Z', 1, 32},      {0xC0, 0xD6, 1, 32},        {0xD8, 0xDE, 1, 32},
    {0x100, 0x12E, 2, 1},   {0x130, 0x130, 1, -199},    {0x132, 0x136, 2, 1},
    {0x139, 0x147, 2, 1},   {0x14A, 0x176, 2, 1},       {0x178, 0x178, 1, -121},
    {0x179, 0x17D, 2, 1},   {0x1A0, 0x1A4, 2, 1},       {0x1AF, 0x1AF, 1, 1},
    {0x1CD, 0x1DB, 2, 1},   {0x1DE, 0x1EE, 2, 1},       {0x1F8, 0x21E, 2, 1},
    {0x222, 0x232, 2, 1},   {0x386, 0x386, 1, 38},      {0x388, 0x38A, 1, 37},
    {0x38C, 0x38C, 1, 64},  {0x38E, 0x38F, 1, 63},      {0x391, 0x3A1, 1, 32},
    {0x3A3, 0x3AB, 1, 32},  {0x400, 0x40F, 1, 80},      {0x410, 0x42F, 1, 32},
    {0x460, 0x480, 2, 1},   {0x48A, 0x4BE, 2, 1},       {0x4C0, 0x4C0, 1, 15},
    {0x4C1, 0x4CD, 2, 1},   {0x4D0, 0x52E, 2, 1},       {0x531, 0x556, 1, 48},
    {0x1E00, 0x1E94, 2, 1}, {0x1E9E, 0x1E9E, 1, -7615}, {0x1EA0, 0x1EFE, 2, 1},
};

}  // namespace

char32_t lower(char32_t code) {
  for (const auto& [first, last, step, offset] : case_ranges)
    if (first <= code && code <= last && (code - first) % static_cast<char32_t>(step) == 0)
      return static_cast<char32_t>(static_cast<int>(code) + offset);
  return code;
}

bool is_space(char32_t c) {
  return c <= 0x20 || (0x7F <= c && c <= 0xA0) || c == 0x1680 || (0x2000 <= c && c <= 0x200B) ||
         (0x2028 <= c && c <= 0x202F) || c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

// Punctuation and symbols: a token of its own each.
bool is_mark(char32_t c) {
  if (c < 0x80)
    return !(('0' <= c && c <= '9') || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z'));
  return (0xA1 <= c && c <= 0xBF && c != 0xAA && c != 0xB5 && c != 0xBA) || c == 0xD7 ||
         c == 0xF7 || (0x2010 <= c && c <= 0x206F) || (0x20A0 <= c && c <= 0x20CF) ||
         (0x2190 <= c && c <= 0x2BFF) || (0x3001 <= c && c <= 0x303F) || c >= 0x1F000;
}

std::string lower_case(std::string_view text) {
  std::u32string codes = decode_utf8(text);
  for (char32_t& code : codes) code = lower(code);
  return encode_utf8(codes);
}

}  // namespace translate
