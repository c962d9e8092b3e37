/**
 * `npm run properties [-- --seeds N --only RE --verbose]`: final tables that must be equal, counted by property.
 *
 * Exit:    1 when a final table differs.
 */
import { commandLine } from "../../testkit/command-line.ts";
import { findings } from "./campaign.ts";
import { PROPERTIES } from "./variants.ts";

const { values } = commandLine({
  usage: "npm run properties -- [--seeds 1] [--only RE] [--verbose]",
  config: {
    options: {
      seeds: { type: "string", default: "1" },
      only: { type: "string", default: "" },
      verbose: { type: "boolean", default: false },
    },
  },
  numbers: ["seeds"],
});
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i + 1);
const counts = new Map(
  PROPERTIES.map((name) => [name, { checked: 0, equal: 0, excepted: 0, leftOut: 0, different: 0 }]),
);
for await (const { property, id, seed, verdict } of findings(new RegExp(values.only), seeds)) {
  const count = counts.get(property)!;
  if (verdict.kind === "left-out") {
    count.leftOut += 1;
    if (values.verbose) console.log(`left out ${property} ${id}: ${verdict.reason}`);
    continue;
  }
  count.checked += 1;
  if (verdict.kind === "equal") count.equal += 1;
  else if (verdict.kind === "excepted") {
    count.excepted += 1;
    if (values.verbose) console.log(`excepted ${property} ${id}: ${verdict.reason}`);
  } else {
    count.different += 1;
    console.log(`DIFFERENT ${property} ${id} seed ${seed}`);
    console.log(`  streaming: ${verdict.expected}\n  variant:   ${verdict.got}`);
  }
}
for (const [name, { checked, equal, excepted, leftOut, different }] of counts)
  console.log(
    `${name.padEnd(12)} checked ${checked}  equal ${equal}  excepted ${excepted}  left out ${leftOut}  different ${different}`,
  );
process.exitCode = [...counts.values()].some(({ different }) => different > 0) ? 1 : 0;
