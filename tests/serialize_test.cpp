#include "nn/serialize.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <thread>

#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/transformer.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "tests/files.h"
#include "tests/op_table.h"

namespace serialize_test {

using namespace glass;
using namespace glass::oracle;
using namespace glass::files;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// A small module with everything that can be saved.
struct Small {
  explicit Small(std::uint64_t seed = 1) : Small(Rng(seed)) {}
  explicit Small(Rng rng)
      : layer(2, 3, rng), drop(0.5, rng), statistics(uniform({2, 2}, 0, 1, rng)) {}
  void each(auto&& f) {
    f("layer", layer), f("drop", drop), f("statistics", statistics);
    f("steps", steps), f("epoch", epoch), f("rate", rate);
  }
  nn::Linear layer;
  nn::Dropout drop;
  Tensor statistics;
  Index steps = 3;
  int epoch = 4;
  double rate = 0.1;
};

// Two numbers, called x.
struct Pair {
  void each(auto&& f) { f("x", x); }
  nn::Parameter x{tensor({7, 8})};
};

// Gives two tensors the same name.
struct Twice {
  void each(auto&& f) { f("x", a), f("x", b); }
  Tensor a, b;
};

struct Tied {
  explicit Tied(Rng rng) : a(3, 3, rng), b(3, 3, rng) { b.weight = Var(a.weight); }
  void each(auto&& f) { f("a", a), f("b", b); }
  nn::Linear a, b;
};

// The message of the FileError that loading these bytes gives; the module must not change.
std::string refused(const auto& module, const std::string& bytes, bool strict = true) {
  const Folder folder;
  write(folder / "file", bytes);
  const std::string before = bits(module);
  const std::string message =
      message_of<FileError>([&] { nn::load(module, folder / "file", {.strict = strict}); });
  CHECK(bits(module) == before);
  return message;
}

constexpr const char* dtype = is_float ? "F32" : "F64";
constexpr int width = is_float ? 4 : 8;

}  // namespace

// ---- round trips ----

TEST_CASE("a module is read back to the last bit: parameters, buffers, streams and counters") {
  const Folder folder;
  Small saved(1), loaded(2);
  saved.steps = 1'000'000'000'000, saved.rate = 0.1 + 1e-17, saved.epoch = -7;
  (void)saved.drop(ones({3}));
  const double odd[] = {0.0,     -0.0,
                        1.0 / 3, 1e-300,
                        -1e30,   std::numeric_limits<Real>::denorm_min() == Real(0) ? 0 : 5e-324};
  for (int i = 0; i < 6; ++i)
    Tensor(saved.layer.weight.value()).data()[i] = static_cast<Real>(odd[i]);
  REQUIRE(bits(saved) != bits(loaded));
  nn::save(saved, folder / "model");
  const nn::LoadReport report = nn::load(loaded, folder / "model");
  CHECK(bits(loaded) == bits(saved));
  CHECK(loaded.epoch == -7);
  CHECK((report.missing.empty() && report.unexpected.empty()));
  CHECK(exact_difference(loaded.drop(ones({50})).value(), saved.drop(ones({50})).value()) == "");
}

TEST_CASE("NaN and infinity, empty tensors and scalars survive the file") {
  const Folder folder;
  const std::vector<Tensor> odd{tensor({inf, -inf, not_a_number}), zeros({0, 3}), Tensor(5)};
  const std::vector<Tensor> plain{zeros({3}), zeros({0, 3}), Tensor(1)};
  nn::save(odd, folder / "odd");
  nn::load(plain, folder / "odd");
  for (std::size_t i = 0; i < 3; ++i) CHECK(exact_difference(plain[i], odd[i]) == "");
}

TEST_CASE("a whole model is saved under names as PyTorch has them, and read back") {
  if constexpr (is_certified) return;  // a tensor is two in the file: certified_files_test.cpp
  const Folder folder;
  const auto make = [](std::uint64_t seed) {
    Rng rng(seed);
    return nn::EncoderDecoder(
        rng,
        {.source_vocab = 5, .target_vocab = 6, .dim = 4, .heads = 2, .layers = 1, .hidden = 8});
  };
  nn::EncoderDecoder saved = make(1), loaded = make(2);
  nn::save(saved, folder / "model");
  const std::string header = header_of(read(folder / "model"));
  for (const char* name :
       {"source_embedding.weight", "encoder.0.self_attention.q_proj.weight",
        "decoder.0.cross_attention.out_proj.bias", "decoder.0.feed_forward.up.weight",
        "decoder.0.cross_norm.bias", "output.weight"})
    CHECK_THAT(header, ContainsSubstring(fmt::format("\"{}\"", name)));
  nn::load(loaded, folder / "model");
  CHECK(bits(loaded) == bits(saved));
  const Tokens source{1, 3, {1, 2, 3}}, target{1, 2, {4, 5}};
  CHECK(exact_difference(loaded(source, target).value(), saved(source, target).value()) ==
        "");  // dropout too
}

TEST_CASE("the numbers are read into the memory that the parameters have") {
  const Folder folder;
  const Pair saved, loaded;
  nn::save(saved, folder / "pair");
  Tensor(loaded.x.value()).fill(0);
  const Var handle = loaded.x;
  const Var loss = sum(handle * handle);
  nn::load(loaded, folder / "pair");
  CHECK(exact_difference(handle.value(), tensor({7, 8})) == "");
  CHECK_THROWS_AS(loss.backward(), StateError);  // the version guard saw the load
}

TEST_CASE("a transposed parameter is saved as it reads, and read back through its strides") {
  const Folder folder;
  const std::vector<Tensor> view{arange(6).reshape({2, 3}).mT()}, dense{zeros({3, 2})};
  nn::save(view, folder / "view");
  nn::load(dense, folder / "view");
  CHECK(exact_difference(dense[0], view[0]) == "");
  Tensor(dense[0]).fill(4);
  nn::save(dense, folder / "dense");
  nn::load(view, folder / "dense");
  CHECK(exact_difference(view[0], full({3, 2}, 4)) == "");
}

TEST_CASE("a tied weight is saved once, and is still tied when read back") {
  if constexpr (is_certified) return;  // a tensor is two in the file: certified_files_test.cpp
  const Folder folder;
  const Tied saved(Rng(1)), loaded(Rng(2));
  nn::save(saved, folder / "tied");
  const std::string header = header_of(read(folder / "tied"));
  CHECK_THAT(header, ContainsSubstring("\"a.weight\"") && !ContainsSubstring("\"b.weight\""));
  nn::load(loaded, folder / "tied");
  CHECK(bits(loaded) == bits(saved));
  CHECK(loaded.a.weight.node().get() == loaded.b.weight.node().get());
}

TEST_CASE("metadata is kept, apart from the module's counters") {
  const Folder folder;
  const nn::Metadata metadata{{"words", "le chat \"noir\"\n\té€😀"}, {"empty", ""}, {"", "no name"}};
  nn::save(Small(1), folder / "model", metadata);
  CHECK(nn::load(Small(2), folder / "model").metadata == metadata);
  CHECK(nn::read_metadata(folder / "model") == metadata);
  nn::save(Pair(), folder / "pair");
  CHECK(nn::read_metadata(folder / "pair").empty());
}

TEST_CASE("training goes on from a checkpoint with the same bits as if it had never stopped") {
  if constexpr (is_certified) return;  // ten steps are too many for intervals
  const Folder folder;
  const auto make = [](std::uint64_t seed) {
    Rng rng(seed);
    return nn::EncoderDecoder(rng, {.source_vocab = 6,
                                    .target_vocab = 6,
                                    .dim = 4,
                                    .heads = 2,
                                    .layers = 1,
                                    .hidden = 8,
                                    .dropout = 0.3});
  };
  const Tokens source{2, 3, {1, 2, 3, 4, 5, 0}}, target{2, 2, {1, 2, 1, 3}};
  const auto train = [&](const nn::EncoderDecoder& model, auto& optimizer, int steps = 5) {
    for (int step = 0; step < steps; ++step) {
      optimizer.options.rate *= 0.9;
      optimizer.zero_grad();
      nn::cross_entropy(model(source, target), std::vector{2, 3, 4, 5}).backward();
      optimizer.step();
    }
  };
  const auto resumes = [&](auto optimizer_of) {
    const nn::EncoderDecoder model = make(1), resumed = make(2);
    auto optimizer = optimizer_of(model), again = optimizer_of(resumed);
    train(model, optimizer);
    nn::save(model, folder / "model");
    nn::save(optimizer, folder / "optimizer");
    train(model, optimizer);
    train(resumed, again, 3);  // trains first, so that load must overwrite its state
    nn::load(resumed, folder / "model");
    nn::load(again, folder / "optimizer");
    train(resumed, again);
    CHECK(bits(resumed) == bits(model));
    CHECK(bits(again) == bits(optimizer));
  };
  resumes([](const auto& model) { return optim::Adam(nn::parameters(model), {.rate = 0.01}); });
  resumes([](const auto& model) {
    return optim::Sgd(nn::parameters(model), {.rate = 0.1, .momentum = 0.9});
  });
}

// ---- what does not fit ----

TEST_CASE("strict loading lists all missing, unexpected and misshapen names at once") {
  const Folder folder;
  const std::vector<std::vector<Tensor>> saved{{ones({2}), ones({3}), ones({2, 3})},
                                               {ones({1}), ones({1})}};
  const std::vector<std::vector<Tensor>> wanted{
      {zeros({2}), zeros({3, 1}), zeros({3, 2}), zeros({4}), zeros({})}, {}};
  nn::save(saved, folder / "file");
  const std::string before = bits(wanted);
  const std::string message = message_of<FileError>([&] { nn::load(wanted, folder / "file"); });
  CHECK_THAT(message, ContainsSubstring("missing 0.3, 0.4"));
  CHECK_THAT(message, ContainsSubstring("unexpected 1.0, 1.1"));
  CHECK_THAT(message, ContainsSubstring("0.1 (expected [3, 1], found [3])"));
  CHECK_THAT(message, ContainsSubstring("0.2 (expected [3, 2], found [2, 3])"));
  CHECK_THAT(message, ContainsSubstring((folder / "file").string()));
  CHECK(bits(wanted) == before);
}

TEST_CASE("loading that is not strict reports names and fills what fits") {
  const Folder folder;
  const std::vector<std::vector<Tensor>> saved{{full({2}, 5)}, {ones({1})}};
  const std::vector<std::vector<Tensor>> wanted{{zeros({2}), zeros({4})}};
  nn::save(saved, folder / "file", {{"note", "kept"}});
  const nn::LoadReport report = nn::load(wanted, folder / "file", {.strict = false});
  CHECK(report.missing == std::vector<std::string>{"0.1"});
  CHECK(report.unexpected == std::vector<std::string>{"1.0"});
  CHECK(report.metadata.at("note") == "kept");
  CHECK(exact_difference(wanted[0][0], full({2}, 5)) == "");
  CHECK(exact_difference(wanted[0][1], zeros({4})) == "");
  // A shape that differs is an error all the same.
  const std::vector<std::vector<Tensor>> misshapen{{zeros({2, 1})}};
  CHECK_THROWS_WITH(nn::load(misshapen, folder / "file", {.strict = false}),
                    ContainsSubstring("expected [2, 1], found [2]"));
}

// ---- files of other programs ----

TEST_CASE("a file written by hand, byte for byte, is read in every build") {
  const Folder folder;
  const Pair pair;
  write(folder / "f32", file_of(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                                bytes_of<float>({1.5f, -2.0f})));
  nn::load(pair, folder / "f32");
  CHECK(exact_difference(pair.x.value(), tensor({1.5, -2})) == "");
  const double tenth = 0.1;
  write(folder / "f64", file_of(R"(  {"__metadata__":{"format":"pt"},  )"
                                R"("x":{"shape":[2],"data_offsets":[0,16],"dtype":"F64"}}    )",
                                bytes_of<double>({tenth, 1e-3})));
  CHECK(nn::load(pair, folder / "f64").metadata.at("format") == "pt");
  CHECK(exact_difference(pair.x.value(), Tensor(Shape{2}, {static_cast<Real>(tenth),
                                                           static_cast<Real>(1e-3)})) == "");
}

TEST_CASE("a saved file is laid out as the format demands: little-endian, padded to 8, no holes") {
  if constexpr (is_certified) return;  // a tensor is two in the file: certified_files_test.cpp
  const Folder folder;
  nn::save(Pair(), folder / "pair");
  const std::string bytes = read(folder / "pair"), header = header_of(bytes);
  CHECK(header.size() % 8 == 0);
  CHECK(header.front() == '{');
  CHECK(bytes.size() == 8 + header.size() + 2 * width);
  CHECK_THAT(header, ContainsSubstring(fmt::format(R"("dtype":"{}")", dtype)) &&
                         ContainsSubstring(R"("shape":[2])") &&
                         ContainsSubstring(fmt::format(R"("data_offsets":[0,{}])", 2 * width)));
  const std::string data = bytes.substr(8 + header.size());
  CHECK(data == (is_float ? bytes_of<float>({7, 8}) : bytes_of<double>({7, 8})));
}

TEST_CASE("tensors may stand in the file in any order, and of a type that nobody asks for") {
  const Folder folder;
  const std::vector<Tensor> two{zeros({1}), zeros({2})};
  write(folder / "file", file_of(R"({"1":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                                 R"("0":{"dtype":"F32","shape":[1],"data_offsets":[10,14]},)"
                                 R"("half":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]}})",
                                 bytes_of<float>({1, 2}) + "xx" + bytes_of<float>({3})));
  CHECK(nn::load(two, folder / "file", {.strict = false}).unexpected ==
        std::vector<std::string>{"half"});
  CHECK(exact_difference(two[0], tensor({3})) == "");
  CHECK(exact_difference(two[1], tensor({1, 2})) == "");
}

// ---- damaged files ----

TEST_CASE("a file cut off at any byte is refused, and so is one with a byte too many") {
  const Folder folder;
  nn::save(Small(1), folder / "model", {{"note", "some text"}});
  const std::string bytes = read(folder / "model");
  const Small module(2);
  for (std::size_t length = 0; length < bytes.size(); ++length)
    CHECK_THAT(refused(module, bytes.substr(0, length)), ContainsSubstring("truncated"));
  for (const char* more : {"x", "12345678"})
    CHECK_THAT(refused(module, bytes + more), ContainsSubstring("too long"));
}

TEST_CASE("any single byte of the header changed does no harm, whether it is noticed or not") {
  const Folder folder;
  nn::save(Pair(), folder / "pair");
  const std::string bytes = read(folder / "pair");
  const std::size_t end = 8 + header_of(bytes).size();
  for (std::size_t at_byte = 0; at_byte < end; ++at_byte)
    for (const int flip : {1, 0x80, 0x0f}) {
      std::string damaged = bytes;
      damaged[at_byte] = static_cast<char>(damaged[at_byte] ^ flip);
      write(folder / "damaged", damaged);
      const Pair pair;
      try {
        nn::load(pair, folder / "damaged");
      } catch (const FileError&) {}
      CHECK(exact_difference(pair.x.value(), tensor({7, 8})) == "");
    }
}

TEST_CASE("headers that contradict the file or themselves are refused with the reason") {
  const Pair pair;
  const std::string eight(8, 'x'), sixteen(16, 'x');
  const auto x = [](const std::string& fields) { return "{\"x\":{" + fields + "}}"; };
  struct Lie {
    std::string header, data, reason;
  };
  const std::string f32 = R"("dtype":"F32",)", shape = R"("shape":[2],)",
                    place = R"("data_offsets":[0,8])";
  for (const auto& [header, data, reason] : {
           Lie{"", "", "JSON"},
           Lie{"not json", "", "JSON"},
           Lie{"[]", "", "object"},
           Lie{"{}", eight, "bytes"},
           Lie{"{}", "", "missing x"},
           Lie{R"({"x":)", eight, "JSON"},
           Lie{"{\"x\xff\":{}}", eight, "JSON"},
           Lie{x(f32 + shape + place) + "trash", eight, "JSON"},
           Lie{std::string("{}\0\0", 4), "", "JSON"},
           Lie{R"({"x":5})", eight, "shape"},
           Lie{R"({"x":null})", eight, "shape"},
           Lie{R"({"x":[]})", eight, "shape"},
           Lie{x(""), eight, "shape"},
           Lie{x(f32 + place), eight, "shape"},
           Lie{x(f32 + shape + R"("data_offsets":8)"), eight, "data_offsets"},
           Lie{x(f32 + shape + R"("data_offsets":[0])"), eight, "data_offsets"},
           Lie{x(f32 + shape + R"("data_offsets":[0,4,8])"), eight, "data_offsets"},
           Lie{x(f32 + shape + R"("data_offsets":[8,0])"), eight, "data_offsets"},
           Lie{x(f32 + shape + R"("data_offsets":[-8,0])"), eight, "counts"},
           Lie{x(f32 + shape + R"("data_offsets":[0.0,8.0])"), eight, "counts"},
           Lie{x(f32 + shape + R"("data_offsets":["0","8"])"), eight, "counts"},
           Lie{x(f32 + shape + R"("data_offsets":[0,99999999999999999999999])"), eight, "counts"},
           Lie{x(f32 + shape + R"("data_offsets":[0,1e400])"), eight, "JSON"},
           Lie{x(f32 + shape + R"("data_offsets":[18446744073709551608,18446744073709551615])"),
               eight, "bytes"},
           Lie{x(f32 + shape + R"("data_offsets":[8,16])"), sixteen, "begins"},
           Lie{x(f32 + shape + R"("data_offsets":[0,16])"), sixteen, "fill"},
           Lie{x(f32 + R"("shape":[-2],)" + place), eight, "counts"},
           Lie{x(f32 + R"("shape":[2.0],)" + place), eight, "counts"},
           Lie{x(f32 + R"("shape":[3],)" + place), eight, "fill"},
           Lie{x(f32 + R"("shape":[4611686018427387905,2,2],)" + place), eight, "fill"},
           Lie{x(f32 + R"("shape":[4611686018427387906],)" + place), eight, "fill"},
           Lie{x(f32 + R"("shape":[9223372036854775808,0],"data_offsets":[0,0])"), "", "fill"},
           Lie{x(f32 + R"("shape":[1,1,1,1,1,1,1,1,1,1,2],)" + place), eight, "misshapen"},
           Lie{x(f32 + R"("shape":[],"data_offsets":[0,4])"), "xxxx", "misshapen"},
           Lie{x(shape + place), eight, "dtype"},
           Lie{x(R"("dtype":32,)" + shape + place), eight, "dtype"},
           Lie{x(R"("dtype":"F31",)" + shape + place), eight, "F31"},
           Lie{x(R"("dtype":"F4",)" + shape + place), eight, "does not fill"},
           Lie{x(R"("dtype":"I32",)" + shape + place), eight, "I32"},
           Lie{R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
               R"("x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
               eight, "twice"},
           Lie{x(f32 + f32 + shape + place), eight, "twice"},
           Lie{R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
               R"("y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
               std::string(12, 'x'), "begins"},
           Lie{R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
               R"("y":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
               eight, "begins"},
           Lie{R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
               R"("y":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})",
               sixteen, "begins"},
           Lie{R"({"__metadata__":5})", "", "__metadata__"},
           Lie{R"({"__metadata__":{"a":5}})", "", "__metadata__"},
       }) {
    INFO(header);
    const std::string message = refused(pair, file_of(header, data));
    CHECK_THAT(message, ContainsSubstring(reason));
    CHECK_THAT(message, ContainsSubstring("load: "));
  }
}

TEST_CASE("a length of the header beyond the file is refused before anything is allocated") {
  const Pair pair;
  for (const std::uint64_t length :
       {std::uint64_t{100}, std::uint64_t{100'000'001}, std::uint64_t{1} << 40, ~std::uint64_t{0},
        ~std::uint64_t{0} - 7})
    CHECK_THAT(refused(pair, bytes_of<std::uint64_t>({length}) + "{}"),
               ContainsSubstring("truncated"));
}

TEST_CASE("nesting of any depth does not overflow the stack") {
  const Pair pair;
  for (const std::string open : {"[", R"({"x":)"}) {
    std::string deep;
    for (int i = 0; i < 200'000; ++i) deep += open;
    CHECK_THAT(refused(pair, file_of(deep, "")), ContainsSubstring("JSON"));
  }
  const std::string closed = std::string(200'000, '[') + std::string(200'000, ']');
  CHECK_THAT(refused(pair, file_of("{\"x\":" + closed + "}", "")), ContainsSubstring("shape"));
}

TEST_CASE("what a header repeats costs no more time than its length") {
  std::string many;
  for (int i = 0; i < 300'000; ++i) many += "{},";
  CHECK_THAT(refused(Pair(), file_of("{\"x\":[" + many + "{}]}", "")), ContainsSubstring("shape"));
}

TEST_CASE("a counter that makes no sense is refused, and nothing changes") {
  const Folder folder;
  nn::save(Small(1), folder / "model");
  const std::string bytes = read(folder / "model");
  const auto with = [&](const std::string& name, const std::string& text) {
    std::string header = header_of(bytes);
    const std::size_t begin = header.find("\"state." + name + "\":\"") + name.size() + 10;
    header.replace(begin, header.find('"', begin) - begin, text);
    return file_of(header, bytes.substr(8 + header_of(bytes).size()));
  };
  const Small module(2);
  CHECK_NOTHROW(nn::load(Small(2), folder / "model"));
  for (const char* text : {"", "x", "1.5", "3x", " 3", "99999999999999999999"})
    CHECK_THAT(refused(module, with("steps", text)), ContainsSubstring("'steps'"));
  CHECK_THAT(refused(module, with("epoch", "3000000000")), ContainsSubstring("'epoch'"));
  CHECK_THAT(refused(module, with("rate", "fast")), ContainsSubstring("'rate'"));
  for (const char* text : {"1", "1:", ":1", "1:2:3", "-1:2", "a:b"})
    CHECK_THAT(refused(module, with("drop.stream", text)), ContainsSubstring("'drop.stream'"));
}

TEST_CASE("a parameter that cannot be written refuses the load, and nothing changes") {
  const Folder folder;
  const std::vector<Tensor> saved{ones({2}), ones({3})}, wanted{zeros({2}), zeros({1}).expand({3})};
  nn::save(saved, folder / "file");
  CHECK_THROWS_AS(nn::load(wanted, folder / "file"), StateError);
  CHECK(exact_difference(wanted[0], zeros({2})) == "");
}

TEST_CASE("a file that is not there, or is no file, is a FileError") {
  const Folder folder;
  const Pair pair;
  CHECK_THROWS_AS(nn::load(pair, folder / "nothing"), FileError);
  CHECK_THROWS_WITH(nn::load(pair, folder / "nothing"),
                    ContainsSubstring("nothing") && ContainsSubstring("No such file"));
  CHECK_THROWS_AS(nn::load(pair, folder.path), FileError);
  CHECK_THROWS_AS(nn::load(pair, ""), FileError);
  CHECK_THROWS_AS(nn::read_metadata(folder / "nothing"), FileError);
}

// ---- saving ----

TEST_CASE("saving replaces a file whole, keeps its permissions and leaves nothing beside it") {
  const Folder folder;
  write(folder / "model", "old and much longer than what comes" + std::string(10'000, '.'));
  ::chmod((folder / "model").c_str(), 0640);
  nn::save(Pair(), folder / "model");
  CHECK(folder.names() == std::set<std::string>{"model"});
  struct stat status {};
  REQUIRE(::stat((folder / "model").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
  CHECK_NOTHROW(nn::load(Pair(), folder / "model"));

  const ::mode_t mask = ::umask(027);
  nn::save(Pair(), folder / "new");
  ::umask(mask);
  REQUIRE(::stat((folder / "new").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
}

TEST_CASE("a reader that has the old file open still reads the old file") {
  const Folder folder;
  write(folder / "model", "old");
  std::ifstream open(folder / "model");
  nn::save(Pair(), folder / "model");
  std::string text;
  open >> text;
  CHECK(text == "old");
}

TEST_CASE("saving over a link writes the file that the link names") {
  const Folder folder;
  fs::create_directory(folder / "elsewhere");
  write(folder / "elsewhere/model", "old");
  fs::create_symlink("elsewhere/model", folder / "link");
  nn::save(Pair(), folder / "link");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK_NOTHROW(nn::load(Pair(), folder / "elsewhere/model"));
  CHECK(folder.names() == std::set<std::string>{"elsewhere", "link"});
}

TEST_CASE("what cannot be saved is a FileError, and everything stays as it was") {
  const Folder folder;
  fs::create_directory(folder / "directory");
  fs::create_symlink("nowhere/at/all", folder / "dangling");
  fs::create_symlink("loop", folder / "loop");
  write(folder / "file", "a file");
  const auto before = folder.names();
  for (const std::string name : {"directory", "dangling", "loop", "nowhere/model", "file/model"}) {
    INFO(name);
    CHECK_THROWS_AS(nn::save(Pair(), folder / name), FileError);
    CHECK_THAT(message_of<FileError>([&] { nn::save(Pair(), folder / name); }),
               ContainsSubstring(name));
    CHECK(folder.names() == before);
  }
  CHECK(read(folder / "file") == "a file");
  CHECK_THROWS_AS(nn::save(Pair(), ""), FileError);
  CHECK_THROWS_AS(nn::save(Pair(), folder / std::string(300, 'x')), FileError);
  if (::geteuid() != 0) {  // root may write everywhere
    fs::permissions(folder / "directory", fs::perms::owner_read | fs::perms::owner_exec);
    CHECK_THROWS_AS(nn::save(Pair(), folder / "directory/model"), FileError);
    fs::permissions(folder / "directory", fs::perms::owner_all);
  }
}

TEST_CASE("what could not be read back is not written: names, keys and values that are no UTF-8") {
  const Folder folder;
  const std::string bad = "caf\xe9", cut = "\xf0\x9f\x98", surrogate = "\xed\xa0\x80";
  for (const std::string& text : {bad, cut, surrogate}) {
    nn::State named;
    named.tensors.emplace_back(text, zeros({1}));
    nn::State counted;
    Index count = 0;
    counted.counters.push_back(nn::counter_of(text, count));
    for (const auto& write_it :
         std::vector<std::function<void()>>{[&] { nn::save_state(named, folder / "file", {}); },
                                            [&] { nn::save_state(counted, folder / "file", {}); },
                                            [&] {
                                              nn::save(Pair(), folder / "file", {{text, "value"}});
                                            },
                                            [&] {
                                              nn::save(Pair(), folder / "file", {{"key", text}});
                                            }})
      CHECK_THAT(message_of<FileError>(write_it), ContainsSubstring("must be UTF-8"));
  }
  CHECK_THAT(message_of<FileError>([&] {
               nn::save(Pair(), folder / "file", {{"state.steps", "1"}});
             }),
             ContainsSubstring("state.steps"));
  CHECK(folder.names().empty());
}

TEST_CASE("counts that the file lacks are missing, random streams are not") {
  const Folder folder;
  nn::save(Small(1), folder / "model");
  const std::string bytes = read(folder / "model"), header = header_of(bytes);
  const auto without = [&](const std::string& name) {
    std::string changed = header;
    const std::size_t at = changed.find("\"state." + name + "\"");
    REQUIRE(at != std::string::npos);
    changed[at + 1] = 'S';
    return file_of(changed, bytes.substr(8 + header.size()));
  };
  for (const std::string name : {"steps", "epoch", "rate"}) {
    CHECK_THAT(refused(Small(2), without(name)), ContainsSubstring("missing state." + name));
    write(folder / "file", without(name));
    CHECK(nn::load(Small(2), folder / "file", {.strict = false}).missing ==
          std::vector<std::string>{"state." + name});
  }
  write(folder / "file", without("drop.stream"));
  CHECK(nn::load(Small(2), folder / "file").missing.empty());

  const std::vector<Var> weights = {Var(ones({2}), true)};
  const optim::Adam adam(weights);
  nn::State bare = nn::state_of(adam);
  bare.counters.clear();
  nn::save_state(bare, folder / "adam", {});
  CHECK_THAT(message_of<FileError>([&] { nn::load(adam, folder / "adam"); }),
             ContainsSubstring("missing state.steps.0, state.rate"));
}

TEST_CASE("counts that the module does not name are unexpected, random streams are not") {
  const Folder folder;
  Rng stream(3);
  Index steps = 5;
  nn::State state = nn::state_of(Pair());
  state.counters = {nn::counter_of("stream", stream), nn::counter_of("steps", steps)};
  nn::save_state(state, folder / "file", {});
  CHECK_THAT(refused(Pair(), read(folder / "file")),
             ContainsSubstring("unexpected state.steps") && !ContainsSubstring("state.stream"));
  CHECK(nn::load(Pair(), folder / "file", {.strict = false}).unexpected ==
        std::vector<std::string>{"state.steps"});
  state.counters.pop_back();
  nn::save_state(state, folder / "file", {});
  CHECK(nn::load(Pair(), folder / "file").unexpected.empty());
}

TEST_CASE("tensors of any type may stand beside those that are asked for") {
  const Folder folder;
  const std::vector<std::pair<std::string, std::string>> types = {
      {"C64", "[1]"},     {"F8_E8M0", "[8]"}, {"F4", "[16]"},         {"F4", "[2,8]"},
      {"F8_E4M3", "[8]"}, {"BOOL", "[2,4]"},  {"F6_E2M3", "[4]"},     {"F6_E3M2", "[8]"},
      {"U64", "[1]"},     {"BF16", "[4]"},    {"F8_E5M2FNUZ", "[8]"}, {"I99_NEW", "[3,5]"}};
  for (const auto& [type, shape] : types) {
    INFO(type);
    const int size = type == "F6_E2M3" ? 3 : type == "F6_E3M2" ? 6 : 8;
    const std::string other =
        fmt::format(R"({{"x":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}},)"
                    R"("y":{{"dtype":"{}","shape":{},"data_offsets":[8,{}]}}}})",
                    type, shape, 8 + size);
    const std::string data =
        bytes_of<float>({1, 2}) + std::string(static_cast<std::size_t>(size), 'x');
    write(folder / "file", file_of(other, data));
    CHECK(nn::load(Pair(), folder / "file", {.strict = false}).unexpected ==
          std::vector<std::string>{"y"});
    CHECK_THAT(refused(Pair(), file_of(other, data)), ContainsSubstring("unexpected y"));
  }
  CHECK_THAT(
      refused(Pair(), file_of(R"({"x":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}})", "x"),
              false),
      ContainsSubstring("unreadable type x (F4); parameters are read from F16"));
}

TEST_CASE("a copy whose ties are lost is told how to load the tied file") {
  const Folder folder;
  const Tied saved(Rng(1));
  nn::save(saved, folder / "tied");
  Tied copy = saved;
  copy.b.weight = nn::Parameter(zeros({3, 3}));
  CHECK_THAT(message_of<FileError>([&] { nn::load(copy, folder / "tied"); }),
             ContainsSubstring("missing b.weight") && ContainsSubstring("b.weight with a.weight") &&
                 ContainsSubstring("tie()"));
  CHECK_THAT(message_of<FileError>([&] { nn::load(Small(1), folder / "tied"); }),
             !ContainsSubstring("tie()"));
}

TEST_CASE("a file of an optimiser that lacks a tensor says nothing of ties") {
  const Folder folder;
  const Var a(zeros({3}), true), b(zeros({3}), true);
  nn::save(optim::Sgd({a}), folder / "one");
  CHECK_THAT(message_of<FileError>([&] {
               nn::load(optim::Sgd({a, b}), folder / "one");
             }),
             ContainsSubstring("missing velocity.1") && !ContainsSubstring("tie"));
}

TEST_CASE("pipes and devices are written directly, and a link to nothing yet makes the file") {
  const Folder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  nn::save(Pair(), folder / "file");
  std::string received;
  std::thread reader([&] { received = read(folder / "pipe"); });
  nn::save(Pair(), folder / "pipe");
  reader.join();
  CHECK(received == read(folder / "file"));
  CHECK(fs::is_fifo(folder / "pipe"));
  CHECK_NOTHROW(nn::save(Pair(), "/dev/null"));
  CHECK_THAT(message_of<FileError>([&] { nn::save(Pair(), "/dev/full"); }),
             ContainsSubstring("save: cannot write /dev/full"));
  fs::create_symlink("new", folder / "link");
  nn::save(Pair(), folder / "link");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read(folder / "new") == read(folder / "file"));
  CHECK_NOTHROW(nn::save(Pair(), folder / std::string(250, 'x')));
}

TEST_CASE("a tensor cannot have the name of the metadata") {
  if constexpr (is_certified) return;  // a tensor is two in the file: certified_files_test.cpp
  const Folder folder;
  nn::State state;
  state.tensors.emplace_back("__metadata__", zeros({1}));
  CHECK_THAT(message_of<FileError>([&] { nn::save_state(state, folder / "file", {}); }),
             ContainsSubstring("no tensor may be called '__metadata__'") &&
                 !ContainsSubstring("two tensors"));
  CHECK(folder.names().empty());
}

TEST_CASE("two tensors of one name cannot be saved") {
  if constexpr (is_certified) return;  // a tensor is two in the file: certified_files_test.cpp
  const Folder folder;
  CHECK_THROWS_WITH(nn::save(Twice(), folder / "file"), ContainsSubstring("'x'"));
  CHECK(folder.names().empty());
}

// ---- PyTorch's names ----

namespace {

struct Attention {
  Attention(Index dim, nn::CrossAttentionOptions options) {
    Rng rng(5);
    attention.emplace(dim, 2, rng, options);
  }
  void each(auto&& f) { f("attention", attention); }
  std::optional<nn::CrossAttention> attention;
};

std::string f32_file(const std::string& header, Index count) {
  std::string data;
  for (Index i = 0; i < count; ++i) data += bytes_of<float>({static_cast<float>(i)});
  return file_of(header, data);
}

}  // namespace

TEST_CASE("PyTorch's packed projections are taken apart, query first") {
  const Folder folder;
  Attention model(2, {});
  write(folder / "packed",
        f32_file(
            R"({"attention.in_proj_weight":{"dtype":"F32","shape":[6,2],"data_offsets":[0,48]},)"
            R"("attention.in_proj_bias":{"dtype":"F32","shape":[6],"data_offsets":[48,72]},)"
            R"("attention.out_proj.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[72,88]},)"
            R"("attention.out_proj.bias":{"dtype":"F32","shape":[2],"data_offsets":[88,96]}})",
            24));
  CHECK_THROWS_WITH(nn::load(model, folder / "packed"), ContainsSubstring("in_proj_weight"));
  const nn::LoadReport report = nn::load_torch(model, folder / "packed");
  CHECK((report.missing.empty() && report.unexpected.empty()));
  const nn::CrossAttention& layer = *model.attention;
  CHECK(exact_difference(layer.q_proj.weight.value(), tensor({{0, 1}, {2, 3}})) == "");
  CHECK(exact_difference(layer.k_proj.weight.value(), tensor({{4, 5}, {6, 7}})) == "");
  CHECK(exact_difference(layer.v_proj.weight.value(), tensor({{8, 9}, {10, 11}})) == "");
  CHECK(exact_difference(layer.q_proj.bias.value(), tensor({12, 13})) == "");
  CHECK(exact_difference(layer.k_proj.bias.value(), tensor({14, 15})) == "");
  CHECK(exact_difference(layer.v_proj.bias.value(), tensor({16, 17})) == "");
  CHECK(exact_difference(layer.out_proj.weight.value(), tensor({{18, 19}, {20, 21}})) == "");
  // Files with our own names load too.
  nn::save(model, folder / "own");
  CHECK_NOTHROW(nn::load_torch(model, folder / "own"));
}

TEST_CASE("PyTorch's projections of other widths are renamed") {
  const Folder folder;
  Attention model(2, {.bias = false, .key_dim = 1, .value_dim = 3});
  write(folder / "wide",
        f32_file(
            R"({"attention.q_proj_weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
            R"("attention.k_proj_weight":{"dtype":"F32","shape":[2,1],"data_offsets":[16,24]},)"
            R"("attention.v_proj_weight":{"dtype":"F32","shape":[2,3],"data_offsets":[24,48]},)"
            R"("attention.out_proj.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[48,64]}})",
            16));
  nn::load_torch(model, folder / "wide");
  CHECK(exact_difference(model.attention->k_proj.weight.value(), tensor({{4}, {5}})) == "");
  CHECK(exact_difference(model.attention->v_proj.weight.value(),
                         tensor({{6, 7, 8}, {9, 10, 11}})) == "");
}

TEST_CASE("packed projections that are not three, or are there twice, are refused") {
  const Folder folder;
  const Attention model(2, {});
  const auto message = [&](const std::string& header, Index count) {
    write(folder / "bad", f32_file(header, count));
    return message_of<FileError>([&] { nn::load_torch(model, folder / "bad"); });
  };
  CHECK_THAT(message(R"({"in_proj_bias":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", 4),
             ContainsSubstring("'in_proj_bias' of shape [4] does not hold three projections"));
  CHECK_THAT(message(R"({"in_proj_bias":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", 1),
             ContainsSubstring("three projections"));
  CHECK_THAT(message(R"({"in_proj_bias":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},)"
                     R"("q_proj.bias":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})",
                     4),
             ContainsSubstring("'q_proj.bias' is there twice"));
  CHECK_THAT(
      message(R"({"attention.in_proj_bias":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})", 3),
      ContainsSubstring("attention.q_proj.bias (expected [2], found [1])"));
}

}  // namespace serialize_test
