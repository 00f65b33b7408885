// # Writing and reading a state of a model
#include "examples/04_certificate/exchange.h"

#include <charconv>

namespace certificate {

using glass::check;
using glass::FileError;
using glass::Tokens;

namespace nn = glass::nn;

std::filesystem::path state_file(const std::filesystem::path& folder, int state) {
  return folder / fmt::format("{}.safetensors", state);
}

namespace {

// Token ids as a tensor [B, T], and back. A float holds every whole number below 2²⁴.
Tensor to_tensor(Index batch, const std::vector<int>& ids) {
  const Index length = batch > 0 ? std::ssize(ids) / batch : 0;
  return {glass::Shape{batch, length}, ids};
}

Tokens to_tokens(const Tensor& ids) {
  Tokens tokens{ids.size(0), ids.size(1), {}};
  for (const glass::Real& id : ids.to_vector())
    tokens.ids.push_back(static_cast<int>(static_cast<double>(id)));
  return tokens;
}

// What the question says without tensors, and the reading of it.
nn::Metadata notes_of(const Question& q) {
  const nn::EncoderDecoderOptions& o = q.shape;
  return {{"source_vocab", fmt::to_string(o.source_vocab)},
          {"target_vocab", fmt::to_string(o.target_vocab)},
          {"dim", fmt::to_string(o.dim)},
          {"heads", fmt::to_string(o.heads)},
          {"layers", fmt::to_string(o.layers)},
          {"hidden", fmt::to_string(o.hidden)},
          {"max_length", fmt::to_string(o.max_length)},
          {"padding", fmt::to_string(o.padding)},
          {"tied", fmt::to_string(int{o.tied})},
          {"smoothing", fmt::to_string(q.smoothing)},
          {"subject", q.subject},
          {"label", q.label},
          {"pairs", q.pairs}};
}

template <class T>
T number(const nn::Metadata& notes, const std::string& name) {
  const auto found = notes.find(name);
  check<FileError>(found != notes.end(), "read_state: the file has no '{}'", name);
  T value{};
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check<FileError>(error == std::errc() && end == text.data() + text.size(),
                   "read_state: '{}' is no number", name);
  return value;
}

Question question_from(const nn::Metadata& notes) {
  Question q;
  q.shape = {.source_vocab = number<Index>(notes, "source_vocab"),
             .target_vocab = number<Index>(notes, "target_vocab"),
             .dim = number<Index>(notes, "dim"),
             .heads = number<Index>(notes, "heads"),
             .layers = number<Index>(notes, "layers"),
             .hidden = number<Index>(notes, "hidden"),
             .dropout = 0,
             .max_length = number<Index>(notes, "max_length"),
             .padding = number<int>(notes, "padding"),
             .tied = number<int>(notes, "tied") != 0};
  q.smoothing = number<double>(notes, "smoothing");
  q.subject = notes.at("subject");
  q.label = notes.at("label");
  q.pairs = notes.at("pairs");
  return q;
}

}  // namespace

void write_state(const std::filesystem::path& path, const Question& question,
                 const nn::EncoderDecoder& model, const FloatGradient& fused,
                 const FloatGradient& plain) {
  // The function: weights, positions, batch.
  nn::State state;
  for (const auto& [name, parameter] : nn::named_parameters(model))
    state.tensors.emplace_back("model." + name, parameter.value());
  state.tensors.emplace_back("positions", model.positions);
  state.tensors.emplace_back("source", to_tensor(question.source.batch, question.source.ids));
  state.tensors.emplace_back("target_in",
                             to_tensor(question.target_in.batch, question.target_in.ids));
  state.tensors.emplace_back("target_out",
                             to_tensor(question.target_in.batch, question.target_out));

  // What float says about it.
  for (const auto& [kind, gradient] : {std::pair("fused", &fused), std::pair("plain", &plain)}) {
    state.tensors.emplace_back(fmt::format("{}_loss", kind), gradient->loss);
    for (const auto& [name, g] : gradient->parameters)
      state.tensors.emplace_back(fmt::format("{}.{}", kind, name), g);
  }
  nn::save_state(state, path, notes_of(question));
}

State read_state(const std::filesystem::path& path) {
  State state{.question = question_from(nn::read_metadata(path)), .fused = {}, .plain = {}};
  std::map<std::string, Tensor> tensors = nn::read_tensors(path);
  Question& q = state.question;
  q.source = to_tokens(tensors["source"]);
  q.target_in = to_tokens(tensors["target_in"]);
  q.target_out = to_tokens(tensors["target_out"]).ids;
  for (const auto& [kind, gradient] : {std::pair(std::string("fused"), &state.fused),
                                       std::pair(std::string("plain"), &state.plain)}) {
    gradient->loss = tensors[kind + "_loss"];
    for (const auto& [name, g] : tensors)
      if (name.starts_with(kind + ".")) gradient->parameters.emplace_back(name.substr(6), g);
  }
  return state;
}

void read_weights(const std::filesystem::path& path, nn::EncoderDecoder& model) {
  nn::load(path, {{"model", model}, {"positions", model.positions}}, {.ignore_other_parts = true});
}

}  // namespace certificate
