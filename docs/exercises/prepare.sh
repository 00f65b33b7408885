# ./learn builds the library before its first test, and again after a change of the sources.

# Builds what the exercises are linked with, unless nothing has changed since it was built.
prepare() {
  local stamp=build/exercises/built said='' old
  for old in build/exercises/run.*; do # of a run that was killed
    [ ! -d "$old" ] || kill -0 "${old##*.}" 2>/dev/null || rm -rf "$old"
  done
  if [ ! -f build/mutants/flags.sh ] || [ ! -f "$stamp" ] || ! libraries_exist; then
    said="The library is not built here yet. Building takes a minute or two, once ..."
  elif [ -n "$(find tensor autograd nn optim -name '*.[hc]*' -newer "$stamp" | head -n 1)" ]; then
    said="The library's sources have changed. Building it again ..."
  else
    return 0
  fi
  say "$said" >&2
  mkdir -p build/exercises || die "build/exercises cannot be made."
  only_one_builds
  [ -f build/mutants/flags.sh ] || configure release -DGLASS_TESTS=ON
  touch "$stamp.new" # before the build: a source that changes while it runs is newer
  if ! logged "$logs/build-learn.log" build release glassgrad_f64; then
    show_tail "$logs/build-learn.log"
    die "The library could not be built. If you have changed its sources, 'git status' shows which."
  fi
  # Catch2, if CMake fetched it.
  libraries_exist || logged "$logs/build-learn.log" build release Catch2WithMain ||
    logged "$logs/build-learn.log" build release catch_main || {
    show_tail "$logs/build-learn.log"
    die "The test library could not be built."
  }
  mv -f "$stamp.new" "$stamp"
  rm -f build/exercises/lock
}
libraries_exist() {
  local path
  compiler
  for path in "${libraries[@]}"; do
    case $path in /*) [ -f "$path" ] || return 1 ;; esac
  done
}
# Two builds in one folder would disturb each other.
only_one_builds() {
  local lock=build/exercises/lock other waiting=''
  until (set -C && echo $$ >"$lock") 2>/dev/null; do
    other=$(cat "$lock" 2>/dev/null || true)
    if [ -z "$other" ] || ! kill -0 "$other" 2>/dev/null; then
      rm -f "$lock"
    else
      [ -n "$waiting" ] || say "Another terminal builds it already. Waiting for it ..." >&2
      waiting=yes
      sleep 1
    fi
  done
}
