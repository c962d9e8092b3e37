/**
 * A batch → JSON lines, driven by a list of the fields.
 *
 * Flow:    formats/json/json-encoder.ts compiles the list → jsonEncode() once per batch → sink.
 * Entry (32 bytes, depth first): 0 kind · 4 column · 8 *prefix (`,"name":`) · 12 prefix bytes · 16 precision · 20 scale
 *          24 entries within (ROW), all levels · 28 reserved
 * Room:    the output's bound is computed first, so that nothing is checked while writing.
 * Source:  Flink RowDataToJsonConverters over Jackson.
 */
import { arenaAlloc } from "./arena.as";
import {
  printBase64,
  printDate,
  printF32,
  printF64,
  printI64,
  printJsonText,
  printStrippedDecimal,
  printTime,
  printTimestamp,
} from "./text-print.as";

const ENTRY: usize = 32;
const KIND_STRING: u32 = 10;
const KIND_BYTES: u32 = 11;
const KIND_ROW: u32 = 18;

const FLAG_ISO: u32 = 1;
const FLAG_PLAIN_DECIMAL: u32 = 2;
const FLAG_SKIP_NULLS: u32 = 4;
/** Each row in Debezium's envelope, its kind as `op`. */
const FLAG_ENVELOPE: u32 = 8;

/** {"before":null,"after": and what follows it; then the same for rows that go. */
const ENVELOPE: usize = memory.data<u8>([
  123, 34, 98, 101, 102, 111, 114, 101, 34, 58, 110, 117, 108, 108, 44, 34, 97, 102, 116, 101, 114,
  34, 58, 44, 34, 111, 112, 34, 58, 34, 99, 34, 125, 123, 34, 98, 101, 102, 111, 114, 101, 34, 58,
  44, 34, 97, 102, 116, 101, 114, 34, 58, 110, 117, 108, 108, 44, 34, 111, 112, 34, 58, 34, 100, 34,
  125,
]);
const ADD_HEAD: u32 = 23;
const ADD_TAIL: u32 = 10;
const GO_HEAD: u32 = 10;
const GO_TAIL: u32 = 23;

let flags: u32 = 0;
let encodedAt: usize = 0;

/** Where the last jsonEncode() wrote; it returned the length. */
export function encodedAddress(): usize {
  return encodedAt;
}

export function setEncoded(address: usize): void {
  encodedAt = address;
}

// @ts-ignore: decorator
@inline
function validityOf(batch: usize, entry: usize): usize {
  return <usize>load<u32>(batch + 16 + load<u32>(entry, 4) * 8);
}

// @ts-ignore: decorator
@inline
function valuesOf(batch: usize, entry: usize): usize {
  return <usize>load<u32>(batch + 16 + load<u32>(entry, 4) * 8, 4);
}

/** Total bytes of a column's views. */
export function viewBytes(validity: usize, values: usize, rows: usize): u32 {
  let total: u32 = 0;
  for (let i: usize = 0; i < rows; i++) {
    if (validity == 0 || load<u8>(validity + i) != 0) total += load<u32>(values + (i << 3), 4);
  }
  return total;
}

export function jsonEncode(entries: usize, count: u32, options: u32, batch: usize): u32 {
  flags = options;
  const rows = load<u32>(batch);
  let perRow: u32 = 48;
  let variable: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const entry = entries + <usize>i * ENTRY;
    perRow += load<u32>(entry, 12) + 56;
    const kind = load<u32>(entry);
    if (kind == KIND_STRING)
      variable += 6 * viewBytes(validityOf(batch, entry), valuesOf(batch, entry), rows);
    else if (kind == KIND_BYTES)
      variable += 2 * viewBytes(validityOf(batch, entry), valuesOf(batch, entry), rows);
  }
  const start = arenaAlloc(perRow * rows + variable + 64);
  let out = start;
  for (let row: u32 = 0; row < rows; row++) {
    if ((flags & FLAG_ENVELOPE) != 0) out = encodeEnvelope(entries, count, batch, row, out);
    else out = encodeFields(entries, count, batch, row, out);
    store<u8>(out++, 10);
  }
  encodedAt = start;
  return <u32>(out - start);
}

function encodeEnvelope(entries: usize, count: u32, batch: usize, row: u32, out: usize): usize {
  const kinds = <usize>load<u32>(batch, 4);
  const goes = kinds != 0 && (load<u8>(kinds + row) & 1) != 0;
  const text = goes ? ENVELOPE + ADD_HEAD + ADD_TAIL : ENVELOPE;
  const head = goes ? GO_HEAD : ADD_HEAD;
  const tail = goes ? GO_TAIL : ADD_TAIL;
  memory.copy(out, text, head);
  out = encodeFields(entries, count, batch, row, out + head);
  memory.copy(out, text + head, tail);
  return out + tail;
}

/** `{…}` of `count` entries, all levels. */
function encodeFields(entries: usize, count: u32, batch: usize, row: u32, out: usize): usize {
  const end = entries + <usize>count * ENTRY;
  store<u8>(out, 123);
  // The first prefix begins with a comma, which the brace then overwrites.
  const open = out;
  let entry = entries;
  while (entry < end) {
    const kind = load<u32>(entry);
    const within = load<u32>(entry, 24);
    const validity = validityOf(batch, entry);
    const isNull = validity != 0 && load<u8>(validity + row) == 0;
    if (isNull && (flags & FLAG_SKIP_NULLS) != 0) {
      entry += ENTRY * (within + 1);
      continue;
    }
    const prefix = <usize>load<u32>(entry, 8);
    const prefixBytes = load<u32>(entry, 12);
    if (out == open) {
      // Without the comma, behind the brace.
      memory.copy(out + 1, prefix + 1, prefixBytes - 1);
    } else memory.copy(out, prefix, prefixBytes);
    out += prefixBytes;
    if (isNull) {
      store<u32>(out, 0x6c6c756e);
      out += 4;
    } else if (kind == KIND_ROW) out = encodeFields(entry + ENTRY, within, batch, row, out);
    else out = encodeValue(entry, kind, valuesOf(batch, entry), row, out);
    entry += ENTRY * (within + 1);
  }
  if (out == open) out++;
  store<u8>(out, 125);
  return out + 1;
}

function encodeValue(entry: usize, kind: u32, values: usize, row: u32, out: usize): usize {
  switch (kind) {
    case 1:
      if (load<u8>(values + row) != 0) {
        store<u32>(out, 0x65757274);
        return out + 4;
      }
      store<u32>(out, 0x736c6166);
      store<u8>(out, 101, 4);
      return out + 5;
    case 2:
      return printI64(out, load<i8>(values + row));
    case 3:
      return printI64(out, load<i16>(values + (row << 1)));
    case 4:
      return printI64(out, load<i32>(values + (row << 2)));
    case 5:
      return printI64(out, load<i64>(values + (row << 3)));
    case 6:
      return quoteSpecial(out, printF32(out + 1, load<f32>(values + (row << 2))));
    case 7:
      return quoteSpecial(out, printF64(out + 1, load<f64>(values + (row << 3))));
    case 8: {
      const value = load<i64>(values + (row << 3));
      const plain = (flags & FLAG_PLAIN_DECIMAL) != 0;
      return printStrippedDecimal(out, <u64>value, <u64>(value >> 63), load<u32>(entry, 20), plain);
    }
    case 9: {
      const at = values + (row << 4);
      const plain = (flags & FLAG_PLAIN_DECIMAL) != 0;
      return printStrippedDecimal(out, load<u64>(at), load<u64>(at, 8), load<u32>(entry, 20), plain);
    }
    default:
      store<u8>(out, 34);
      out = encodeQuoted(kind, values, row, out + 1);
      store<u8>(out, 34);
      return out + 1;
  }
}

/** Numbers lie one byte behind `out`; NaN and infinities keep that byte for a quote. */
function quoteSpecial(out: usize, end: usize): usize {
  const c: u32 = load<u8>(end - 1);
  if (c == 78 || c == 121) {
    store<u8>(out, 34);
    store<u8>(end, 34);
    return end + 1;
  }
  memory.copy(out, out + 1, end - out - 1);
  return end - 1;
}

function encodeQuoted(kind: u32, values: usize, row: u32, out: usize): usize {
  switch (kind) {
    case KIND_STRING: {
      const at = values + (row << 3);
      return printJsonText(out, load<u32>(at), load<u32>(at, 4));
    }
    case KIND_BYTES: {
      const at = values + (row << 3);
      return printBase64(out, load<u32>(at), load<u32>(at, 4));
    }
    case 12:
      return printDate(out, load<i32>(values + (row << 2)));
    case 13:
      return printTime(out, load<u32>(values + (row << 2)), 0, -1);
    default: {
      const wide = (kind & 1) != 0;
      const at = values + (wide ? row << 4 : row << 3);
      const nanos: u32 = wide ? load<u32>(at, 8) : 0;
      out = printTimestamp(out, load<i64>(at), nanos, (flags & FLAG_ISO) != 0 ? 84 : 32, -1);
      if (kind >= 16) store<u8>(out++, 90);
      return out;
    }
  }
}
