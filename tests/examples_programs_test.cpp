// # The examples as programs: options, exit codes, Ctrl-C
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace examples_programs_test {

using Catch::Matchers::ContainsSubstring;

namespace {

struct Result {
  int exit = -1;
  std::string out;  // standard output and errors
};

// Runs it to its end; sends Ctrl-C, or another signal, once `interrupt_at` stands in its output.
Result run(const std::string& program, std::vector<std::string> arguments,
           const std::string& interrupt_at = "", int signal = SIGINT) {
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  const std::string path = std::string(GLASS_EXAMPLES_DIR) + "/" + program;
  std::vector<char*> argv = {const_cast<char*>(path.c_str())};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::dup2(pipe_ends[1], STDERR_FILENO);
    ::close(pipe_ends[0]);
    ::execv(path.c_str(), argv.data());
    ::_exit(127);
  }
  ::close(pipe_ends[1]);
  Result result;
  std::array<char, 4096> buffer;
  bool sent = interrupt_at.empty();
  for (ssize_t n; (n = ::read(pipe_ends[0], buffer.data(), buffer.size())) > 0;) {
    result.out.append(buffer.data(), static_cast<std::size_t>(n));
    if (sent || result.out.find(interrupt_at) == std::string::npos) continue;
    ::kill(child, signal);
    sent = true;
  }
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) result.exit = WEXITSTATUS(status);
  return result;
}

std::vector<std::string> few_marks(const std::string& program) {
  if (program == "memory") return {"--test", "32", "--sizes", "16"};
  return {"--test", "2"};
}

Result run_short(const std::string& program, std::vector<std::string> more,
                 const std::string& interrupt_at = "") {
  for (const std::string& argument : few_marks(program)) more.push_back(argument);
  return run(program, std::move(more), interrupt_at);
}

}  // namespace

TEST_CASE("every example helps, and refuses what it does not know") {
  for (const std::string program : {"memory", "picture_query"}) {
    INFO(program);
    const Result help = run(program, {"--help"});
    CHECK(help.exit == 0);
    for (const char* option : {"--steps", "--batch", "--rate", "--seed", "--threads", "--metrics"})
      CHECK_THAT(help.out, ContainsSubstring(option));
    for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
             {"--spets", "3"}, {"--steps", "many"}, {"--batch", "0"}, {"--steps", "-1"}}) {
      const Result result = run(program, wrong);
      CHECK(result.exit == 2);
      CHECK_THAT(result.out, ContainsSubstring(program + ": ") && ContainsSubstring("see --help"));
    }
    CHECK_THAT(run(program, {"--heads", "7"}).out, ContainsSubstring("multiple of num_heads"));
    const Result nowhere = run(program, {"--metrics", "/nowhere/at/all.json"});
    CHECK(nowhere.exit == 2);
    CHECK_THAT(nowhere.out, ContainsSubstring("cannot write /nowhere/at/all.json"));
  }
}

TEST_CASE("what makes no sense together is refused before the training") {
  const Result wide = run("memory", {"--key-dim", "65"});
  CHECK(wide.exit == 2);
  CHECK_THAT(wide.out, ContainsSubstring("key_dim 65 and dim 64"));
  const Result odd = run("picture_query", {"--grid", "5"});
  CHECK(odd.exit == 2);
  CHECK_THAT(odd.out, ContainsSubstring("must be even"));
  const Result dog = run("picture_query", {"--ask", "what colour is the dog"});
  CHECK(dog.exit == 2);
  CHECK_THAT(dog.out, ContainsSubstring("\"dog\" is not among the words"));
}

TEST_CASE("without steps an example marks what it has not learnt") {
  for (const std::string program : {"memory", "picture_query"}) {
    const Result result = run_short(program, {"--steps", "0"});
    CHECK(result.exit == 0);
    CHECK_THAT(result.out, ContainsSubstring("never seen"));
  }
}

// An untrained model may write <s> and <pad>, too. Seed 1 of these sizes does.
TEST_CASE("a model of subwords is shown before it has learnt anything, in words and in subwords") {
  const std::string text = std::string(GLASS_SOURCE_DIR) + "/tests/corpora/small.";
  const Result result =
      run("translate",
          {"--source", text + "zh", "--target", text + "en", "--subwords", "100000",  "--joint",
           "1",        "--tied",    "1",        "--dim",     "32",         "--heads", "4",
           "--layers", "1",         "--hidden", "64",        "--steps",    "8"});
  INFO(result.out);
  CHECK(result.exit == 0);
  for (const std::string part : {"subwords of both languages", "the text has fewer merges",
                                 "Where each word of", "Where each subword of"})
    CHECK_THAT(result.out, ContainsSubstring(part));
}

TEST_CASE("Ctrl-C finishes the step, and the marks so far are shown") {
  for (const std::string program : {"memory", "picture_query"}) {
    const Result result = run_short(program, {"--steps", "1000000"}, "step 1/");
    INFO(result.out);
    CHECK(result.exit == 130);
    CHECK_THAT(result.out, ContainsSubstring("never seen"));
  }
}

TEST_CASE("the exit status of a training that a signal ended is 128 and the signal's number") {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Result result =
        run("translate", {"--task", "copy", "--steps", "1000000", "--dim", "4", "--hidden", "4"},
            "step 1/", signal);
    INFO(result.out);
    CHECK(result.exit == 128 + signal);
  }
}

TEST_CASE("an example says the same on one thread and on three") {
  for (const std::string program : {"memory", "picture_query"}) {
    // Without the lines that tell the time.
    const auto lines = [&](const std::string& threads) {
      std::string kept, out = run_short(program, {"--steps", "5", "--threads", threads}).out;
      for (std::size_t begin = 0; begin < out.size();) {
        const std::size_t end = std::min(out.find('\n', begin), out.size());
        const std::string line = out.substr(begin, end - begin + 1);
        if (line.find("step") == std::string::npos) kept += line;
        begin = end + 1;
      }
      return kept;
    };
    CHECK(lines("1").size() > 100);
    CHECK(lines("1") == lines("3"));
  }
}

// ---- every program of the examples, whatever its name ----

namespace {

namespace fs = std::filesystem;

// The arguments that make a program short. A program that is not listed runs without arguments.
std::string short_run(const std::string& name) {
  const std::map<std::string, std::string> arguments = {
      {"03_curvature", "100000"},
      {"certificate",
       "--dim 4 --heads 1 --layers 1 --hidden 4 --vocabulary 8 --batch 1 --length 2 --steps 1 "
       "--directions 1 --entries 1"},
      {"certificate_float", "--dim 4 --heads 1 --layers 1 --hidden 4 --batch 1 --steps 1"},
      {"explain", "--text"},
      {"matmul_ladder", "--size 8 --seconds 0.001 --threads 1"},
      {"memory", "--steps 1 --batch 1 --test 32 --sizes 16"},
      {"picture_query", "--steps 1 --batch 1 --test 2"},
      {"translate", "--task copy --steps 1 --batch 2 --dim 4 --hidden 4"}};
  const auto found = arguments.find(name);
  return found == arguments.end() ? "" : found->second;
}

std::vector<std::string> programs() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(GLASS_EXAMPLES_DIR))
    if (entry.is_regular_file() && ::access(entry.path().c_str(), X_OK) == 0)
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  CHECK(names.size() >= 9);
  return names;
}

std::string content(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Outcome {
  int status = -1;
  std::string out, errors;
};

// `around` is a shell command in which % stands for the program and its arguments.
Outcome shell(const std::string& name, const std::string& arguments, const std::string& around) {
  std::string folder = (fs::temp_directory_path() / "glass_programs.XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::size_t place = around.find('%');
  const std::string command = around.substr(0, place) + "\"" + GLASS_EXAMPLES_DIR + "/" + name +
                              "\" " + arguments + around.substr(place + 1);
  const int status = std::system(("cd " + folder + " && { " + command + "; } 2>errors").c_str());
  Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(folder + "/out"),
                  content(folder + "/errors")};
  const std::string own_status = content(folder + "/status");
  if (!own_status.empty()) outcome.status = std::stoi(own_status);
  fs::remove_all(folder);
  return outcome;
}

void expect_one_line(const Outcome& outcome, const std::string& name) {
  CHECK(outcome.status == 2);
  CHECK(std::count(outcome.errors.begin(), outcome.errors.end(), '\n') == 1);
  CHECK_THAT(outcome.errors, Catch::Matchers::StartsWith(name + ": "));
}

// The options whose values, in the help, are told by one of these words.
std::vector<std::string> options_of(const std::string& name, const std::string& words) {
  if (name.starts_with("0")) return {};  // they have no options
  const std::string help = shell(name, "--help", "% >out").out;
  const std::regex option("(--[a-z-]+) (" + words + ")");
  std::vector<std::string> options;
  for (std::sregex_iterator i(help.begin(), help.end(), option), end; i != end; ++i)
    options.push_back((*i)[1]);
  return options;
}

}  // namespace

TEST_CASE("every program ends well where nobody reads, and says so where the disk is full") {
  for (const std::string& name : programs()) {
    INFO(name);
    const Outcome nobody = shell(name, short_run(name), "% >/dev/null");
    CHECK(nobody.status == 0);
    CHECK(nobody.errors == "");
    const Outcome full = shell(name, short_run(name), "% >/dev/full");
    expect_one_line(full, name);
    CHECK_THAT(full.errors, ContainsSubstring("cannot write the standard output: No space left"));
    expect_one_line(shell(name, short_run(name), "% >&-"), name);
    if (!name.starts_with("00")) expect_one_line(shell(name, "--help", "% >/dev/full"), name);
  }
}

TEST_CASE("every program ends quietly where its reader has gone") {
  for (const std::string& name : programs()) {
    INFO(name);
    for (const char* ignoring : {"", "trap '' PIPE; "}) {
      const Outcome outcome =
          shell(name, short_run(name),
                std::string("{ sleep 0.1; ") + ignoring + "%; echo $? >status; } | true");
      CHECK((outcome.status == 141 || (name == "00_scalar" && outcome.status == 2)));
      if (name != "00_scalar") CHECK(outcome.errors == "");
    }
  }
}

TEST_CASE("every program ends as it should where nobody can be told what went wrong") {
  for (const std::string& name : programs()) {
    if (name.starts_with("0")) continue;  // they have no options
    INFO(name);
    for (const char* nowhere : {"% 2>/dev/full", "% 2>&-"})
      CHECK(shell(name, "--bogus", nowhere).status == 2);
    expect_one_line(shell(name, "--" + std::string(100'000, 'y'), "% >out"), name);
    CHECK(shell(name, "--" + std::string(100'000, 'y'), "% >out").errors.size() < 800);
  }
  const Outcome closed = shell("explain", "--text --output /dev/null", "% >out 2>&-");
  CHECK(closed.status == 2);  // --text and --output contradict each other
  CHECK(shell("explain", "--output /dev/null", "% >out 2>&-").status == 0);
  CHECK(shell("explain", "--output /dev/null", "% >out 2</dev/null").status == 0);
}

TEST_CASE("a file that grows too large, or takes what is printed, too, is an error") {
  // This signal means that a file exceeds its limit of size. It is ignored, so the write fails.
  const Outcome limited =
      shell("translate", "--task copy --steps 100000000 --batch 2 --dim 4 --hidden 4 --save model",
            "% >log & while ! grep -q step log; do sleep 0.1; done; kill -XFSZ $!; sleep 0.2; "
            "kill -INT $!; wait $!; echo $? >status; test -s model && echo saved >out");
  CHECK(limited.status == 130);
  CHECK(limited.out == "saved\n");
  const Outcome mixed =
      shell("translate", short_run("translate") + " --save model", "% >model; echo $? >status");
  expect_one_line(mixed, "translate");
  CHECK_THAT(mixed.errors, ContainsSubstring("what the program prints goes there"));
}

TEST_CASE("a standard input that cannot be read is no empty one") {
  const std::string model = short_run("translate") + " --save model >/dev/null && ";
  for (const char* nothing : {"<&-", "</"}) {
    INFO(nothing);
    const Outcome outcome = shell(
        "translate",
        model + std::string("\"") + GLASS_EXAMPLES_DIR + "\"/translate --load model --interactive",
        std::string("% >out ") + nothing);
    expect_one_line(outcome, "translate");
    CHECK_THAT(outcome.errors, ContainsSubstring("cannot read the standard input"));
  }
}

TEST_CASE("a training that can tell nobody how it goes saves what it has learnt, and ends") {
  const std::string endless =
      "--task copy --steps 100000000 --batch 2 --dim 4 --hidden 4 --save model ";
  const std::string saved = "; test -s model && echo saved >out";
  const Outcome gone = shell("translate", endless, "{ %; echo $? >status; } | head -2" + saved);
  CHECK(gone.status == 141);
  CHECK(gone.errors == "");
  CHECK(gone.out == "saved\n");
  const Outcome full = shell("translate", endless + "--log /dev/full --log-every 1",
                             "% >/dev/null; echo $? >status" + saved);
  expect_one_line(full, "translate");
  CHECK(full.out == "saved\n");
}

TEST_CASE("a finished training says what has no effect on it any more") {
  const Outcome outcome = shell(
      "translate", "--task copy --steps 1 --batch 2 --dim 4 --hidden 4 --save model --resume",
      "for log in old old new; do % --checkpoint-every 1 --log $log >said; echo $? >>status; "
      "tail -n +2 said | head -1 >>out; done; ls new >>out 2>/dev/null; tr -d '\\n' <status >s; "
      "mv s status");
  CHECK(outcome.status == 2);  // 0, 0 and 2
  CHECK_THAT(outcome.out, ContainsSubstring("finished, nothing is left to train after 1 steps"));
  CHECK(outcome.out.find("\nnew") == std::string::npos);
  CHECK_THAT(outcome.errors,
             Catch::Matchers::StartsWith("translate: --log new has no effect here: the training in "
                                         "model is finished"));
  CHECK(std::count(outcome.errors.begin(), outcome.errors.end(), '\n') == 1);
}

TEST_CASE("every program refuses an argument that it has no use for") {
  for (const std::string& name : programs())
    for (const std::string argument : {"--no-such-option", "surplus surplus", "-Z", "'' ''"}) {
      INFO(name + " " + argument);
      expect_one_line(shell(name, argument, "% >out"), name);
    }
  for (const std::string name : {"01_first_gradient", "02_cross_attention"}) {
    INFO(name);
    const Outcome help = shell(name, "--help", "% >out");
    CHECK(help.status == 0);
    CHECK_THAT(help.out, ContainsSubstring("--help") && !ContainsSubstring("step"));
    CHECK_THAT(shell(name, "--steps", "% >out").errors,
               ContainsSubstring("not expected: --steps; see --help"));
  }
}

TEST_CASE("every output that cannot be written is one line, before the work") {
  int count = 0;
  for (const std::string& name : programs())
    for (const std::string& option : options_of(name, "FILE")) {
      for (const std::string path : {"/nowhere/at/all", "/proc/nowhere", "/", "''"}) {
        INFO(name + " " + option + " " + path);
        expect_one_line(shell(name, option + " " + path, "% >out"), name);
        ++count;
      }
    }
  CHECK(count > 20);
}

TEST_CASE("every number that is none is one line that names the option") {
  int count = 0;
  for (const std::string& name : programs())
    for (const std::string& option : options_of(name, R"(INT|UINT|FLOAT|N\b|S\b|BOOLEAN|0\|1)")) {
      INFO(name + " " + option);
      const Outcome outcome = shell(name, option + " nan", "% >out");
      expect_one_line(outcome, name);
      CHECK_THAT(outcome.errors, ContainsSubstring(option));
      ++count;
    }
  CHECK(count > 40);
}

}  // namespace examples_programs_test
