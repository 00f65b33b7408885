// Which characters the fonts of a style sheet can draw: reads the `cmap` tables of the WOFF2 files that
// stand in it as data. A character that no font of the page has is drawn by whatever font the reader's
// system happens to have, or as an empty box.
import {brotliDecompressSync} from "node:zlib";

// ---- the tables of a WOFF2 file ----

// The tags that a WOFF2 file names by a number, up to the one we look for.
const KNOWN = ["cmap", "head", "hhea", "hmtx", "maxp", "name", "OS/2", "post", "cvt ", "fpgm", "glyf", "loca"];

// A number in seven bits a byte, the highest bit says that more follow.
function base128(bytes, at) {
  let value = 0;
  for (;;) {
    const byte = bytes[at.i++];
    value = value * 128 + (byte & 127);
    if (byte < 128) return value;
  }
}

function cmapOf(file) {
  const at = {i: 48};
  let offset = 0, found = null;
  for (let n = file.readUInt16BE(12); n > 0; --n) {
    const flags = file[at.i++], known = flags & 63;
    let tag = KNOWN[known] ?? "";
    if (known === 63) { tag = file.toString("latin1", at.i, at.i + 4); at.i += 4; }
    const length = base128(file, at);
    // Glyph tables are transformed unless their version is 3, all others only if it is not 0.
    const version = flags >> 6, transformed = tag === "glyf" || tag === "loca" ? version !== 3 : version !== 0;
    const stored = transformed ? base128(file, at) : length;
    if (tag === "cmap") found = [offset, length];
    offset += stored;
  }
  const tables = brotliDecompressSync(file.subarray(at.i, at.i + file.readUInt32BE(20)));
  return tables.subarray(found[0], found[0] + found[1]);
}

// ---- the characters of a cmap table ----

function segments(table, add) {  // format 4: ranges of 16 bits
  const count = table.readUInt16BE(6) / 2;
  for (let k = 0; k < count; ++k) {
    const end = table.readUInt16BE(14 + 2 * k), start = table.readUInt16BE(16 + 2 * (count + k));
    const delta = table.readUInt16BE(16 + 2 * (2 * count + k)), place = 16 + 2 * (3 * count + k);
    const range = table.readUInt16BE(place);
    for (let c = start; c <= end && c !== 0xffff; ++c) {
      const glyph = range === 0 ? c + delta : table.readUInt16BE(place + range + 2 * (c - start));
      if (glyph & 0xffff) add(c);
    }
  }
}

function groups(table, add) {  // format 12: ranges of 32 bits
  for (let k = table.readUInt32BE(12), p = 16; k > 0; --k, p += 12)
    for (let c = table.readUInt32BE(p); c <= table.readUInt32BE(p + 4); ++c) add(c);
}

export function characters(woff2) {
  const cmap = cmapOf(woff2), set = new Set();
  for (let k = cmap.readUInt16BE(2), p = 4; k > 0; --k, p += 8) {
    const table = cmap.subarray(cmap.readUInt32BE(p + 4)), format = table.readUInt16BE(0);
    if (format === 4) segments(table, (c) => set.add(c));
    if (format === 12) groups(table, (c) => set.add(c));
  }
  return set;
}

// ---- the families of a style sheet ----

// A map from each family's name, in small letters, to the set of characters that it draws.
export function coverage(css) {
  const families = new Map();
  for (const [face] of css.matchAll(/@font-face\s*\{[^}]*\}/g)) {
    const name = /font-family:\s*["']?([^;"'}]+)/.exec(face)?.[1].trim().toLowerCase();
    const data = /url\(["']?data:[^,]*base64,([^)"']+)/.exec(face)?.[1];
    if (!name || !data) continue;
    const set = families.get(name) ?? new Set();
    for (const c of characters(Buffer.from(data, "base64"))) set.add(c);
    families.set(name, set);
  }
  return families;
}
