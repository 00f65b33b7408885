"""Pretty printers: gdb shows the numbers of a glass::Tensor, and how a glass::Var was made.

    gdb -x PREFIX/share/glassgrad/glassgrad-gdb.py PROGRAM    once
    source PREFIX/share/glassgrad/glassgrad-gdb.py            always: this line in ~/.gdbinit

PREFIX is the folder that glassgrad was installed to. Compile your program with -g; any -O will do.

    (gdb) print weights
    $1 = Tensor [2, 3] {{1, 2, 3}, {4, 5, 6}}
    (gdb) print loss
    $2 = Var [] 3.5, made by 'mean', requires_grad
    (gdb) print/r weights            the members themselves, without the printers

Only memory is read and no function of the program runs, so a core file is shown too. The text is
ASCII, for terminals without UTF-8. Whatever the memory holds, the answer is one line: an object
before its constructor, or after its destructor, is shown as a short note in <>.
"""

import functools
import math
import operator
import struct

import gdb
import gdb.printing

# ---- what the library's members are called: all that must change with tensor/ and autograd/ ----

STORAGE, DATA, LAYOUT = "storage_", "data_", "layout_"  # of a Tensor, and of the LayoutPtr in it
SHAPE, STRIDES = "shape", "strides"  # of a Layout
BLOCK, OWNERS, COUNT = "block_", "owners", "count"  # of a Storage, and of its Block
SIZES, RANK, MAX_RANK = "sizes_", "rank_", 8  # of a Shape
DUAL_VALUE, DUAL_DERIVATIVE = "v", "d"  # of a Dual
LOWEST, HIGHEST = "lo", "hi"  # of an Interval
LIMBS, EXPONENT, KIND, NEGATIVE = "limbs", "exponent", "kind", "negative"  # of a Float192
HANDLE, NODE = "node_", "glass::Node"  # of a Var, and of the NodePtr in it
NAME, VALUE, GRAD, WANTS_GRAD, FREED = "name", "value", "grad", "requires_grad", "freed"  # its own

# Members of the standard library: of libstdc++, or of libc++.
TEXT = ("_M_str", "_M_len"), ("__data_", "__size_"), ("__data", "__size")  # of a string_view
OPTIONAL = ("_M_payload _M_engaged", "_M_payload _M_payload _M_value"), ("__engaged_", "__val_")

AT_EACH_END = 3  # positions of an axis that is elided, as fmt::print shows it
MOST_NUMBERS = 200  # of one Tensor
LONGEST_NAME = 100
NO_OBJECT = "not initialised, or destroyed"  # members contradict each other

# ---- reading members ----


def node_member(address, name):
    """A member of a Node, found by its offset: gdb would warn if it met the whole object, since the
    library's ops derive classes from Node that have no debug information."""
    for field in gdb.lookup_type(NODE).fields():
        if field.name == name:
            place = gdb.Value(address + field.bitpos // 8)
            return place.cast(field.type.pointer()).dereference()
    raise gdb.error(f"there is no member named {name} in {NODE}")


def of_std(value, choices):
    """The members that the first fitting choice names. A choice is a path for each of them."""
    for choice in choices:
        try:
            return [functools.reduce(operator.getitem, path.split(), value) for path in choice]
        except gdb.error:
            pass
    raise gdb.error(f"there is no member of {value.type} that this script knows")


def first_of(array, count):
    """The first integers of a std::array, whose only member is a C array."""
    items = array[array.type.strip_typedefs().fields()[0]]
    return [int(items[i]) for i in range(count)]


# ---- numbers and rows ----


def shortest(number, code):
    """The fewest digits that read back as the same float ("f") or double ("d")."""
    if number.is_integer() and abs(number) < 1e16:
        return f"{number:.0f}"
    for digits in range(1, 18):
        text = f"{number:.{digits}g}"
        try:
            if struct.pack(code, float(text)) == struct.pack(code, number):
                break
        except OverflowError:  # rounded up beyond the largest float
            pass
    return text


def is_float(value):
    return value.type.strip_typedefs().code == gdb.TYPE_CODE_FLT


def end_of(end):
    """The end of an interval as a double: one of 192 bits is rounded to the nearest double."""
    if is_float(end):
        return float(end)
    kind, sign = int(end[KIND]), -1.0 if end[NEGATIVE] else 1.0
    if kind < 3:  # not a number, infinite, zero
        return (math.nan, sign * math.inf, 0.0)[kind]
    parts = first_of(end[LIMBS], 3)
    mantissa = sum(limb << 64 * i for i, limb in enumerate(parts)) / 2**192
    try:
        return sign * math.ldexp(mantissa, int(end[EXPONENT]))
    except OverflowError:
        return sign * math.inf


def part_text(part):
    """A double; an Interval as fmt::print shows it, a number if both ends are the same."""
    if is_float(part):
        return shortest(float(part), "f" if part.type.sizeof == 4 else "d")
    lo, hi = (shortest(end_of(part[x]), "d") for x in (LOWEST, HIGHEST))
    return lo if lo == hi else f"[{lo}, {hi}]"


def number_text(real):
    """A float or double; a Dual as fmt::print shows it, with eps for the letter epsilon."""
    if is_float(real):
        return part_text(real)
    value, slope = (part_text(real[x]) for x in (DUAL_VALUE, DUAL_DERIVATIVE))
    sign = "" if slope.startswith("-") else "+"
    return value if slope in ("0", "-0") else f"{value}{sign}{slope}eps"


def rows_text(data, sizes, strides, room):
    """Nested braces. `room` is a list of one number: how many numbers may still be shown."""
    if not sizes:
        room[0] -= 1
        return number_text(data.dereference())
    elided = sizes[0] > 2 * AT_EACH_END + 1
    ends = [*range(AT_EACH_END), *range(sizes[0] - AT_EACH_END, sizes[0])]
    parts = []
    for i in ends if elided else range(sizes[0]):
        if elided and i == sizes[0] - AT_EACH_END or room[0] <= 0:
            parts.append("...")
        if room[0] <= 0:
            break
        parts.append(rows_text(data + i * strides[0], sizes[1:], strides[1:], room))
    return "{" + ", ".join(parts) + "}"


# ---- the types ----


def shape_list(shape):
    rank = int(shape[RANK])
    if not 0 <= rank <= MAX_RANK:
        raise gdb.error(NO_OBJECT)
    return first_of(shape[SIZES], rank)


def tensor_text(tensor):
    block, data = tensor[STORAGE][BLOCK], tensor[DATA]
    if int(block) == 0:
        raise gdb.error("moved from, or not initialised")
    layout = tensor[LAYOUT][LAYOUT]
    sizes = shape_list(layout[SHAPE])
    strides = first_of(layout[STRIDES], len(sizes))
    count = block[COUNT]
    owners = block[OWNERS].address.cast(count.type.pointer()).dereference()  # freed: 0, or huge
    numel = math.prod(sizes)
    # Do all numbers of the Tensor lie in its block?
    before = int(data) - int(block) - block.type.target().sizeof
    steps = [(size - 1) * stride for size, stride in zip(sizes, strides)] if numel else []
    first, odd = divmod(before, data.type.target().sizeof)
    lowest, highest = first + sum(min(s, 0) for s in steps), first + sum(max(s, 0) for s in steps)
    inside = odd == 0 and 0 <= lowest and highest + (numel > 0) <= int(count)
    if min(sizes, default=0) < 0 or not 0 < int(owners) < 2**31 or not inside:
        raise gdb.error(NO_OBJECT)
    # What is to be said of it, unless it covers its memory in row-major order?
    long_axes = [(size, stride) for size, stride in zip(sizes, strides) if size > 1]
    row_major = [math.prod(size for size, _ in long_axes[i + 1 :]) for i in range(len(long_axes))]
    note = "" if numel == int(count) else f", a view of {count} numbers"
    if numel and [stride for _, stride in long_axes] != row_major:
        kind = "expanded" if any(stride == 0 for _, stride in long_axes) else "a view"
        note = f", {kind}: strides {strides} in {count} numbers"
    rows = rows_text(data, sizes, strides, [MOST_NUMBERS]) if numel else "{}"
    return f"{sizes} {rows}{note}"


def var_text(var):
    node = int(var[HANDLE][HANDLE])
    if node == 0:
        raise gdb.error("moved from, or not initialised")
    text, length = of_std(node_member(node, NAME), TEXT)
    name = text.string("utf-8", "replace", min(int(length), LONGEST_NAME)) if length else ""
    parts = [tensor_text(node_member(node, VALUE))]
    parts.append(name if name in ("leaf", "constant") else f"made by {name!a}")
    if node_member(node, WANTS_GRAD):
        parts.append("requires_grad")
    if node_member(node, FREED):
        parts.append("graph freed by backward()")
    has_grad, grad = of_std(node_member(node, GRAD), OPTIONAL)
    if has_grad:
        parts.append(f"grad {tensor_text(grad)}")
    elif name == "leaf":
        parts.append("no grad")
    return ", ".join(parts)


class Printer:
    """What gdb asks for: it makes a Printer of a value, and calls to_string()."""

    def __init__(self, title, text_of, value):
        self.title, self.text_of, self.value = title, text_of, value

    def to_string(self):
        try:
            return self.title + self.text_of(self.value)
        except Exception as reason:  # memory that cannot be read, above all
            text = str(reason).rstrip(".")
            if "no member" in text or "No type" in text:
                text += "; is glassgrad stripped, or of another version than this script?"
            return f"{self.title}<{text}>"


printers = gdb.printing.RegexpCollectionPrettyPrinter("glassgrad")
for name, title, text_of in (
    ("Tensor", "Tensor ", tensor_text),
    ("Var", "Var ", var_text),
    ("nn::Parameter", "Parameter ", var_text),
    ("Shape", "Shape ", lambda shape: str(shape_list(shape))),
    ("DualOf<double>", "", number_text),
    ("DualOf<glass::Interval>", "", number_text),
    ("Interval", "", part_text),
):
    printers.add_printer(name, f"^glass::{name}$", functools.partial(Printer, title, text_of))
gdb.printing.register_pretty_printer(None, printers, replace=True)
