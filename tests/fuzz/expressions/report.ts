/** Prints a run of the expression fuzzer: the table by operation, the differences by cause, what Flink said. */
import type { CampaignResult, Outcome, Status } from "./campaign.ts";
import type { Verdict } from "./flink-judge.ts";

const STATUSES: readonly Status[] = ["equal", "different", "documented", "ours", "peer", "both"];
const HEADINGS = ["equal", "different", "documented", "refused: us", "peer", "both"];
const NAME_WIDTH = 34;
const TEXT_WIDTH = 300;

type Counts = Record<Status, number>;

const none = (): Counts => ({ equal: 0, different: 0, documented: 0, ours: 0, peer: 0, both: 0 });

function countsBy(outcomes: readonly Outcome[], key: (outcome: Outcome) => string) {
  const table = new Map<string, Counts>();
  for (const outcome of outcomes) {
    const counts = table.get(key(outcome)) ?? none();
    counts[outcome.status]++;
    table.set(key(outcome), counts);
  }
  return new Map([...table].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function printReport(result: CampaignResult, show: number): void {
  const { outcomes, peer, seed, count, compared } = result;
  console.log(`fuzz-expressions --count ${count} --seed ${seed} --peer ${peer}`);
  console.log("".padEnd(NAME_WIDTH) + HEADINGS.map((text) => text.padStart(12)).join(""));
  const line = (name: string, counts: Counts) =>
    name.padEnd(NAME_WIDTH) + STATUSES.map((one) => String(counts[one]).padStart(12)).join("");
  for (const [name, counts] of countsBy(outcomes, (outcome) => outcome.case.root))
    console.log(line(name, counts));
  const [total] = countsBy(outcomes, () => "all").values();
  console.log(line("all", total ?? none()));
  console.log(`${compared} values compared`);
  printGroups("different", groups(outcomes, "different", causeOf), show);
  printGroups("documented", groups(outcomes, "documented", causeOf), 1);
  printGroups(
    "refused by us",
    groups(outcomes, "ours", ({ ours }) => reason(ours.error)),
    2,
  );
  printGroups(
    "refused by the peer",
    groups(outcomes, "peer", (o) => reason(o.theirs.error)),
    1,
  );
}

/** The expression is the cause's name where no list explains it: its root and the operations right below stand for it. */
function causeOf({ case: one, explanation }: Outcome): string {
  return explanation?.name ?? one.root;
}

const reason = (error = "") =>
  error
    .split("\n")[0]!
    .replaceAll(/'[^']*'|"[^"]*"|\d+/g, "…")
    .slice(0, 110);

function groups(
  outcomes: readonly Outcome[],
  status: Status,
  key: (outcome: Outcome) => string,
): [string, Outcome[]][] {
  const found = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    if (outcome.status !== status) continue;
    found.set(key(outcome), [...(found.get(key(outcome)) ?? []), outcome]);
  }
  return [...found].sort((a, b) => b[1].length - a[1].length);
}

function printGroups(title: string, found: readonly [string, Outcome[]][], show: number): void {
  if (found.length === 0) return;
  console.log(`\n${title}:`);
  for (const [cause, outcomes] of found) {
    console.log(`  ${String(outcomes.length).padStart(5)}  ${cause}`);
    const shortest = [...outcomes].sort((a, b) => a.case.flink.length - b.case.flink.length);
    for (const outcome of shortest.slice(0, Math.min(show, 3))) console.log(example(outcome));
  }
}

function example({ case: one, differing, ours, theirs }: Outcome): string {
  const [first] = differing;
  const text = `         ${one.flink.slice(0, TEXT_WIDTH)}`;
  if (first !== undefined)
    return `${text}\n           row ${first.row}: ${first.ours} / ${first.theirs}`;
  return `${text}\n           ${(ours.error ?? theirs.error ?? "").slice(0, TEXT_WIDTH)}`;
}

export function printVerdicts(verdicts: readonly Verdict[], show: number): void {
  const tally = { ours: 0, peer: 0, neither: 0 };
  for (const { verdict } of verdicts) tally[verdict]++;
  console.log(
    `\nFlink judged ${verdicts.length}: ${tally.ours} as we, ${tally.peer} as the peer, ` +
      `${tally.neither} as neither`,
  );
  const wrong = verdicts.filter(({ verdict }) => verdict !== "ours");
  const shortest = wrong.sort((a, b) => a.outcome.case.flink.length - b.outcome.case.flink.length);
  for (const { outcome, flink, verdict } of shortest.slice(0, show * 5)) {
    console.log(`  ${verdict}: ${outcome.case.flink.slice(0, TEXT_WIDTH)}`);
    const rows = outcome.ours.rows.length > 0 ? outcome.ours.rows : outcome.theirs.rows;
    const row = rows.findIndex((value, i) => value !== flink.rows[i]);
    console.log(
      `     ours ${at(outcome.ours, row)} | peer ${at(outcome.theirs, row)} | Flink ${at(flink, row)}`,
    );
  }
}

function at({ rows, error }: Verdict["flink"], row: number): string {
  return (error ?? String(rows[Math.max(0, row)])).split("\n")[0]!.slice(0, 160);
}

export function printJson(result: CampaignResult, verdicts: readonly Verdict[] | undefined): void {
  const { peer, seed, count, compared, outcomes } = result;
  for (const [operation, counts] of countsBy(outcomes, (outcome) => outcome.case.root))
    console.log(JSON.stringify({ operation, ...counts }));
  const [total] = countsBy(outcomes, () => "all").values();
  console.log(JSON.stringify({ name: "fuzz-expressions", peer, seed, count, compared, ...total }));
  for (const { case: one, differing } of outcomes.filter(({ status }) => status === "different"))
    console.log(JSON.stringify({ sql: one.flink, peer: one.peer, differing }));
  for (const { outcome, flink, verdict } of verdicts ?? [])
    console.log(
      JSON.stringify({ verdict, sql: outcome.case.flink, flink: flink.error ?? flink.rows }),
    );
}
