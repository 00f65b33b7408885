# Functions for ./learn and docs/exercises/run: read an exercise, put a student's function in the place of
# the library's, compile it, and run its tests. The working directory is the top of the repository. This
# file and report.sh must work with bash 3.2 (macOS) and any awk; they need no other program.

# shellcheck source=docs/exercises/report.sh
. docs/exercises/report.sh

exercises=docs/exercises
cpu_seconds=10   # a run that computes longer is ended
wall_seconds=120 # a run that waits for ever is ended too
flags_file=''    # made by CMake: how mutants, and exercises, are compiled and linked
cache=''         # objects of tests that do not depend on the student's file

use_build() { # folder of a build
  flags_file=$1/mutants/flags.sh
  cache=$1/exercises/cache
}

# ---- what an exercise is ----

# A field of exercise.json. Each field is on a line of its own.
field() { # name folder
  sed -n 's/^ *"'"$1"'": *"\{0,1\}\(.*\)$/\1/p' "$2/exercise.json" |
    sed -e 's/,$//' -e 's/"$//' -e 's/\\"/"/g' -e 's/\\\\/\\/g'
}

# The strings of a list in exercise.json, one per line.
list_field() { # name folder
  awk -v name="$1" '
    { gsub(/\\"/, "\001") }
    !on && match($0, "\"" name "\": *\\[") { on = 1; $0 = substr($0, RSTART + RLENGTH) }
    on {
      while (match($0, /"[^"]*"/)) {
        text = substr($0, RSTART + 1, RLENGTH - 2)
        $0 = substr($0, RSTART + RLENGTH)
        gsub("\001", "\"", text)
        print text
      }
      if (/\]/) exit
    }' "$2/exercise.json"
}

# The numbers of all exercises, in order.
all_exercises() {
  local file
  for file in "$exercises"/[0-9]*.[0-9]*_*/exercise.json; do
    [ -f "$file" ] || continue
    file=${file#"$exercises"/}
    echo "${file%%_*}"
  done | sort -t . -k 1,1n -k 2,2n
}

folder_of() { # number
  local folder
  for folder in "$exercises/$1"_*/; do
    [ -f "${folder}exercise.json" ] || return 1
    echo "${folder%/}"
    return 0
  done
}

# The file of the library's suite that holds a test.
suite_of() { # test
  grep -lF "TEST_CASE(\"$1\"" tests/*_test.cpp | head -n 1
}

# What a pass depends on: a change of it means that the exercise must be tested again.
test_sum() { # folder
  { cat "$1/first_test.cpp"; list_field library "$1"; } | cksum | tr ' ' -
}

# What to read for an exercise: the page of the site, else the chapter, else the source.
read_page() { # folder
  local read page chapter
  read=$(field read "$1")
  page=build/site/${read%%#*}
  chapter=$(field chapter "$1")
  if [ -f "$page" ]; then
    echo "build/site/$read"
    return
  fi
  for page in docs/chapters/"$chapter"-*.md; do
    [ ! -f "$page" ] || { echo "$page"; return; }
  done
  field source "$1"
}

# ---- the hole ----

# Prints a source with the student's file in the place of a function: from the line that begins it to
# the closing brace at its indentation. `beside` keeps that function and puts the file behind it.
# `without` names further functions that are taken out, by their first lines. Lines are numbered so
# that errors point into the student's file, or into the library. #include lines of the student's file
# go to the top, since the hole may be inside a class.
with_hole() { # source file-of-the-source begins beside without student shown
  HOLE_BEGINS=$3 HOLE_WITHOUT=$5 HOLE_SHOWN=$7 HOLE_NAME=$1 HOLE_STUDENT=$6 awk -v beside="$4" '
    function trimmed(s) { sub(/^[ \t]+/, "", s); sub(/[ \t]+$/, "", s); return s }
    function indent_of(s) { match(s, /^[ \t]*/); return substr(s, 1, RLENGTH) }
    function put_hole(next_line,    i) {
      if (shown) print "#line 1 \"" shown "\""
      for (i = 1; i <= lines; ++i) print (text[i] ~ /^[ \t]*#[ \t]*include/ ? "" : text[i])
      if (shown) print "#line " next_line " \"" name "\""
      ++holes
    }
    BEGIN {
      begins = ENVIRON["HOLE_BEGINS"]; student = ENVIRON["HOLE_STUDENT"]; shown = ENVIRON["HOLE_SHOWN"]; name = ENVIRON["HOLE_NAME"]
      count = split(ENVIRON["HOLE_WITHOUT"], without, "\n")
      while ((getline line < student) > 0) {
        sub(/\r$/, "", line)
        text[++lines] = line
        if (line ~ /^[ \t]*#[ \t]*include/) {
          if (shown) print "#line " lines " \"" shown "\""
          print line
        }
      }
      if (shown) print "#line 1 \"" name "\""
    }
    inside {
      if ($0 == indent "}" || $0 == indent "};") {
        inside = 0
        if (kind == "beside") print
        if (kind == "without") print ""
        else put_hole(FNR + 1)
      } else if (kind == "beside") print
      else if (kind == "without") print ""
      next
    }
    {
      line = trimmed($0)
      kind = ""
      if (line == begins) kind = beside == "true" ? "beside" : "replaced"
      for (i = 1; i <= count; ++i) if (without[i] != "" && line == without[i]) kind = "without"
      if (kind == "") { print; next }
      inside = 1
      indent = indent_of($0)
      if (kind == "beside") print
      if (kind == "without") print ""
    }
    END { if (holes != 1 || inside) exit 3 }' "$2"
}

# The function of the library, with the comment above it, without indentation.
library_version() { # folder
  local source
  source=$(field source "$1")
  if [ -z "$source" ] || [ "$(field beside "$1")" = true ]; then
    cat "$1/solution.cpp"
    return
  fi
  HOLE_BEGINS=$(field begins "$1") HOLE_WITHOUT=$(list_field without "$1") awk '
    function trimmed(s) { sub(/^[ \t]+/, "", s); return s }
    function show(s) { print (substr(s, 1, length(indent)) == indent ? substr(s, length(indent) + 1) : s) }
    BEGIN {
      wanted[ENVIRON["HOLE_BEGINS"]] = 1
      count = split(ENVIRON["HOLE_WITHOUT"], without, "\n")
      for (i = 1; i <= count; ++i) if (without[i] != "") wanted[without[i]] = 1
    }
    inside { show($0); if ($0 == indent "}") { inside = 0; print "" } next }
    trimmed($0) in wanted {
      inside = 1
      match($0, /^[ \t]*/)
      indent = substr($0, 1, RLENGTH)
      for (i = 1; i <= comments; ++i) show(comment[i])
      show($0)
    }
    /^[ \t]*\/\// { comment[++comments] = $0; next }
    { comments = 0 }' "$source"
}

# The named tests of a file of the suite, and all that is between the tests. Lines keep their numbers.
named_tests() { # file names
  SUITE_NAMES=$2 awk -v file="$1" '
    BEGIN { count = split(ENVIRON["SUITE_NAMES"], names, "\n"); print "#line 1 \"" file "\"" }
    /^TEST_CASE\(/ {
      keep = 0
      for (i = 1; i <= count; ++i) if (names[i] != "" && index($0, "TEST_CASE(\"" names[i] "\"")) keep = 1
      skipping = !keep
    }
    { print (skipping ? "" : $0) }
    /^}/ { skipping = 0 }' "$1"
}

# ---- compiling ----

# What an exercise's tests are made of, as an absolute command: the compiler warns of nothing but a
# function that ends without a value.
compiler() { # sets the arrays command, includes and libraries
  local compile flags objects word
  # shellcheck disable=SC1090
  . "$flags_file"
  command=()
  for word in "${compile[@]}"; do
    [ "$word" = -w ] || command[${#command[@]}]=$word
  done
  command[${#command[@]}]=-Werror=return-type
  includes=("-I$PWD")
  for word in "${flags[@]}"; do includes[${#includes[@]}]=$word; done
}

# Compiles in the C locale: the messages are read below.
compile_object() { # source object folder-of-the-hole
  LC_ALL=C LANG=C "${command[@]}" ${3:+"-I$3"} "${includes[@]}" -c "$1" -o "$2" 2>"$2.errors"
}

# A test's object from the cache, or compiled now and kept.
cached_object() { # name source object
  local sum kept
  sum=$({ cat "$2" tensor/*.h autograd/*.h nn/*.h tests/*.h; echo "${command[*]}"; } | cksum | tr ' ' -)
  kept=$cache/$1-$sum.o
  if [ ! -f "$kept" ]; then
    mkdir -p "$cache"
    rm -f "$cache/$1"-*.o
    compile_object "$2" "$3" '' || return 1
    cp "$3" "$kept.$$" && mv -f "$kept.$$" "$kept" || rm -f "$kept.$$" # a full disk: no cache
    return 0
  fi
  cp "$kept" "$3"
}

# ---- one test of one student's file ----

# Compiles the student's file into the library and runs the tests of the exercise. The folder `work`
# then holds the file `result`, which begins with one of these words:
#   passed failed stopped compile link empty changed broken disk
# For all but the first three, the file `why` holds lines for the student. After `passed`, `failed` and
# `stopped` there is a record for each test: `ok NAME`, `failed NAME` or `stopped NAME`, with a tab; and
# the lines `| text` say what was wrong.
judge() { # folder student shown work
  local folder=$1 student=$2 shown=$3 work=$4 verdict
  rm -rf "$work"
  mkdir -p "$work" || return 1
  verdict=$(judged "$folder" "$student" "$shown" "$work") || verdict=broken
  # A compiler that finds no room fails in many ways.
  if [ "$verdict" != passed ] && cat "$work"/*.errors "$work/why" 2>/dev/null | grep -q 'No space left'; then
    verdict=disk
    echo "There is no room left on the disk. Nothing of yours was changed." >"$work/why" 2>/dev/null || true
  fi
  { echo "$verdict"; cat "$work/tests.txt" 2>/dev/null || true; } >"$work/result" 2>/dev/null || return 1
}

judged() { # folder student shown work
  local folder=$1 student=$2 shown=$3 work=$4 source header='' status=0
  # This is a subshell. Programs in its background ignore Ctrl-C, so it ends them.
  trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM HUP
  source=$(field source "$folder")
  if ! grep -q '[^[:space:]]' "$student" 2>/dev/null; then
    echo "$shown is empty." >"$work/why"
    echo empty
    return
  fi
  compiler
  make_hole "$folder" "$student" "$shown" "$work" || { echo changed; return; }
  case $source in
    '' | *.h | examples/*) header=yes ;; # the tests include it, and are compiled with it
  esac
  compile_all "$folder" "$work" "$header" || status=$?
  if [ $status -ne 0 ]; then
    explain_errors "$folder" "$student" "$shown" "$work" >"$work/why"
    echo compile
    return
  fi
  if ! "${command[@]}" "$work"/*.o "${libraries[@]}" -o "$work/tests" 2>"$work/link.errors"; then
    explain_link "$folder" "$shown" "$work" >"$work/why"
    echo link
    return
  fi
  run_tests "$work"
}

make_hole() { # folder student shown work
  local folder=$1 student=$2 shown=$3 work=$4 source
  source=$(field source "$folder")
  mkdir -p "$work/hole/$(dirname "./$source")"
  if [ -z "$source" ]; then
    { printf '#line 1 "%s"\n' "$shown"; cat "$student"; echo; } >"$work/hole/student.h"
    return
  fi
  with_hole "$source" "$source" "$(field begins "$folder")" "$(field beside "$folder")" \
    "$(list_field without "$folder")" "$student" "$shown" >"$work/hole/$source" || {
    echo "$source has changed: it has no single function that begins with" >"$work/why"
    echo "    $(field begins "$folder")" >>"$work/why"
    return 1
  }
}

# The library's source with the hole, the first tests, and the tests of the suite, side by side. Their
# output is no longer the pipe that judge() reads: after Ctrl-C it would wait until the last compiler ends.
compile_all() { # folder work header?
  local folder=$1 work=$2 header=$3 source names file parts='' jobs='' status=0 part
  source=$(field source "$folder")
  cp "$folder/first_test.cpp" "$work/first.cpp"
  names=$(list_field library "$folder")
  for file in $(suites "$folder"); do
    part=suite_$(basename "$file" .cpp)
    named_tests "$file" "$names" >"$work/$part.cpp"
    parts="$parts $part"
  done
  if [ -z "$header" ]; then
    compile_object "$work/hole/$source" "$work/0_hole.o" "$work/hole" >/dev/null &
    jobs="$jobs $!"
  fi
  for part in first $parts; do
    # The linker takes objects in this order, and the tests run in it.
    local object=$work/2_$part.o
    [ "$part" != first ] || object=$work/1_first.o
    if [ -n "$header" ]; then
      compile_object "$work/$part.cpp" "$object" "$work/hole" >/dev/null &
    else
      cached_object "$(basename "$folder")-$part" "$work/$part.cpp" "$object" >/dev/null &
    fi
    jobs="$jobs $!"
  done
  for part in $jobs; do wait "$part" || status=1; done
  return $status
}

# The files of the library's tests.
suites() { # folder
  list_field library "$1" | while IFS= read -r name; do
    suite_of "$name"
  done | sort -u
}

# Runs the program of the tests. It prints passed, failed or stopped, and writes tests.txt.
run_tests() { # work
  local work=$1 pid status=0 tenths=0 wanted
  (
    cd "$work"
    ulimit -c 0 2>/dev/null || true
    ulimit -St "$cpu_seconds" 2>/dev/null || true
    ulimit -v 8000000 2>/dev/null || true # kB; an endless loop must not eat all memory
    exec ./tests -r xml >report.xml 2>output.txt </dev/null
  ) &
  pid=$!
  while kill -0 "$pid" 2>/dev/null && [ $tenths -lt $((10 * wall_seconds)) ]; do
    sleep 0.1
    tenths=$((tenths + 1))
  done
  [ $tenths -lt $((10 * wall_seconds)) ] || kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || status=$?
  tests_of_report "$status" <"$work/report.xml" >"$work/tests.txt"
  if ! grep -q '^[a-z]*	' "$work/tests.txt"; then
    echo "The tests ran no case at all (exit status $status)." >"$work/why"
    echo broken
  elif grep -q '^stopped	' "$work/tests.txt"; then
    echo stopped
  elif [ "$status" -ne 0 ] || grep -q '^failed	' "$work/tests.txt"; then
    # A program that dies when all its tests have passed has not passed.
    grep -q '^failed	' "$work/tests.txt" ||
      printf 'stopped\tthe end of the program\n| the program died after its last test (exit status %s)\n' \
        "$status" >>"$work/tests.txt"
    echo failed
  else
    echo passed
  fi
}
