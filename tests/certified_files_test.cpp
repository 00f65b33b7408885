// # Files of intervals
//
// Of the library glassgrad::certified only. save() writes the two ends of each interval, load()
// reads both ends, or points; an end without the other is an error that says so.
#include "nn/serialize.h"
#include "optim/adam.h"
#include "tests/files.h"
#include "tests/op_table.h"

namespace certified_files_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

// One parameter, as a module.
struct Weight {
  void each(auto&& f) { f("w", w); }
  nn::Parameter w;
};

Weight weight_of(std::initializer_list<Real> numbers) {
  return {nn::Parameter(Tensor({static_cast<Index>(numbers.size())}, std::vector<Real>(numbers)))};
}

// Are all intervals the same, to the last bit?
bool same(const Tensor& x, const Tensor& y) {
  const std::vector<Real> a = x.to_vector(), b = y.to_vector();
  return std::ranges::equal(
      a, b, [](const Real& p, const Real& q) { return p.v.lo == q.v.lo && p.v.hi == q.v.hi; });
}

}  // namespace

TEST_CASE("intervals are saved as their two ends, and load as intervals again") {
  const files::Folder folder;
  const Weight saved = weight_of({Interval(1, 2), Interval(-0.5), Interval(0.1, 0.3)});
  nn::save(saved, folder / "w");
  const Weight loaded = weight_of({0, 0, 0});
  nn::load(loaded, folder / "w");
  CHECK(same(loaded.w.value(), saved.w.value()));
  // Without a module the pair is one tensor, too.
  const auto tensors = nn::read_tensors(folder / "w");
  REQUIRE(tensors.size() == 1);
  CHECK(same(tensors.at("w"), saved.w.value()));
}

TEST_CASE("an optimiser's state is saved with its widths") {
  const files::Folder folder;
  const Var w(tensor({1, 2}), true);
  optim::Adam adam({w}, {.rate = 0.1});
  sum(w * w).backward();
  adam.step();
  nn::save(folder / "adam", {{"adam", adam}});
  optim::Adam resumed({w}, {.rate = 0.1});
  nn::load(folder / "adam", {{"adam", resumed}});
  CHECK(same(resumed.mean[0], adam.mean[0]));
  CHECK(same(resumed.square[0], adam.square[0]));
  CHECK(resumed.steps == adam.steps);
}

TEST_CASE("a file of numbers loads as points") {
  const files::Folder folder;
  const std::string header = R"({"w":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}})";
  files::write(folder / "w", files::file_of(header, files::bytes_of({0.1, 0.2})));
  const Weight loaded = weight_of({Interval(1, 2), 0});
  nn::load(loaded, folder / "w");
  CHECK(same(loaded.w.value(), tensor({0.1, 0.2})));
}

TEST_CASE("an end without the other, or above it, is an error that says so") {
  const files::Folder folder;
  const auto write = [&](const std::string& header, const std::vector<double>& numbers) {
    files::write(folder / "w", files::file_of(header, files::bytes_of(numbers)));
  };
  const Weight weight = weight_of({7});
  write(R"({"w.lo":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", {1});
  CHECK_THROWS_WITH(nn::load(weight, folder / "w"),
                    ContainsSubstring("w (the file has its lower ends, .lo, but not .hi)"));
  CHECK_THROWS_AS(nn::load(weight, folder / "w", {.strict = false}), FileError);
  write(R"({"w.hi":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", {1});
  CHECK_THROWS_WITH(nn::load(weight, folder / "w"),
                    ContainsSubstring("upper ends, .hi, but not .lo"));
  write(R"({"w.lo":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},)"
        R"("w.hi":{"dtype":"F64","shape":[2],"data_offsets":[8,24]}})",
        {1, 2, 3});
  CHECK_THROWS_WITH(nn::load(weight, folder / "w"), ContainsSubstring("differ in shape"));
  write(R"({"w.lo":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},)"
        R"("w.hi":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}})",
        {2, 1});
  CHECK_THROWS_WITH(nn::load(weight, folder / "w"),
                    ContainsSubstring("'w' holds no interval at element 0"));
  CHECK(same(weight.w.value(), tensor({7})));
  write(R"({"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},)"
        R"("w.hi":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},)"
        R"("w.lo":{"dtype":"F64","shape":[1],"data_offsets":[16,24]}})",
        {1, 2, 1});
  CHECK_THROWS_WITH(nn::load(weight, folder / "w"), ContainsSubstring("'w' is there twice"));
}

}  // namespace certified_files_test
