// # Files that were made to break load()
//
// Written by hand, or found by the fuzzer (tests/fuzz/). Each is named for its verdict: `fits` is
// loaded, `misfit` is sound but of another module, `broken` is refused.
#include "tests/catch.h"
#include "tests/fuzz/safetensors.h"

namespace fuzz_corpus_test {

using namespace glass::fuzz;

TEST_CASE("every file of the safetensors corpus gets the verdict that its name says") {
  int files = 0;
  for (const auto& path : files_in(GLASS_SOURCE_DIR "/tests/fuzz/corpus/safetensors")) {
    const std::string name = path.filename().string();
    INFO(name);
    Verdict verdict{};
    REQUIRE_NOTHROW(verdict = try_safetensors(read(path)));
    CHECK((verdict == Verdict::fits) == name.starts_with("fits_"));
    CHECK((verdict == Verdict::misfit) == name.starts_with("misfit_"));
    CHECK((verdict == Verdict::broken) == name.starts_with("broken_"));
    ++files;
  }
  CHECK(files > 100);
}

}  // namespace fuzz_corpus_test
