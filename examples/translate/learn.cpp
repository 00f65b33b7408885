// # A training, watched: what is printed, logged and saved
#include "examples/translate/learn.h"

#include <csignal>
#include <exception>

#include "examples/common/interrupt.h"
#include "examples/common/program.h"
#include "examples/common/terminal.h"
#include "examples/translate/train_log.h"
#include "nn/file.h"

namespace translate {

namespace {

// Prints and logs the course of a training. If the disk is full, or the reader of the output has
// gone, the error is kept and nothing more is printed or logged. The training should then stop as
// after Ctrl-C, so that what was learnt is saved before the error is thrown.
class Reporter {
 public:
  // `resumes`: the old log is kept, without the lines of steps that will be repeated.
  Reporter(const Options& options, const Trainer& trainer, bool resumes)
      : score_name_(trainer.history().score_name) {
    if (options.log.empty()) return;
    if (resumes)
      log_.emplace(options.log, trainer.step(), trainer.history());
    else
      log_.emplace(options.log);
  }

  // After every step: the live line.
  void progress(const Progress& p) {
    tell([&] {
      line_.show(p.step, p.steps,
                 fmt::format("loss {:.4f}  {:.0f} tokens/s  {} left", p.loss, p.tokens_per_second,
                             examples::duration(p.seconds_left)));
    });
  }

  // After every few steps: a line of the log.
  void logged(const Progress& p, const TrainPoint& point) {
    if (log_) tell([&] { log_->write(p, point); });
  }

  // After a validation: a line that stays on the screen, and a line of the log.
  void validated(const Progress& p, const ValidPoint& point) {
    tell([&] {
      line_.end();
      fmt::print("step {}: validation loss {:.4f}, {} {:.2f}\n", point.step, point.loss,
                 score_name_, point.score.value_or(0));
      examples::flush();
    });
    if (log_) tell([&] { log_->write(p, point, score_name_); });
  }

  void end() {
    tell([&] { line_.end(); });
  }

  bool failed() const { return error_ != nullptr; }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  // Prints, unless there was an error before; keeps the first error.
  void tell(auto print) {
    try {
      if (!error_) print();
    } catch (const std::exception&) {
      error_ = std::current_exception();
    }
  }

  std::string score_name_;
  std::optional<TrainLog> log_;
  examples::LiveLine line_;
  std::exception_ptr error_;
};

// With --resume, continues the training in the file if there is one, and prints which. Returns
// whether there was one.
bool take_up(Trainer& trainer, const Options& options) {
  if (!options.resume) return false;
  const bool resumes = std::filesystem::exists(options.save);
  if (resumes) {
    trainer.resume(options.save);
    fmt::print("{}: {} {} steps\n", options.save,
               trainer.finished() ? "finished, nothing is left to train after" : "goes on after",
               trainer.step());
  } else {
    fmt::print("{}: no such file yet: begins with step 1\n", options.save);
  }

  // A program that was killed while it wrote may have left parts of files behind.
  for (const std::string& path : {options.save, options.log})
    if (!path.empty()) glass::nn::remove_partial_files(path);
  return resumes;
}

// A finished training writes no log: --log is refused, unless the log of the training is there.
void expect_no_new_log(const Options& options) {
  glass::check<glass::StateError>(
      options.log.empty() || std::filesystem::exists(options.log),
      "--log {} has no effect here: the training in {} is finished, and a log is written only "
      "while it goes on",
      options.log, options.save);
}

}  // namespace

Training learn(Translator& translator, const Corpus& corpus, const Options& options,
               History& history) {
  Trainer trainer(translator, corpus, options);
  const bool resumes = take_up(trainer, options);
  history = trainer.history();
  examples::flush();
  if (trainer.finished()) {
    expect_no_new_log(options);
    return {.steps = trainer.step(), .resumed = true};
  }

  // Train, and tell about it, until the end, a signal or an error of the output.
  Reporter reporter(options, trainer, resumes);
  const examples::Interrupt interrupted({SIGINT, SIGTERM});
  const Training training = trainer.run(
      {.progress = [&](const Progress& p) { reporter.progress(p); },
       .logged = [&](const Progress& p, const TrainPoint& point) { reporter.logged(p, point); },
       .validated = [&](const Progress& p,
                        const ValidPoint& point) { reporter.validated(p, point); },
       .stop = [&] { return interrupted() || reporter.failed(); }});
  history = trainer.history();
  reporter.end();

  // Save first, then complain.
  if (!options.save.empty()) trainer.save(options.save);
  reporter.rethrow();
  if (!options.save.empty()) {
    fmt::print("saved {}{}\n", options.save,
               training.stopped ? "; --resume goes on from there" : "");
  }
  return training;
}

}  // namespace translate
