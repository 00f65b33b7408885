// # Tests of the writer of files
//
// The tests of save() say what happens to a file that is replaced. Here are the parts that programs
// use besides: to append, to ask whether a file can be written, and to remove what killed programs
// left.
#include "nn/file.h"

#include <fmt/format.h>
#include <unistd.h>

#include "tensor/error.h"
#include "tests/catch.h"
#include "tests/folder.h"

namespace file_test {

using namespace glass;
using Catch::Matchers::ContainsSubstring;
using files::Folder, files::read;
using Names = std::set<std::string>;

TEST_CASE("an appended file keeps what it holds, and one that is not there is made") {
  const Folder folder;
  for (const std::string line : {"one\n", "two\n"}) {
    nn::OutputFile file(folder / "log", "", nn::OutputFile::Mode::append);
    file.write(line);
    file.commit();
  }
  CHECK(read(folder / "log") == "one\ntwo\n");
  CHECK(folder.names() == Names{"log"});
}

TEST_CASE("whether a file can be written is asked without making or changing one") {
  const Folder folder;
  const std::string old = folder.write("old", "text");
  nn::expect_writable(old);
  nn::expect_writable(folder / "new");
  CHECK(read(old) == "text");
  CHECK(folder.names() == Names{"old"});

  CHECK_THROWS_AS(nn::expect_writable(folder / "nowhere" / "file"), FileError);
  CHECK_THROWS_WITH(nn::expect_writable("/proc/nowhere", "save: "),
                    ContainsSubstring("save: cannot write /proc/nowhere"));
  CHECK_THROWS_AS(nn::expect_writable(folder.path), FileError);
}

TEST_CASE("what a killed program left of a save is removed, and nothing else") {
  const Folder folder;
  const std::string ended = "model.partial-2147483647-Ab12Cd";  // no such process
  const std::string running = fmt::format("model.partial-{}-Ab12Cd", ::getpid());
  const Names others{"model",
                     running,
                     "model.backup",
                     "another.partial-Ab12Cd",
                     "model.partial-backup",
                     "model.partial-of-mine"};
  for (const std::string& name : others) folder.write(name, "");
  folder.write(ended, "");
  nn::remove_partial_files(folder / "model");
  CHECK(folder.names() == others);
}

}  // namespace file_test
