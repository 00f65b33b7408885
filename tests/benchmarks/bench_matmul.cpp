// # The product against the BLAS libraries
//
// At the sizes that attention and its projections need, and at large sizes, where all libraries are
// fast. Peers are loaded when the program starts, if they are installed; none is needed.
#include <dlfcn.h>
#include <glassgrad.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <regex>

#include "tests/benchmarks/bench.h"

#if __has_include(<eigen3/Eigen/Core>)
#include <eigen3/Eigen/Core>
#endif
#ifdef GLASS_BENCH_LIBXSMM
#include <libxsmm.h>
#endif

using namespace glass;

namespace {

// ---- the sizes ----

// C[m, n] = A[m, k] · B[k, n], `batch` times; a transposed operand lies in memory as its transpose.
struct Size {
  std::string name;
  Index m, n, k;
  Index batch = 1;
  bool a_transposed = false, b_transposed = false;
};

std::vector<Size> usual_sizes() {
  std::vector<Size> all;
  for (const Index n : {16, 32, 64, 128, 192, 256, 512, 1024, 2048})
    all.push_back({fmt::format("{0}³", n), n, n, n});
  for (const Index n : {1023, 1025}) all.push_back({fmt::format("{}³", n), n, n, n});
  all.insert(all.end(), {{"80×512 @ 512×512", 80, 512, 512},
                         {"80×512 @ 512×2048", 80, 2048, 512},
                         {"512×64 @ 64×64", 512, 64, 64},
                         {"512×256 @ 256×64", 512, 64, 256},
                         {"(512×64)ᵀ @ 512×64", 64, 64, 512, 1, true, false},
                         {"512×64 @ (64×64)ᵀ", 512, 64, 64, 1, false, true},
                         {"(256³)ᵀ", 256, 256, 256, 1, true, false},
                         {"256³ @ ᵀ", 256, 256, 256, 1, false, true},
                         {"64 × (10×64 @ 64×20)", 10, 20, 64, 64},
                         {"256 × 16³", 16, 16, 16, 256},
                         {"128 × (12×32 @ 32×12)", 12, 12, 32, 128}});
  return all;
}

// A size as --sizes gives it; nothing if the text has another form.
std::optional<Size> size_of(const std::string& text) {
  const std::string number = "([1-9][0-9]{0,5})";
  const std::regex form("(?:" + number + "\\*)?" + number + "x" + number + "x" + number + "(t?)");
  std::smatch part;
  if (!std::regex_match(text, part, form)) return {};
  const auto value = [&](std::size_t i) { return part[i].matched ? Index{std::stoi(part[i])} : 1; };
  return Size{text, value(2), value(4), value(3), value(1), false, part[5] == "t"};
}

// ---- the peers ----

// A peer's product of one size, of numbers that lie in rows; and what makes it for a size. There is
// no product where a peer does not compute the size.
using Product = std::function<void(const float* a, const float* b, float* c)>;
using Maker = std::function<Product(const Size&)>;

struct Peer {
  std::string name, version;
  Maker product_of;
};

struct Library {
  explicit Library(std::initializer_list<const char*> names) {
    for (const char* name : names)
      if (!handle) handle = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
  }
  template <class F>
  F* find(const char* name) const {
    return handle ? reinterpret_cast<F*>(::dlsym(handle, name)) : nullptr;
  }
  void* handle = nullptr;
};

// OpenBLAS and BLIS have one interface: row-major 101, as it is 111, transposed 112.
using Sgemm = void(int, int, int, int, int, int, float, const float*, int, const float*, int, float,
                   float*, int);

Maker cblas(Sgemm* sgemm) {
  return [sgemm](const Size& s) {
    return [sgemm, s](const float* a, const float* b, float* c) {
      const int m = static_cast<int>(s.m), n = static_cast<int>(s.n), k = static_cast<int>(s.k);
      for (Index i = 0; i < s.batch; ++i, a += m * k, b += k * n, c += m * n)
        sgemm(101, s.a_transposed ? 112 : 111, s.b_transposed ? 112 : 111, m, n, k, 1, a,
              s.a_transposed ? m : k, b, s.b_transposed ? k : n, 0, c, n);
    };
  };
}

// LIBXSMM generates a kernel for the size. Its matrices lie in columns: so it computes Cᵀ = Bᵀ · Aᵀ.
const std::string generator = "LIBXSMM";
#ifdef GLASS_BENCH_LIBXSMM
Product libxsmm(const Size& s) {
  if (s.a_transposed || s.b_transposed) return {};
  const int m = static_cast<int>(s.m), n = static_cast<int>(s.n), k = static_cast<int>(s.k);
  const float alpha = 1, beta = 0;
  auto* const kernel = ::libxsmm_smmdispatch(n, m, k, &n, &k, &n, &alpha, &beta, nullptr, nullptr);
  if (!kernel) return {};
  return [=, batch = s.batch](const float* a, const float* b, float* c) {
    for (Index i = 0; i < batch; ++i, a += m * k, b += k * n, c += m * n) kernel(b, a, c);
  };
}
#endif

std::vector<Peer> find_peers(int threads) {
  std::vector<Peer> peers;
  const Library openblas{"libopenblas.so.0", "libopenblas.so"};
  if (auto* sgemm = openblas.find<Sgemm>("cblas_sgemm")) {
    if (auto* set = openblas.find<void(int)>("openblas_set_num_threads")) set(threads);
    auto* version = openblas.find<char*()>("openblas_get_config");
    peers.push_back({"OpenBLAS", version ? version() : "", cblas(sgemm)});
  }
  const Library blis{"libblis.so.4", "libblis.so"};
  if (auto* sgemm = blis.find<Sgemm>("cblas_sgemm")) {
    if (auto* set = blis.find<void(Index)>("bli_thread_set_num_threads")) set(threads);
    auto* version = blis.find<const char*()>("bli_info_get_version_str");
    peers.push_back({"BLIS", version ? version() : "", cblas(sgemm)});
  }
  const Library dnnl{"libdnnl.so.3", "libdnnl.so.2", "libdnnl.so"};
  using Dnnl = int(char, char, Index, Index, Index, float, const float*, Index, const float*, Index,
                   float, float*, Index);
  if (auto* sgemm = dnnl.find<Dnnl>("dnnl_sgemm")) {
    struct Version {
      int major, minor, patch;
    };
    auto* version = dnnl.find<const Version*()>("dnnl_version");
    peers.push_back(
        {"oneDNN",
         version ? fmt::format("{}.{}.{}", version()->major, version()->minor, version()->patch)
                 : "",
         [sgemm](const Size& s) {
           return [sgemm, s](const float* a, const float* b, float* c) {
             for (Index i = 0; i < s.batch; ++i, a += s.m * s.k, b += s.k * s.n, c += s.m * s.n)
               sgemm(s.a_transposed ? 'T' : 'N', s.b_transposed ? 'T' : 'N', s.m, s.n, s.k, 1, a,
                     s.a_transposed ? s.m : s.k, b, s.b_transposed ? s.k : s.n, 0, c, s.n);
           };
         }});
  }
#if __has_include(<eigen3/Eigen/Core>)
  peers.push_back(
      {"Eigen",
       fmt::format("{}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION),
       [](const Size& s) {
         return [s](const float* a, const float* b, float* c) {
           using Rows = Eigen::Matrix<float, -1, -1, Eigen::RowMajor>;
           using In = Eigen::Map<const Rows>;
           for (Index i = 0; i < s.batch; ++i, a += s.m * s.k, b += s.k * s.n, c += s.m * s.n) {
             Eigen::Map<Rows> out(c, s.m, s.n);
             if (s.a_transposed)
               out.noalias() = In(a, s.k, s.m).transpose() * In(b, s.k, s.n);
             else if (s.b_transposed)
               out.noalias() = In(a, s.m, s.k) * In(b, s.n, s.k).transpose();
             else
               out.noalias() = In(a, s.m, s.k) * In(b, s.k, s.n);
           }
         };
       }});
#endif
#ifdef GLASS_BENCH_LIBXSMM
  peers.push_back({generator, LIBXSMM_VERSION, libxsmm});
#endif
  return peers;
}

// ---- one size ----

Tensor operand(Index rows, Index columns, const Size& s, bool transposed, Rng& rng) {
  const Shape matrix = transposed ? Shape{columns, rows} : Shape{rows, columns};
  const Tensor x = uniform(s.batch == 1 ? matrix : matrix.insert(0, s.batch), -1, 1, rng);
  return transposed ? x.mT() : x;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options;
  std::vector<std::string> wanted;
  CLI::App app("The product of matrices against the BLAS libraries that are installed.");
  bench::add_options(app, options);
  app.add_option("--sizes", wanted,
                 "Other sizes than the usual ones, as MxKxN: 80x512x512. 64*10x64x20 is a batch of "
                 "64; in 80x512x512t columns of B are contiguous, not rows")
      ->delimiter(',')
      ->check([](const std::string& text) {
        return size_of(text) ? std::string()
                             : "a size is MxKxN, 64*10x64x20 or 80x512x512t; got " + text;
      });
  CLI11_PARSE(app, argc, argv);
  bench::set_up(options);

  bench::Report report(options);
  const std::vector<Peer> peers = find_peers(options.threads);
  std::vector<std::string> columns = {"glassgrad"};
  for (const Peer& peer : peers) {
    report.peer(peer.name, peer.version);
    columns.push_back(peer.name);
  }
  columns.emplace_back("to best");
  if (!peers.empty() && peers.back().name == generator) columns.emplace_back("to " + generator);
  fmt::print("\n");
  bench::print_row("C = A · B, of peak", columns);

  std::vector<Size> sizes;
  for (const std::string& text : wanted) sizes.push_back(*size_of(text));
  if (wanted.empty()) sizes = usual_sizes();
  for (const Size& s : sizes) {
    Rng rng(1);
    const Tensor a = operand(s.m, s.k, s, s.a_transposed, rng);
    const Tensor b = operand(s.k, s.n, s, s.b_transposed, rng);
    Tensor theirs = zeros(Shape{s.batch, s.m, s.n});
    std::vector<bench::Contestant> contestants = {{"glassgrad", [&] { (void)matmul(a, b); }}};
    for (const Peer& peer : peers) {
      const Product product = peer.product_of(s);
      if (!product) continue;
      product(a.data(), b.data(), theirs.data());
      if (!allclose(theirs, matmul(a, b).reshape(theirs.shape()), 1e-3, 1e-3))
        fmt::print("{} disagrees with us on {}\n", peer.name, s.name);
      contestants.push_back(
          {peer.name, [&, product] { product(a.data(), b.data(), theirs.data()); }});
    }
    const std::vector<double> times = bench::race(contestants, bench::rules_of(options));
    const double work = 2.0 * static_cast<double>(s.batch * s.m * s.n * s.k);
    std::vector<std::string> cells(columns.size(), "–");
    double best = 0, generated = 0;  // of the libraries for every size; of the kernel for this size
    for (std::size_t i = 0; i < times.size(); ++i) {
      const std::string& name = contestants[i].name;
      const double share = report.share(work, times[i]);
      const auto column = std::find(columns.begin(), columns.end(), name) - columns.begin();
      cells[static_cast<std::size_t>(column)] = bench::share(share);
      report.add({{"size", s.name}, {"library", name}, {"share", share}});
      if (name == generator)
        generated = times[i];
      else if (i > 0 && (best == 0 || times[i] < best))
        best = times[i];
    }
    // Our ratio to the best library, and to the generated kernel.
    const std::size_t ratios = peers.size() + 1;
    if (best > 0) cells[ratios] = fmt::format("{:.2f} ×", best / times[0]);
    if (generated > 0) cells[ratios + 1] = fmt::format("{:.2f} ×", generated / times[0]);
    bench::print_row(s.name, cells);
  }
  report.write();
}
