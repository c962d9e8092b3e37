import assert from "node:assert/strict";
import { test } from "node:test";
import { type Token, tokenize } from "./lexer.ts";

const brief = (tokens: Token[]): string[] => tokens.map((t) => `${t.kind}:${t.value}`);

test("words, names, numbers, strings and operators", () => {
  assert.deepEqual(brief(tokenize("Select `a``b`, 1.50e3 x'0F' <> 'it''s'")), [
    "word:SELECT",
    "quotedName:a`b",
    "operator:,",
    "approximate:1.50e3",
    "binary:0F",
    "operator:<>",
    "string:it's",
    "eof:<EOF>",
  ]);
});

test("numbers keep their text", () => {
  const values = tokenize("1 1. .5 1.5 12345678901234567890 1E-7").map(
    (t) => `${t.kind} ${t.value}`,
  );
  assert.deepEqual(values.slice(0, -1), [
    "integer 1",
    "decimal 1.",
    "decimal .5",
    "decimal 1.5",
    "integer 12345678901234567890",
    "approximate 1E-7",
  ]);
});

test("comments are skipped, hints are kept", () => {
  const text = "a -- x\n b // y\n /* z\n */ /*+ OPTIONS('k'='v') */ c";
  assert.deepEqual(brief(tokenize(text)).slice(0, -1), [
    "word:A",
    "word:B",
    "operator:/*+",
    "word:OPTIONS",
    "operator:(",
    "string:k",
    "operator:=",
    "string:v",
    "operator:)",
    "operator:*/",
    "word:C",
  ]);
});

test("lines and columns count from 1, in UTF-16 units; all line ends count", () => {
  const tokens = tokenize("a\n  b\r\nc\rd '\n' e '😀' f");
  const places = tokens.map((t) => `${t.line}:${t.column}`);
  assert.deepEqual(places, ["1:1", "2:3", "3:1", "4:1", "4:3", "5:3", "5:5", "5:10", "5:10"]);
});

test("the end stands where the last character is, as in Flink's messages", () => {
  const end = (text: string) => {
    const t = tokenize(text).at(-1)!;
    return [t.start, t.line, t.column];
  };
  assert.deepEqual(end("abc"), [3, 1, 3]);
  assert.deepEqual(end("abc  "), [5, 1, 5]);
  assert.deepEqual(end("a\nbc\n"), [5, 2, 3]);
  assert.deepEqual(end(""), [0, 1, 1]);
});

test("string prefixes", () => {
  const tokens = tokenize("U&'\\0041' _latin1'x' n'y' e'a\\n\\u0041\\x42\\103' X'ab'");
  assert.deepEqual(brief(tokens).slice(0, -1), [
    "unicodeString:\\0041",
    "charsetString:x",
    "charsetString:y",
    "string:a\nABC",
    "binary:ab",
  ]);
  assert.equal(tokens[1]!.charset, "latin1");
});

test("a digit behind a name's dot starts no number", () => {
  assert.deepEqual(brief(tokenize("t.1")).slice(0, 2), ["word:T", "operator:."]);
  assert.deepEqual(brief(tokenize("`t`.1")).slice(0, 2), ["quotedName:t", "operator:."]);
});

test("what is no token becomes an error token", () => {
  for (const text of ["'abc", "`abc", "/* abc", '"a"', "#", "``", "`a\nb`", "e'\\u12'", "\u00a0"]) {
    assert.equal(tokenize(text)[0]!.kind, "error", JSON.stringify(text));
  }
});

test("double quotes name things only when asked to", () => {
  const [token] = tokenize('"A""b"', { quoting: "doubleQuote" });
  assert.equal(`${token!.kind} ${token!.value}`, 'quotedName A"b');
});

test("letters beyond ASCII may be in names", () => {
  assert.deepEqual(brief(tokenize("größe 数量1")).slice(0, 2), ["word:GRÖSSE", "word:数量1"]);
});
