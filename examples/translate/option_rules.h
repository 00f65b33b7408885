// # Arguments that contradict each other
//
// No argument is silently ignored: an option that has no effect is an error. So is a file that
// would be written twice, or read and written.
#pragma once

#include <set>
#include <string>

#include "examples/translate/options.h"

namespace translate {

// CLI::ParseError, with the reason, if one of the options that were `given` changes nothing.
void expect_effects(const std::set<std::string>& given, const Options& options);

// FileError if two outputs, or an output and an input, are one file: by the same name, another
// spelling of it, or a link. Devices and pipes may be named twice.
void expect_distinct_files(const Options& options);

}  // namespace translate
