// # Numbers of any type, and files without a module
//
// read_tensors() reads every tensor of a file; load() reads the same types into a module. Half
// precision is compared with its definition, bit pattern by bit pattern.
#include <cmath>
#include <cstdint>
#include <limits>

#include "nn/attention.h"
#include "nn/linear.h"
#include "nn/serialize.h"
#include "tests/files.h"
#include "tests/op_table.h"

namespace serialize_types_test {

using namespace glass;
using namespace glass::oracle;
using namespace glass::files;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

// A file with one tensor, called x.
std::string file_with(const std::string& type, const std::string& sizes, const std::string& data) {
  return file_of(fmt::format(R"({{"x":{{"dtype":"{}","shape":[{}],"data_offsets":[0,{}]}}}})", type,
                             sizes, data.size()),
                 data);
}

std::map<std::string, Tensor> tensors_in(const std::string& bytes, nn::ReadOptions options = {}) {
  const Folder folder;
  write(folder / "file", bytes);
  return nn::read_tensors(folder / "file", options);
}

// The numbers of the tensor x in such a file.
std::vector<Real> numbers_in(const std::string& bytes) {
  return tensors_in(bytes).at("x").to_vector();
}

std::string why_not(const std::string& bytes) {
  return message_of<FileError>([&] { tensors_in(bytes); });
}

std::vector<std::uint16_t> all_patterns() {
  std::vector<std::uint16_t> patterns;
  for (int bits = 0; bits < 65536; ++bits) patterns.push_back(static_cast<std::uint16_t>(bits));
  return patterns;
}

// What a pattern means by IEEE 754: a sign, `exponent_bits` of exponent, the rest mantissa.
double meaning(int pattern, int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = pattern >= 0x8000 ? -1 : 1;
  const int exponent = (pattern & 0x7fff) >> mantissa_bits;
  const double fraction = (pattern & ((1 << mantissa_bits) - 1)) / std::pow(2.0, mantissa_bits);
  if (exponent == (1 << exponent_bits) - 1) return fraction == 0 ? sign * inf : not_a_number;
  if (exponent == 0) return sign * std::pow(2.0, 1 - bias) * fraction;
  return sign * std::pow(2.0, exponent - bias) * (1 + fraction);
}

// The first pattern that was not read as the number that it means; -1 if there is none.
int wrong_pattern(const std::vector<Real>& numbers, int exponent_bits) {
  for (int pattern = 0; pattern < 65536; ++pattern) {
    const double x = static_cast<double>(numbers.at(static_cast<std::size_t>(pattern)));
    const double expected = meaning(pattern, exponent_bits);
    const bool both_nan = std::isnan(x) && std::isnan(expected);
    if (!both_nan && (x != expected || std::signbit(x) != std::signbit(expected))) return pattern;
  }
  return -1;
}

// A parameter and a buffer, called x and y.
struct Both {
  void each(auto&& f) { f("x", x), f("y", y); }
  nn::Parameter x{tensor({7, 8})};
  Tensor y = tensor({5, 6});
};

}  // namespace

// ---- half precision ----

TEST_CASE("every pattern of F16 and BF16 is read as the number that it means") {
  const std::string data = bytes_of(all_patterns());
  CHECK(wrong_pattern(numbers_in(file_with("F16", "65536", data)), 5) == -1);
  CHECK(wrong_pattern(numbers_in(file_with("BF16", "65536", data)), 8) == -1);
}

TEST_CASE("load and load_torch read half precision into parameters and buffers") {
  const Folder folder;
  for (const auto& [type, exponent_bits] : {std::pair{"F16", 5}, std::pair{"BF16", 8}}) {
    write(folder / "file", file_with(type, "65536", bytes_of(all_patterns())));
    const std::map<std::string, Tensor> read = nn::read_tensors(folder / "file");
    const nn::Parameter parameter{zeros({65536})};
    nn::load(folder / "file", {{"x", parameter}});
    CHECK(wrong_pattern(parameter.value().to_vector(), exponent_bits) == -1);
    const Tensor buffer = zeros({65536});
    nn::load(folder / "file", {{"x", buffer}});
    CHECK(exact_difference(buffer, read.at("x")) == "");
  }
}

TEST_CASE("packed projections in half precision are taken apart") {
  const Folder folder;
  Rng rng(1);
  const nn::CrossAttention layer(1, 1, rng);
  const auto entry = [](const char* name, const char* sizes, int begin, int end) {
    return fmt::format(R"("{}":{{"dtype":"F16","shape":[{}],"data_offsets":[{},{}]}})", name, sizes,
                       begin, end);
  };
  write(folder / "file", file_of("{" + entry("in_proj_weight", "3,1", 0, 6) + "," +
                                     entry("in_proj_bias", "3", 6, 12) + "," +
                                     entry("out_proj.weight", "1,1", 12, 14) + "," +
                                     entry("out_proj.bias", "1", 14, 16) + "}",
                                 bytes_of<std::uint16_t>({0x3c00, 0x4000, 0x4200, 0xbc00, 0xc000,
                                                          0xc200, 0x0001, 0x7bff})));
  nn::load_torch(layer, folder / "file");
  CHECK(layer.q_proj.weight.item() == Real(1));
  CHECK(layer.k_proj.weight.item() == Real(2));
  CHECK(layer.v_proj.weight.item() == Real(3));
  CHECK(layer.v_proj.bias.item() == Real(-3));
  CHECK(layer.out_proj.weight.item() == static_cast<Real>(std::pow(2.0, -24)));
  CHECK(layer.out_proj.bias.item() == Real(65504));
}

// ---- whole numbers ----

namespace {

// Both ends of a type, and what lies near 0.
template <class T>
void check_whole(const std::string& type) {
  INFO(type);
  using Limits = std::numeric_limits<T>;
  const std::vector<T> numbers{Limits::min(), static_cast<T>(-1), 0, 1, 100, Limits::max()};
  std::vector<double> expected, found;
  for (const T x : numbers) expected.push_back(static_cast<double>(static_cast<Real>(x)));
  for (const Real& x : numbers_in(file_with(type, "6", bytes_of(numbers))))
    found.push_back(static_cast<double>(x));
  CHECK(found == expected);
}

}  // namespace

TEST_CASE("whole numbers of every type become Reals") {
  check_whole<std::int8_t>("I8");
  check_whole<std::int16_t>("I16");
  check_whole<std::int32_t>("I32");
  check_whole<std::int64_t>("I64");
  check_whole<std::uint8_t>("U8");
  check_whole<std::uint16_t>("U16");
  check_whole<std::uint32_t>("U32");
  check_whole<std::uint64_t>("U64");
  // A byte that is not 0 is true.
  CHECK(numbers_in(file_with("BOOL", "4", bytes_of<std::uint8_t>({0, 1, 2, 255}))) ==
        std::vector<Real>{0, 1, 1, 1});
}

TEST_CASE("a whole number with more digits than a Real has is rounded to the nearest Real") {
  const std::int64_t digits = is_float ? 24 : 53, first = std::int64_t{1} << digits;
  const std::vector<std::int64_t> numbers{first - 1, first, first + 1, first + 3, -first - 1};
  const std::vector<double> nearest{double(first - 1), double(first), double(first),
                                    double(first + 4), double(-first)};
  const std::vector<Real> found = numbers_in(file_with("I64", "5", bytes_of(numbers)));
  for (std::size_t i = 0; i < numbers.size(); ++i) CHECK(double(found[i]) == nearest[i]);
  // As F64 is.
  const double third = 1.0 / 3;
  CHECK(numbers_in(file_with("F64", "1", bytes_of<double>({third}))) ==
        std::vector<Real>{static_cast<Real>(third)});
}

TEST_CASE("load reads whole numbers into a buffer, and refuses them for a parameter") {
  const Folder folder;
  const auto file = [](const char* x, const char* y) {
    return file_of(fmt::format(R"({{"x":{{"dtype":"{}","shape":[2],"data_offsets":[0,16]}},)"
                               R"("y":{{"dtype":"{}","shape":[2],"data_offsets":[16,32]}}}})",
                               x, y),
                   bytes_of<std::int64_t>({1, 2, 3, 4}));
  };
  const Both module;
  write(folder / "buffer", file("F64", "I64"));
  nn::load(module, folder / "buffer");
  CHECK(exact_difference(module.y, tensor({3, 4})) == "");

  // A complex buffer and a whole parameter: both are named, strict or not.
  const std::string before = bits(module);
  write(folder / "wrong", file("I64", "F64"));
  for (const bool strict : {true, false}) {
    const nn::LoadOptions options{.strict = strict};
    CHECK_THAT(message_of<FileError>([&] { nn::load(module, folder / "wrong", options); }),
               ContainsSubstring("of an unreadable type x (I64); parameters are read from F16, "
                                 "BF16, F32 and F64, buffers from whole numbers too"));
  }
  const std::string complex = file_of(R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                                      R"("y":{"dtype":"C64","shape":[3],"data_offsets":[2,26]}})",
                                      std::string(26, 'x'));
  write(folder / "wrong", complex);
  CHECK_THAT(message_of<FileError>([&] { nn::load(module, folder / "wrong"); }),
             ContainsSubstring("misshapen y (expected [2], found [3])") &&
                 ContainsSubstring("x (U8), y (C64)"));
  CHECK(bits(module) == before);
}

// ---- files without a module ----

TEST_CASE("read_tensors gives what a module saved, under the same names") {
  const Folder folder;
  Rng rng(1);
  const std::vector<nn::Linear> saved{nn::Linear(2, 3, rng), nn::Linear(3, 2, rng)};
  nn::save(saved, folder / "file", {{"note", "text"}});
  const std::map<std::string, Tensor> tensors = nn::read_tensors(folder / "file");
  const auto parameters = nn::named_parameters(saved);
  CHECK(tensors.size() == parameters.size());
  for (const auto& [name, parameter] : parameters) {
    CHECK(exact_difference(tensors.at(name), parameter.value()) == "");
    CHECK(tensors.at(name).owns_memory());
  }
}

TEST_CASE("tensors of any shape are read: scalars, empty ones, up to eight axes") {
  const std::string four = bytes_of<float>({4});
  CHECK(exact_difference(tensors_in(file_with("F32", "", four)).at("x"), Tensor(4)) == "");
  CHECK(exact_difference(tensors_in(file_with("F32", "1,1,1,1,1,1,1,1", four)).at("x"),
                         full({1, 1, 1, 1, 1, 1, 1, 1}, 4)) == "");
  for (const char* empty : {"0", "0,3", "3,0,2", "0,0,0,0,0,0,0,0", "0,9223372036854775807"}) {
    INFO(empty);
    const Tensor x = tensors_in(file_with("F32", empty, "")).at("x");
    CHECK(x.numel() == 0);
    CHECK(fmt::format("{}", x.shape().rank()) ==
          fmt::format("{}", 1 + std::count(empty, empty + std::strlen(empty), ',')));
  }
  CHECK(tensors_in(file_of("{}", "")).empty());
  CHECK(tensors_in(file_of(R"({"__metadata__":{"a":"b"}})", "")).empty());
}

TEST_CASE("numbers may begin at any byte, and a tensor may be larger than a block of the file") {
  std::vector<double> many(20'000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<double>(i);
  const std::string bytes =
      file_of(R"({"flag":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},)"
              R"("many":{"dtype":"F64","shape":[200,100],"data_offsets":[1,160001]}})",
              "\1" + bytes_of(many));
  const std::map<std::string, Tensor> tensors = tensors_in(bytes);
  CHECK(exact_difference(tensors.at("flag"), tensor({1})) == "");
  CHECK(exact_difference(tensors.at("many"), arange(20'000).reshape({200, 100})) == "");
}

TEST_CASE("a file with tensors that cannot be read is refused, or they are left out by choice") {
  const std::string bytes =
      file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
              R"("b":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[4,6]},)"
              R"("c":{"dtype":"C64","shape":[],"data_offsets":[6,14]},)"
              R"("d":{"dtype":"I8","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[14,16]},)"
              R"("e":{"dtype":"I99_NEW","shape":[5],"data_offsets":[16,17]},)"
              R"("f":{"dtype":"F4","shape":[2],"data_offsets":[17,18]}})",
              bytes_of<float>({3}) + std::string(14, 'x'));
  const std::string message = why_not(bytes);
  CHECK_THAT(message, StartsWith("read_tensors: ") &&
                          ContainsSubstring("unreadable b (F8_E4M3), c (C64), d (9 axes, more than "
                                            "8), e (I99_NEW), f (F4)") &&
                          ContainsSubstring("{.skip_unreadable = true} reads the other 1"));
  const std::map<std::string, Tensor> readable = tensors_in(bytes, {.skip_unreadable = true});
  CHECK(readable.size() == 1);
  CHECK(exact_difference(readable.at("a"), tensor({3})) == "");
}

TEST_CASE("read_tensors refuses what load refuses: cut files, overlaps, lies") {
  const Folder folder;
  const std::string good = file_of(R"({"x":{"dtype":"I16","shape":[2],"data_offsets":[0,4]},)"
                                   R"("y":{"dtype":"F16","shape":[],"data_offsets":[4,6]}})",
                                   "abcdef");
  CHECK(tensors_in(good).size() == 2);
  for (std::size_t length = 0; length < good.size(); ++length)
    CHECK_THAT(why_not(good.substr(0, length)), ContainsSubstring("truncated"));
  CHECK_THAT(why_not(good + "x"), ContainsSubstring("too long"));
  CHECK_THAT(why_not(file_with("F16", "3", "abcd")), ContainsSubstring("does not fill"));
  CHECK_THAT(why_not(file_with("F16", "9223372036854775807,2", "abcd")),
             ContainsSubstring("does not fill"));
  for (const char* sizes : {"0,4611686018427387904,4", "4611686018427387904,4,0"})
    CHECK_THAT(why_not(file_with("F32", sizes, "")), ContainsSubstring("does not fill"));
  CHECK_THAT(why_not(file_of(R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                             R"("y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                             "abc")),
             ContainsSubstring("'y' begins at byte 1"));
  CHECK_THAT(message_of<FileError>([&] { nn::read_tensors(folder / "nothing"); }),
             StartsWith("read_tensors: ") && ContainsSubstring("No such file"));
  CHECK_THROWS_AS(nn::read_tensors(folder.path), FileError);
  CHECK_THAT(message_of<FileError>([&] { nn::read_metadata(folder / "nothing"); }),
             StartsWith("read_metadata: "));
}

}  // namespace serialize_types_test
