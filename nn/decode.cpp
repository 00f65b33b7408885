// # Beam search
//
// Each step asks the model once, for the open beginnings of all sentences together. Each sentence
// then keeps its likeliest continuations. A sentence that is done leaves the batch.
//
// The beginnings of one sentence form a tree: most of them share most of their tokens. So a
// sentence has one cache, to which each step adds the last token of every open beginning. A mask
// tells each beginning which of the cached tokens are its own. No key or value is copied when a
// beginning is dropped, or continued in several ways.
//
// It is a search, not a sampler: nothing is drawn at random.
//
// B sentences not yet done, W beginnings of one, n cached tokens of one, S source length, C width,
// V vocabulary
#include "nn/decode.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "tensor/decisions.h"

namespace glass::nn {

namespace {

// While this object exists, the model is in eval mode and no op is recorded. The destructor sets
// the layers that were in training mode back to it. A layer that is in eval mode already is not
// written to: several threads may decode with such a model at once.
class Evaluation {
 public:
  explicit Evaluation(const EncoderDecoder& model) {
    walk("", model, [this](const std::string&, auto& x) {
      if constexpr (requires { x.training; }) leave_training(x.training);
    });
  }
  ~Evaluation() {
    for (bool* training : before_) *training = true;
  }
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

 private:
  void leave_training(bool& training) {
    if (!training) return;
    before_.push_back(&training);
    training = false;
  }

  std::vector<bool*> before_;  // the layers that were in training mode
  NoGrad no_grad_;
};

// A beginning of a target, and the places of its tokens in the cache.
struct Hypothesis {
  Decoded target;
  int last;                // the last token: `start` at first
  std::vector<Index> own;  // the places of its tokens in the cache
  Constant log_p = 0;      // that of the target, which beginnings are compared by
};

// The search for one sentence.
class Beam {
 public:
  // Keeps the best `targets` complete targets, none longer than `limit`.
  Beam(const DecodeOptions& o, Index limit, Index targets)
      : options(o), most(limit), wanted(targets) {
    open.push_back({{}, o.start, {}, 0});
  }

  // Extends every open beginning by every token and keeps the likeliest. log_p [W, V] is the ln of
  // the probability of each token after each beginning. attention [W, S] is the weights with which
  // each beginning attended to the source.
  void extend(const Tensor& log_p, const Tensor& attention) {
    std::vector<Hypothesis> longer;
    // A continuation that ends with `stop` is complete; the others stay open.
    for (const auto& [total, beginning, token] : likeliest(log_p)) {
      Hypothesis h = open[static_cast<std::size_t>(beginning)];
      h.log_p = total;
      h.target.log_p = static_cast<double>(total);
      if (token == options.stop) {
        finish(h);
      } else {
        h.target.tokens.push_back(token);
        h.target.looked_at.push_back(peak(attention.select(0, beginning)));
        h.last = token;
        longer.push_back(std::move(h));
      }
    }
    open = std::move(longer);
  }

  // The search ends if `beams` targets are complete, or if the open beginnings have the maximal
  // length, or if no open beginning can still become one of the targets that are wanted. (Its ln p
  // can only fall.)
  bool is_done() const {
    if (open.empty() || finished >= options.beams) return true;
    const Hypothesis& first = open.front();  // all open ones are of one length
    const Index length = std::ssize(first.target.tokens);
    if (length >= most) return true;
    return first.log_p / std::max(penalty(length), penalty(most)) <= bar();
  }

  // The best targets, the best first. If fewer than `beams` targets are complete, the open
  // beginnings count as complete too: the length limit cut them off.
  std::vector<Decoded> results() {
    if (finished < options.beams)
      for (const Hypothesis& h : open) finish(h);
    std::vector<Decoded> targets;
    for (Complete& complete : best) targets.push_back(std::move(complete.target));
    return targets;
  }

  const DecodeOptions& options;
  std::vector<Hypothesis> open;  // the likeliest first

 private:
  struct Continuation {
    Constant log_p;
    Index beginning;
    int token;
  };

  // The likeliest continuations, the likeliest first, as many as there are beams. One pass over
  // log_p [W, V]. Nearly all tokens are less likely than those found so far; each of these costs
  // one addition and one comparison.
  std::vector<Continuation> likeliest(const Tensor& log_p) const {
    std::vector<Continuation> found;
    Constant bar = -std::numeric_limits<double>::infinity();  // what a token must exceed to be kept
    const Real* next = log_p.data();
    for (Index i = 0; i < std::ssize(open); ++i) {
      const Constant before = open[static_cast<std::size_t>(i)].log_p;
      for (int token = 0; token < log_p.size(1); ++token) {
        const Constant total = before + constant_of(*next++);
        // Written so that a NaN is refused too.
        if (!(total > bar) || std::ranges::count(options.forbidden, token) > 0) continue;
        keep({total, i, token}, found);
        if (std::ssize(found) == options.beams) bar = found.back().log_p;
      }
    }
    check<StateError>(!found.empty(),
                      "decode: no token may follow: each is forbidden, or of probability 0 or NaN");
    return found;
  }

  // Inserts a continuation in its order. If there are then more than `beams`, the last is dropped.
  void keep(const Continuation& next, std::vector<Continuation>& found) const {
    const auto place =
        std::ranges::upper_bound(found, next.log_p, std::greater(), &Continuation::log_p);
    found.insert(place, next);
    if (std::ssize(found) > options.beams) found.pop_back();
  }

  // The index of the largest of the weights [S]; -1 if all are 0.
  static Index peak(const Tensor& weights) {
    Index where = -1;
    for (Index s = 0; s < weights.size(0); ++s)
      if (weights(s) > (where < 0 ? Real(0) : weights(where))) where = s;
    return where;
  }

  Constant penalty(Index length) const {
    using std::pow;
    return pow((5 + static_cast<Constant>(length)) / 6, Constant(options.length_penalty));
  }

  // What the score of a target must exceed to be kept.
  Constant bar() const {
    if (std::ssize(best) < wanted) return -std::numeric_limits<double>::infinity();
    return best.back().score;
  }

  // Counts a complete target, and keeps it if it is one of the best so far. A score of NaN is never
  // one of the best. Of equal scores the first one found comes first.
  void finish(const Hypothesis& h) {
    ++finished;
    const Constant score = h.log_p / penalty(std::ssize(h.target.tokens));
    if (!(score > bar())) return;
    const auto place = std::ranges::upper_bound(best, score, std::greater(), &Complete::score);
    best.insert(place, {h.target, score});
    if (std::ssize(best) > wanted) best.pop_back();
  }

  struct Complete {
    Decoded target;
    Constant score;
  };

  Index most, wanted, finished = 0;
  std::vector<Complete> best;  // at most `wanted`, the best first
};

// The input of the model in one step.
struct Block {
  Tokens tokens;  // [B, W], the last token of each open beginning
  Tensor own;     // [B, 1, W, n + W], a mask: 1 where the cached token is the beginning's own
};

// W, the largest number of open beginnings of a sentence.
Index widest(const std::vector<Beam*>& beams) {
  Index width = 0;
  for (const Beam* beam : beams) width = std::max<Index>(width, std::ssize(beam->open));
  return width;
}

// The tokens and the mask of the next step. If a sentence has fewer than W beginnings, `start`
// fills the rest of its row of tokens; no beginning ever attends to such a token.
Block next_block(const std::vector<Beam*>& beams, Index n, int padding) {
  const Index batch = std::ssize(beams), width = widest(beams);
  Block block{{batch, width, {}}, zeros(Shape{batch, 1, width, n + width})};
  for (Index b = 0; b < batch; ++b) {
    Beam& beam = *beams[static_cast<std::size_t>(b)];
    for (Index w = 0; w < std::ssize(beam.open); ++w) {
      // The last token joins the beginning's own tokens, except padding, which is always masked.
      Hypothesis& h = beam.open[static_cast<std::size_t>(w)];
      block.tokens.ids.push_back(h.last);
      if (h.last != padding) h.own.push_back(n + w);
      for (const Index place : h.own) block.own(b, 0, w, place) = 1;
    }
    block.tokens.ids.resize(static_cast<std::size_t>((b + 1) * width), beam.options.start);
  }
  return block;
}

// ShapeError if an option is out of bounds.
void check_options(const DecodeOptions& options, Index sentences, Index targets) {
  check<ShapeError>(options.beams >= 1 && options.max_length >= 0,
                    "decode: needs beams ≥ 1 and max_length ≥ 0; got {} and {}", options.beams,
                    options.max_length);
  check<ShapeError>(1 <= targets && targets <= options.beams,
                    "decode: {} beams give 1 to {} targets a sentence; {} are asked for",
                    options.beams, options.beams, targets);
  check<ShapeError>(std::isfinite(options.length_penalty),
                    "decode: length_penalty must be a finite number; got {}",
                    options.length_penalty);
  check<ShapeError>(options.limits.empty() || std::ssize(options.limits) == sentences,
                    "decode: expected no limits, or one for each of {} sentences; got {}",
                    sentences, options.limits.size());
  for (const Index limit : options.limits)
    check<ShapeError>(limit >= 0, "decode: a limit must be ≥ 0; got {}", limit);
}

// A search for each sentence. No target is longer than the model's positions allow.
std::vector<Beam> searches_for(const EncoderDecoder& model, Index sentences,
                               const DecodeOptions& options, Index targets) {
  const Index limit = std::min(options.max_length, model.options.max_length - 1);
  std::vector<Beam> beams;
  for (std::size_t i = 0; i < static_cast<std::size_t>(sentences); ++i)
    beams.emplace_back(options, options.limits.empty() ? limit : std::min(limit, options.limits[i]),
                       targets);
  return beams;
}

// Removes the sentences that are done from the batch and from the cache. Goes from the last
// sentence to the first, since the last one moves into the place of the one that is removed.
void drop_done(std::vector<Beam*>& open, std::vector<Past>& past) {
  for (Index b = std::ssize(open) - 1; b >= 0; --b) {
    Beam*& beam = open[static_cast<std::size_t>(b)];
    if (!beam->is_done()) continue;
    beam = open.back();
    open.pop_back();
    for (Past& layer : past) layer.drop(b);
  }
}

// One step: every open beginning, of `length` tokens, gets its next token. Adds as many tokens to
// each sentence's cache of n as this returns.
Index extend_all(const EncoderDecoder& model, const std::vector<Beam*>& open,
                 std::vector<Past>& past, Index n, Index length) {
  // Ask the model for all sentences at once.
  const Block block = next_block(open, n, model.options.padding);     // [B, W], [B, 1, W, n + W]
  const Tensor place = model.positions.slice(0, length, length + 1);  // [1, C]
  std::vector<Tensor> weights;
  const Var states =
      model.next_states(block.tokens, place, block.own, past, &weights);  // [B, W, C]
  const Tensor log_p = log_softmax(model.output(states).value());         // [B, W, V]
  const Tensor attention = mean(weights.back(), 1);                       // [B, W, S]

  // Each sentence extends its own beginnings.
  named("decode", [&] {
    for (Index b = 0; b < std::ssize(open); ++b)
      open[static_cast<std::size_t>(b)]->extend(log_p.select(0, b), attention.select(0, b));
  });
  return block.tokens.length;
}

}  // namespace

std::vector<std::vector<Decoded>> nbest_decode(const EncoderDecoder& model, const Tokens& source,
                                               Index targets, const DecodeOptions& options) {
  check_options(options, source.batch, targets);
  const Evaluation evaluation(model);
  std::vector<Past> past =
      model.start_decoding(model.encode(source), padding_mask(source, model.options.padding));
  std::vector<Beam> beams = searches_for(model, source.batch, options, targets);
  std::vector<Beam*> open;  // the searches in the batch, in its order
  for (Beam& beam : beams) open.push_back(&beam);

  Index n = 0;  // tokens in the cache
  for (Index length = 0;; ++length) {
    drop_done(open, past);
    if (open.empty()) break;
    n += extend_all(model, open, past, n, length);
  }
  std::vector<std::vector<Decoded>> results;
  for (Beam& beam : beams) results.push_back(beam.results());
  return results;
}

std::vector<Decoded> decode(const EncoderDecoder& model, const Tokens& source,
                            const DecodeOptions& options) {
  std::vector<Decoded> targets;
  for (std::vector<Decoded>& best : nbest_decode(model, source, 1, options))
    targets.push_back(best.empty() ? Decoded() : std::move(best.front()));
  return targets;
}

std::vector<std::vector<int>> beam_decode(const EncoderDecoder& model, const Tokens& source,
                                          const DecodeOptions& options) {
  std::vector<std::vector<int>> tokens;
  for (Decoded& target : decode(model, source, options)) tokens.push_back(std::move(target.tokens));
  return tokens;
}

// With one beam only the likeliest token of each step is kept.
std::vector<std::vector<int>> greedy_decode(const EncoderDecoder& model, const Tokens& source,
                                            const DecodeOptions& options) {
  DecodeOptions greedy = options;
  greedy.beams = 1;
  return beam_decode(model, source, greedy);
}

}  // namespace glass::nn
