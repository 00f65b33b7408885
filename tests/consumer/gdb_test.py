"""Runs in gdb: compares what gdb prints with the comments of program/debugged.cpp.

    gdb -nx -batch -x PREFIX/share/glassgrad/glassgrad-gdb.py -x gdb_test.py PROGRAM

The program calls stop() in several functions. At each call the comments between the beginning of the
calling function, or its previous call, and this call are checked.
"""

import re

import gdb

EXPECTATION = re.compile(r"\s*// (\S.*) → (.*)")
checked, failures = 0, []


def printed(command):
    """What a user sees; the text of the error where there is one."""
    try:
        return gdb.execute(command, to_string=True).strip()
    except gdb.error as error:
        return str(error)


def check(expression, expected):
    got = re.sub(r"^\$\d+ = ", "", printed(f"print {expression}"))
    prefix = expected[:-1] if expected.endswith("…") else None
    if got != expected if prefix is None else not got.startswith(prefix) or "\n" in got:
        failures.append(f"{expression}\n    expected {expected}\n    got      {got}")


def check_caller(done):
    """Checks the function that called stop(); `done` is the line of its previous call, by function."""
    global checked
    gdb.execute("up", to_string=True)
    frame = gdb.selected_frame()
    name, line = frame.name(), frame.find_sal().line
    first = done.get(name, frame.function().line)
    done[name] = line
    with open(frame.find_sal().symtab.fullname(), encoding="utf-8") as source:
        lines = source.read().splitlines()[first - 1 : line]
    expectations = [found for found in map(EXPECTATION.fullmatch, lines) if found]
    if not expectations:
        failures.append(f"{name}: no comments between lines {first} and {line}")
    for found in expectations:
        check(*found.groups())
        checked += 1
    # Locals that are not alive yet, or not any more.
    locals_text = printed("info locals")
    if "Python" in locals_text or "Traceback" in locals_text:
        failures.append(f"{name}: info locals gave\n{locals_text}")


def check_other_version():
    """The script in front of a program whose Tensor has no storage_, and which has no Node."""
    globals().update(STORAGE="elsewhere_", NODE="glass::Vertex")
    for expression in ("w.node_.node_->value", "w"):
        got = printed(f"print {expression}")
        if not got.endswith("; is glassgrad stripped, or of another version than this script?>"):
            failures.append(f"{expression}, of another version\n    got      {got}")
    globals().update(STORAGE="storage_", NODE="glass::Node")


def main():
    gdb.execute("set startup-with-shell off")
    gdb.execute("set confirm off")
    gdb.execute("break stop", to_string=True)
    try:
        gdb.execute("run", to_string=True)
    except gdb.error as error:
        failures.append(f"gdb cannot run a program here: {error} Is ptrace allowed? In a container "
                        "it may need docker run --cap-add=SYS_PTRACE")
    done = {}
    while gdb.selected_inferior().pid:
        check_caller(done)
        if printed("print &w").startswith("$"):
            check_other_version()
        gdb.execute("continue", to_string=True)
    if not checked and not failures:
        failures.append("the program did not call stop()")


main()
print("\n".join(failures) or f"gdb: {checked} lines as expected")
gdb.execute(f"quit {1 if failures else 0}")
