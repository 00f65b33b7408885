// # The course of a training, a JSON object a line
//
//     {"step": 100, "epoch": 1, "loss": 5.1, "rate": 0.0002, "tokens_per_second": 2500,
//      "grad_norm": 1.3}
//     {"step": 211, "epoch": 1, "valid_loss": 3.9, "bleu": 8.2}
//
// (each on one line). The first kind is written every few steps and has the means over these steps.
// The second is written after every validation.
#pragma once

#include <optional>

#include "examples/translate/training.h"
#include "nn/file.h"

namespace translate {

class TrainLog {
 public:
  // The first constructor begins a new log, which replaces an old file. The second continues the
  // old log after the step that a resumed training begins with: lines of later steps, which are
  // taken again, are left out. Nothing is written before the first new line. FileError if the file
  // cannot be written, or if the old file is no such log.
  explicit TrainLog(std::string path);
  TrainLog(std::string path, Index step, const History& history);

  void write(const Progress& progress, const TrainPoint& point);
  void write(const Progress& progress, const ValidPoint& point, std::string_view score_name);

 private:
  void line(const std::string& text);

  std::string path_;
  std::string kept_;                           // the old lines that stay
  std::optional<glass::nn::OutputFile> file_;  // from the first line on
};

}  // namespace translate
