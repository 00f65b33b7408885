// # Where a trained translator looked
//
//     docs/phrases MODEL SENTENCE FILE
//
// loads a model that examples/translate saved, translates the sentence, and writes the weights of
// the last cross-attention, averaged over heads, to FILE as JSON. The same weights are printed as a
// table. A figure of chapter 6 reads the file, so that the book is built without training.
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
};

Look look(const Translator& translator, const std::string& text) {
  Look x{.source = tokenize(translator.unit, text), .target = {}, .weights = {}};
  Example example{.source = translator.source_words.encode(x.source), .target = {}};
  example.target = translator.decode({&example, 1}).at(0);
  x.target = translator.spell(x.source, example.target);
  x.weights = translator.attention(example);
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

void print(const Look& x) {
  fmt::print("{:8}", "");
  for (const std::string& word : x.source) fmt::print("{:>8}", word);
  fmt::print("\n");
  for (Index t = 0; t < x.weights.size(0); ++t) {
    fmt::print("{:8}", x.target.at(static_cast<std::size_t>(t)));
    for (Index s = 0; s < x.weights.size(1); ++s) fmt::print("{:8.2f}", rounded(x.weights(t, s)));
    fmt::print("\n");
  }
}

void run(const std::vector<std::string>& arguments) {
  check<glass::ShapeError>(arguments.size() == 3, "usage: MODEL SENTENCE FILE");
  const Look x = look(Translator::load(arguments[0]), arguments[1]);
  write(arguments[2], x);
  print(x);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::program("phrases", [&] { run({argv + 1, argv + argc}); });
}
