// # The examples as programs: options, exit codes, Ctrl-C
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "tests/catch.h"

using Catch::Matchers::ContainsSubstring;

namespace {

struct Result {
  int exit = -1;
  std::string out;  // standard output and errors
};

// Runs it to its end; sends Ctrl-C once `interrupt_at` stands in its output.
Result run(const std::string& program, std::vector<std::string> arguments,
           const std::string& interrupt_at = "") {
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
    ::kill(child, SIGINT);
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

TEST_CASE("Ctrl-C finishes the step, and the marks so far are shown") {
  for (const std::string program : {"memory", "picture_query"}) {
    const Result result = run_short(program, {"--steps", "1000000"}, "step 1/");
    INFO(result.out);
    CHECK(result.exit == 130);
    CHECK_THAT(result.out, ContainsSubstring("never seen"));
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
