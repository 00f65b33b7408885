// # matmul_ladder
//
// Measures the rungs of the ladder, and the library's own product, on some sizes: one table each. A
// machine's speed varies from minute to minute. So the rungs take turns, a row shows the median of
// its turns, and the share is of a peak that was measured just before.
#include <glassgrad.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "examples/common/bounds.h"
#include "examples/common/options.h"
#include "examples/common/terminal.h"
#include "examples/matmul_ladder/rungs.h"
#include "tests/benchmarks/race.h"

namespace ladder {

namespace {

// ---- options ----

// `count` products of [m, k] and [k, n].
struct Workload {
  Index count, m, k, n;
};

struct Options {
  std::vector<Workload> workloads;
  int threads = glass::num_threads();
  double seconds = 0.3;
};

// The sizes of the command line; if it gives none, sizes that show each rung at its best.
std::vector<Workload> workloads_of(std::vector<Index> sizes, std::vector<Index> batch) {
  // The default: three squares, and the scores of attention.
  if (sizes.empty() && batch.empty()) {
    sizes = {64, 256, 512};
    batch = {64, 10, 64, 20};
  }
  std::vector<Workload> workloads;
  for (const Index size : sizes) workloads.push_back({1, size, size, size});
  if (!batch.empty()) workloads.push_back({batch[0], batch[1], batch[2], batch[3]});
  // Refuse what would take too much memory.
  for (const Workload& w : workloads)
    glass::check<glass::ShapeError>(
        w.count * std::max({w.m * w.k, w.k * w.n, w.m * w.n}) <= Index{1} << 26,
        "--batch: at most 67,108,864 numbers in all A, B or C; got {} × ({}×{} @ {}×{})", w.count,
        w.m, w.k, w.k, w.n);
  return workloads;
}

constexpr const char* help =
    "How a product of matrices gets fast: seven programs for C = A·B, each one idea ahead of the "
    "one before, and the library's.\n\n"
    "  matmul_ladder\n"
    "  matmul_ladder --size 1024 --threads 1\n"
    "  matmul_ladder --batch 128 12 32 12\n\n"
    "Without --size and --batch it measures sizes 64, 256 and 512, and the scores of attention for "
    "8 sentences with 8 heads: --batch 64 10 64 20.";

Options parse_options(int argc, char** argv) {
  Options o;
  std::vector<Index> sizes, batch;
  CLI::App app(help);
  using examples::within;
  constexpr examples::WholeNumber rows{1, 4096}, threads{1, 1024};
  // What to measure.
  within(app.add_option("--size", sizes, "Square matrices of so many rows; several may be given"),
         rows)
      ->type_name("N...");
  within(app.add_option("--batch", batch, "COUNT products of an M×K by a K×N matrix"), rows)
      ->type_name("COUNT M K N")
      ->expected(4);
  // How to measure it.
  within(app.add_option("--threads", o.threads,
                        "Threads of rungs 6, 7 and the library; all cores if not given"),
         threads)
      ->type_name("N");
  within(app.add_option("--seconds", o.seconds,
                        "Time for each row; a rung that needs longer runs once or twice"),
         examples::RealNumber{0.001, 600})
      ->type_name("S")
      ->capture_default_str();
  examples::parse(app, argc, argv);
  o.workloads = workloads_of(sizes, batch);
  return o;
}

// ---- the work of a training step ----

// The operations of one training step of a small translator: 2 + 2 layers, 64 wide, with 4 heads
// (their number does not matter here), feed-forward layers of 256 and 64 words; a batch of 32
// sentences of 16 tokens.
constexpr double step_work() {
  const double width = 64, hidden = 256, words = 64, length = 16, tokens = 32 * length;
  // Multiply-adds for a token. Attention: four projections, then as many scores and values as the
  // sentence is long.
  const double attention = 4 * width * width + 2 * length * width;
  const double feed_forward = 2 * width * hidden;
  const double encoder = 2 * (attention + feed_forward);
  const double decoder = 2 * (2 * attention + feed_forward) + width * words;
  // The backward pass has two products for each product of the forward pass. A multiply-add counts
  // as two operations.
  return 2 * 3 * tokens * (encoder + decoder);
}
static_assert(step_work() > 0.754e9 && step_work() < 0.756e9);

// ---- the screen ----

// The width of the terminal in columns; 80 if it is not known.
int screen_width() {
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

std::string coloured(const std::string& text, const char* colour) {
  if (examples::palette() == examples::Palette::none) return text;
  return fmt::format("\033[{}m{}\033[0m", colour, text);
}

// A share of `width` columns, to an eighth of one.
std::string bar(double share, int width) {
  constexpr std::string_view eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto length = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * 8 * width));
  std::string text;
  for (int i = 0; i < length / 8; ++i) text += "█";
  return text += eighths[length % 8];
}

// ---- one table ----

struct Row {
  bench::Contestant contestant;
  int threads;
};

std::string name_of(const Workload& w) {
  const std::string product = fmt::format("{}×{} @ {}×{}", w.m, w.k, w.k, w.n);
  return w.count == 1 ? product : fmt::format("{} × ({})", w.count, product);
}

// The rungs and the library, all with the same operands.
std::vector<Row> rows_for(const Workload& w, int threads) {
  glass::Rng rng(1);
  const glass::Tensor left = glass::uniform({w.count, w.m, w.k}, -1, 1, rng);   // [count, M, K]
  const glass::Tensor right = glass::uniform({w.count, w.k, w.n}, -1, 1, rng);  // [count, K, N]
  glass::Tensor result = glass::zeros({w.count, w.m, w.n});                     // [count, M, N]

  // A captured tensor shares the memory of the original, and keeps it alive.
  std::vector<Row> rows;
  for (const Rung& rung : rungs) {
    const auto climb = [=, product = rung.product]() mutable {
      for (Index i = 0; i < w.count; ++i)
        product(w.m, w.n, w.k, left.data() + i * w.m * w.k, right.data() + i * w.k * w.n,
                result.data() + i * w.m * w.n);
    };
    rows.push_back({{rung.name, climb}, rung.shared ? threads : 1});
  }
  const auto climb_batched = [=]() mutable {
    batched(w.count, w.m, w.n, w.k, left.data(), right.data(), result.data());
  };
  rows.push_back({{"7 batched", climb_batched}, threads});
  rows.push_back({{"glass::matmul", [=] { (void)glass::matmul(left, right); }}, threads});
  return rows;
}

// Seconds of each row. On a terminal, a live line shows which rung runs; it is erased at the end.
std::vector<double> race(const std::string& name, const std::vector<Row>& rows, double seconds) {
  examples::LiveLine line(stderr);
  std::vector<bench::Contestant> contestants;
  for (const Row& row : rows) contestants.push_back(row.contestant);
  bench::Rules rules{.turn_seconds = seconds / 15, .seconds = seconds};
  // Before each turn, show whose turn it is.
  rules.before_turn = [&](const bench::Contestant& who, int turn) {
    line.show(fmt::format(
        "{}: {}", name,
        turn == 0 ? who.name + ", warming up" : fmt::format("turn {} of {}", turn, rules.turns)));
  };
  const std::vector<double> times = bench::race(contestants, rules);
  line.erase();
  return times;
}

void measure(const Workload& w, const Options& options) {
  const std::vector<Row> rows = rows_for(w, options.threads);
  const double peak = bench::measured_peak(), peak_of_all = peak * options.threads;
  const std::string name = name_of(w);
  const std::vector<double> times = race(name, rows, options.seconds);

  // The head of the table. Bars need some columns of the screen, or there are none.
  const int room = std::clamp(screen_width() - 61, 0, 60), width = room < 8 ? 0 : room;
  fmt::print("\n{}\n", coloured(name, "1"));
  fmt::print("  {:<22}{:>7}{:>9}{:>8}{:>12}  {}\n", "", "threads", "GFLOP/s", "share", "step",
             width == 0 ? "" : fmt::format("0{:>{}.0f}", peak_of_all / 1e9, width - 1));

  // A row for each rung, and the library's in another colour.
  const double work = 2.0 * static_cast<double>(w.count * w.m * w.n * w.k);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double speed = work / times[i];
    const char* colour = i + 1 == rows.size() ? "32" : "36";
    fmt::print("  {:<22}{:>7}{:>9.1f}{:>6.1f} %{:>9.1f} ms  {}\n", rows[i].contestant.name,
               rows[i].threads, speed / 1e9, 100 * speed / (peak * rows[i].threads),
               1e3 * step_work() / speed, coloured(bar(speed / peak_of_all, width), colour));
  }
  fmt::print("  {:<22}{:>7}{:>9.1f}\n", "peak", 1, peak / 1e9);
  examples::flush();
}

void run(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  glass::set_num_threads(options.threads);
  fmt::print(
      "GFLOP/s: medians of 15 turns, or of as many as fit into {} s.\n"
      "Share: of what the threads that a rung may use could do at most, {}× the peak of one.\n"
      "Step: what the products of a training step of a small translator ({:.3f} GFLOP) would take\n"
      "at this speed.\n",
      options.seconds, options.threads, step_work() / 1e9);
  for (const Workload& workload : options.workloads) measure(workload, options);
}

}  // namespace

}  // namespace ladder

int main(int argc, char** argv) {
  return examples::program("matmul_ladder", [&] { ladder::run(argc, argv); });
}
