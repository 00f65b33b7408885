#!/usr/bin/env python3
"""Writes examples/translate/unicode_{tables,widths}.h and tests/unicode/lower_case.txt.

All come from the copy of the Unicode Character Database that this Python contains. Only Python's
standard library is needed. Run it from anywhere, and commit what it writes:

    scripts/unicode_tables.py
"""

import pathlib
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALL = range(0x110000)
SIGMA = "\u03a3"  # Σ, whose small letter depends on what stands around it
FINAL = "\u03c2"  # ς, its small letter at the end of a word

MADE = """\
// Made by scripts/unicode_tables.py, from the copy of the database that Python contains. Do not
// change a number here by hand: run the script again.
#pragma once
"""

END = "// clang-format on\n\n}  // namespace translate::tables\n"

HEAD = f"""\
// # Tables of characters, from the Unicode Character Database {unicodedata.unidata_version}
//
{MADE}
namespace translate::tables {{

// clang-format off

// From `first` to `last`, both included.
struct Range {{
  char32_t first, last;
}};

// Every `step`-th code point from `first` to `last` is a capital letter; adding `offset` gives its
// small letter.
struct CaseRange {{
  char32_t first, last;
  int step, offset;
}};
"""

WIDTHS_HEAD = f"""\
// # How many columns of a terminal a character takes, by Unicode {unicodedata.unidata_version}
//
{MADE}
#include "examples/translate/unicode_tables.h"

namespace translate::tables {{

// clang-format off
"""


def ranges(codes):
    """Neighbouring code points as [first, last]."""
    runs = []
    for code in sorted(codes):
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return runs


def simple_lower():
    """The small letter of every capital, where it is one code point (UnicodeData.txt, field 13)."""
    lower = {code: chr(code).lower() for code in ALL if chr(code).lower() != chr(code)}
    # U+0130 is the only letter with a longer small letter (SpecialCasing.txt): its first code point
    # is the one of UnicodeData.txt.
    assert [code for code, text in lower.items() if len(text) != 1] == [0x130]
    return {code: ord(text[0]) for code, text in lower.items()}


def case_ranges(lower):
    runs = []  # [first, last, step, offset]
    for code, small in sorted(lower.items()):
        offset = small - code
        gap = code - runs[-1][1] if runs else 0
        if runs and runs[-1][3] == offset and gap in (1, 2) and runs[-1][2] in (0, gap):
            runs[-1][1:3] = code, gap
        else:
            runs.append([code, code, 0, offset])
    return [[first, last, step or 1, offset] for first, last, step, offset in runs]


def sigma_is_final(text):
    return text.lower().endswith(FINAL)


def cased_and_ignorable():
    """The properties Cased and Case_Ignorable, which Python keeps to itself but follows.

    Σ ends a word where a cased letter stands before it. Between the two may stand what is ignorable.
    So a code point that alone before Σ makes it final is cased, and one that only with an A before
    itself does so is ignorable. What has both properties counts as ignorable.
    """
    cased = {code for code in ALL if sigma_is_final(chr(code) + SIGMA)} | {ord(SIGMA)}
    after = {code for code in ALL if sigma_is_final("A" + chr(code) + SIGMA)}
    return cased, after - cased


def table(comment, kind, name, rows):
    lines = [f"// {line}" for line in comment.split("\n")]
    lines.append(f"inline constexpr {kind} {name}[] = {{")
    line = "   "
    for row in rows:
        numbers = [f"0x{n:X}" for n in row[:2]] + [str(n) for n in row[2:]]
        cell = " {" + ", ".join(numbers) + "},"
        if len(line + cell) > 100:
            lines.append(line)
            line = "   "
        line += cell
    return "\n".join(lines + [line, "};"]) + "\n"


def write(name, parts):
    (ROOT / "examples/translate" / name).write_text("\n".join(parts), encoding="utf-8")


def main():
    lower = simple_lower()
    cased, ignorable = cased_and_ignorable()
    marks = {code for code in ALL if unicodedata.category(chr(code))[0] in "PS"}
    spaces = {code for code in ALL if chr(code).isspace()}
    parts = [
        HEAD,
        table("Capital and title-case letters (UnicodeData.txt, simple lower-case mapping).",
              "CaseRange", "capitals", case_ranges(lower)),
        table("The property Cased, without what is also in `case_ignorable`.",
              "Range", "cased", ranges(cased)),
        table("The property Case_Ignorable.", "Range", "case_ignorable", ranges(ignorable)),
        table("Punctuation and symbols: the general categories P and S.",
              "Range", "marks", ranges(marks)),
        table("What Python's str.isspace() and str.split() take for a space: the general category Zs,\n"
              "and the bidirectional classes WS, B and S.", "Range", "spaces", ranges(spaces)),
        END,
    ]
    write("unicode_tables.h", parts)

    # Of code points that are not assigned, Python says F. Only those in blocks of Han are wide.
    wide = {code for code in ALL if unicodedata.east_asian_width(chr(code)) in "WF"
            and unicodedata.category(chr(code)) != "Cn"}
    for first, last in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),
                        (0x20000, 0x2FFFD), (0x30000, 0x3FFFD)):
        wide |= set(range(first, last + 1))
    zero = {code for code in ALL if unicodedata.category(chr(code)) in ("Mn", "Me", "Cf")}
    zero |= set(range(0x1160, 0x1200))  # Hangul Jamo that are drawn into the first letter
    zero -= {0xAD}  # the soft hyphen, which terminals show
    parts = [
        WIDTHS_HEAD,
        table("Two columns wide: East_Asian_Width W and F (EastAsianWidth.txt).",
              "Range", "wide", ranges(wide - zero)),
        table("Drawn on the character before: the general categories Mn, Me and Cf without U+00AD,\n"
              "and the vowels and final consonants of Hangul Jamo.", "Range", "zero_width", ranges(zero)),
        END,
    ]
    write("unicode_widths.h", parts)

    listed = ROOT / "tests/unicode/lower_case.txt"
    listed.parent.mkdir(exist_ok=True)
    rows = [f"{code:04X} {small:04X}\n" for code, small in sorted(lower.items())]
    listed.write_text("".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
