# Reading mutants.txt and putting a mutant into a source; for run, and for ../programs/mutants.

gradient_checks='[gradcheck]'

# The source text with the mutant in it. The replaced lines must occur exactly once after the anchor.
mutated() { # text anchor old new
  local text=$1 anchor=$2 old=$3 new=$4 head=''
  if [ -n "$anchor" ]; then
    [ "${text/"$anchor"/}" != "$text" ] || return 1
    head=${text%%"$anchor"*}$anchor
    text=${text#"$head"}
  fi
  local before=${text%%"$old"*}
  [ "$before" != "$text" ] || return 1
  local after=${text#"$before$old"}
  # Without an anchor, the lines must occur only once in the file.
  [ -n "$anchor" ] || [ "${after%%"$old"*}" = "$after" ] || return 1
  printf '%s' "$head$before$new$after"
}

# Calls start_one for each entry of the file, with the entry in these variables.
title='' file='' test='' tests=$gradient_checks anchor='' old='' new=''
read_mutants() { # mutants.txt
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      '= '*) start_one; title=${line#= } file='' test='' tests=$gradient_checks anchor='' old='' new='' ;;
      '! '*) tests=${line#! } ;;
      '@ '*) anchor=${line#@ } ;;
      '- '*) old+=${old:+$'\n'}${line#- } ;;
      '+ '*) new+=${new:+$'\n'}${line#+ } ;;
      '+') ;;
      '' | '#'*) ;;
      *) file=${line%% | *}; [[ $line != *' | '* ]] || test=${line#* | } ;;
    esac
  done <"$1"
  start_one
}
