// # Memory runs out
//
// Every allocation of this program can be refused: the first, the second, and so on, alone or with
// all that follow. In each case the error is std::bad_alloc, no work is half done, no memory is
// lost, and the work can be repeated afterwards with the same bits.
//
// A program of its own, since operator new is replaced for all of it.
#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <optional>

#include "nn/loss.h"
#include "nn/transformer.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "tests/fuzz/safetensors.h"

using namespace glass;
using glass::fuzz::bits;
using glass::fuzz::expect;

// ---- memory that can be refused ----

namespace {

enum class Refused { only_this, this_and_all_after };

std::atomic<long> requests{0};   // since Refusing began
std::atomic<long> first{0};      // the first that is refused; 0: none
std::atomic<bool> after{false};  // those after it, too
std::atomic<long> alive{0};      // blocks

// A larger size than any machine's memory is refused. A system that overcommits might grant it.
constexpr std::size_t limit = std::size_t{1} << 40;

void* take(std::size_t bytes, std::size_t alignment) noexcept {
  const long n = first == 0 ? 0 : ++requests;
  if (bytes >= limit || (n > 0 && (after ? n >= first : n == first))) return nullptr;
  ++alive;
  return std::aligned_alloc(
      alignment, (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment);
}

void* take_or_throw(std::size_t bytes, std::size_t alignment) {
  void* block = take(bytes, alignment);
  if (!block) throw std::bad_alloc();
  return block;
}

void give(void* block) noexcept {
  if (block) --alive;
  std::free(block);
}

constexpr std::size_t usual = alignof(std::max_align_t);
constexpr std::size_t size_of(std::align_val_t alignment) {
  return std::max(static_cast<std::size_t>(alignment), usual);
}

}  // namespace

using std::align_val_t, std::nothrow_t;
void* operator new(std::size_t n) { return take_or_throw(n, usual); }
void* operator new[](std::size_t n) { return take_or_throw(n, usual); }
void* operator new(std::size_t n, align_val_t a) { return take_or_throw(n, size_of(a)); }
void* operator new[](std::size_t n, align_val_t a) { return take_or_throw(n, size_of(a)); }
void* operator new(std::size_t n, const nothrow_t&) noexcept { return take(n, usual); }
void* operator new[](std::size_t n, const nothrow_t&) noexcept { return take(n, usual); }
void* operator new(std::size_t n, align_val_t a, const nothrow_t&) noexcept {
  return take(n, size_of(a));
}
void* operator new[](std::size_t n, align_val_t a, const nothrow_t&) noexcept {
  return take(n, size_of(a));
}
void operator delete(void* p) noexcept { give(p); }
void operator delete[](void* p) noexcept { give(p); }
void operator delete(void* p, std::size_t) noexcept { give(p); }
void operator delete[](void* p, std::size_t) noexcept { give(p); }
void operator delete(void* p, align_val_t) noexcept { give(p); }
void operator delete[](void* p, align_val_t) noexcept { give(p); }
void operator delete(void* p, std::size_t, align_val_t) noexcept { give(p); }
void operator delete[](void* p, std::size_t, align_val_t) noexcept { give(p); }
void operator delete(void* p, const nothrow_t&) noexcept { give(p); }
void operator delete[](void* p, const nothrow_t&) noexcept { give(p); }
void operator delete(void* p, align_val_t, const nothrow_t&) noexcept { give(p); }
void operator delete[](void* p, align_val_t, const nothrow_t&) noexcept { give(p); }

namespace {

class Refusing {
 public:
  Refusing(long n, Refused which) {
    trim();  // blocks that are kept for later would spare requests
    requests = 0;
    after = which == Refused::this_and_all_after;
    first = n;
  }
  ~Refusing() { first = 0; }
  Refusing(const Refusing&) = delete;
  Refusing& operator=(const Refusing&) = delete;
};

// Did f end without an error, although memory may be refused? Errors other than std::bad_alloc are
// passed on.
bool ends(long n, Refused which, const auto& f) {
  try {
    const Refusing refusing(n, which);
    f();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// Calls attempt(n, which) for n = 1, 2, 3, … until it asks for fewer allocations than that.
void for_each_refusal(const char* name, const auto& attempt) {
  for (const Refused which : {Refused::only_this, Refused::this_and_all_after}) {
    bool reached = true;
    for (long n = 1; reached; ++n) {
      try {
        attempt(n, which);
      } catch (const std::exception& error) {
        throw fuzz::Finding(fmt::format("{}, allocation {}{} refused: {}", name, n,
                                        after ? " and all after it" : "", error.what()));
      }
      reached = requests >= n;
    }
    fmt::print("{}: {} allocations, {}\n", name, requests.load(),
               after ? "all refused from the n-th on" : "the n-th refused");
  }
}

// The memory in use, after trim().
long blocks() {
  trim();
  return alive;
}

// ---- the work that is interrupted ----

nn::EncoderDecoder make(std::uint64_t seed = 1) {
  Rng rng(seed);
  return nn::EncoderDecoder(rng, {.source_vocab = 6,
                                  .target_vocab = 6,
                                  .dim = 4,
                                  .heads = 2,
                                  .layers = 1,
                                  .hidden = 6,
                                  .dropout = 0.1,
                                  .max_length = 8});
}

// A model in training.
struct Training {
  nn::EncoderDecoder model = make();
  std::vector<Var> parameters = nn::parameters(model);
  optim::Adam adam{parameters, {.rate = 1e-2}};
  Tokens source{2, 3, {4, 5, 4, 5, 5, 0}}, target{2, 3, {2, 4, 5, 2, 5, 5}};
  std::vector<int> next{4, 5, 3, 5, 5, 3};

  Var loss() const { return nn::cross_entropy(model(source, target), next); }
  void gradients() {
    adam.zero_grad();
    loss().backward();
    optim::clip_grad_norm(parameters, 0.1);
  }
  void each(auto&& f) { f("model", model), f("adam", adam); }
};

// Puts streams and counters back to where they were.
void put_back(const nn::State& state) {
  for (const auto& counter : state.counters) counter.set(counter.text);
}

void building() {
  const std::string whole = bits(make());
  const Index bytes = live_bytes();
  const long before = blocks();
  for_each_refusal("building a model", [&](long n, Refused which) {
    std::optional<nn::EncoderDecoder> model;
    if (ends(n, which, [&] { model.emplace(make()); }))
      expect(bits(*model) == whole, "the model is another one");
    model.reset();
    expect(live_bytes() == bytes, "{} bytes are alive that were not", live_bytes() - bytes);
    expect(blocks() == before, "{} blocks are alive that were not", alive - before);
  });
}

void training() {
  Training undisturbed;
  undisturbed.gradients();
  undisturbed.adam.step();
  const std::string trained = bits(undisturbed);
  for_each_refusal("a training step", [&](long n, Refused which) {
    Training training;
    const std::string untrained = bits(training);
    const nn::State state = nn::state_of(training);
    const Index bytes = live_bytes();
    const long before = blocks();
    if (!ends(n, which, [&] { training.gradients(); })) {
      put_back(state);
      const bool same = bits(training) == untrained;
      expect(same, "a gradient that failed moved the parameters");
      training.adam.zero_grad();
      expect(live_bytes() == bytes, "{} bytes are alive that were not", live_bytes() - bytes);
      expect(blocks() == before, "{} blocks are alive that were not", alive - before);
      training.gradients();
    }
    training.adam.step();
    expect(bits(training) == trained, "the step came out different");
  });

  // Nothing can go wrong half way through the parameters: that part asks for no memory.
  Training training;
  training.gradients();
  expect(ends(1, Refused::this_and_all_after, [&] { training.adam.step(); }),
         "the optimiser's step asks for memory");
  expect(bits(training) == trained, "the step came out different");
}

// Either every parameter adds the second gradient to its first, or none does.
void adding_gradients() {
  for_each_refusal("adding gradients", [&](long n, Refused which) {
    const Training training;
    const auto gradients = [&] {
      std::vector<Tensor> list;
      for (const Var& p : training.parameters) list.push_back(p.grad());
      return bits(list);
    };
    training.loss().backward();
    const Tensor held = training.parameters.front().grad();  // it cannot be added to in place
    const std::string before = gradients();
    const Var loss = training.loss();
    const bool added = ends(n, which, [&] { loss.backward(); });
    expect(added == (gradients() != before), "some gradients were added, and some were not");
  });
}

void files() {
  const fuzz::Folder folder;
  const fuzz::Small old_model(1), new_model(2);
  nn::save(new_model, folder / "new");
  nn::save(old_model, folder / "old");
  const std::string old_bytes = fuzz::read(folder / "old"), new_bytes = fuzz::read(folder / "new");
  std::filesystem::create_directory(folder / "saved");
  const auto path = folder / "saved/model";
  for_each_refusal("saving", [&](long n, Refused which) {
    std::filesystem::copy_file(folder / "old", path,
                               std::filesystem::copy_options::overwrite_existing);
    const bool saved = ends(n, which, [&] { nn::save(new_model, path); });
    expect(fuzz::read(path) == (saved ? new_bytes : old_bytes), "the file is neither old nor new");
    expect(fuzz::files_in(folder / "saved").size() == 1, "something was left beside the file");
  });

  for_each_refusal("loading", [&](long n, Refused which) {
    const fuzz::Small model(1);
    const bool loaded = ends(n, which, [&] { nn::load(model, folder / "new"); });
    expect(bits(model) == bits(loaded ? new_model : old_model), "the model is neither old nor new");
  });
}

// Ops that are large enough to be shared, by a new pool each time.
void threads() {
  Rng rng(3);
  const Var a(uniform({200, 200}, -1, 1, rng), true), b(uniform({200, 200}, -1, 1, rng), true);
  const auto gradients = [&] {
    a.zero_grad();
    b.zero_grad();
    mean(softmax(matmul(a, b)) * a).backward();
  };
  gradients();
  const std::string right = bits(std::vector{a.grad(), b.grad()});
  for_each_refusal("sharing among threads", [&](long n, Refused which) {
    set_num_threads(n % 2 ? 2 : 3);
    if (!ends(n, which, gradients)) gradients();
    expect(bits(std::vector{a.grad(), b.grad()}) == right, "the gradients came out different");
  });
}

void a_tensor_that_no_machine_holds() {
  for (const Shape& shape : {Shape{Index{1} << 40}, Shape{Index{1} << 20, Index{1} << 25},
                             Shape{Index{1} << 61}, Shape{(Index{1} << 62) + 5}}) {
    const Index bytes = live_bytes();
    bool refused = false;
    try {
      (void)zeros(shape);
    } catch (const std::bad_alloc&) {
      refused = true;
    }
    expect(refused, "a tensor of shape {} was made", shape);
    expect(live_bytes() == bytes, "it is alive");
  }
  expect(sum(ones({3, 4})).item() == Real(12), "work does not go on");
}

}  // namespace

int main() try {
  set_num_threads(1);
  a_tensor_that_no_machine_holds();
  building();
  training();
  adding_gradients();
  files();
  threads();
} catch (const std::exception& error) {
  fmt::print("{}\n", error.what());
  return EXIT_FAILURE;
}
