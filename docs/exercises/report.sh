# What the tests of an exercise said, in words for the student; lib.sh runs them.

# ---- the report of the tests ----

# Reads Catch2's XML report. Of each failed test it prints what its first failed assertion says.
tests_of_report() { # exit-status < report
  awk -v status="$1" -v seconds="$cpu_seconds" '
    function plain(s) {
      gsub(/&lt;/, "<", s); gsub(/&gt;/, ">", s); gsub(/&quot;/, "\"", s); gsub(/&apos;/, "\047", s)
      gsub(/&amp;/, "\\&", s)
      return s
    }
    function trimmed(s) { sub(/^[ \t]+/, "", s); sub(/[ \t]+$/, "", s); return s }
    # Of a longer text only the first line is indented by Catch2.
    function line_of(s) { if (!started) { sub(/^ +/, "", s); started = 1 } sub(/[ \t]+$/, "", s); return plain(s) }
    function note(s) { said[++notes] = s }
    function end_assertion(   i) {
      if (!failed) {
        failed = 1
        for (i = 1; i <= infos; ++i) note(info[i])
        if (kind == "Exception") note("it threw an error: " words)
        else if (kind == "FatalErrorCondition") note("the program crashed: " crash(words))
        else if (kind == "Failure") note(words)
        else if (infos == 0) {
          note(type "(" original ")")
          if (expanded != original) note("is " expanded)
        }
      }
      infos = 0
      kind = ""
    }
    function crash(s) {
      if (s ~ /SIGSEGV/) return "it used memory that is not its own, or its stack overflowed"
      if (s ~ /SIGABRT/) return "it gave up (abort), perhaps because of an error that nobody caught"
      return s
    }
    function end_test(result,   i) {
      print result "\t" name
      for (i = 1; i <= notes; ++i) if (said[i] != "") print "| " said[i]
      name = ""
    }
    /<TestCase name="/ {
      name = $0; sub(/.*<TestCase name="/, "", name); sub(/" *(tags|description|filename)=.*/, "", name)
      name = plain(name); failed = notes = infos = 0
      next
    }
    name == "" { next }
    /<\/TestCase>/ { end_test(failed ? "failed" : "ok"); next }
    /<Info>|<Exception |<FatalErrorCondition |<Failure |<Original>|<Expanded>/ {
      tag = $0; sub(/.*</, "", tag); sub(/[ >].*/, "", tag)
      if (tag == "Exception" || tag == "FatalErrorCondition" || tag == "Failure") { kind = tag; words = "" }
      if (tag == "Original") original = ""
      if (tag == "Expanded") expanded = ""
      reading = tag
      started = 0
      next
    }
    /<Expression / {
      kind = "Expression"; type = $0; sub(/.*type="/, "", type); sub(/".*/, "", type)
      original = expanded = ""
      next
    }
    /<\/Info>/ { reading = ""; next }
    /<\/(Original|Expanded)>/ { reading = ""; next }
    /<\/(Failure|FatalErrorCondition)>/ { reading = ""; end_assertion(); next }
    /<\/Exception>/ { reading = ""; if (kind == "Exception") end_assertion(); next }
    /<\/Expression>/ { end_assertion(); next }
    /<OverallResult / { if (/success="false"/) failed = 1; next }
    reading == "Info" { info[++infos] = line_of($0); next }
    reading == "Original" { original = original (original == "" ? "" : " ") plain(trimmed($0)); next }
    reading == "Expanded" { expanded = expanded (expanded == "" ? "" : " ") plain(trimmed($0)); next }
    reading != "" { words = words (words == "" ? "" : " ") plain(trimmed($0)) }
    END {
      if (name == "") exit
      if (status == 152 || status == 158) {
        note("it computed for " seconds " seconds and was ended. Does a loop never end? Or is a node visited once for each path that leads to it?")
      } else if (status == 137) {
        note("it did not end, and was ended. Does it wait for something that never happens?")
      } else {
        note("the program died here (exit status " status "): " \
             (status == 139 ? "it used memory that is not its own, or its stack overflowed" : \
              status == 134 ? "it gave up (abort), perhaps because of an error that nobody caught" : "the tests after this one did not run"))
      }
      end_test("stopped")
    }'
}

# ---- what to tell the student ----

# The first errors that point into the student's file, with their lines.
explain_errors() { # folder student shown work
  local folder=$1 student=$2 shown=$3 work=$4 mine
  cat "$work"/*.errors >"$work/all_errors.txt" 2>/dev/null || true
  mine=$(grep -nF "$shown:" "$work/all_errors.txt" | grep -E ':[0-9]+(:[0-9]+)?: (fatal )?error:' |
    sed -n '1,3p' | cut -d : -f 1)
  if [ ! -s "$work/all_errors.txt" ]; then
    echo "The compiler failed and said nothing. Is the disk full? Nothing of yours was changed."
    return
  fi
  if [ -n "$mine" ]; then
    braces "$student" "$shown"
    # An error is up to four lines: the message, the line, the mark below it.
    for line in $mine; do
      sed -n "$line,$((line + 3))p" "$work/all_errors.txt" |
        awk 'NR == 1 || /^ *[0-9]* \|/ || /^ *[~^]/ || (NR == 2 && !/: (error|note|warning):/) { print; next } { exit }'
    done
    return
  fi
  braces "$student" "$shown"
  echo "The compiler's errors are outside $shown. The first ones are:"
  grep -E ': (fatal )?error:' "$work/all_errors.txt" | sed "s|$PWD/||" | sed -n '1,2p' | sed 's/^/    /'
  echo "The function must be there, and begin as in the starter:"
  begins_as "$folder"
  echo "If it does, look at types: the function, and each lambda in it, must return what the library expects."
}

# Says if braces do not match, strings and comments aside.
braces() { # student shown
  awk -v shown="$2" '
    { sub(/\/\/.*/, ""); gsub(/"([^"\\]|\\.)*"/, ""); gsub(/\047[^\047]\047/, "")
      opened += gsub(/[{]/, ""); closed += gsub(/[}]/, "") }
    END { if (opened != closed) print "In " shown " " opened " braces open and " closed " close. What follows may come from this." }' "$1"
}

# Without the student's function the linker takes the library's, and finds much else defined twice.
explain_link() { # folder shown work
  echo "$2 does not define the function. It must begin as in the starter:"
  begins_as "$1"
}

# How the student's function must begin.
begins_as() { # folder
  if [ -n "$(field source "$1")" ] && [ "$(field beside "$1")" != true ]; then
    echo "    $(field begins "$1")"
  else
    grep -E '^[A-Z].*\(.*\{' "$1/starter.cpp" | sed 's/^/    /'
  fi
}

failed_tests() { # work
  sed -n -e 's/^failed	//p' -e 's/^stopped	//p' "$1/result"
}

# What the first failed assertion of a test said.
said_by() { # work test
  SAID_TEST=$2 awk -F '\t' '
    /^\| / { if (on) print substr($0, 3); next }
    { on = ($2 == ENVIRON["SAID_TEST"] && $1 != "ok") }' "$1/result"
}

# If exactly those tests fail that one known mistake fails, the sentence for it. A wrong answer begins
#   // fails: TEST | the sentence
#   // also: TEST             a further test that fails, once for each
#   // says: text             a part of what the tests say, if other mistakes fail the same tests
diagnosis() { # folder work
  local wrong failing said line found='' best=-1 score fits
  failing=$(failed_tests "$2" | sort)
  [ -n "$failing" ] || return 0
  said=$(grep '^| ' "$2/result" || true)
  for wrong in "$1"/wrong/*.cpp; do
    [ "$(wrong_tests "$wrong" | sort)" = "$failing" ] || continue
    score=0 fits=yes
    while IFS= read -r line; do
      [ -n "$line" ] || continue
      case $said in *"$line"*) score=$((score + 1)) ;; *) fits='' ;; esac
    done <<END
$(sed -n 's/^\/\/ says: //p' "$wrong")
END
    [ -n "$fits" ] || continue
    if [ $score -gt $best ]; then
      best=$score
      found=$(wrong_sentence "$wrong")
    elif [ $score -eq $best ]; then
      found=''
    fi
  done
  [ -z "$found" ] || printf '%s\n' "$found"
}
wrong_tests() { # file: the test that must fail, then the others that do
  sed -n -e '1s/^\/\/ fails: \(.*\) | .*$/\1/p' -e 's/^\/\/ also: //p' "$1"
}
wrong_sentence() { sed -n '1s/^\/\/ fails: .* | \(.*\)$/\1/p' "$1"; } # file
