/** A key with half of all rows: no operator's time grows with the square. The large run is skewed-key.ts as a command. */
import { join } from "node:path";
import { test } from "node:test";
import assert from "node:assert/strict";
import { temporaryFolder } from "../../testkit/temporary-folder.ts";
import { SKEW_CASES, secondsOf, writeRows } from "./skewed-key.ts";

const ROWS = 40_000;
/** Of the CPU; what is linear needs less than one, and a square of these rows 19. */
const MOST_SECONDS = 6;
const path = writeRows(join(temporaryFolder("skewed-key"), "rows.csv"), ROWS);

for (const [name, of] of Object.entries(SKEW_CASES))
  test(`${name}: a key with half of ${ROWS} rows`, async () => {
    const seconds = await secondsOf(of, path, ROWS);
    assert.ok(seconds < MOST_SECONDS, `${seconds} s`);
  });
