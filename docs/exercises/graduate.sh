# ./learn graduate: the library with the student's functions. ./learn grade: a folder of students' files.

# ---- graduate ----

yours='' # the numbers of the exercises whose functions go into the library

graduate() {
  local number folder file names='' count=0 holes=0 build=build/graduate/build begun=$SECONDS
  prepare
  say "Testing your functions once more ..."
  yours=''
  for number in $(all_exercises); do
    folder=$(folder_of "$number")
    case $(field source "$folder") in '' | examples/*) continue ;; esac
    holes=$((holes + 1))
    file=$(file_of "$number")
    [ -n "$(last_event passed "$number")" ] && [ -f "$file" ] || continue
    judge "$folder" "$file" "$file" "$work/judged" || true
    if [ "$(sed -n 1p "$work/judged/result" 2>/dev/null)" != passed ]; then
      say "  $no $file does not pass its test now, so the library's own function stays"
      continue
    fi
    yours="$yours $number"
    count=$((count + 1))
    names="$names $(field function "$folder")"
  done
  [ $count -gt 0 ] || die "None of the functions of the library is yours yet. ./learn opens the next exercise."
  say "Yours:$names        $count of $holes"

  copy_sources build/graduate/source
  say "Building glassgrad with your functions in it. The first time this takes some ten minutes on two cores ..."
  logged "$logs/configure-graduate.log" cmake -S build/graduate/source -B "$build" \
    -DCMAKE_BUILD_TYPE=Release -DGLASS_INSTALL=OFF -DGLASS_BENCHMARKS=OFF &&
    logged "$logs/build-graduate.log" cmake --build "$build" --target tests_f64 --target translate || {
    show_tail "$logs/build-graduate.log"
    die "It could not be built."
  }
  say "Running the tests in double ..."
  # The test of the sources' form is left out: it measures the library's own style.
  if ! logged "$logs/test-graduate.log" "$build/tests/tests_f64" '-#' '~[#structure_test]'; then
    show_tail "$logs/test-graduate.log"
    die "The library's tests fail with your functions in it."
  fi
  say "  $(tail -n 2 "$logs/test-graduate.log" | grep . | tail -n 1), with your functions in it"

  say "Training a translator for the task phrases, 1,500 steps ..."
  "$build/examples/translate" --task phrases --steps 1500 --translate "he never eats the small apples" |
    tee "$logs/train-graduate.txt" || die "The training failed."
  report_graduation "$names" "$count of $holes" $((SECONDS - begun)) >"$mine/graduation.txt" ||
    die "$mine/graduation.txt cannot be written."
  say ""
  say "Kept in $mine/graduation.txt"
}

report_graduation() { # names count seconds
  echo "glassgrad, built with my functions"
  echo
  echo "mine: $2"
  printf '  %s\n' $1
  echo
  echo "tests in double: $(tail -n 2 "$logs/test-graduate.log" | grep . | tail -n 1)"
  echo "all of it took $3 seconds"
  echo
  cat "$logs/train-graduate.txt"
}

# A copy of the repository with the student's functions. Files that stay the same are not written again,
# so that a second build is short.
copy_sources() { # folder
  local to=$1 file number folder source
  say "Copying the sources ..."
  rm -rf build/graduate/holes
  for number in $yours; do
    folder=$(folder_of "$number")
    source=$(field source "$folder")
    mkdir -p "build/graduate/holes/$(dirname "$source")"
    [ -f "build/graduate/holes/$source" ] || cp "$source" "build/graduate/holes/$source"
    with_hole "$source" "build/graduate/holes/$source" "$(field begins "$folder")" "$(field beside "$folder")" \
      "$(list_field without "$folder")" "$(file_of "$number")" '' >build/graduate/next
    mv build/graduate/next "build/graduate/holes/$source"
  done
  find CMakeLists.txt CMakePresets.json glassgrad.h README.md LICENSE CHANGELOG.md cmake tensor autograd nn optim examples tests \
    -name node_modules -prune -o -type f -print | while IFS= read -r file; do
    source=$file
    [ ! -f "build/graduate/holes/$file" ] || source=build/graduate/holes/$file
    cmp -s "$source" "$to/$file" && continue
    mkdir -p "$to/$(dirname "$file")"
    cp -p "$source" "$to/$file"
  done
}

# ---- grade ----

# A JSON line for each file whose name begins with the number of an exercise.
grade() { # folder
  local file name number folder found=''
  while IFS= read -r file; do
    name=$(basename "$file")
    case $name in *.library.cpp) continue ;; esac
    number=$(printf '%s\n' "$name" | sed -n 's/^\([0-9][0-9]*\.[0-9][0-9]*\)[^0-9].*$/\1/p')
    [ -n "$number" ] && folder=$(folder_of "$number") || continue
    found=yes
    mkdir -p "$work"
    judge "$folder" "$file" "$name" "$work/judged" || true
    grade_line "$number" "$file" "$folder" "$work/judged"
  done <<END
$(find "$1" -name '*.cpp' -type f | sort)
END
  [ -n "$found" ] || die "$1 holds no file whose name begins with the number of an exercise, as 3.1_gather.cpp does."
}

json() { # text
  printf '"%s"' "$(printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' | tr '\n\t' '  ')"
}

grade_line() { # number file folder work
  local result passed failed names='' name why=''
  result=$(sed -n 1p "$4/result" 2>/dev/null || true)
  passed=$(grep -c '^ok	' "$4/result" 2>/dev/null || true)
  failed=$(failed_tests "$4" 2>/dev/null | grep -c . || true)
  while IFS= read -r name; do
    [ -z "$name" ] || names="$names${names:+, }$(json "$name")"
  done <<END
$(failed_tests "$4" 2>/dev/null || true)
END
  case $result in
    passed) ;;
    failed | stopped) why=$(diagnosis "$3" "$4") ;;
    *) why=$(sed -n '1,3p' "$4/why" 2>/dev/null || true) ;;
  esac
  printf '{"exercise": %s, "file": %s, "result": %s, "tests_passed": %d, "tests_failed": %d, "failed": [%s], "why": %s}\n' \
    "$(json "$1")" "$(json "$2")" "$(json "${result:-disk}")" "${passed:-0}" "${failed:-0}" "$names" "$(json "$why")"
}
