// # certificate_float
//
// What float says: the gradient of a model's loss, with fused and with plain attention, before and
// after a training. It writes a file for each state of the model. `certificate` runs this program
// and reads the files; one program cannot link both libraries.
#include <CLI/CLI.hpp>

#include "examples/04_certificate/forward.h"
#include "examples/04_certificate/subject.h"
#include "examples/common/arguments.h"
#include "examples/common/files.h"
#include "examples/common/program.h"

namespace certificate {

namespace {

namespace nn = glass::nn;

struct Options {
  Task task;
  std::string output;
};

Options parse_options(int argc, char** argv) {
  Options o;
  CLI::App app(
      "Computes gradients in float for the program certificate, which runs this one. It writes a "
      "file for each state of the model.\n\n"
      "  certificate_float --steps 100 --output /tmp\n"
      "  certificate_float --model copy.safetensors --batch 2 --output /tmp");
  app.add_option("--output", o.output, "A folder that is there; 0.safetensors is written into it")
      ->type_name("FOLDER")
      ->check(CLI::ExistingDirectory);
  add_task_options(app, o.task);
  examples::parse(app, argc, argv);
  check_task(app, o.task);
  return o;
}

// The loss and the gradient of every parameter.
FloatGradient gradient_of(const Subject& subject, Attention attention) {
  const nn::NamedVars parameters = nn::named_parameters(subject.model);
  for (const auto& [name, p] : parameters) p.zero_grad();
  const Var loss = loss_of(subject.model, subject.question, attention);
  loss.backward();
  FloatGradient gradient{loss.value(), {}};
  for (const auto& [name, p] : parameters) gradient.parameters.emplace_back(name, p.grad().clone());
  return gradient;
}

// Both gradients of the present state, and the file with them.
void write(const Subject& subject, const Options& o, int state) {
  nn::set_training(subject.model, false);
  const FloatGradient fused = gradient_of(subject, Attention::fused);
  const FloatGradient plain = gradient_of(subject, Attention::plain);
  fmt::print("{}: loss {:.9g} fused, {:.9g} plain\n", subject.question.label, fused.loss.item(),
             plain.loss.item());
  if (o.output.empty()) return;
  write_state(state_file(o.output, state), subject.question, subject.model, fused, plain);
}

// A line for every step, for the program that waits for it.
void tell(const examples::Progress& p) {
  fmt::print("step {} {} {:.4f}\n", p.step, p.steps, p.loss);
  examples::flush();
}

void run(int argc, char** argv) {
  const Options o = parse_options(argc, argv);
  const Task& task = o.task;
  if (task.threads > 0) glass::set_num_threads(task.threads);
  if (!o.output.empty()) examples::expect_writable(state_file(o.output, 0));
  if (!task.model.empty()) return write(subject_from(task), o, 0);

  // A new model, before its training and after it.
  glass::Rng seeds(task.seed), training = seeds.split();
  Subject subject = new_subject(task, seeds);
  subject.question.label = "before training";
  write(subject, o, 0);
  if (task.steps == 0) return;
  train_to_copy(subject, task, training, tell);
  subject.question.label =
      fmt::format("after {} step{} of training", task.steps, task.steps == 1 ? "" : "s");
  write(subject, o, 1);
}

}  // namespace

}  // namespace certificate

int main(int argc, char** argv) {
  return examples::program("certificate_float", [&] { certificate::run(argc, argv); });
}
