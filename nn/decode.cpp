#include "nn/decode.h"

#include <algorithm>
#include <cmath>

namespace glass::nn {

namespace {

// Eval mode while it lives; every layer then goes back to the mode it was in.
class Evaluation {
 public:
  explicit Evaluation(const EncoderDecoder& model) : model_(model) {
    modes([this](bool& training) { before_.push_back(std::exchange(training, false)); });
  }
  ~Evaluation() {
    auto mode = before_.begin();
    modes([&](bool& training) { training = *mode++; });
  }
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

 private:
  template <class F>
  void modes(F f) {
    walk("", model_, [&](const std::string&, auto& x) {
      if constexpr (requires { f(x.training); }) f(x.training);
    });
  }
  const EncoderDecoder& model_;
  std::vector<bool> before_;
  NoGrad no_grad_;
};

// Targets that are all equally long, as the model takes them.
Tokens as_tokens(const std::vector<std::vector<int>>& rows) {
  Tokens tokens{static_cast<Index>(rows.size()), static_cast<Index>(rows.at(0).size()), {}};
  for (const auto& row : rows) tokens.ids.insert(tokens.ids.end(), row.begin(), row.end());
  return tokens;
}

// The model's steps: what the encoder made of the source, asked again and again.
class Writer {
 public:
  Writer(const EncoderDecoder& model, const Tokens& source, const DecodeOptions& options)
      : model_(model),
        evaluation_(model),
        memory_(model.encode(source).value()),
        mask_(padding_mask(source, model.options.padding)),
        limit_(std::min(options.max_length, model.options.max_length - 1)) {
    check<ShapeError>(options.max_length >= 0, "decode: max_length must not be negative; got {}",
                      options.max_length);
  }

  Index limit() const { return limit_; }

  // ln p [rows, V] of the token after each prefix; row i translates source sentence sentences[i].
  Tensor next(const std::vector<std::vector<int>>& prefixes, const std::vector<Index>& sentences) {
    std::vector<Tensor> memory, mask;
    for (const Index s : sentences) {
      memory.push_back(memory_.slice(0, s, s + 1));
      mask.push_back(mask_.slice(0, s, s + 1));
    }
    // Only the last position is asked for its logits: the vocabulary is the widest layer.
    const Var states =
        model_.states(as_tokens(prefixes), cat(memory, 0), cat(mask, 0));  // [R, T, C]
    return log_softmax(model_.output(states.select(1, -1)).value());       // [R, V]
  }

 private:
  const EncoderDecoder& model_;
  Evaluation evaluation_;
  Tensor memory_, mask_;
  Index limit_;
};

}  // namespace

std::vector<std::vector<int>> greedy_decode(const EncoderDecoder& model, const Tokens& source,
                                            const DecodeOptions& options) {
  std::vector<std::vector<int>> results(static_cast<std::size_t>(source.batch));
  Writer writer(model, source, options);
  // Sentences still being written; the finished ones leave, so the batch shrinks.
  std::vector<std::vector<int>> prefixes(results.size(), {options.start});
  std::vector<Index> open(results.size());
  for (std::size_t i = 0; i < open.size(); ++i) open[i] = static_cast<Index>(i);
  for (Index length = 0; length < writer.limit() && !open.empty(); ++length) {
    const std::vector<int> best = argmax(writer.next(prefixes, open), -1);
    std::vector<std::vector<int>> longer;
    std::vector<Index> still_open;
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (best[i] == options.stop) continue;
      results[static_cast<std::size_t>(open[i])].push_back(best[i]);
      prefixes[i].push_back(best[i]);
      longer.push_back(std::move(prefixes[i]));
      still_open.push_back(open[i]);
    }
    prefixes = std::move(longer);
    open = std::move(still_open);
  }
  return results;
}

namespace {

// A beginning of a target, or a whole one.
struct Hypothesis {
  std::vector<int> tokens;  // begins with start
  double log_p = 0;
  double score = 0;  // log_p with the length penalty, once finished
};

double penalized(const Hypothesis& h, double alpha) {
  const auto length = static_cast<double>(h.tokens.size() - 1);
  return h.log_p / std::pow((5 + length) / 6, alpha);
}

// The search for one sentence.
struct Beam {
  std::vector<Hypothesis> open, finished;

  // Extends every open beginning by every token and keeps the likeliest `width`.
  void extend(const Tensor& log_p, Index first_row, Index width, const DecodeOptions& options) {
    struct Candidate {
      double log_p;
      std::size_t parent;
      int token;
    };
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < open.size(); ++i)
      for (Index v = 0; v < log_p.size(1); ++v)
        candidates.push_back(
            {open[i].log_p + static_cast<double>(log_p(first_row + static_cast<Index>(i), v)), i,
             static_cast<int>(v)});
    const auto kept = std::min<std::ptrdiff_t>(width, std::ssize(candidates));
    std::partial_sort(candidates.begin(), candidates.begin() + kept, candidates.end(),
                      [](const Candidate& a, const Candidate& b) { return a.log_p > b.log_p; });
    candidates.resize(static_cast<std::size_t>(kept));

    std::vector<Hypothesis> longer;
    for (const Candidate& c : candidates) {
      Hypothesis h{open[c.parent].tokens, c.log_p, 0};
      if (c.token == options.stop) {
        h.score = penalized(h, options.length_penalty);
        finished.push_back(std::move(h));
      } else {
        h.tokens.push_back(c.token);
        longer.push_back(std::move(h));
      }
    }
    open = std::move(longer);
    // Enough whole targets, one for each beginning asked for: the search ends.
    if (std::ssize(finished) >= width) open.clear();
  }

  std::vector<int> best(double alpha) {
    for (Hypothesis& h : open) {
      h.score = penalized(h, alpha);
      finished.push_back(std::move(h));
    }
    const auto winner =
        std::max_element(finished.begin(), finished.end(),
                         [](const auto& a, const auto& b) { return a.score < b.score; });
    return {winner->tokens.begin() + 1, winner->tokens.end()};
  }
};

}  // namespace

std::vector<std::vector<int>> beam_decode(const EncoderDecoder& model, const Tokens& source,
                                          const DecodeOptions& options) {
  check<ShapeError>(options.beams >= 1, "beam_decode: at least one beam; got {}", options.beams);
  Writer writer(model, source, options);
  std::vector<Beam> beams(static_cast<std::size_t>(source.batch));
  for (Beam& beam : beams) beam.open.push_back({{options.start}});
  for (Index length = 0; length < writer.limit(); ++length) {
    // All open beginnings of all sentences go through the model together.
    std::vector<std::vector<int>> prefixes;
    std::vector<Index> sentences;
    for (std::size_t s = 0; s < beams.size(); ++s)
      for (const Hypothesis& h : beams[s].open) {
        prefixes.push_back(h.tokens);
        sentences.push_back(static_cast<Index>(s));
      }
    if (prefixes.empty()) break;
    const Tensor log_p = writer.next(prefixes, sentences);  // [R, V]
    Index row = 0;
    for (Beam& beam : beams) {
      const Index rows = std::ssize(beam.open);
      if (rows > 0) beam.extend(log_p, row, options.beams, options);
      row += rows;
    }
  }
  std::vector<std::vector<int>> results;
  for (Beam& beam : beams) results.push_back(beam.best(options.length_penalty));
  return results;
}

}  // namespace glass::nn
