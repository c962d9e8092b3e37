import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePathPattern } from "./path-pattern.ts";

test("patterns: their folder, and what they match", () => {
  const cases: [pattern: string, root: string, yes: string[], no: string[]][] = [
    ["/d/*.csv", "/d", ["/d/a.csv", "/d/.csv"], ["/d/a.csvx", "/d/e/a.csv", "/d/acsv"]],
    ["/d/**/a?.json", "/d", ["/d/ab.json", "/d/x/y/ab.json"], ["/d/a.json", "/x/ab.json"]],
    ["d/{a,b}/[0-9x].txt", "d", ["d/a/1.txt", "d/b/x.txt"], ["d/c/1.txt", "d/a/11.txt"]],
    ["*.(1)", ".", ["x.(1)"], ["x.1"]],
    ["/*/[!a]", "/", ["/q/b"], ["/q/a"]],
    ["/d/**", "/d", ["/d/x", "/d/x/y"], ["/e"]],
  ];
  for (const [text, root, yes, no] of cases) {
    const pattern = parsePathPattern(text)!;
    assert.equal(pattern.root, root, text);
    for (const path of yes) assert.ok(pattern.matches(path), `${text} should match ${path}`);
    for (const path of no) assert.ok(!pattern.matches(path), `${text} should not match ${path}`);
  }
  assert.equal(parsePathPattern("/d/plain.json"), undefined);
});
