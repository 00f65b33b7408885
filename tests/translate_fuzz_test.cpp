// # Texts that were made to break translate
//
// Written by hand, or found by the fuzzer (tests/fuzz/). Each is named for its verdict: `read` is
// taken as parallel text, `refused` is not.
#include "tests/catch.h"
#include "tests/fuzz/text.h"

namespace translate_fuzz_test {

using namespace translate::fuzz;
using glass::fuzz::files_in;

TEST_CASE("every file of the text corpus gets the verdict that its name says") {
  int files = 0;
  for (const auto& path : files_in(GLASS_SOURCE_DIR "/tests/fuzz/corpus/text")) {
    const std::string name = path.filename().string();
    INFO(name);
    Verdict verdict{};
    REQUIRE_NOTHROW(verdict = try_text(glass::fuzz::read(path)));
    CHECK((verdict == Verdict::read) == name.starts_with("read_"));
    CHECK((verdict == Verdict::refused) == name.starts_with("refused_"));
    ++files;
  }
  CHECK(files > 50);
}

}  // namespace translate_fuzz_test
