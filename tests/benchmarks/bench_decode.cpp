// # Writing many targets: sentences a second
//
// Greedy and beam decoding of a translator's size. The weights are random, so the model does not
// learn to stop: a target is cut a little beyond its source's length, as a trained model stops. The
// sentences are sorted by length and decoded in batches, as `translate` does.
#include <glassgrad.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "tests/benchmarks/bench.h"

using namespace glass;

namespace {

constexpr int vocabulary = 6000;

struct Size {
  Index sentences = 1000, batch = 128;
};

// Batches of 5 to 21 tokens, 13 in the mean, padded to the longest of each batch.
std::vector<Tokens> batches_of(const Size& size) {
  Rng rng(1);
  std::vector<Index> lengths;
  for (Index i = 0; i < size.sentences; ++i) lengths.push_back(5 + rng.below(9) + rng.below(9));
  std::ranges::sort(lengths);
  std::vector<Tokens> batches;
  for (Index begin = 0; begin < size.sentences; begin += size.batch) {
    const Index end = std::min(begin + size.batch, size.sentences);
    Tokens batch{end - begin, lengths[static_cast<std::size_t>(end - 1)], {}};
    for (Index i = begin; i < end; ++i)
      for (Index s = 0; s < batch.length; ++s)
        batch.ids.push_back(s < lengths[static_cast<std::size_t>(i)]
                                ? 4 + static_cast<int>(rng.below(vocabulary - 4))
                                : 0);
    batches.push_back(std::move(batch));
  }
  return batches;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options;
  options.turns = 3;
  Size size;
  Index beams = 4;
  CLI::App app("Greedy and beam decoding of a model of a translator's size.");
  bench::add_options(app, options);
  app.add_option("--sentences", size.sentences, "Sentences to decode")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--batch", size.batch, "Sentences decoded together")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  app.add_option("--beams", beams, "Beams of the search")
      ->capture_default_str()
      ->check(CLI::Range(1, 100));
  CLI11_PARSE(app, argc, argv);
  bench::set_up(options);
  bench::Report report(options);

  Rng rng(2);
  const nn::EncoderDecoder model(rng, {.source_vocab = vocabulary,
                                       .target_vocab = vocabulary,
                                       .dim = 256,
                                       .heads = 8,
                                       .layers = 3,
                                       .hidden = 512});
  const std::vector<Tokens> batches = batches_of(size);
  std::vector<bench::Contestant> contestants;
  for (auto* const decode : {nn::greedy_decode, nn::beam_decode})
    contestants.push_back(
        {decode == nn::greedy_decode ? "greedy" : fmt::format("{} beams", beams), [&, decode] {
           for (const Tokens& batch : batches)
             (void)decode(model, batch, {.max_length = batch.length + 3, .beams = beams});
         }});
  const std::vector<double> times = bench::race(contestants, bench::rules_of(options));

  fmt::print("\n");
  bench::print_row(fmt::format("{} sentences by {}", size.sentences, size.batch),
                   {"time", "sentences/s"});
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    const double pace = static_cast<double>(size.sentences) / times[i];
    bench::print_row(contestants[i].name, {bench::duration(times[i]), fmt::format("{:.0f}", pace)});
    report.add(
        {{"search", contestants[i].name}, {"seconds", times[i]}, {"sentences_per_second", pace}});
  }
  report.write();
}
