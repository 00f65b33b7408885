// # Several modules in one file
//
// save(path, {{"model", model}, {"adam", adam}}) and load() of such a list: all parts or none.
#include "nn/attention.h"
#include "nn/linear.h"
#include "nn/serialize.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "tests/files.h"
#include "tests/op_table.h"

namespace serialize_parts_test {

using namespace glass;
using namespace glass::oracle;
using namespace glass::files;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using Names = std::vector<std::string>;

namespace {

// A small network with dropout: its training draws random numbers of its own.
struct Net {
  explicit Net(std::uint64_t seed) : Net(Rng(seed)) {}
  explicit Net(Rng rng) : up(2, 4, rng), down(4, 1, rng), drop(0.25, rng) {}
  Var operator()(const Var& x) const { return down(drop(tanh(up(x)))); }
  void each(auto&& f) { f("up", up), f("down", down), f("drop", drop); }
  nn::Linear up, down;
  nn::Dropout drop;
};

// A network with one tensor more.
struct Deeper : Net {
  explicit Deeper(std::uint64_t seed) : Net(seed) {}
  void each(auto&& f) { Net::each(f), f("more", more); }
  Tensor more = zeros({1});
};

// All that a training has.
struct Session {
  explicit Session(std::uint64_t seed)
      : net(seed), adam(nn::parameters(net), {.rate = 0.05}), rng(seed + 1) {}
  void train(int count) {
    for (int i = 0; i < count; ++i, ++step) {
      adam.options.rate *= 0.95;
      const Tensor x = uniform({3, 2}, -1, 1, rng);
      adam.zero_grad();
      const Var wrong = net(x) - sum(x, 1, true);
      sum(wrong * wrong).backward();
      adam.step();
    }
  }
  void each(auto&& f) { f("net", net), f("adam", adam), f("step", step), f("rng", rng); }
  Net net;
  optim::Adam adam;
  Index step = 0;
  Rng rng;
};

void save_parts(const Session& s, const std::filesystem::path& path) {
  nn::save(path, {{"net", s.net}, {"adam", s.adam}, {"step", s.step}, {"rng", s.rng}});
}

nn::LoadReport load_parts(Session& s, const std::filesystem::path& path) {
  return nn::load(path, {{"net", s.net}, {"adam", s.adam}, {"step", s.step}, {"rng", s.rng}});
}

}  // namespace

// ---- what is saved is loaded ----

TEST_CASE("a training that is saved in one file goes on with the same bits as without the pause") {
  const Folder folder;
  Session undisturbed(1);
  undisturbed.train(4);
  save_parts(undisturbed, folder / "file");
  undisturbed.train(5);

  Session resumed(2);
  resumed.train(1);  // so that load must overwrite the state of a training, too
  load_parts(resumed, folder / "file");
  CHECK(resumed.step == 4);
  resumed.train(5);
  CHECK(bits(resumed) == bits(undisturbed));
}

TEST_CASE("a list of parts and a struct that names them make the same file") {
  const Folder folder;
  Session saved(1);
  saved.train(2);
  save_parts(saved, folder / "parts");
  nn::save(saved, folder / "struct");
  CHECK(read(folder / "parts") == read(folder / "struct"));

  Session from_parts(2), from_struct(3);
  nn::load(from_parts, folder / "parts");
  load_parts(from_struct, folder / "struct");
  CHECK(bits(from_parts) == bits(saved));
  CHECK(bits(from_struct) == bits(saved));
}

TEST_CASE("a part may be all that each() may name, and a single value has the part's name") {
  const Folder folder;
  Rng rng(1);
  const nn::Parameter parameter(tensor({1, 2}));
  const Var variable(tensor({3}), true);
  const Tensor buffer = tensor({4, 5});
  const std::vector<nn::Linear> list{nn::Linear(1, 1, rng, {.bias = false})};
  const std::optional<nn::Linear> none;
  Index step = 6;
  int epoch = 7;
  double best = 0.125;
  nn::save(folder / "file", {{"parameter", parameter},
                             {"variable", variable},
                             {"buffer", buffer},
                             {"list", list},
                             {"none", none},
                             {"step", step},
                             {"epoch", epoch},
                             {"best", best},
                             {"rng", rng}});
  Names names;
  for (const auto& [name, x] : nn::read_tensors(folder / "file")) names.push_back(name);
  CHECK(names == Names{"buffer", "list.0.weight", "parameter", "variable"});

  // Other values, then the file's.
  const Tensor next = uniform({2}, 0, 1, rng);
  Tensor(parameter.value()).fill(0), Tensor(variable.value()).fill(0), Tensor(buffer).fill(0);
  step = 0, epoch = 0, best = 0;
  const nn::LoadReport report = nn::load(folder / "file", {{"rng", rng},
                                                           {"best", best},
                                                           {"epoch", epoch},
                                                           {"step", step},
                                                           {"none", none},
                                                           {"list", list},
                                                           {"buffer", buffer},
                                                           {"variable", variable},
                                                           {"parameter", parameter}});
  CHECK((report.missing.empty() && report.unexpected.empty()));
  CHECK(exact_difference(parameter.value(), tensor({1, 2})) == "");
  CHECK(exact_difference(variable.value(), tensor({3})) == "");
  CHECK(exact_difference(buffer, tensor({4, 5})) == "");
  CHECK((step == 6 && epoch == 7 && best == 0.125));
  CHECK(exact_difference(uniform({2}, 0, 1, rng), next) == "");
}

TEST_CASE("temporaries, const modules and numbers can be saved, metadata too") {
  const Folder folder;
  const Net net(1);
  nn::save(folder / "file", {{"net", Net(1)}, {"adam", optim::Adam(nn::parameters(net))}, {"n", 5}},
           {{"note", "kept"}, {"empty", ""}});
  CHECK(nn::read_metadata(folder / "file") == nn::Metadata{{"note", "kept"}, {"empty", ""}});

  const Net loaded(2);
  optim::Adam adam(nn::parameters(loaded), {.rate = 1});
  int n = 0;
  nn::load(folder / "file", {{"net", loaded}, {"adam", adam}, {"n", n}});
  CHECK(bits(loaded) == bits(net));
  CHECK(adam.options.rate == optim::AdamOptions().rate);
  CHECK(n == 5);
}

TEST_CASE("a weight that two parts share is saved once") {
  const Folder folder;
  Rng rng(1);
  nn::Linear first(2, 2, rng), second(2, 2, rng);
  second.weight = Var(first.weight);
  nn::save(folder / "file", {{"first", first}, {"second", second}});
  Names names;
  for (const auto& [name, x] : nn::read_tensors(folder / "file")) names.push_back(name);
  CHECK(names == Names{"first.bias", "first.weight", "second.bias"});

  Tensor(first.weight.value()).fill(0);
  nn::load(folder / "file", {{"first", first}, {"second", second}});
  CHECK(first.weight.node().get() == second.weight.node().get());
  CHECK_FALSE(allclose(first.weight.value(), zeros({2, 2})));
}

// ---- names ----

TEST_CASE("parts need names of their own, and none may lie within another one") {
  const Folder folder;
  Net net(1);
  const std::string before = bits(net);
  nn::save(folder / "file", {{"net", net}});
  for (const auto& [first, second, reason] :
       {std::tuple{"a", "a", "two parts are called 'a'"}, std::tuple{"a", "", "needs a name"},
        std::tuple{"", "a", "needs a name"}, std::tuple{"a", "a.b", "got 'a' and 'a.b'"},
        std::tuple{"a.b", "a", "got 'a.b' and 'a'"}}) {
    const auto save = [&, &first = first, &second = second] {
      nn::save(folder / "new", {{first, net}, {second, net}});
    };
    const auto load = [&, &first = first, &second = second] {
      nn::load(folder / "file", {{first, net}, {second, net}}, {.strict = false});
    };
    CHECK_THAT(message_of<StateError>(save),
               ContainsSubstring("save: ") && ContainsSubstring(reason));
    CHECK_THAT(message_of<StateError>(load),
               ContainsSubstring("load: ") && ContainsSubstring(reason));
  }
  CHECK(folder.names() == std::set<std::string>{"file"});
  CHECK(bits(net) == before);
  CHECK_NOTHROW(nn::save(folder / "new", {{"a", net}, {"ab", net}, {"b.a", net}}));
  if constexpr (!is_certified)  // which saves it as "__metadata__.lo" and "__metadata__.hi"
    CHECK_THAT(message_of<FileError>([&] {
                 nn::save(folder / "new", {{"__metadata__", ones({1})}});
               }),
               ContainsSubstring("__metadata__"));
  CHECK_THAT(message_of<FileError>([&] {
               nn::save(folder / "new", {{"caf\xe9", ones({1})}});
             }),
             ContainsSubstring("must be UTF-8"));
}

// ---- some parts of a file ----

TEST_CASE("one part of a file is read alone, completely or not at all") {
  const Folder folder;
  Session saved(1);
  saved.train(1);
  save_parts(saved, folder / "file");

  // Without strictness, and with the option for it.
  const Net loose(2), strict(3);
  const nn::LoadReport report = nn::load(folder / "file", {{"net", loose}}, {.strict = false});
  CHECK(report.missing.empty());
  CHECK(report.unexpected.size() == 4 + 4 + 4 + 1 + 2);  // Adam's means, squares, steps, rate
  CHECK(report.unexpected.back() == "state.step");
  const nn::LoadReport same =
      nn::load(folder / "file", {{"net", strict}}, {.ignore_other_parts = true});
  CHECK(same.unexpected == report.unexpected);
  CHECK(bits(loose) == bits(saved.net));
  CHECK(bits(strict) == bits(saved.net));

  // A part that the file does not have completely is an error. So is a part with more in the file.
  const auto message = [&](const auto& part) {
    const std::string before = bits(part);
    const std::string text = message_of<FileError>([&] {
      nn::load(folder / "file", {{"net", part}}, {.ignore_other_parts = true});
    });
    CHECK(bits(part) == before);
    return text;
  };
  CHECK_THAT(message(Deeper(1)), EndsWith("does not fit the parts; missing net.more"));
  CHECK_THAT(message(std::vector<Tensor>()),
             EndsWith("unexpected net.down.bias, net.down.weight, net.up.bias, net.up.weight"));
}

TEST_CASE("a part that is forgotten is an error that says how to leave it out on purpose") {
  const Folder folder;
  Session s(1);
  save_parts(s, folder / "file");
  const auto ends = [](const std::string& names) {
    return EndsWith("does not fit the parts; unexpected " + names +
                    "; the file has other parts, too: {.ignore_other_parts = true} reads these "
                    "alone");
  };
  CHECK_THAT(message_of<FileError>([&] {
               nn::load(folder / "file", {{"net", s.net}, {"adam", s.adam}, {"rng", s.rng}});
             }),
             ends("state.step"));
  CHECK_THAT(message_of<FileError>([&] {
               nn::load(folder / "file", {{"net", s.net}, {"adam", s.adam}, {"step", s.step}});
             }),
             ends("state.rng"));
  CHECK_THAT(message_of<FileError>([&] {
               nn::load(folder / "file", {{"adam", s.adam}, {"step", s.step}, {"rng", s.rng}});
             }),
             ends("net.down.bias, net.down.weight, net.up.bias, net.up.weight, "
                  "state.net.drop.stream"));
}

TEST_CASE("a stream that is a part of its own must be in the file, a layer's stream need not") {
  const Folder folder;
  const Net net(1);
  Rng rng(1);
  nn::save(folder / "file", {{"net.up", net.up}, {"net.down", net.down}});
  CHECK_NOTHROW(nn::load(folder / "file", {{"net", net}}));
  CHECK_THAT(message_of<FileError>([&] {
               nn::load(folder / "file", {{"net", net}, {"rng", rng}});
             }),
             EndsWith("missing state.rng"));
}

// ---- files that do not fit ----

TEST_CASE("if one part does not fit, no part changes") {
  if constexpr (is_certified) return;  // a tensor is two in the file: certified_files_test.cpp
  const Folder folder;
  Session saved(1);
  saved.train(1);
  save_parts(saved, folder / "file");
  const std::string bytes = read(folder / "file"), header = header_of(bytes);
  const auto damaged = [&](const std::string& from, const std::string& to) {
    std::string changed = header;
    REQUIRE(changed.find(from) != std::string::npos);
    changed.replace(changed.find(from), from.size(), to);
    write(folder / "damaged", file_of(changed, bytes.substr(8 + header.size())));
    Session s(2);
    s.train(1);
    const std::string before = bits(s);
    const std::string message = message_of<FileError>([&] { load_parts(s, folder / "damaged"); });
    CHECK(bits(s) == before);
    return message;
  };
  CHECK_THAT(damaged("adam.mean.3", "adam.mean.4"),
             EndsWith("does not fit the parts; missing adam.mean.3; unexpected adam.mean.4"));
  CHECK_THAT(damaged(R"("state.step":"1")", R"("state.step":"one")"),
             EndsWith("'step' should hold a number; got 'one'"));
  CHECK_THAT(damaged(R"("state.adam.steps.3":"1")", R"("state.adam.steps.3":"")"),
             ContainsSubstring("'adam.steps.3' should hold a number; got ''"));
  CHECK_THAT(damaged(R"("shape":[1])", R"("shape":[1,1])"),
             EndsWith("misshapen net.down.bias (expected [1], found [1, 1])"));
  CHECK_THAT(damaged(R"("shape":[4,2])", R"("shape":[2,4])"),
             EndsWith("misshapen net.up.weight (expected [4, 2], found [2, 4])"));
}

TEST_CASE("a file of bare weights and a file of parts are told apart, and the way out is named") {
  const Folder folder;
  Session s(1);
  nn::save(s.net, folder / "bare");
  save_parts(s, folder / "parts");
  CHECK_THAT(message_of<FileError>([&] { load_parts(s, folder / "bare"); }),
             ContainsSubstring("missing net.up.weight") && ContainsSubstring("adam.mean.0") &&
                 ContainsSubstring("state.adam.rate") &&
                 EndsWith("the file has the tensors of part 'net' under names without 'net.': "
                          "load(module, path) reads such a file"));
  CHECK_THAT(message_of<FileError>([&] { nn::load(s.net, folder / "parts"); }),
             ContainsSubstring("does not fit the module; missing up.weight") &&
                 EndsWith("the file has these tensors under names that begin with 'net.': "
                          "load(path, {{\"net\", module}}, {.ignore_other_parts = true}) reads "
                          "them"));
  // Both do as they say.
  CHECK_NOTHROW(nn::load(s.net, folder / "bare"));
  CHECK_NOTHROW(nn::load(folder / "parts", {{"net", s.net}}, {.ignore_other_parts = true}));
  // A part of another name, if no other part of the list has this name.
  CHECK_THAT(message_of<FileError>([&] {
               nn::load(folder / "parts", {{"model", s.net}, {"adam", s.adam}});
             }),
             EndsWith("the file has the tensors of part 'model' as part 'net'"));
  CHECK_THAT(message_of<FileError>([&] {
               nn::load(folder / "parts", {{"net", s.net}, {"average", Net(2)}});
             }),
             !ContainsSubstring("as part"));
}

TEST_CASE("a part whose ties are lost is told so") {
  const Folder folder;
  Rng rng(1);
  nn::Linear first(2, 2, rng), second(2, 2, rng);
  const nn::Linear untied = second;
  second.weight = Var(first.weight);
  nn::save(folder / "file", {{"first", first}, {"second", second}});
  CHECK_THAT(message_of<FileError>([&] {
               nn::load(folder / "file", {{"first", first}, {"second", untied}});
             }),
             ContainsSubstring("missing second.weight") &&
                 ContainsSubstring("second.weight with first.weight"));
}

}  // namespace serialize_parts_test
