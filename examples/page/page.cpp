// # How a page is put together
#include "examples/page/page.h"

#include <algorithm>
#include <map>

#include "nn/file.h"
#include "tensor/error.h"

namespace page {

namespace assets {
extern const std::string_view page_html, page_css, page_js, inter_woff2;
}

namespace {

using glass::check;
using glass::StateError;

// Replaces each {{name}} of `text` by the part of that name. The parts themselves are not searched.
std::string fill(std::string_view text, const std::map<std::string_view, std::string_view>& parts) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t open = text.find("{{", at);
    out += text.substr(at, open - at);
    if (open == std::string_view::npos) return out;
    const std::size_t close = text.find("}}", open);
    out += parts.at(text.substr(open + 2, close - open - 2));
    at = close + 2;
  }
}

// Whether the text contains `end`, in capital or small letters; `end` is in small letters.
bool holds(std::string_view text, std::string_view end) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  return std::search(text.begin(), text.end(), end.begin(), end.end(), same) != text.end();
}

// JSON that may be put inside <script>. It has no "<", so that neither </script> nor <!-- can
// occur: JSON has a "<" in strings only, where \u003c means the same. U+2028 and U+2029 are
// replaced, too: older versions of JavaScript took them for ends of lines.
std::string inside_script(std::string_view json) {
  const std::pair<std::string_view, std::string_view> codes[] = {
      {"<", "\\u003c"}, {"\u2028", "\\u2028"}, {"\u2029", "\\u2029"}};
  std::string out;
  for (std::size_t at = 0; at < json.size();) {
    const auto* code = std::find_if(std::begin(codes), std::end(codes), [&](const auto& c) {
      return json.substr(at).starts_with(c.first);
    });
    const bool found = code != std::end(codes);
    out += found ? code->second : json.substr(at, 1);
    at += found ? code->first.size() : 1;
  }
  return out;
}

// Base64 (RFC 4648): three bytes become four letters, of six bits each.
std::string base64(std::string_view bytes) {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t k) {
      return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u;
    };
    const unsigned three = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (int shift = 18; shift >= 0; shift -= 6) out += letters[three >> shift & 63];
  }
  // Letters that stand for missing bytes become =.
  for (std::size_t extra = (3 - bytes.size() % 3) % 3; extra > 0; --extra)
    out[out.size() - extra] = '=';
  return out;
}

}  // namespace

// ---- the page ----

std::string escape(std::string_view text) {
  std::string out;
  // Five characters have a meaning in HTML; all others stay.
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string html(const Page& page) {
  // A style or a script that ends its own element would spill into the page.
  check<StateError>(!holds(page.style, "</style"), "page: the style holds </style");
  check<StateError>(!holds(page.script, "</script"), "page: the script holds </script");
  return fill(assets::page_html, {{"title", escape(page.title)},
                                  {"font", base64(assets::inter_woff2)},
                                  {"base style", assets::page_css},
                                  {"style", page.style},
                                  {"body", page.body},
                                  {"data", inside_script(page.data.empty() ? "null" : page.data)},
                                  {"base script", assets::page_js},
                                  {"script", page.script}});
}

void write(const std::filesystem::path& path, const Page& page) {
  const std::string text = html(page);
  glass::nn::OutputFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace page
