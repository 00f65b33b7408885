// # What the live pieces share: rounding, words, errors, and the record of all answers
#include "docs/live/pieces.h"

#include <cmath>

namespace live {

Json number(double value, int digits) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
  const double rounded = std::stod(fmt::format("{:.{}g}", value, digits));
  // Whole numbers are written without ".0", which saves a tenth of the file; −0 is 0.
  if (rounded == std::round(rounded) && std::abs(rounded) < 1e9)
    return static_cast<std::int64_t>(rounded);
  return rounded;
}

Json numbers(const Tensor& x, int digits) {
  if (x.rank() == 0) return number(static_cast<double>(x.item()), digits);
  Json out = Json::array();
  for (Index i = 0; i < x.size(0); ++i) out.push_back(numbers(x.select(0, i), digits));
  return out;
}

Tensor tensor_of(const Json& rows) {
  glass::check<glass::ShapeError>(rows.is_array(), "a list of numbers was expected; got {}",
                                  rows.dump());
  const auto size = static_cast<Index>(rows.size());
  if (!rows.empty() && rows[0].is_array()) {
    std::vector<Tensor> list;
    for (const Json& row : rows) list.push_back(tensor_of(row));
    return glass::stack(list, 0);
  }
  Tensor out = glass::zeros({size});
  for (Index i = 0; i < size; ++i) out(i) = rows[static_cast<std::size_t>(i)].get<double>();
  return out;
}

std::string three(double value) {
  if (std::isnan(value)) return "NaN";
  std::string text = fmt::format("{:.3g}", value == 0 ? 0 : value);
  if (text.starts_with('-')) text.replace(0, 1, "−");
  return text;
}

std::string listed(const std::vector<std::string>& items) {
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += i + 1 == items.size() ? " and " : ", ";
    out += items[i];
  }
  return out;
}

Json guarded(const std::function<Json()>& f) {
  const auto refused = [](const std::exception& error) -> Json {
    return {{"sentence", fmt::format("The library refuses: {}.", error.what())},
            {"error", error.what()}};
  };
  try {
    return f();
  } catch (const glass::ShapeError& error) {
    return refused(error);
  } catch (const glass::StateError& error) {
    return refused(error);
  }
}

Json recorded(const Piece& piece) {
  Json states = Json::array();
  for (const Json& request : piece.requests)
    states.push_back({{"request", request}, {"answer", piece.answer(request)}});
  const Json first = {{"request", piece.first},
                      {"answer", piece.answer(piece.first)},
                      {"controls", piece.controls}};
  return {{"title", piece.title}, {"first", first}, {"states", states}};
}

}  // namespace live
