// # Where a trained translator looked
//
//     docs/phrases MODEL SENTENCE WORD FILE
//
// loads a model that examples/translate saved, translates the sentence, and writes the weights of
// the last cross-attention, averaged over heads, to FILE as JSON. The same weights are printed as a
// table, and then, for one word of the translation, those of each head. A figure of chapter 6 reads
// the file, so that the book is built without training.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "examples/common/program.h"
#include "examples/translate/translator.h"

using namespace translate;
using glass::check;
using glass::Tensor;

namespace {

struct Look {
  Sentence source, target;  // ■ is the end, on both sides
  Tensor weights;           // [T, S]: a row for each token of the target
  Tensor heads;             // [H, T, S]: the same before the mean
};

// The last decoder layer's cross-attention while it writes the target.
Tensor heads_of(const Translator& translator, const Example& example) {
  const glass::NoGrad no_grad;
  glass::nn::set_training(translator.model, false);
  const Batch batch = make_batch({&example, 1}, {0});
  std::vector<Tensor> layers;
  (void)translator.model(batch.source, batch.target_in, &layers);  // each [1, H, T, S]
  return layers.back().select(0, 0);                               // [H, T, S]
}

Look look(const Translator& translator, const std::string& text) {
  Look x{.source = tokenize(translator.unit, text), .target = {}, .weights = {}, .heads = {}};
  Example example{.source = translator.source_words.encode(x.source), .target = {}};
  example.target = translator.decode({&example, 1}).at(0);
  x.target = translator.spell(x.source, example.target);
  x.weights = translator.attention(example);
  x.heads = heads_of(translator, example);
  x.source.emplace_back("■");
  x.target.emplace_back("■");
  return x;
}

// Four digits are enough for a picture, and keep the file readable.
double rounded(glass::Real weight) { return std::round(static_cast<double>(weight) * 1e4) / 1e4; }

void write(const std::string& path, const Look& x) {
  nlohmann::ordered_json json{{"source", x.source}, {"target", x.target}};
  for (Index t = 0; t < x.weights.size(0); ++t) {
    nlohmann::ordered_json row;
    for (Index s = 0; s < x.weights.size(1); ++s) row.push_back(rounded(x.weights(t, s)));
    json["weights"].push_back(row);
  }
  std::ofstream out(path, std::ios::binary);
  out << json.dump(1) << '\n' << std::flush;
  check<glass::FileError>(out.good(), "cannot write '{}'", path);
}

void print_row(const std::string& name, const Tensor& weights) {
  fmt::print("{:8}", name);
  for (Index s = 0; s < weights.size(0); ++s) fmt::print("{:8.2f}", rounded(weights(s)));
  fmt::print("\n");
}

void print(const Look& x, const std::string& word) {
  fmt::print("{:8}", "");
  for (const std::string& token : x.source) fmt::print("{:>8}", token);
  fmt::print("\n");
  for (Index t = 0; t < x.weights.size(0); ++t)
    print_row(x.target.at(static_cast<std::size_t>(t)), x.weights.select(0, t));
  // One row of the table, head by head.
  const auto found = std::find(x.target.begin(), x.target.end(), word);
  check<glass::ShapeError>(found != x.target.end(), "the translation has no word '{}'", word);
  fmt::print("\n{}, head by head\n", word);
  for (Index h = 0; h < x.heads.size(0); ++h)
    print_row(fmt::format("head {}", h), x.heads.select(0, h).select(0, found - x.target.begin()));
}

void run(const std::vector<std::string>& arguments) {
  check<glass::ShapeError>(arguments.size() == 4, "usage: MODEL SENTENCE WORD FILE");
  const Look x = look(Translator::load(arguments[0]), arguments[1]);
  write(arguments[3], x);
  print(x, arguments[2]);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::program("phrases", [&] { run({argv + 1, argv + argc}); });
}
