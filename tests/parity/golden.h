// # Golden cases: stored results of libtorch, for machines without libtorch
//
// A row of cases is one long list of numbers, kept as one F64 tensor of a safetensors file under
// the row's name; the file's metadata says how many numbers each has. In order:
//
//     the number of cases, then for each
//     inputs, constants     each a count, then tensors
//     options               a count, then numbers
//     value, cotangent      a tensor each
//     gradients             a count (0: the op has none), then tensors
//
// where a tensor is its rank, its sizes and its elements.
#pragma once

#include <string>
#include <vector>

#include "nn/serialize.h"
#include "tests/parity/cases.h"

namespace glass::parity {

struct Answered {
  Case given;
  Result expected;
};

// ---- writing ----

class Writer {
 public:
  void number(double x) { tape_.push_back(static_cast<Real>(x)); }
  void tensor(const Tensor& x) {
    number(static_cast<double>(x.rank()));
    for (const Index size : x.shape()) number(static_cast<double>(size));
    const std::vector<Real> elements = x.to_vector();
    tape_.insert(tape_.end(), elements.begin(), elements.end());
  }
  void tensors(const std::vector<Tensor>& list) {
    number(static_cast<double>(list.size()));
    for (const Tensor& x : list) tensor(x);
  }
  void cases(const std::vector<Answered>& list) {
    number(static_cast<double>(list.size()));
    for (const auto& [given, expected] : list) {
      tensors(given.inputs), tensors(given.constants);
      number(static_cast<double>(given.options.size()));
      for (const double option : given.options) number(option);
      tensor(expected.value), tensor(expected.cotangent), tensors(expected.gradients);
    }
  }
  Tensor tape() const { return Tensor(Shape{tape_.size()}, tape_); }

 private:
  std::vector<Real> tape_;
};

// ---- reading ----

class Reader {
 public:
  explicit Reader(const Tensor& tape) : tape_(tape.to_vector()) {}
  double number() { return static_cast<double>(tape_.at(at_++)); }
  Index count() { return std::llround(number()); }
  Tensor tensor() {
    std::vector<Index> sizes(static_cast<std::size_t>(count()));
    for (Index& size : sizes) size = count();
    const Shape shape{std::span<const Index>(sizes)};
    std::vector<Real> elements;
    for (Index i = 0; i < shape.numel(); ++i) elements.push_back(tape_.at(at_++));
    return Tensor(shape, std::move(elements));
  }
  std::vector<Tensor> tensors() {
    std::vector<Tensor> list;
    for (Index left = count(); left > 0; --left) list.push_back(tensor());
    return list;
  }
  std::vector<Answered> cases() {
    std::vector<Answered> list(static_cast<std::size_t>(count()));
    for (auto& [given, expected] : list) {
      given.inputs = tensors(), given.constants = tensors();
      for (Index left = count(); left > 0; --left) given.options.push_back(number());
      expected.value = tensor(), expected.cotangent = tensor(), expected.gradients = tensors();
    }
    return list;
  }

 private:
  std::vector<Real> tape_;
  std::size_t at_ = 0;
};

// ---- the file ----

// A module that names one tape a row.
struct Tapes {
  void each(auto&& f) {
    for (auto& [name, tape] : rows) f(name, tape);
  }
  std::map<std::string, Tensor> rows;
};

inline void save_golden(const std::map<std::string, std::vector<Answered>>& golden,
                        const std::string& path) {
  Tapes tapes;
  nn::Metadata lengths;
  for (const auto& [name, cases] : golden) {
    Writer writer;
    writer.cases(cases);
    tapes.rows[name] = writer.tape();
    lengths[name] = std::to_string(tapes.rows[name].numel());
  }
  nn::save(tapes, path, lengths);
}

inline std::map<std::string, std::vector<Answered>> load_golden(const std::string& path) {
  Tapes tapes;
  for (const auto& [name, length] : nn::read_metadata(path))
    tapes.rows[name] = zeros(Shape{std::stoll(length)});
  nn::load(tapes, path);
  std::map<std::string, std::vector<Answered>> golden;
  for (const auto& [name, tape] : tapes.rows) golden[name] = Reader(tape).cases();
  return golden;
}

}  // namespace glass::parity
