// # The recipe of the example translate, and sentences for it
#include "tests/benchmarks/translator_model.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "examples/translate/translator.h"

namespace bench {

namespace {

// ---- made-up sentences ----

// Numbers of words whose frequencies are those of Multi30k: the r-th word of a language has the
// probability (r + 3)^−1.25, but for a factor.   B. Mandelbrot (1953)
class Words {
 public:
  explicit Words(int vocabulary) {
    std::vector<double> weights;
    for (int rank = 1; rank <= vocabulary - first; ++rank)
      weights.push_back(std::pow(rank + 3, -1.25));
    ranks_ = std::discrete_distribution<int>(weights.begin(), weights.end());
  }
  std::vector<int> sentence(int length, glass::Rng& rng) {
    std::vector<int> words;
    for (int i = 0; i < length; ++i) words.push_back(first + ranks_(rng));
    return words;
  }

 private:
  static constexpr int first = 4;  // after <pad>, <unk>, <s> and </s>
  std::discrete_distribution<int> ranks_;
};

// The words of Multi30k's German and English that occur twice, with <pad> and so on.
constexpr int source_words = 8050, target_words = 6198;
constexpr int sentence_pairs = 29'000, longest = 45;

// The lengths are those of Multi30k, too: the logarithm of a target's length has the mean 2.53 and
// the deviation 0.3, that of its ratio to the source's 0.048 and 0.17.
std::vector<translate::Example> made_up_examples() {
  glass::Rng rng(1);
  Words source(source_words), target(target_words);
  std::normal_distribution<double> log_length(2.53, 0.3), log_ratio(0.048, 0.17);
  const auto length = [](double log) {
    return std::clamp(static_cast<int>(std::lround(std::exp(log))), 1, longest);
  };
  std::vector<translate::Example> examples(sentence_pairs);
  for (translate::Example& example : examples) {
    const double log = log_length(rng);
    example = {source.sentence(length(log - log_ratio(rng)), rng),
               target.sentence(length(log), rng)};
  }
  return examples;
}

// ---- the recipe ----

// The program's own command line gives the recipe. It does not open the files.
translate::Options recipe_of(const TranslatorOptions& o) {
  const std::string source = o.source.empty() ? "made-up" : o.source,
                    target = o.target.empty() ? "made-up" : o.target;
  std::vector<std::string> words = {"translate", "--preset", "multi30k", "--source",
                                    source,      "--target", target};
  const auto add = [&](const char* name, int value) {
    words.insert(words.end(), {name, std::to_string(value)});
  };
  add("--subwords", o.subwords);  // 0: words, which the preset would not take
  if (o.joint) add("--joint", 1);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return translate::parse_options(static_cast<int>(argv.size()), argv.data());
}

// The sizes and the training, as translate's Translator and Trainer have them. The rate depends on
// the steps of the whole training.
Model model_of(const translate::Recipe& r, int steps) {
  const glass::optim::ScheduleOptions schedule{
      .rate = r.rate, .warmup = std::min<glass::Index>(r.warmup, steps), .total = steps};
  const auto rate = [schedule, cosine = r.schedule == translate::Schedule::cosine](int step) {
    return cosine ? glass::optim::warmup_cosine(step, schedule)
                  : glass::optim::warmup_inverse_sqrt(step, schedule);
  };
  return {.name = "translator",
          .layers = static_cast<int>(r.layers),
          .width = static_cast<int>(r.dim),
          .heads = static_cast<int>(r.heads),
          .hidden = static_cast<int>(r.hidden),
          .source_vocabulary = source_words,
          .target_vocabulary = target_words,
          .dropout = r.dropout,
          .inner_dropout = r.inner(),
          .tied = r.tied,
          .rate = rate,
          .beta2 = 0.98,
          .eps = 1e-9,
          .smoothing = r.smoothing,
          .average = r.average};
}

Batch batch_of(translate::Batch b) {
  return {static_cast<int>(b.source.batch),     static_cast<int>(b.source.length),
          static_cast<int>(b.target_in.length), std::move(b.source.ids),
          std::move(b.target_in.ids),           std::move(b.target_out)};
}

}  // namespace

Model translator_model(const TranslatorOptions& o) {
  const translate::Options options = recipe_of(o);
  const translate::Recipe& recipe = options.recipe;
  glass::Rng order = glass::Rng(options.seed).split();
  const bool reads = !o.source.empty();
  translate::Corpus corpus;
  if (reads) corpus = translate::read_corpus(options.files);
  const auto examples =
      reads ? translate::next_pass(corpus, order, recipe.bpe_dropout) : made_up_examples();
  auto batches = translate::make_batches(examples, order,
                                         {.sentences = recipe.batch, .tokens = recipe.tokens});

  Model model = model_of(recipe, static_cast<int>(recipe.epochs * std::ssize(batches)));
  if (reads) {
    model.source_vocabulary = corpus.source_words.size();
    model.target_vocabulary = corpus.target_words.size();
    model.shared = recipe.tied && corpus.coding.joint;
  }
  // As many whole turns as there are.
  const int count = static_cast<int>(std::min(std::ssize(batches), std::ptrdiff_t{o.batches}));
  model.batches_in_turn = std::min(5, count);
  batches.resize(static_cast<std::size_t>(count - count % model.batches_in_turn));
  for (translate::Batch& b : batches) model.batches.push_back(batch_of(std::move(b)));
  return model;
}

std::string describe(const Model& m) {
  int sentences = 0, tokens = 0, places = 0;
  for (const Batch& b : m.batches) {
    sentences += b.rows;
    tokens += count_answers(b);
    places += b.rows * b.target_length;
  }
  return fmt::format(
      "{} batches, {} sentence pairs, {} target tokens and {:.1f} % padding; vocabularies of {} "
      "and "
      "{}; {} layers {} wide, {} heads, {} hidden, dropout {} and {} inside, {}, label smoothing "
      "{}, mean of "
      "weights {}",
      m.batches.size(), sentences, tokens, 100.0 * (places - tokens) / places, m.source_vocabulary,
      m.target_vocabulary, m.layers, m.width, m.heads, m.hidden, m.dropout, m.inner_dropout,
      m.shared ? "one table"
      : m.tied ? "tied table"
               : "three tables",
      m.smoothing, m.average);
}

}  // namespace bench
