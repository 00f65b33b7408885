// # The programs certificate and certificate_float: digits, verdicts, files, errors
#include <sys/wait.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "examples/04_certificate/page_data.h"
#include "examples/04_certificate/show.h"
#include "tests/catch.h"
#include "tests/folder.h"

namespace certificate_test {

using namespace certificate;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using glass::files::Folder, glass::files::read;

namespace fs = std::filesystem;

namespace {

// ---- running the programs ----

struct Outcome {
  int status = -1;
  std::string out, errors;
};

// Runs a shell command in the folder. In it, certificate and the others are found by their names.
Outcome shell(const Folder& folder, const std::string& command) {
  const std::string programs = std::string("PATH=\"") + GLASS_EXAMPLES_DIR + ":$PATH\"; ";
  const std::string all = "cd " + folder.path.string() + " && { " + programs + "export TMPDIR=.; " +
                          command + "; } >out 2>errors";
  const int status = std::system(all.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(folder.path / "out"),
          read(folder.path / "errors")};
}

void expect_one_line(const Outcome& outcome) {
  CHECK(outcome.status == 2);
  CHECK(std::count(outcome.errors.begin(), outcome.errors.end(), '\n') == 1);
  CHECK_THAT(outcome.errors, StartsWith("certificate: "));
}

const std::string tiny =
    "certificate --dim 4 --heads 2 --layers 1 --hidden 4 --vocabulary 8 --batch 1 --length 3 "
    "--directions 2 --entries 2 ";

// A model of translate, in the file `model`.
void make_model(const Folder& folder) {
  const Outcome made = shell(folder,
                             "translate --task copy --steps 1 --batch 2 --dim 4 --hidden 4 "
                             "--save model");
  REQUIRE(made.status == 0);
}

// Overwrites all numbers of a tensor in a safetensors file.
void poke(const fs::path& path, const std::string& tensor, float value) {
  std::string bytes = read(path);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  const auto header = nlohmann::json::parse(bytes.substr(8, length));
  const std::vector<std::uint64_t> ends = header.at(tensor).at("data_offsets");
  for (std::uint64_t at = 8 + length + ends[0]; at < 8 + length + ends[1]; at += sizeof value)
    std::memcpy(bytes.data() + at, &value, sizeof value);
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

// ---- digits ----

TEST_CASE("correct digits are the logarithm of the largest distance to the enclosure") {
  CHECK(digits_of(1.001, Interval(1), 1) == Approx(3));
  CHECK(digits_of(0.999, hull(Interval(1), Interval(1.009)), 1) == Approx(2));
  CHECK(digits_of(1.001, Interval(1), 100) == Approx(5));
  CHECK(digits_of(1, Interval(1), 1) == 20);
  // What is no number has no digit.
  CHECK(digits_of(std::numeric_limits<double>::quiet_NaN(), Interval(1), 1) == -20);
  CHECK(digits_of(std::numeric_limits<double>::infinity(), Interval(1), 1) == -20);
  CHECK(digits_of(3, Interval(1), 1) < 0);
  CHECK(bin_of(-0.1) == 0);
  CHECK(bin_of(0) == 1);
  CHECK(bin_of(0.6) == 2);
  CHECK(bin_of(8.9) == 18);
  CHECK(bin_of(9) == 19);
  CHECK(bin_of(20) == 19);
}

TEST_CASE("zeros and entries without a sign are counted apart") {
  using glass::Real;
  const Interval around = hull(Interval(-1e-30), Interval(1e-30));
  const Tensor enclosures({4}, std::vector<Real>{Interval(0), around, Interval(1), Interval(8)});
  const Tensor fused({4}, std::vector<Real>{0, 1e-9, 1.001, 8.008}),
      plain({4}, std::vector<Real>{0, -1e-8, 1, 8.8});
  const Comparison c = compare({{"w", enclosures, fused, plain}});
  REQUIRE(c.parameters.size() == 1);
  for (const Summary& s : {c.parameters[0], c.all}) {
    CHECK(s.entries == 4);
    CHECK(s.zeros == 1);
    CHECK(s.no_sign == 1);
    CHECK(s.unbounded == 0);
    CHECK(s.bound == Approx(1e-30));
    CHECK(s.fused.stray == Approx(1e-9));
    CHECK(s.plain.stray == Approx(1e-8));
    CHECK(s.fused.own.count == 2);
    CHECK(s.fused.own.worst == Approx(3));
    CHECK(s.plain.own.worst == Approx(1));
    CHECK(s.plain.own.median == Approx(1));  // the lower one of two
    CHECK(s.fused.largest.count == 3);
    CHECK(s.fused.largest.worst == Approx(3));
    CHECK(s.plain.own.histogram[bins - 1] == 1);
  }
  CHECK(c.worst.name == "w");
  CHECK(c.worst.entry >= 2);
  CHECK(c.middle.name.empty());  // it is looked for among the weights of attentions
}

TEST_CASE("the digits of an enclosure are those that both ends have") {
  CHECK(digits_text(hull(Interval(1.25), Interval(1.2599))) == "1.25…");
  CHECK(digits_text(hull(Interval(-0.00125), Interval(-0.001252))) == "-1.25…e-03");
  CHECK_THAT(digits_text(hull(Interval(-1), Interval(1))), StartsWith("["));
  CHECK_THAT(digits_text(hull(Interval(0.99), Interval(1.01))), StartsWith("["));
  CHECK(digits_text(Interval(0.5)) == "0.5");
  CHECK(counted(1, "entry") == "1 entry");
  CHECK(counted(1234, "entry") == "1,234 entries");
  CHECK(counted(0, "direction") == "0 directions");
}

TEST_CASE("one direction whose enclosures are disjoint refutes a gradient") {
  Result result;
  result.comparison.all.entries = 1234;
  CHECK_THAT(verdict_text(result), ContainsSubstring("enclosed, if the VJPs are right: all 1,234"));
  result.undecided = "relu: is [-1, 1] > 0?";
  CHECK_THAT(verdict_text(result), StartsWith("undecided: relu"));
  const Meeting meeting{Interval(1), Interval(2)};
  CHECK(meeting.are_disjoint());
  CHECK_FALSE(Meeting{Interval(1), hull(Interval(0), Interval(1))}.are_disjoint());
  result.directions = {.asked = 1, .disjoint = 1, .done = {meeting}};
  CHECK_THAT(verdict_text(result), StartsWith("refuted: 1 of 1 directions"));
  CHECK_THAT(data_of({&result, 1}), ContainsSubstring("\"enclosed\":false"));
}

// ---- the programs ----

TEST_CASE("a tiny model is enclosed before and after its training") {
  const Folder folder;
  const Outcome outcome = shell(folder, tiny + "--steps 3 --page page.html");
  CHECK(outcome.status == 0);
  CHECK(outcome.errors == "");
  for (const char* part :
       {"before training", "after 3 steps of training", "enclosed, if the VJPs are right: all ",
        "Correct decimal digits", "fused attention", "plain attention", "output.bias [8]",
        "2 random directions", "2 entries checked alone: the truth lies in the enclosure of",
        "before and after", "wrote page.html"})
    CHECK_THAT(outcome.out, ContainsSubstring(part));
  CHECK_THAT(outcome.out, !ContainsSubstring("nan") && !ContainsSubstring("inf"));

  // The page needs no network, and nothing else is left behind.
  const std::string page = read(folder.path / "page.html");
  CHECK_THAT(page, StartsWith("<!doctype html>") && ContainsSubstring("true digits"));
  CHECK_THAT(page,
             !ContainsSubstring("<link rel=\"stylesheet\"") && !ContainsSubstring("src=\"http"));
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 3);  // page, out, errors
}

TEST_CASE("the same seed gives the same certificate on one thread and on three") {
  const Folder folder;
  const std::string cut = "--steps 2 | grep -v computed";
  const Outcome one = shell(folder, tiny + "--threads 1 " + cut),
                three = shell(folder, tiny + "--threads 3 " + cut),
                other = shell(folder, tiny + "--seed 2 " + cut);
  CHECK(one.out.size() > 1000);
  CHECK(one.out == three.out);
  CHECK(one.out != other.out);
}

TEST_CASE("a model of translate is enclosed on its task and on sentences") {
  const Folder folder;
  make_model(folder);
  const std::string few = "certificate --model model --directions 1 --entries 1 ";
  const Outcome task = shell(folder, few + "--batch 1");
  CHECK(task.status == 0);
  CHECK_THAT(task.out, ContainsSubstring("a model of the task copy") &&
                           ContainsSubstring("as it was saved") &&
                           ContainsSubstring("enclosed, if the VJPs are right") &&
                           !ContainsSubstring("before and after"));
  const Outcome given = shell(folder, few + "--source abc --source=-ba --target abc --target d");
  CHECK(given.status == 0);
  CHECK_THAT(given.out, ContainsSubstring("abc → abc") && ContainsSubstring("-ba → d"));
}

TEST_CASE("a kink inside an enclosure leaves the gradient undecided") {
  const Folder folder;
  make_model(folder);
  // The numbers of a normalised position sum to 0. Weights of 1 compute this sum, which rounding
  // makes an interval around 0: the kink of the ReLU.
  for (const auto& [name, value] : {std::pair("feed_norm.weight", 1.F),
                                    {"feed_norm.bias", 0.F},
                                    {"feed_forward.up.weight", 1.F},
                                    {"feed_forward.up.bias", 0.F}})
    poke(folder.path / "model", std::string("encoder.0.") + name, value);
  const Outcome outcome = shell(folder, "certificate --model model --batch 1 --page page.html");
  CHECK(outcome.status == 1);
  CHECK_THAT(outcome.out, ContainsSubstring("undecided: "));
  CHECK_THAT(read(folder.path / "page.html"), ContainsSubstring("undecided: "));
}

TEST_CASE("what certificate cannot use is one line, and status 2") {
  const Folder folder;
  make_model(folder);
  const auto says = [&](const std::string& arguments, const std::string& text) {
    INFO(arguments);
    const Outcome outcome = shell(folder, arguments);
    expect_one_line(outcome);
    CHECK_THAT(outcome.errors, ContainsSubstring(text));
  };
  // The second program.
  says(tiny + "--float-program ./nowhere", "cannot run ./nowhere: No such file");
  says(tiny + "--float-program /bin/false", "false ended with status 1");
  says(tiny + "--float-program /bin/true", "wrote no gradient");

  // The command line.
  says("certificate --source a --target a", "need --model");
  says("certificate --model model --source a", "as many sentences; got 1 and 0");
  says("certificate --model model --steps 3", "--steps has no effect here");
  says("certificate --model model --source a --target ''", "must not be empty");
  says("certificate --dim 6 --heads 4", "--heads must divide --dim");
  says("certificate --page /nowhere/page.html", "cannot write /nowhere/page.html");
  says("certificate --model model --page model", "must name different files");

  // The checkpoint.
  says("certificate --model nowhere", "nowhere");
  says("certificate --model .", "folder");
  says("certificate --model model --length 3", "no pair of the task copy");
  shell(folder, "echo text >broken");
  says("certificate --model broken", "broken");
  shell(folder, "head -c 900 model >broken");
  says("certificate --model broken", "broken");
  poke(folder.path / "model", "decoder.0.self_norm.bias", std::numeric_limits<float>::quiet_NaN());
  says("certificate --model model", "decoder.0.self_norm.bias holds nan");
}

TEST_CASE("Ctrl-C ends certificate while it trains, and leaves no file") {
  const Folder folder;
  const Outcome outcome = shell(
      folder, tiny + "--steps 1000000 & sleep 1; kill -INT $!; wait $!; echo $? >status; ls -a");
  CHECK(read(folder.path / "status") == "130\n");
  CHECK_THAT(outcome.out, !ContainsSubstring("certificate."));
}

}  // namespace certificate_test
