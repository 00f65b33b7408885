"""Which lines of the library no test reaches, and whether somebody has said why.

    gcovr --json lines.json ... && python3 report.py lines.json

Fails below 98 %, where a line is not reached that uncovered.md does not name, and where
uncovered.md names a line that is reached or gone.
"""

import json
import pathlib
import re
import sys

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent
rooms = ("tensor", "autograd", "nn", "optim")
least = 98

# An entry of uncovered.md: - `file`: `the line` reason
argued = {}
for line in (here / "uncovered.md").read_text().splitlines():
    entry = re.fullmatch(r"- `([^`]+)`: `([^`]+)` (\S.*)", line)
    if entry:
        argued[entry[1], entry[2]] = entry[3]

found = {}  # file: number of a line: how often it ran
for source in json.loads(pathlib.Path(sys.argv[1]).read_text())["files"]:
    name = source["file"]
    if name.split("/")[0] not in rooms:
        continue
    lines = found.setdefault(name, {})
    for line in source["lines"]:
        if not line.get("gcovr/noncode"):
            number = line["line_number"]
            lines[number] = lines.get(number, 0) + line["count"]

open_lines, seen = [], set()
for name, lines in sorted(found.items()):
    code = (root / name).read_text().splitlines()
    for number, count in sorted(lines.items()):
        text = code[number - 1].strip()
        if count == 0 and (name, text) in argued:
            seen.add((name, text))
        elif count == 0:
            open_lines.append(f"{name}:{number}: {text}")

for room in rooms:
    counts = [n for name, lines in found.items() if name.split("/")[0] == room for n in lines.values()]
    reached = sum(n > 0 for n in counts)
    print(f"{room:10} {len(counts):5} lines {100 * reached / max(1, len(counts)):7.2f} % reached")
counts = [n for lines in found.values() for n in lines.values()]
share = 100 * sum(n > 0 for n in counts) / max(1, len(counts))
print(f"{'all':10} {len(counts):5} lines {share:7.2f} % reached, {len(seen)} others argued for")

stale = sorted(set(argued) - seen)
for line in open_lines:
    print("not reached, no reason given:", line)
for name, text in stale:
    print(f"has a reason, but is reached or gone: {name}: {text}")
sys.exit(bool(open_lines or stale or share < least or not counts))
