import assert from "node:assert/strict";
import { test } from "node:test";
import { compareAnswers, parseCsv } from "./check.ts";
import { TPCH_QUERY_NAMES, tpchQuery } from "./queries.ts";

const query = { name: "q", sql: "", orderedBy: ["a"] };
const expected = {
  columns: ["a", "b", "c"],
  inexact: [false, false, true],
  rows: [
    ["1", "0.50", "0.3333333333333333"],
    ["1", "x", null],
    ["2", "7.00", "2"],
  ],
};

function compare(text: string): void {
  compareAnswers(query, "Ours", parseCsv(text), expected);
}

test("rows that tie may come in any order, zeros at the end and digits of doubles do not count", () => {
  compare('1,"x",\n1,0.5,0.333333\n2,7,2.000000\n');
});

test("a number with a power of ten is the number that it means", () => {
  compare("1,x,\n1,5E-1,0.333333\n2,0.07E+2,2\n");
  assert.throws(() => compare("1,x,\n1,5E-2,0.333333\n2,7,2\n"), /0\.05/);
  assert.throws(() => compare("1,x,\n1,0.5,0.333333\n2,7.001E+3,2\n"), /7001/);
});

test("another order, another decimal, a missing row: each is a difference", () => {
  assert.throws(() => compare("2,7,2\n1,x,\n1,0.5,0.333333\n"), /MR9980|order/);
  assert.throws(() => compare("1,x,\n1,0.51,0.333333\n2,7,2\n"), /0\.51/);
  assert.throws(() => compare("1,x,\n1,0.5,0.333335\n2,7,2\n"), /0\.333335/);
  assert.throws(() => compare("1,0.5,0.333333\n2,7,2\n"), /2 rows instead of 3/);
});

test("quoted fields hold commas, quotes and line ends", () => {
  assert.deepEqual(parseCsv('"a,""b""\nc",d\n,\n'), [
    ['a,"b"\nc', "d"],
    ["", ""],
  ]);
});

test("each query orders by columns that it selects", () => {
  assert.equal(TPCH_QUERY_NAMES.length, 22);
  for (const name of TPCH_QUERY_NAMES) {
    const { sql, orderedBy } = tpchQuery(name, 1);
    assert.equal(sql.includes("ORDER BY"), orderedBy.length > 0, name);
    for (const column of orderedBy) assert.ok(sql.includes(column), `${name} ${column}`);
  }
  assert.match(tpchQuery("q11", 1).sql, /\* 0\.0001000000/);
});
