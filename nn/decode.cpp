#include "nn/decode.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace glass::nn {

namespace {

// Eval mode while it lives; every layer then goes back to the mode it was in.
class Evaluation {
 public:
  explicit Evaluation(const EncoderDecoder& model) {
    walk("", model, [this](const std::string&, auto& x) {
      if constexpr (requires { x.training; })
        before_.emplace_back(&x.training, std::exchange(x.training, false));
    });
  }
  ~Evaluation() {
    for (const auto& [training, before] : before_) *training = before;
  }
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

 private:
  std::vector<std::pair<bool*, bool>> before_;
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
  Writer(const EncoderDecoder& model, const Tokens& source)
      : model_(model),
        evaluation_(model),
        memory_(model.encode(source).value()),
        mask_(padding_mask(source, model.options.padding)) {}

  // ln p [R, V] of the token after each prefix; row i translates source sentence sentences[i].
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
};

// A beginning of a target, or a whole one.
struct Hypothesis {
  std::vector<int> tokens;  // begins with start
  double log_p = 0;

  double score(double alpha) const {
    const auto length = static_cast<double>(tokens.size() - 1);
    return log_p / std::pow((5 + length) / 6, alpha);
  }
};

// The search for one sentence.
struct Beam {
  std::vector<Hypothesis> open, finished;

  // Extends every open beginning by every token and keeps the likeliest; `next` [open, V] is ln p
  // of each token.
  void extend(const Tensor& next, const DecodeOptions& options) {
    const auto vocabulary = static_cast<std::size_t>(next.size(1));
    std::vector<double> log_p;  // [open · V]
    for (const Real step : next.to_vector())
      log_p.push_back(open[log_p.size() / vocabulary].log_p + static_cast<double>(step));
    std::vector<std::size_t> likeliest(log_p.size());
    std::iota(likeliest.begin(), likeliest.end(), 0);
    const auto end = likeliest.begin() + std::min<Index>(options.beams, std::ssize(likeliest));
    std::partial_sort(likeliest.begin(), end, likeliest.end(),
                      [&](std::size_t a, std::size_t b) { return log_p[a] > log_p[b]; });
    likeliest.erase(end, likeliest.end());

    std::vector<Hypothesis> longer;
    for (const std::size_t i : likeliest) {
      Hypothesis h{open[i / vocabulary].tokens, log_p[i]};
      const auto token = static_cast<int>(i % vocabulary);
      if (token == options.stop) {
        finished.push_back(std::move(h));
      } else {
        h.tokens.push_back(token);
        longer.push_back(std::move(h));
      }
    }
    open = std::move(longer);
    // Enough whole targets, one for each beginning asked for: the search ends.
    if (std::ssize(finished) >= options.beams) open.clear();
  }

  std::vector<int> best(double alpha) {
    std::ranges::move(open, std::back_inserter(finished));
    const auto winner = std::ranges::max_element(
        finished, {}, [alpha](const Hypothesis& h) { return h.score(alpha); });
    return {winner->tokens.begin() + 1, winner->tokens.end()};
  }
};

}  // namespace

std::vector<std::vector<int>> beam_decode(const EncoderDecoder& model, const Tokens& source,
                                          const DecodeOptions& options) {
  check<ShapeError>(options.beams >= 1, "beam_decode: at least one beam; got {}", options.beams);
  Writer writer(model, source);
  check<ShapeError>(options.max_length >= 0, "decode: max_length must not be negative; got {}",
                    options.max_length);
  const Index limit = std::min(options.max_length, model.options.max_length - 1);
  std::vector<Beam> beams(static_cast<std::size_t>(source.batch));
  for (Beam& beam : beams) beam.open.push_back({{options.start}});
  for (Index length = 0; length < limit; ++length) {
    // All open beginnings of all sentences go through the model together; sentences that are
    // finished leave, so the batch shrinks.
    std::vector<std::vector<int>> prefixes;
    std::vector<Index> sentences;
    for (std::size_t s = 0; s < beams.size(); ++s)
      for (const Hypothesis& h : beams[s].open) {
        prefixes.push_back(h.tokens);
        sentences.push_back(static_cast<Index>(s));
      }
    if (prefixes.empty()) break;
    const Tensor next = writer.next(prefixes, sentences);  // [R, V]
    Index row = 0;
    for (Beam& beam : beams) {
      const Index begin = std::exchange(row, row + std::ssize(beam.open));
      if (begin < row) beam.extend(next.slice(0, begin, row), options);
    }
  }
  std::vector<std::vector<int>> results;
  for (Beam& beam : beams) results.push_back(beam.best(options.length_penalty));
  return results;
}

// One beam is greed: of all that is written, the likeliest token is what goes on.
std::vector<std::vector<int>> greedy_decode(const EncoderDecoder& model, const Tokens& source,
                                            const DecodeOptions& options) {
  DecodeOptions greedy = options;
  greedy.beams = 1;
  return beam_decode(model, source, greedy);
}

}  // namespace glass::nn
