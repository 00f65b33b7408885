// # Learning an encoding from a corpus, and cutting the corpus with it
#include "examples/translate/corpus_subwords.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "examples/translate/pieces.h"

namespace translate {

using glass::check;
using glass::FileError;

namespace {

void count_pieces(PieceCounts& counts, const std::vector<Pair>& pairs, Sentence Pair::*side) {
  for (const Pair& pair : pairs)
    for (const std::string& piece : pair.*side) ++counts[piece];
}

}  // namespace

Coding learn_coding(const std::vector<Pair>& train, const TextFiles& files) {
  PieceCounts source, target;
  count_pieces(source, train, &Pair::source);
  count_pieces(files.joint ? source : target, train, &Pair::target);
  Coding coding;
  coding.joint = files.joint;
  coding.source = Subwords::learn(source, files.subwords, files.min_count);
  coding.target =
      files.joint ? coding.source : Subwords::learn(target, files.subwords, files.min_count);
  return coding;
}

std::string missing_merges(const Coding& coding, Index asked) {
  const Index source = coding.source.merges(), target = coding.target.merges();
  if (std::min(source, target) >= asked) return {};
  const std::string found =
      coding.joint ? fmt::format("{} in both languages together", source)
                   : fmt::format("{} in the source and {} in the target", source, target);
  return fmt::format(
      "note: --subwords {}: the text has fewer merges, {}; a merge needs two tokens that "
      "stand side by side at least twice",
      asked, found);
}

namespace {

bool is_side_unspaced(const std::vector<Pair>& pairs, Sentence Pair::*side) {
  std::vector<std::string> texts;
  for (const Pair& pair : pairs) texts.push_back(join(Unit::words, pair.*side));
  return is_mostly_unspaced(texts);
}

}  // namespace

std::string sentences_as_words(const Corpus& corpus) {
  if (corpus.unit != Unit::words) return {};
  const bool source = is_side_unspaced(corpus.train, &Pair::source),
             target = is_side_unspaced(corpus.train, &Pair::target);
  if (!source && !target) return {};
  std::string who = source ? "the source writes" : "the target writes";
  if (source && target) who = "the source and the target write";
  return fmt::format(
      "note: {} no spaces between words, so that a whole sentence is one word; give "
      "--subwords 4000, say",
      who);
}

namespace {

// Cuts each piece once, however often it occurs.
class Cutter {
 public:
  explicit Cutter(const Subwords& subwords) : subwords_(subwords) {}

  Sentence operator()(const Sentence& pieces) {
    Sentence tokens;
    for (const std::string& piece : pieces) {
      const auto [entry, is_new] = known_.try_emplace(piece);
      if (is_new) entry->second = subwords_.cut(piece);
      tokens.insert(tokens.end(), entry->second.begin(), entry->second.end());
    }
    return tokens;
  }

 private:
  const Subwords& subwords_;
  std::unordered_map<std::string, Sentence> known_;
};

// Cuts pairs, and leaves out those that become too long, with their references if there are any.
void cut_pairs(Corpus& corpus, std::vector<Pair>& pairs, std::vector<std::string>* references) {
  Cutter source(corpus.coding.source), target(corpus.coding.target);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    Pair pair{source(pairs[i].source), target(pairs[i].target)};
    if (std::max(std::ssize(pair.source), std::ssize(pair.target)) > corpus.max_tokens) {
      ++corpus.overlong;
      continue;
    }
    pairs[kept] = std::move(pair);
    if (references && kept < i) (*references)[kept] = std::move((*references)[i]);
    ++kept;
  }
  pairs.resize(kept);
  if (references) references->resize(kept);
}

}  // namespace

void cut_into_subwords(Corpus& corpus, Coding coding) {
  corpus.coding = std::move(coding);
  corpus.source_words = Vocabulary(corpus.coding.source.tokens());
  corpus.target_words = Vocabulary(corpus.coding.target.tokens());
  cut_pairs(corpus, corpus.train, nullptr);
  cut_pairs(corpus, corpus.valid, &corpus.valid_references);
  check<FileError>(!corpus.train.empty() && !corpus.valid.empty(),
                   "subwords: expected sentence pairs of at most {} subwords to train and to "
                   "validate on; got none; try more merges or a larger --max-tokens",
                   corpus.max_tokens);
}

std::vector<Pair> cut_anew(const Corpus& corpus, double dropout, Rng& rng) {
  const auto anew = [&](const Sentence& tokens, const Subwords& subwords) {
    Sentence cut = subwords.cut(pieces(bytes_of(tokens)), dropout, rng);
    return std::ssize(cut) <= corpus.max_tokens ? cut : tokens;
  };
  std::vector<Pair> pairs;
  for (const auto& [source, target] : corpus.train) {
    Pair pair;
    pair.source = anew(source, corpus.coding.source);
    pair.target = anew(target, corpus.coding.target);
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

}  // namespace translate
