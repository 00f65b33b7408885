#include "examples/translate/train_log.h"

#include <cerrno>
#include <charconv>
#include <cstring>

namespace translate {

using glass::check;
using glass::FileError;

namespace {

// The step that a line tells of; nothing if it is no whole line of ours.
std::optional<Index> step_of(std::string_view line) {
  constexpr std::string_view begin = "{\"step\": ";
  Index step = 0;
  if (!line.starts_with(begin) || !line.ends_with('}')) return {};
  const auto [end, error] =
      std::from_chars(line.data() + begin.size(), line.data() + line.size(), step);
  return error == std::errc() && *end == ',' ? std::optional(step) : std::nullopt;
}

// What a log says about steps that are not going to be taken again.
std::string kept_lines(const std::string& path, Index step, Index validated) {
  std::ifstream old(path, std::ios::binary);
  std::string kept;
  Index number = 0;
  for (std::string line; std::getline(old, line);) {
    ++number;
    const auto at = step_of(line);
    if (!at && old.eof()) break;  // the program was ended as it wrote
    check<FileError>(at.has_value(), "{}: line {} is none of a training's log", path, number);
    const bool validation = line.find("\"valid_loss\"") != std::string::npos;
    if (*at <= (validation ? validated : step)) kept += line + '\n';
  }
  return kept;
}

}  // namespace

TrainLog::TrainLog(std::string path) : path_(std::move(path)) {
  file_.open(path_, std::ios::binary | std::ios::trunc);
  check<FileError>(file_.is_open(), "cannot write {}: {}", path_, std::strerror(errno));
}

TrainLog::TrainLog(std::string path, Index step, const History& history) : path_(std::move(path)) {
  const std::string kept =
      kept_lines(path_, step, history.valid.empty() ? 0 : history.valid.back().step);
  const std::string partial = path_ + ".partial";
  file_.open(partial, std::ios::binary | std::ios::trunc);
  check<FileError>(file_.is_open(), "cannot write {}: {}", partial, std::strerror(errno));
  file_ << kept << std::flush;
  // From here on the open file goes by its real name.
  std::error_code error;
  if (file_) std::filesystem::rename(partial, path_, error);
  check<FileError>(file_ && !error, "cannot write {}", path_);
}

void TrainLog::line(const std::string& text) {
  file_ << text << '\n' << std::flush;
  check<FileError>(file_.good(), "cannot write {}", path_);
}

void TrainLog::write(const Progress& p, const TrainPoint& point) {
  line(
      fmt::format("{{\"step\": {}, \"epoch\": {}, \"loss\": {:.6g}, \"rate\": {:.6g}, "
                  "\"tokens_per_second\": {:.0f}, \"grad_norm\": {:.4g}}}",
                  point.step, p.epoch, point.loss, point.rate, p.tokens_per_second, p.grad_norm));
}

void TrainLog::write(const Progress& p, const ValidPoint& point, std::string_view score_name) {
  const std::string score =
      point.score ? fmt::format(", \"{}\": {:.4f}", score_name, *point.score) : "";
  line(fmt::format("{{\"step\": {}, \"epoch\": {}, \"valid_loss\": {:.6f}{}}}", point.step, p.epoch,
                   point.loss, score));
}

}  // namespace translate
