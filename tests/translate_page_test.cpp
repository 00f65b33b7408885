// # A page in one file
//
// Whatever stands in the data, it stays data; and a page is written whole or not at all.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "examples/page/page.h"
#include "tensor/error.h"
#include "tests/catch.h"

namespace translate_page_test {

using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string between(const std::string& text, const std::string& open, const std::string& close) {
  const std::size_t begin = text.find(open) + open.size();
  return text.substr(begin, text.find(close, begin) - begin);
}

std::string data_of(const std::string& json) {
  return between(page::html({.title = "t", .data = json}), "id=\"data\">", "</script>");
}

}  // namespace

TEST_CASE("a page holds its parts, its base style and the switch between light and dark") {
  const std::string html =
      page::html({"A title", "<p>body</p>", "p { color: red; }", "let x = 1 < 2;", "[1, 2]"});
  CHECK(html.starts_with("<!doctype html>"));
  for (const char* part : {"<title>A title</title>", "<p>body</p>", "p { color: red; }",
                           "let x = 1 < 2;", ">[1, 2]</script>", "light-dark(", "id=\"theme\""}) {
    INFO(part);
    CHECK(html.find(part) != std::string::npos);
  }
  CHECK(html.find("{{") == std::string::npos);
}

TEST_CASE("a page forbids itself every request") {
  const std::string html = page::html({.title = "t"});
  CHECK(html.find("default-src 'none'") != std::string::npos);
  CHECK(html.find("http://") == std::string::npos);
  CHECK(html.find("https://") == std::string::npos);
}

TEST_CASE("data cannot end its own element") {
  const std::string data = data_of(R"(["</script><script>alert(1)</script>", "<!--", "]]>"])");
  CHECK(data == R"(["\u003c/script>\u003cscript>alert(1)\u003c/script>", "\u003c!--", "]]>"])");
}

TEST_CASE("the line separators of Unicode are written as codes") {
  CHECK(data_of("\"a\u2028b\u2029c\"") == R"("a\u2028b\u2029c")");
  CHECK(data_of("\"…‧\"") == "\"…‧\"");  // neighbours of theirs are left alone
}

TEST_CASE("no data is null") { CHECK(data_of("") == "null"); }

TEST_CASE("a title is text, not markup") {
  CHECK(page::escape(R"(<a href="x">&'</a>)") ==
        "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;");
  const std::string html = page::html({.title = "</title><script>"});
  CHECK(between(html, "<title>", "</title>") == "&lt;/title&gt;&lt;script&gt;");
}

TEST_CASE("a part that looks like a placeholder stays what it is") {
  const std::string html = page::html({.title = "{{data}}", .body = "{{title}}", .data = "1"});
  CHECK(between(html, "<title>", "</title>") == "{{data}}");
  CHECK(html.find("{{title}}") != std::string::npos);
}

TEST_CASE("a style or a script that would end its own element is refused") {
  CHECK_THROWS_AS(page::html({.title = "t", .style = "</STYLE>"}), glass::StateError);
  CHECK_THROWS_AS(page::html({.title = "t", .script = "'</Script >'"}), glass::StateError);
}

TEST_CASE("a page replaces the one before it and leaves nothing beside it") {
  const fs::path folder = "page_test";
  fs::remove_all(folder);
  fs::create_directory(folder);
  page::write(folder / "a.html", {.title = "one"});
  page::write(folder / "a.html", {.title = "two"});
  CHECK(between(read(folder / "a.html"), "<title>", "</title>") == "two");
  CHECK(std::distance(fs::directory_iterator(folder), {}) == 1);
  fs::remove_all(folder);
}

TEST_CASE("a page that cannot be written is an error with the path and the reason") {
  const fs::path folder = "page_test";
  fs::remove_all(folder);
  fs::create_directories(folder / "a.html" / "full");
  CHECK_THROWS_WITH(
      page::write("no_such_folder/a.html", {.title = "t"}),
      ContainsSubstring("no_such_folder/a.html") && ContainsSubstring("No such file"));
  CHECK_THROWS_AS(page::write(folder / "a.html", {.title = "t"}), glass::FileError);
  CHECK_FALSE(fs::exists(folder / "a.html.partial"));
  fs::remove_all(folder);
}

}  // namespace translate_page_test
