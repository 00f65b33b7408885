# Functions for ./demo and ./check: configure, install missing packages, build. These scripts source this
# file. It must work with bash 3.2 (macOS).

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$cores}"
export GIT_TERMINAL_PROMPT=0 # without a network, git fails instead of asking for a password
logs=build/log

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command and writes its output to a log. A terminal shows the latest line.
logged() { # log command...
  local log=$1 line
  shift
  mkdir -p "$(dirname "$log")"
  if [ -t 1 ]; then
    "$@" 2>&1 </dev/null | tee "$log" | while IFS= read -r line; do
      printf '\r\033[K  %s' "${line:0:$((${COLUMNS:-80} - 4))}"
    done && printf '\r\033[K' || { printf '\r\033[K'; return 1; }
  else
    "$@" >"$log" 2>&1 </dev/null
  fi
}

show_tail() { # log
  say "---- the end of $1 ----" >&2
  tail -n 60 "$1" >&2
}

# ---- packages ----

package_manager() {
  if have apt-get; then echo apt; elif have brew; then echo brew; else echo none; fi
}

installed() { # package
  case $(package_manager) in
    apt) dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
    brew) brew list --versions "$1" >/dev/null 2>&1 ;;
    *) return 1 ;;
  esac
}

# The packages that the build needs and this machine lacks.
missing_packages() {
  local names='' libraries package
  case $(package_manager) in
    apt) libraries='libfmt-dev nlohmann-json3-dev catch2 libcli11-dev' ;;
    brew) libraries='fmt nlohmann-json catch2 cli11' ;;
    *) libraries='fmt nlohmann-json Catch2 CLI11' ;;
  esac
  have cmake || names="$names cmake"
  have "${CXX:-c++}" || have g++ || have clang++ || names="$names g++"
  have ninja || have make || case $(package_manager) in
    apt) names="$names ninja-build" ;;
    *) names="$names ninja" ;;
  esac
  for package in $libraries; do installed "$package" || names="$names $package"; done
  echo $names
}

# Installs packages, or stops with the reason and their names. It asks first, except under root or CI.
install() { # package...
  local command root='' answer
  if [ "$(id -u)" != 0 ]; then root='sudo '; fi
  case $(package_manager) in
    apt) command="${root}apt-get install -y --no-install-recommends $*" ;;
    brew) command="brew install $*" ;;
    *) die "Missing: $*. Please install them with your system's package manager." ;;
  esac
  say "glassgrad needs packages that are not installed here. The command that installs them:"
  say "    $command"

  if [ "$(package_manager)" = apt ] && [ -n "$root" ] && ! have sudo; then
    die "Only root can install them: $*"
  fi
  if [ "$(id -u)" != 0 ] && [ -z "${CI:-}" ]; then
    [ -t 0 ] || die "Please run it, then start again. Missing: $*"
    read -r -p "Run it now? [Y/n] " answer
    case $answer in '' | y | Y | yes) ;; *) die "Nothing installed. Missing: $*" ;; esac
  fi

  if [ "$(package_manager)" = apt ]; then
    # The package lists of a new system are empty or old. If one list cannot be read, continue: apt uses
    # the other lists, and its old copy of that one.
    ${root}env DEBIAN_FRONTEND=noninteractive apt-get update -q ||
      say "Some package lists could not be read; trying with the others."
    command="${root}env DEBIAN_FRONTEND=noninteractive ${command#sudo }"
  fi
  $command </dev/null || die "The packages could not be installed (no network?). Missing: $*"
}

# ---- configure and build ----

build_dir() { # preset
  case $1 in release) echo build ;; *) echo "build/$1" ;; esac
}

run_cmake() { # fresh? preset option...
  local fresh=$1 preset=$2 dir
  shift 2
  dir=$(build_dir "$preset")
  if have ninja && [ ! -f "$dir/CMakeCache.txt" ]; then export CMAKE_GENERATOR=Ninja; fi
  # If no preset has the folder's name, the build is a release build with other options.
  grep -q "\"name\": \"$preset\"" CMakePresets.json || preset=release
  cmake $fresh --preset "$preset" -B "$dir" "$@"
}

# Configures. Only if that fails, it looks for missing packages, installs them and tries once more.
configure() { # preset option...
  local preset=$1 log missing
  log="$logs/configure-$preset.log"
  logged "$log" run_cmake '' "$@" && return
  missing=$(missing_packages)
  if [ -z "$missing" ]; then
    show_tail "$log"
    die "CMake could not configure the build, though all packages are here."
  fi
  install $missing
  logged "$log" run_cmake --fresh "$@" && return
  show_tail "$log"
  die "CMake could not configure the build."
}

build() { # preset target...
  local preset=$1 target targets=''
  shift
  for target in "$@"; do targets="$targets --target $target"; done
  cmake --build "$(build_dir "$preset")" $targets
}
