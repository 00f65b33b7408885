// libFuzzer's side of text.h.
#include "tests/fuzz/text.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  translate::fuzz::try_text({reinterpret_cast<const char*>(data), size});
  return 0;
}
