/**
 * Pattern queries over Nexmark's bids, with MATCH_RECOGNIZE: cep0 to cep3.
 *
 * Flow:    here → nexmark/queries → both engines. What they must find is computed in cep-reference.ts.
 * Source:  what nexmark's four queries of queries-cep ask for, one partition for each auction and bidder:
 *          cep0 prices that fall and then rise; cep1 and cep2 the rows from each on whose mean price stays below 10,000, behind
 *          one another and from every row; cep3 a price that drops by more than 50 within 5 seconds.
 */
interface CepQuery {
  readonly columns: string;
  readonly measures: string;
  readonly skip: string;
  readonly pattern: string;
  readonly define: string;
}

const TIMES = "auction BIGINT, bidder BIGINT, start_tstamp TIMESTAMP(3)";
const MEAN = {
  columns: `${TIMES}, end_tstamp TIMESTAMP(3), avg_price BIGINT`,
  measures:
    "FIRST(A.`dateTime`) AS start_tstamp, LAST(A.`dateTime`) AS end_tstamp, AVG(A.price) AS avg_price",
  pattern: "(A+ B)",
  define: "A AS AVG(A.price) < 10000",
};

const QUERIES: Readonly<Record<string, CepQuery>> = {
  cep0: {
    columns: `${TIMES}, bottom_tstamp TIMESTAMP(3), end_tstamp TIMESTAMP(3)`,
    measures:
      "F.`dateTime` AS start_tstamp, LAST(D.`dateTime`) AS bottom_tstamp, LAST(U.`dateTime`) AS end_tstamp",
    skip: "TO LAST U",
    pattern: "(F D+ U)",
    define: `D AS (LAST(D.price, 1) IS NULL AND D.price < F.price) OR D.price < LAST(D.price, 1),
      U AS U.price > LAST(D.price, 1)`,
  },
  cep1: { ...MEAN, skip: "PAST LAST ROW" },
  cep2: { ...MEAN, skip: "TO NEXT ROW" },
  cep3: {
    columns: "auction BIGINT, bidder BIGINT, drop_time TIMESTAMP(3), drop_diff BIGINT",
    measures: "C.`dateTime` AS drop_time, A.price - C.price AS drop_diff",
    skip: "PAST LAST ROW",
    pattern: "(A B* C) WITHIN INTERVAL '5' SECOND",
    define: "B AS B.price > A.price - 50, C AS C.price < A.price - 50",
  },
};

export function isCepQuery(query: string): boolean {
  return Object.hasOwn(QUERIES, query);
}

export function cepQueryText(query: string): string {
  const { columns, measures, skip, pattern, define } = QUERIES[query]!;
  const names = columns.split(", ").map((column) => column.split(" ")[0]!);
  return `CREATE TABLE nexmark_${query} (${columns}) WITH ('connector' = 'blackhole');

INSERT INTO nexmark_${query}
SELECT ${names.join(", ")} FROM bid MATCH_RECOGNIZE (
  PARTITION BY auction, bidder
  ORDER BY \`dateTime\`
  MEASURES ${measures}
  ONE ROW PER MATCH
  AFTER MATCH SKIP ${skip}
  PATTERN ${pattern}
  DEFINE ${define}
);
`;
}
