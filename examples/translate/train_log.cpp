// # Writing the log, and keeping the old lines of a resumed training
#include "examples/translate/train_log.h"

#include <algorithm>
#include <charconv>
#include <fstream>

#include "examples/common/files.h"

namespace translate {

using glass::check;
using glass::FileError;

namespace {

// The step that a line is about; nothing if the line is not a complete line of a log.
std::optional<Index> step_of(std::string_view line) {
  constexpr std::string_view begin = "{\"step\": ";
  Index step = 0;
  if (!line.starts_with(begin) || !line.ends_with('}')) return {};
  const auto [end, error] =
      std::from_chars(line.data() + begin.size(), line.data() + line.size(), step);
  return error == std::errc() && *end == ',' ? std::optional(step) : std::nullopt;
}

// Only a file has old lines: a device or a pipe is not read.
bool is_file(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

// The old lines that a resumed training keeps: those of steps that it does not take again.
std::string kept_lines(const std::string& path, Index step, Index validated) {
  std::ifstream old(path, std::ios::binary);
  std::string kept;
  Index number = 0;
  for (std::string line; std::getline(old, line);) {
    ++number;
    const auto at = step_of(line);
    if (!at && old.eof()) break;  // the program ended while it wrote this line
    check<FileError>(at.has_value(), "{}: line {} is none of a training's log", path, number);
    const bool validation = line.find("\"valid_loss\"") != std::string::npos;
    if (*at <= (validation ? validated : step)) kept += line + '\n';
  }
  return kept;
}

}  // namespace

TrainLog::TrainLog(std::string path) : path_(std::move(path)) { examples::expect_writable(path_); }

TrainLog::TrainLog(std::string path, Index step, const History& history) : path_(std::move(path)) {
  examples::expect_writable(path_);
  if (is_file(path_))
    kept_ = kept_lines(path_, step, history.valid.empty() ? 0 : history.valid.back().step);
}

void TrainLog::line(const std::string& text) {
  if (!file_) {
    // An old file is replaced whole, so that a kill does not lose the kept lines.
    if (is_file(path_)) examples::write_file(path_, kept_);
    file_.emplace(path_, "", glass::nn::OutputFile::Mode::append);
  }
  file_->write(text + '\n');
}

void TrainLog::write(const Progress& p, const TrainPoint& point) {
  line(
      fmt::format("{{\"step\": {}, \"epoch\": {}, \"loss\": {:.6g}, \"rate\": {:.6g}, "
                  "\"tokens_per_second\": {:.0f}, \"grad_norm\": {:.4g}}}",
                  point.step, p.epoch, point.loss, point.rate, p.tokens_per_second, p.grad_norm));
}

void TrainLog::write(const Progress& p, const ValidPoint& point, std::string_view score_name) {
  std::string name = lower_case(score_name);
  std::ranges::replace(name, ' ', '_');
  const std::string score = point.score ? fmt::format(", \"{}\": {:.4f}", name, *point.score) : "";
  line(fmt::format("{{\"step\": {}, \"epoch\": {}, \"valid_loss\": {:.6f}{}}}", point.step, p.epoch,
                   point.loss, score));
}

}  // namespace translate
