// # A page in one file
//
// Puts a body, its style, its script and its data into one HTML page. The page opens from a disk or
// from a mail; it loads nothing from a network, and forbids the browser to do so. It comes with a
// typeface (Inter, under the licence beside it), colours for light and dark, focus rings, buttons
// and tables (page.css), and a switch between light and dark (page.js).
//
// The parts are files beside the program's sources, in HTML, CSS and JavaScript. CMake embeds them
// into the program (cmake/embed.cmake). The script reads its data with
// `JSON.parse(document.getElementById("data").text)`.
//
// This is deliberately no template language: what varies comes as data, and the page's script draws
// it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace page {

struct Page {
  std::string title = {};        // plain text: of the window, and beside the switch
  std::string_view body = {};    // HTML: the content of <main>
  std::string_view style = {};   // CSS, after the base style
  std::string_view script = {};  // JavaScript, a module: runs once the body is there
  std::string data = {};         // JSON of any content; empty is null
};

// `text` as HTML shows it: < > & and both quotes as entities.
std::string escape(std::string_view text);

// The whole page. StateError if style or script would end their own element.
std::string html(const Page& page);

// Writes the page beside `path` and then renames it, so that a reader finds the old page or the new
// one, but never half a page. FileError if it cannot be written.
void write(const std::filesystem::path& path, const Page& page);

}  // namespace page
