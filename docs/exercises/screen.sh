# What ./learn prints, and the keys it reads.

# Colours and marks: only on a terminal, and not if the user asks for none.
bold='' dim='' plain='' yes='✓' no='✗' width=100
if [ -t 1 ]; then
  columns=$(stty size 2>/dev/null </dev/tty | cut -d ' ' -f 2 || true)
  case $columns in '' | *[!0-9]*) columns=80 ;; esac
  if [ "$columns" -lt 20 ]; then columns=80; fi
  [ "$columns" -ge $width ] || width=$columns
  if [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m' yes=$'\033[32m✓\033[0m' no=$'\033[31m✗\033[0m'
  fi
fi

# Text in a column of at least this width. printf counts bytes, and ★ has three.
pad() { # width text
  local text=$2
  while [ ${#text} -lt "$1" ]; do text="$text "; done
  printf '%s' "$text"
}

# One paragraph, broken between words.
wrap() { # indent text
  local indent=$1 line='' word
  set -f # a * in the text is no pattern
  for word in $2; do
    if [ -z "$line" ]; then
      line=$word
    elif [ $((${#indent} + ${#line} + 1 + ${#word})) -le $((width - 1)) ]; then
      line="$line $word"
    else
      printf '%s%s\n' "$indent" "$line"
      line=$word
    fi
  done
  set +f
  [ -z "$line" ] || printf '%s%s\n' "$indent" "$line"
}

# Markdown from the standard input: paragraphs and list items are broken anew, code stays as it is.
show_text() {
  local line paragraph='' code='' indent='  ' blank=none
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      '```'*)
        wrap "$indent" "$paragraph"
        paragraph=''
        [ "$blank" != yes ] || say ""
        blank=no
        if [ -n "$code" ]; then code=''; else code=yes; fi
        ;;
      *)
        if [ -n "$line" ] || [ -n "$code" ]; then
          [ "$blank" != yes ] || say ""
          blank=no
        fi
        if [ -n "$code" ] || [ "${line#    }" != "$line" ]; then
          printf '    %s\n' "${line#    }"
        elif [ -z "$line" ]; then
          wrap "$indent" "$paragraph"
          paragraph=''
          [ "$blank" = none ] || blank=yes # printed before the next text, so not at the end
          continue
        else
          if [ "${line#- }" != "$line" ]; then
            wrap "$indent" "$paragraph"
            paragraph=''
            line="· ${line#- }"
          fi
          line=${line//\*\*/}
          line=${line//\`/}
          paragraph="$paragraph $line"
        fi
        ;;
    esac
  done
  wrap "$indent" "$paragraph"
}

# ---- results ----

# The first test that failed, with what it says; then how many passed; then what it may come from.
show_failure() { # folder student's-file work seconds
  local folder=$1 file=$2 work=$3 test line lines=0 sentence
  test=$(failed_tests "$work" | sed -n 1p)
  say ""
  say "  $no $bold$test$plain"
  while IFS= read -r line; do
    lines=$((lines + 1))
    case $line in *'not written yet'*) line="your function throws '${line#it threw an error: }', as the starter does" ;; esac
    [ $lines -le 10 ] || { say "      ..."; break; }
    # Numbers that stand below each other stay so.
    case $line in ' '* | '['*) say "      ${line:0:$((width - 7))}" ;; *) wrap '      ' "$line" ;; esac
  done <<END
$(said_by "$work" "$test")
END
  say "      ${dim}your function: $file:$(first_line "$file")$plain"
  say "  $(scores "$folder" "$work")   ${dim}tested in $4 s$plain"
  if grep -q 'not written yet' "$work/result"; then
    return
  fi
  sentence=$(diagnosis "$folder" "$work")
  if [ -n "$sentence" ]; then
    say ""
    wrap '  ' "It may be this. $sentence"
  fi
}

# The line where the code begins.
first_line() { # file
  awk '/^[ \t]*$/ || /^[ \t]*\/\// || /^[ \t]*#/ { next } { print NR; found = 1; exit } END { if (!found) print 1 }' "$1"
}

# How many of the small tests passed, and of the library's.
scores() { # folder work
  list_field library "$1" | awk -F '\t' -v yes="$yes" -v no="$no" -v result="$2/result" \
    -v small="$(grep -c '^TEST_CASE' "$1/first_test.cpp")" '
    { library[$0] = 1; ++ours }
    END {
      while ((getline line < result) > 0) {
        split(line, part, "\t")
        if (part[1] != "ok") continue
        if (part[2] in library) ++ours_passed
        else ++passed
      }
      printf "%s %d of %d small tests passed", (passed == small ? yes : no), passed, small
      if (ours) printf "   %s %d of the library\047s %d tests", (ours_passed == ours ? yes : no), ours_passed, ours
    }'
}

show_why() { # work
  local line
  say ""
  if [ ! -f "$1/why" ]; then
    say "  Nothing could be written in build/exercises. Is the disk full? Nothing of yours was changed."
    return
  fi
  while IFS= read -r line; do
    case $line in
      *' error: '* | ' '*) say "  $line" ;;
      *) wrap '  ' "$line" ;;
    esac
  done <"$1/why"
}

# ---- keys ----

terminal_was=''

# Keys arrive one by one, are not shown, and reading waits a quarter of a second at most.
keys_of_terminal() {
  [ -n "$terminal_was" ] || terminal_was=$(stty -g)
  stty -icanon -echo min 0 time 2
}
# The key that was pressed, or nothing, and a full stop: the shell would cut off a new line at the end.
look() { dd bs=1 count=1 2>/dev/null || true; printf .; }
forget_keys() {
  stty min 0 time 0
  dd bs=4096 count=1 >/dev/null 2>&1 || true
  keys_of_terminal
}

# At the end, also after Ctrl-C.
leave() {
  local jobs
  [ -z "$terminal_was" ] || stty "$terminal_was" 2>/dev/null || true
  jobs=$(jobs -p)
  # shellcheck disable=SC2086
  [ -z "$jobs" ] || kill $jobs 2>/dev/null || true
  rm -rf "$work" "$mine"/*.new.$$
  [ "$(cat build/exercises/lock 2>/dev/null || true)" != $$ ] || rm -f build/exercises/lock
}
