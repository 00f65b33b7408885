// A program that links one library with glassgrad inside, and loads another one while it runs.
#include <dlfcn.h>

#include <cstdio>

extern "C" double slope_at_3();

int main() {
  void* const plugin = ::dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (!plugin) return std::fprintf(stderr, "consumer: %s\n", ::dlerror()), 1;
  const auto loaded = reinterpret_cast<double (*)()>(::dlsym(plugin, "slope_at_3"));
  if (!loaded) return std::fprintf(stderr, "consumer: %s\n", ::dlerror()), 1;
  const bool right = slope_at_3() == 6 && loaded() == 6;
  std::puts(right ? "consumer: ok" : "consumer: wrong");
  return right ? 0 : 1;
}
