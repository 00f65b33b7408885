// # The disk is full, the process is killed
//
// save() promises that after a fault the file is the old one or the new one. These tests check the
// promise. (tests/faults/allocation.cpp refuses allocations.)
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "nn/file.h"
#include "tests/fuzz/safetensors.h"
#include "tests/op_table.h"

namespace fault_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;
using fuzz::bits, fuzz::Folder;

namespace {

// While this object exists, no file of this process grows beyond `bytes`. A larger write is cut
// short and the next write fails, as on a full disk.
class FullAfter {
 public:
  explicit FullAfter(std::size_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const struct rlimit full { static_cast<rlim_t>(bytes), old_.rlim_max };
    ::setrlimit(RLIMIT_FSIZE, &full);
  }
  ~FullAfter() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, handler_);
  }
  FullAfter(const FullAfter&) = delete;
  FullAfter& operator=(const FullAfter&) = delete;

 private:
  struct rlimit old_ {};
  void (*handler_)(int);
};

// Enough numbers that a save takes a while, in tensors that are written one by one.
std::vector<Tensor> model_of(std::uint64_t seed) {
  Rng rng(seed);
  std::vector<Tensor> tensors;
  for (int i = 0; i < 8; ++i) tensors.push_back(uniform({300}, 0, 1, rng));
  return tensors;
}

// Saves one model over the other, again and again, until it is killed.
[[noreturn]] void save_forever(const std::vector<Tensor>& one, const std::vector<Tensor>& other,
                               const std::filesystem::path& path, int started) {
  try {
    for (char begun = 'x';; begun = 0) {
      nn::save(other, path);
      if (begun && ::write(started, &begun, 1) != 1) break;
      nn::save(one, path);
    }
  } catch (...) {
    // The exit status tells the parent that save() failed before the kill.
  }
  ::_exit(1);
}

int kills() {
  int count = 60;
  if (const char* wish = std::getenv("GLASS_KILLS"))
    std::from_chars(wish, wish + std::strlen(wish), count);
  return count;
}

}  // namespace

TEST_CASE("a disk that is full at any byte leaves the old file, nothing beside it, and a reason") {
  const Folder folder;
  const fuzz::Small old_model(1), new_model(2);
  nn::save(new_model, folder / "new");
  const std::string new_bytes = fuzz::read(folder / "new");
  std::filesystem::create_directory(folder / "saved");
  const auto path = folder / "saved/model";
  nn::save(old_model, path);
  const std::string old_bytes = fuzz::read(path);

  for (std::size_t room = 0; room < new_bytes.size(); ++room) {
    const std::string message = message_of<FileError>([&] {
      const FullAfter full(room);
      nn::save(new_model, path);
    });
    INFO(room);
    REQUIRE_THAT(message, ContainsSubstring("cannot write") &&
                              ContainsSubstring(std::strerror(EFBIG)) &&
                              ContainsSubstring(path.string()));
    REQUIRE(fuzz::read(path) == old_bytes);
    REQUIRE(fuzz::files_in(folder / "saved").size() == 1);
  }

  {
    const FullAfter just_enough(new_bytes.size());
    nn::save(new_model, path);
  }
  CHECK(fuzz::read(path) == new_bytes);
}

TEST_CASE("a process killed while it saves leaves the old file or the new one, whole") {
  const Folder folder;
  const auto path = folder / "model";
  const std::vector<Tensor> one = model_of(1), other = model_of(2), loaded = model_of(3);
  const std::string one_bits = bits(one), other_bits = bits(other);
  nn::save(one, path);
  int ones = 0, others = 0;
  Rng rng(4);
  const int count = kills();
  for (int i = 0; i < count; ++i) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) save_forever(one, other, path, ends[1]);
    ::close(ends[1]);
    char begun = 0;
    const bool started = ::read(ends[0], &begun, 1) == 1;
    ::close(ends[0]);
    ::usleep(static_cast<::useconds_t>(rng.below(5000)));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(started);
    REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));

    REQUIRE_NOTHROW(nn::load(loaded, path));
    const std::string found = bits(loaded);
    ++(found == one_bits ? ones : others);
    REQUIRE((found == one_bits || found == other_bits));
  }

  // The unfinished file of the killed process is beside the file, and disturbs nothing.
  const auto left = fuzz::files_in(folder / "");
  for (const auto& file : left) CHECK(file.filename().string().starts_with("model"));
  CHECK_NOTHROW(nn::save(other, path));
  nn::load(loaded, path);
  CHECK(bits(loaded) == other_bits);
  CHECK(fuzz::files_in(folder / "").size() == left.size());
  if (std::getenv("GLASS_KILLS"))
    fmt::print("{} kills: {} times the one, {} times the other, {} begun files left behind\n",
               count, ones, others, left.size() - 1);
}

// ---- files that are written in place ----

namespace {

// Root may write everywhere: while this object exists, the process runs as the user nobody.
class Nobody {
 public:
  Nobody() { is_root_ = ::geteuid() == 0 && ::seteuid(65534) == 0; }
  ~Nobody() {
    if (is_root_ && ::seteuid(0) != 0) std::abort();
  }
  Nobody(const Nobody&) = delete;
  Nobody& operator=(const Nobody&) = delete;

 private:
  bool is_root_ = false;
};

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::filesystem::path& path, std::string_view text) {
  nn::OutputFile file(path);
  file.write(text);
  file.commit();
}

// A file that everybody may write, in a folder of this mode.
std::filesystem::path shared_file(const Folder& folder, ::mode_t mode) {
  const std::filesystem::path path = folder / "shared";
  std::ofstream(path) << "what was there before";
  ::chmod(path.c_str(), 0666);
  ::chmod(path.parent_path().c_str(), mode);
  return path;
}

}  // namespace

TEST_CASE("a file in a folder that takes no new ones is written, or keeps what it holds") {
  // 01777: anybody may make a file there, but replace only their own.
  for (const ::mode_t mode : {::mode_t{0555}, ::mode_t{01777}}) {
    INFO(mode);
    const Folder folder;
    const std::filesystem::path path = shared_file(folder, mode);
    {
      const Nobody nobody;
      CHECK_NOTHROW(nn::expect_writable(path));
      write(path, "short");
      CHECK(content(path) == "short");
      write(path, "longer than before");
      CHECK(content(path) == "longer than before");
      const FullAfter full(64);
      CHECK_THROWS_AS(write(path, std::string(1000, 'x')), FileError);
      CHECK(content(path) == "longer than before");
    }
    ::chmod(path.parent_path().c_str(), 0755);
    CHECK(std::distance(std::filesystem::directory_iterator(path.parent_path()), {}) == 1);
  }
}

TEST_CASE("a descriptor that is open is written as it stands, and stays open") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  for (const char* text : {"one", "two"}) {
    write(fmt::format("/dev/fd/{}", ends[1]), text);
    std::array<char, 4> read{};
    CHECK(::read(ends[0], read.data(), 3) == 3);
    CHECK(std::string(read.data()) == text);
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace fault_test
