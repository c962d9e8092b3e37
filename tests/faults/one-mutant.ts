/** Runs seeds 1 … n of the campaign (of one scenario) in this tree until one fails: status 1 and the failure; 0 when all survive. */
import { runCampaign } from "./main.ts";

const count = Number(process.argv[2]);
const only = process.argv[3] ?? "";
const { failures } = await runCampaign({
  first: 1,
  count,
  ...(only === "" ? {} : { only }),
  stopAtFirst: true,
});
if (failures.length > 0) {
  process.stdout.write(`${failures[0]}\n`);
  process.exit(1);
}
