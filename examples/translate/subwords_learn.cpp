// # Learning a byte-pair encoding
//
// The plain way counts all pairs of neighbours again for each merge; tests/translate_subwords_test
// contains it. Here a merge costs only as much as the pieces that it changes:
//   each pair has a list of the pieces in which it stands, so no other piece is read;
//   a merge changes the counts of the pairs beside it by a difference, and of no other pair;
//   a heap gives the most frequent pair. An entry of the heap may be out of date: a count that sank
//   is corrected when its entry reaches the top, and a count that rose gets a new entry.
#include <algorithm>
#include <utility>

#include "examples/translate/subwords.h"
#include "examples/translate/unicode.h"

namespace translate {

class Subwords::Learner {
 public:
  Learner(const PieceCounts& pieces, Index min_count);
  Subwords learn(Index merges);

 private:
  static constexpr int any = -1;
  struct Piece {
    Ids ids;          // its tokens at present
    Index count = 0;  // how often the text has it
  };
  struct Pair {
    Index count = 0;                  // how often the text has it
    std::vector<std::size_t> pieces;  // in which it stands, or stood once
    bool merged = false;
  };
  struct Entry {
    Index count = 0;  // of the pair, when the entry was made
    Key pair = 0;
  };

  void learn_characters(const PieceCounts& pieces, Index min_count);
  void count_pairs(std::size_t piece, Index sign);
  void note_places(std::size_t piece, int added);
  void apply_changes();
  bool comes_later(const Entry& a, const Entry& b) const;
  void push(const Entry& entry);
  Entry pop();
  bool find_best(Key& best);
  void merge(Key key);
  static void replace(Ids& ids, int left, int right, int product);

  const std::string& token(int id) const { return result_.tokens_[static_cast<std::size_t>(id)]; }

  Subwords result_;
  std::vector<Piece> pieces_;
  std::unordered_map<Key, Pair> pairs_;
  std::unordered_map<Key, Index> changes_;  // of counts, by the present merge
  std::vector<Entry> heap_;
};

Subwords::Learner::Learner(const PieceCounts& pieces, Index min_count) {
  learn_characters(pieces, min_count);
  for (const auto& [piece, count] : pieces) {
    pieces_.push_back({result_.characters_of(piece), count});
    count_pairs(pieces_.size() - 1, 1);
    note_places(pieces_.size() - 1, any);
  }
  apply_changes();
}

Subwords Subwords::Learner::learn(Index merges) {
  Key best = 0;
  while (result_.merges() < merges && find_best(best)) merge(best);
  return std::move(result_);
}

// The characters that are frequent enough, in the order of Unicode.
void Subwords::Learner::learn_characters(const PieceCounts& pieces, Index min_count) {
  std::map<char32_t, Index> counts;
  for (const auto& [piece, count] : pieces)
    for (const char32_t character : decode_utf8(piece)) counts[character] += count;
  for (const auto& [character, count] : counts) {
    const bool control = character < 0x20 || character == 0x7F;  // to_text() separates by them
    if (count >= min_count && !control) result_.add_character(character);
  }
}

// ---- counts ----

// Adds the pairs of one piece to `changes_` (sign 1), or takes them away (−1). Bytes are in no
// pair.
void Subwords::Learner::count_pairs(std::size_t piece, Index sign) {
  const auto& [ids, count] = pieces_[piece];
  for (std::size_t i = 0; i + 1 < ids.size(); ++i)
    if (ids[i] >= bytes && ids[i + 1] >= bytes)
      changes_[key_of(ids[i], ids[i + 1])] += sign * count;
}

// Notes for the pairs of one piece that they stand there: of the pairs with the token `added`, or
// of all if it is `any`.
void Subwords::Learner::note_places(std::size_t piece, int added) {
  const Ids& ids = pieces_[piece].ids;
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
    if (ids[i] < bytes || ids[i + 1] < bytes) continue;
    if (added != any && ids[i] != added && ids[i + 1] != added) continue;
    std::vector<std::size_t>& places = pairs_[key_of(ids[i], ids[i + 1])].pieces;
    if (places.empty() || places.back() != piece) places.push_back(piece);
  }
}

void Subwords::Learner::apply_changes() {
  for (const auto& [key, change] : changes_) {
    Pair& pair = pairs_[key];
    pair.count += change;
    if (change > 0 && !pair.merged) push({pair.count, key});
  }
  changes_.clear();
}

// ---- the most frequent pair ----

// Whether `b` is to be merged before `a`: it is more frequent, or as frequent and first by
// alphabet.
bool Subwords::Learner::comes_later(const Entry& a, const Entry& b) const {
  if (a.count != b.count) return a.count < b.count;
  const std::string &left_a = token(left_of(a.pair)), &left_b = token(left_of(b.pair));
  if (left_a != left_b) return left_a > left_b;
  return token(right_of(a.pair)) > token(right_of(b.pair));
}

void Subwords::Learner::push(const Entry& entry) {
  heap_.push_back(entry);
  std::ranges::push_heap(heap_, [&](const Entry& a, const Entry& b) { return comes_later(a, b); });
}

Subwords::Learner::Entry Subwords::Learner::pop() {
  std::ranges::pop_heap(heap_, [&](const Entry& a, const Entry& b) { return comes_later(a, b); });
  const Entry entry = heap_.back();
  heap_.pop_back();
  return entry;
}

// Finds the pair to merge next. Returns whether there is one that occurs twice.
bool Subwords::Learner::find_best(Key& best) {
  while (!heap_.empty()) {
    const Entry entry = pop();
    const Pair& pair = pairs_[entry.pair];
    if (pair.merged || pair.count < 2) continue;
    best = entry.pair;
    if (pair.count == entry.count) return true;
    // Out of date. A count that rose has another entry.
    if (pair.count < entry.count) push({pair.count, entry.pair});
  }
  return false;
}

// ---- a merge ----

void Subwords::Learner::merge(Key key) {
  const int left = left_of(key), right = right_of(key);
  const int product = result_.add_merge(left, right);
  Pair& pair = pairs_[key];
  pair.merged = true;
  for (const std::size_t place : std::exchange(pair.pieces, {})) {
    count_pairs(place, -1);
    replace(pieces_[place].ids, left, right, product);
    count_pairs(place, 1);
    note_places(place, product);
  }
  apply_changes();
}

// Writes a piece again, from left to right, with the product in the place of each pair.
void Subwords::Learner::replace(Ids& ids, int left, int right, int product) {
  std::size_t to = 0;
  for (std::size_t from = 0; from < ids.size(); ++from, ++to) {
    const bool found = from + 1 < ids.size() && ids[from] == left && ids[from + 1] == right;
    ids[to] = found ? product : ids[from];
    if (found) ++from;
  }
  ids.resize(to);
}

Subwords Subwords::learn(const PieceCounts& pieces, Index merges, Index min_count) {
  return Learner(pieces, min_count).learn(merges);
}

}  // namespace translate
