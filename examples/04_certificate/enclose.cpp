// # Enclosing a gradient: the sweep, directions, single entries
#include "examples/04_certificate/enclose.h"

#include <chrono>
#include <cmath>

#include "autograd/trace.h"
#include "examples/04_certificate/forward.h"
#include "examples/04_certificate/progress.h"

namespace certificate {

using glass::NodePtr;
using glass::Real;
using glass::Rng;

namespace nn = glass::nn;

namespace {

// ---- a model in intervals ----

struct Model {
  Rng rng{0};
  nn::EncoderDecoder model;
  nn::NamedVars parameters;

  Model(const std::filesystem::path& file, const Question& q) : model(rng, q.shape) {
    read_weights(file, model);
    nn::set_training(model, false);
    parameters = nn::named_parameters(model);
  }
};

// Calls f(number, its gradient) for every number of the parameters. Setting an ε part is no step of
// training, so it goes through data(), which does not change the version.
template <class F>
void for_each_number(const nn::NamedVars& parameters, F f) {
  for (const auto& [name, parameter] : parameters) {
    Tensor weights = parameter.value();
    const Tensor gradient = parameter.grad().contiguous();
    for (Index i = 0; i < weights.numel(); ++i) f(weights.data()[i], gradient.data()[i].v);
  }
}

// ---- the sweep ----

// Shows how many nodes the sweep has passed, and ends it where the user wants it.
class Watch : public glass::SweepObserver {
 public:
  Watch(Phase& phase, Index nodes, const std::function<bool()>& stop)
      : phase_(phase), nodes_(nodes), stop_(stop) {}
  void next(std::span<const NodePtr> /*waiting*/) override {
    if (stop_()) throw Interrupted();
    phase_.show(done_++, nodes_, "steps of the sweep");
  }
  void gave(const glass::Edge& /*to*/, const Tensor& /*g*/) override {}
  void pulled() override {}

 private:
  Phase& phase_;
  Index nodes_, done_ = 0;
  const std::function<bool()>& stop_;
};

// The loss, with the gradients left in the parameters.
Interval sweep(const Model& model, const Question& q, const std::function<bool()>& stop) {
  Var loss;
  {
    const Phase phase(q.label + ": the loss in intervals");
    loss = loss_of(model.model, q, Attention::fused);
  }
  if (stop()) throw Interrupted();

  // Only ops count: the sweep does not stop at leaves.
  Index ops = 0;
  for (const NodePtr& node : nodes_of(loss)) ops += node->is_leaf() || !node->requires_grad ? 0 : 1;
  Phase phase(q.label + ": the gradient in intervals");
  Watch watch(phase, ops, stop);
  loss.backward({.observer = &watch});
  return loss.item().v;
}

// ---- forward mode ----

// ⟨∇L, u⟩ for the ε parts that the weights have. They become 0 again.
Interval forward(const Model& model, const Question& q) {
  const glass::NoGrad constant;
  const Interval slope = loss_of(model.model, q, Attention::fused).item().d;
  for_each_number(model.parameters, [](Real& weight, const Interval&) { weight.d = 0; });
  return slope;
}

// A random direction of numbers ±1: a product with one of them is exact.
Meeting along_random_direction(const Model& model, const Question& q, Rng& rng) {
  Meeting meeting;
  for_each_number(model.parameters, [&](Real& weight, const Interval& gradient) {
    const bool minus = rng.below(2) == 0;
    weight.d = minus ? -1 : 1;
    meeting.sweep += minus ? -gradient : gradient;
  });
  meeting.forward = forward(model, q);
  return meeting;
}

void check_directions(const Model& model, Result& result, const Checks& checks, Rng& rng,
                      const std::function<bool()>& stop) {
  result.directions.asked = checks.directions;
  Phase phase(result.question.label + ": forward mode along random directions");
  for (Index i = 0; i < checks.directions && !result.stopped; ++i) {
    phase.show(i, checks.directions);
    result.directions.done.push_back(along_random_direction(model, result.question, rng));
    result.directions.disjoint += result.directions.done.back().are_disjoint() ? 1 : 0;
    result.stopped = stop();
  }
}

// ---- single entries ----

// A random entry of a random parameter. Where nothing flows, as to the row of a token that does not
// occur, the gradient is the point 0 and there is nothing to see: another one is drawn.
EntryCheck draw_entry(const Model& model, const std::vector<Entries>& found, Rng& rng) {
  EntryCheck check;
  for (int tries = 0; tries < 100; ++tries) {
    const auto which = static_cast<std::size_t>(rng.below(std::ssize(model.parameters)));
    const Entries& p = found[which];
    check.name = p.name;
    check.entry = rng.below(p.enclosures.numel());
    check.meeting.sweep = p.enclosures.contiguous().data()[check.entry].v;
    check.number = static_cast<double>(p.fused.contiguous().data()[check.entry]);
    if (!check.meeting.sweep.is_point()) break;
  }
  return check;
}

// Forward mode along the direction that is 1 at the entry and 0 elsewhere.
void check_entry(const Model& model, const Question& q, EntryCheck& check) {
  for (const auto& [name, parameter] : model.parameters) {
    Tensor weights = parameter.value();
    if (name == check.name) weights.data()[check.entry].d = 1;
  }
  const Interval truth = check.meeting.forward = forward(model, q);
  check.has_digits = !truth.holds(0);
  if (check.has_digits)
    check.digits = digits_of(check.number, truth, std::abs(static_cast<double>(truth)));
}

void check_entries(const Model& model, const std::vector<Entries>& found, Result& result,
                   const Checks& checks, Rng& rng, const std::function<bool()>& stop) {
  result.entries_asked = checks.entries;
  Phase phase(result.question.label + ": forward mode, entry by entry");
  for (Index i = 0; i < checks.entries && !result.stopped; ++i) {
    phase.show(i, checks.entries);
    EntryCheck& check = result.entries.emplace_back(draw_entry(model, found, rng));
    check_entry(model, result.question, check);
    result.entries_disjoint += check.meeting.are_disjoint() ? 1 : 0;
    result.stopped = stop();
  }
}

// ---- everything about one state ----

// Float's two gradients beside the enclosures of each parameter.
std::vector<Entries> entries_of(const Model& model, const State& state) {
  std::map<std::string, Tensor> fused(state.fused.parameters.begin(), state.fused.parameters.end());
  std::map<std::string, Tensor> plain(state.plain.parameters.begin(), state.plain.parameters.end());
  std::vector<Entries> entries;
  for (const auto& [name, parameter] : model.parameters) {
    const bool complete = fused.contains(name) && plain.contains(name) &&
                          fused[name].shape() == parameter.shape() &&
                          plain[name].shape() == parameter.shape();
    glass::check<glass::FileError>(complete, "examine: the file has no gradient of {}", name);
    entries.push_back({name, parameter.grad(), fused[name], plain[name]});
  }
  return entries;
}

// The parts that may find an interval undecided.
void enclose(const std::filesystem::path& file, const State& state, const Checks& checks,
             const std::function<bool()>& stop, Result& result) {
  const Model model(file, result.question);
  const auto begin = std::chrono::steady_clock::now();
  result.loss = sweep(model, result.question, stop);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  const std::vector<Entries> found = entries_of(model, state);
  result.comparison = compare(found);
  if (result.comparison.all.unbounded > 0)
    result.undecided = fmt::format("{} entries of the gradient have no known bound",
                                   result.comparison.all.unbounded);
  Rng rng(checks.seed);
  Rng entries = rng.split();
  check_entries(model, found, result, checks, entries, stop);
  check_directions(model, result, checks, rng, stop);
}

}  // namespace

Result examine(const std::filesystem::path& file, const Checks& checks,
               const std::function<bool()>& stop) {
  const State state = read_state(file);
  Result result;
  result.question = state.question;
  result.fused_loss = static_cast<double>(state.fused.loss.item());
  result.plain_loss = static_cast<double>(state.plain.loss.item());
  try {
    enclose(file, state, checks, stop, result);
  } catch (const glass::Undecided& error) {
    result.undecided = error.what();
  }
  return result;
}

}  // namespace certificate
