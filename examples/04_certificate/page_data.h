// # The certificate as a page
#pragma once

#include <span>
#include <string>

#include "examples/04_certificate/enclose.h"
#include "examples/page/page.h"

namespace certificate {

// What the page shows, as JSON. Numbers that are not finite become null.
std::string data_of(std::span<const Result> results);

page::Page page_of(std::span<const Result> results);

}  // namespace certificate
