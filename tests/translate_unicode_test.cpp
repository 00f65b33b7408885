// # Lower case, spaces and marks, against the Unicode Character Database
//
// tests/unicode/lower_case.txt is the complete list of letters that have a small letter of their
// own, one a line: the letter and its small letter. scripts/unicode_tables.py wrote it with Python.
#include <fstream>
#include <ios>
#include <map>

#include "examples/translate/text.h"
#include "tests/catch.h"

namespace translate_unicode_test {

using namespace translate;

namespace {

constexpr char32_t code_points = 0x110000;

std::map<char32_t, char32_t> listed() {
  std::map<char32_t, char32_t> small;
  std::ifstream file(GLASS_SOURCE_DIR "/tests/unicode/lower_case.txt");
  for (std::uint32_t from = 0, to = 0; file >> std::hex >> from >> to;) small[from] = to;
  return small;
}

bool is_surrogate(char32_t c) { return 0xD800 <= c && c <= 0xDFFF; }

}  // namespace

TEST_CASE("every code point has the small letter of Unicode's complete list, or is its own") {
  const auto small = listed();
  REQUIRE(small.size() == 1433);  // of Unicode 14
  for (char32_t c = 0; c < code_points; ++c) {
    const auto found = small.find(c);
    const char32_t expected = found == small.end() ? c : found->second;
    if (lower(c) != expected)
      FAIL_CHECK(fmt::format("U+{:04X} has U+{:04X}, not U+{:04X}", std::uint32_t{c},
                             std::uint32_t{expected}, std::uint32_t{lower(c)}));
  }
}

TEST_CASE("letters of many scripts have their small letters") {
  // Each pair was looked up in the code charts.
  const std::vector<std::pair<char32_t, char32_t>> table = {
      {U'Ə', U'ə'},
      {U'Ɔ', U'ɔ'},
      {U'Ɛ', U'ɛ'},
      {U'Ɓ', U'ɓ'},
      {U'ẞ', U'ß'},
      {U'İ', U'i'},
      {U'Σ', U'σ'},
      {U'ǅ', U'ǆ'},
      {U'Ǆ', U'ǆ'},
      {U'Ԁ', U'ԁ'},
      {U'Ꙁ', U'ꙁ'},
      {U'Ա', U'ա'},
      {U'Ა', U'ა'},
      {U'Ⴀ', U'ⴀ'},  // Georgian Mtavruli, Asomtavruli
      {U'Ꭰ', U'ꭰ'},
      {U'Ᏸ', U'ᏸ'},  // Cherokee
      {U'Ω', U'ω'},
      {U'K', U'k'},
      {U'Å', U'å'},  // the Ohm, Kelvin, Ångström signs
      {U'ᾈ', U'ᾀ'},
      {U'Ⅷ', U'ⅷ'},
      {U'Ⓐ', U'ⓐ'},
      {U'Ａ', U'ａ'},
      {U'\U00010400', U'\U00010428'},  // Deseret
      {U'\U0001E900', U'\U0001E922'},  // Adlam
      {U'ß', U'ß'},
      {U'ı', U'ı'},
      {U'ς', U'ς'},  // small already
      {U'ა', U'ა'},
      {U'汉', U'汉'},
      {U'א', U'א'},
  };
  for (const auto& [capital, small] : table) CHECK(lower(capital) == small);
}

TEST_CASE("a text in lower case is its code points in lower case, but for İ and a final Σ") {
  for (char32_t c = 0; c < code_points; ++c) {
    if (is_surrogate(c) || c == U'İ') continue;
    const char32_t small = lower(c);
    if (lower_case(std::u32string_view(&c, 1)) != std::u32string_view(&small, 1))
      FAIL_CHECK(fmt::format("U+{:04X}", std::uint32_t{c}));
  }
  CHECK(lower_case("İ") == "i\u0307");

  // Python 3.11's str.lower() gives the same.
  const std::vector<std::pair<std::string, std::string>> table = {
      {"Σ", "σ"},        // no letter stands before it
      {"ΑΣ", "ας"},      //
      {"ΣΑΣ", "σας"},    //
      {"ΑΣΑ", "ασα"},    // a letter stands after it
      {"ΑΣ.", "ας."},    // a full stop is ignorable, and nothing stands after it
      {"ΑΣ.Α", "ασ.α"},  // a letter stands after the full stop
      {"Α.Σ", "α.ς"},    //
      {"ΑΣ Α", "ας α"},  // a space is not ignorable
      {"Α Σ", "α σ"},    //
      {"1Σ", "1σ"},      // a digit has no case
      {"漢Σ", "漢σ"},    //
      {"Α\u0301Σ", "α\u0301ς"},
      {"ΑΣ\u0301Α", "ασ\u0301α"},
      {"ΑΣΣ", "ασς"},
      {"Α’Σ’", "α’ς’"},
      {"aΣ", "aς"},
      {"ΌΣΟΣ ΌΣΟΣ", "όσος όσος"},
  };
  for (const auto& [text, expected] : table) {
    INFO(text);
    CHECK(lower_case(text) == expected);
  }
}

TEST_CASE("lower case of lower case is the same") {
  std::u32string all;
  for (char32_t c = 0; c < code_points; ++c)
    if (!is_surrogate(c)) all += c;
  CHECK(lower_case(lower_case(all)) == lower_case(all));
  CHECK(lower_case(decode_utf8(encode_utf8(all))) == lower_case(all));
}

TEST_CASE("a code point is a space, a mark or part of a word, and white space is always a space") {
  int spaces = 0, white = 0;
  for (char32_t c = 0; c < code_points; ++c) {
    if (is_white_space(c)) CHECK(is_space(c));
    if (is_space(c)) CHECK(!is_mark(c));
    spaces += is_space(c);
    white += is_white_space(c);
  }
  CHECK(white == 29);
  // And 33 control characters of ASCII and 32 of Latin 1, of which white space has 9 and 1;
  // U+200B, U+FEFF and nine directions of writing.
  CHECK(spaces == 29 + (33 - 9) + (32 - 1) + 2 + 9);
}

TEST_CASE("marks are the punctuation and the symbols of every script") {
  for (const char32_t c : U"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡«»§¶·¿×÷–—‘’“”„…€→∑■、。「」！（）")
    if (c != 0) CHECK(is_mark(c));
  for (const char32_t c : {U'՞', U'׀', U'؟', U'،', U'।', U'๏', U'፣', U'。', U'￥', U'😀'})
    CHECK(is_mark(c));
  // Letters, digits of any kind, and the soft hyphen, which stands inside words.
  for (const char32_t c : U"aZ0ªµºßé²½①Ⅷ々〇漢𠀀अא\u00AD")
    if (c != 0) CHECK(!is_mark(c));
}

TEST_CASE("words in capitals are the words in small letters, whatever the script") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"ƏLİ VƏ ƁALA", "əli\u0307 və ɓala"},
      {"Ο ΔΡΌΜΟΣ, ΜΑΚΡΎΣ.", "ο δρόμος , μακρύς ."},
      {"ҔӶԘ ԚԜ", "ҕӷԙ ԛԝ"},
      {"中文「字」。", "中文 「 字 」 。"},
  };
  for (const auto& [text, tokens] : table) {
    std::string joined;
    for (const std::string& token : tokenize(Unit::words, text))
      joined += (joined.empty() ? "" : " ") + token;
    CHECK(joined == tokens);
  }
}

}  // namespace translate_unicode_test
