// # Beam search
//
// One loop for both ways to decode: each step asks the model once, for the open beginnings of all
// sentences together, and each sentence keeps its likeliest continuations.
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

  bool is_open() const { return !open.empty(); }

  // Extends every open beginning by every token and keeps the likeliest; `next` [open, V] is ln p
  // of each token.
  void extend(const Tensor& next, const DecodeOptions& options) {
    const auto vocabulary = static_cast<std::size_t>(next.size(1));
    // A continuation is known by its place in here: that gives beginning and token.
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

  // What the length limit cut off competes as it stands.
  std::vector<int> best(double alpha) {
    std::ranges::move(open, std::back_inserter(finished));
    const auto winner = std::ranges::max_element(
        finished, {}, [alpha](const Hypothesis& h) { return h.score(alpha); });
    return {winner->tokens.begin() + 1, winner->tokens.end()};
  }
};

// ln p [R, V] of the token after each open beginning: all of them, of all sentences, go through the
// model together. They are equally long. What is finished is not asked again, so the batch shrinks.
Tensor next_tokens(const EncoderDecoder& model, const std::vector<Beam>& beams,
                   const Tensor& memory, const Tensor& mask) {
  Tokens written;
  std::vector<Tensor> memories, masks;
  for (Index s = 0; s < std::ssize(beams); ++s)
    for (const auto& [tokens, log_p] : beams[static_cast<std::size_t>(s)].open) {
      written.batch += 1;
      written.length = std::ssize(tokens);
      written.ids.insert(written.ids.end(), tokens.begin(), tokens.end());
      memories.push_back(memory.slice(0, s, s + 1));
      masks.push_back(mask.slice(0, s, s + 1));
    }
  // Only the last position is asked for its logits: the vocabulary is the widest layer.
  const Var states = model.states(written, cat(memories, 0), cat(masks, 0));  // [R, T, C]
  return log_softmax(model.output(states.select(1, -1)).value());             // [R, V]
}

}  // namespace

std::vector<std::vector<int>> beam_decode(const EncoderDecoder& model, const Tokens& source,
                                          const DecodeOptions& options) {
  check<ShapeError>(options.beams >= 1, "beam_decode: at least one beam; got {}", options.beams);
  const Evaluation evaluation(model);
  const Tensor memory = model.encode(source).value();               // [B, S, C]
  const Tensor mask = padding_mask(source, model.options.padding);  // [B, 1, 1, S]
  check<ShapeError>(options.max_length >= 0, "decode: max_length must not be negative; got {}",
                    options.max_length);
  const Index limit = std::min(options.max_length, model.options.max_length - 1);
  std::vector<Beam> beams(static_cast<std::size_t>(source.batch));
  for (Beam& beam : beams) beam.open.push_back({{options.start}});
  for (Index length = 0; length < limit && std::ranges::any_of(beams, &Beam::is_open); ++length) {
    const Tensor next = next_tokens(model, beams, memory, mask);  // [R, V]
    Index row = 0;
    for (Beam& beam : beams) {
      const Index begin = std::exchange(row, row + std::ssize(beam.open));
      if (beam.is_open()) beam.extend(next.slice(0, begin, row), options);  // [open, V]
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
