// # Cutting text into subwords
#include "examples/translate/subwords.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "examples/common/quote.h"
#include "examples/translate/pieces.h"
#include "examples/translate/unicode.h"

namespace translate {

using glass::check;
using glass::FileError;

namespace {

constexpr int no_merge = std::numeric_limits<int>::max();

}  // namespace

// ---- the tokens ----

Subwords::Subwords() {
  for (int byte = 0; byte < bytes; ++byte) add_token(byte_token(static_cast<unsigned char>(byte)));
}

int Subwords::add_token(const std::string& token) {
  const auto [entry, is_new] = ids_.emplace(token, static_cast<int>(tokens_.size()));
  if (is_new) tokens_.push_back(token);
  return entry->second;
}

void Subwords::add_character(char32_t character) {
  characters_.emplace(character, add_token(encode_utf8({&character, 1})));
}

int Subwords::add_merge(int left, int right) {
  const int product =
      add_token(tokens_[static_cast<std::size_t>(left)] + tokens_[static_cast<std::size_t>(right)]);
  ranks_.emplace(key_of(left, right), static_cast<int>(merges_.size()));
  merges_.push_back({left, right, product});
  return product;
}

int Subwords::rank(int left, int right) const {
  const auto found = ranks_.find(key_of(left, right));
  return found == ranks_.end() ? no_merge : found->second;
}

// ---- cutting ----

Subwords::Ids Subwords::characters_of(std::string_view piece) const {
  Ids ids;
  for (const char32_t character : decode_utf8(piece)) {
    const auto found = characters_.find(character);
    if (found != characters_.end()) {
      ids.push_back(found->second);
      continue;
    }
    // An unknown character is its bytes, whose ids are their values.
    for (const char byte : encode_utf8({&character, 1}))
      ids.push_back(static_cast<unsigned char>(byte));
  }
  return ids;
}

namespace {

// Where the merge is that was learnt first, of those that are not dropped; the leftmost of equals.
// Without one, the number of places.
std::size_t first_merge(const std::vector<int>& ranks, const auto& drops) {
  std::size_t best = ranks.size();
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (ranks[i] == no_merge || drops()) continue;
    if (best == ranks.size() || ranks[i] < ranks[best]) best = i;
  }
  return best;
}

}  // namespace

// Puts the product in the place of two tokens. It has other neighbours, so the ranks beside it are
// others, too.
void Subwords::merge_at(std::size_t at, Ids& ids, Ids& ranks) const {
  ids[at] = merges_[static_cast<std::size_t>(ranks[at])].product;
  ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  ranks.erase(ranks.begin() + static_cast<std::ptrdiff_t>(at));
  if (at > 0) ranks[at - 1] = rank(ids[at - 1], ids[at]);
  if (at < ranks.size()) ranks[at] = rank(ids[at], ids[at + 1]);
}

// Merges until no merge is possible, or all that are possible are dropped.
Sentence Subwords::merged(Ids ids, const auto& drops) const {
  // ranks[i]: the rank of the merge of tokens i and i + 1.
  Ids ranks;
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) ranks.push_back(rank(ids[i], ids[i + 1]));
  for (std::size_t at = 0; (at = first_merge(ranks, drops)) < ranks.size();)
    merge_at(at, ids, ranks);

  Sentence tokens;
  for (const int id : ids) tokens.push_back(tokens_[static_cast<std::size_t>(id)]);
  return tokens;
}

Sentence Subwords::cut(std::string_view piece) const {
  return merged(characters_of(piece), [] { return false; });
}

Sentence Subwords::cut(const Sentence& pieces) const {
  Sentence tokens;
  for (const std::string& piece : pieces)
    for (std::string& token : cut(piece)) tokens.push_back(std::move(token));
  return tokens;
}

Sentence Subwords::cut(const Sentence& pieces, double dropout, Rng& rng) const {
  const glass::Draw draw = rng.draw();
  std::uint64_t next = 0;
  const auto drops = [&] { return draw.uniform(next++) < dropout; };
  Sentence tokens;
  for (const std::string& piece : pieces)
    for (std::string& token : merged(characters_of(piece), drops))
      tokens.push_back(std::move(token));
  return tokens;
}

Sentence tokenize(Unit unit, const Subwords& subwords, std::string_view text) {
  Sentence tokens = tokenize(unit, text);
  if (unit == Unit::subwords) tokens = subwords.cut(tokens);
  return tokens;
}

// ---- as text ----

std::string Subwords::to_text() const {
  std::string text;
  for (std::size_t id = bytes; id < bytes + characters_.size(); ++id) text += tokens_[id] + '\n';
  for (const auto& [left, right, product] : merges_)
    text += tokens_[static_cast<std::size_t>(left)] + '\t' +
            tokens_[static_cast<std::size_t>(right)] + '\n';
  return text;
}

void Subwords::add_line(const std::string& line) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string::npos) {
    // A character. They come first, so that to_text() finds them.
    const std::u32string codes = decode_utf8(line);
    check<FileError>(codes.size() == 1 && merges_.empty() && !ids_.contains(line),
                     "subwords: expected one character a line, each once, before all merges; got "
                     "\"{}\"",
                     examples::shortened(line));
    return add_character(codes[0]);
  }
  // A merge of two tokens that are known, and are no bytes.
  const auto left = ids_.find(line.substr(0, tab)), right = ids_.find(line.substr(tab + 1));
  const bool known = left != ids_.end() && right != ids_.end() && left->second >= bytes &&
                     right->second >= bytes && rank(left->second, right->second) == no_merge;
  check<FileError>(known, "subwords: expected a new merge of two known tokens; got \"{}\"",
                   examples::shortened(line));
  add_merge(left->second, right->second);
}

Subwords Subwords::from_text(std::string_view text) {
  Subwords subwords;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    subwords.add_line(std::string(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return subwords;
}

}  // namespace translate
