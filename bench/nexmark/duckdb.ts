/**
 * Nexmark's results by an independent program: the queries in DuckDB's SQL over the same JSON files.
 *
 * Flow:    event files → DuckDB → JSON lines → nexmark/rows.
 * Scope:   bounded semantics: what a streaming query holds once all input has been seen. Where Flink leaves
 *          the choice among ties open (q9, q18, q19), only the columns that ties agree on are compared.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type RowCounts, type RowView, readRows } from "./rows.ts";

/** `columns` are those that are determined. */
export interface Reference extends RowView {
  readonly sql: string;
}

const COUNTS = `
  count(*) AS total_bids,
  count(*) FILTER (price < 10000) AS rank1_bids,
  count(*) FILTER (price >= 10000 AND price < 1000000) AS rank2_bids,
  count(*) FILTER (price >= 1000000) AS rank3_bids`;

const DISTINCT_COUNTS = ["bidder", "auction"]
  .map(
    (column) => `
  count(DISTINCT ${column}) AS total_${column}s,
  count(DISTINCT ${column}) FILTER (price < 10000) AS rank1_${column}s,
  count(DISTINCT ${column}) FILTER (price >= 10000 AND price < 1000000) AS rank2_${column}s,
  count(DISTINCT ${column}) FILTER (price >= 1000000) AS rank3_${column}s`,
  )
  .join(",");

const EURO = "CAST(0.908 AS DECIMAL(4, 3)) * CAST(price AS DECIMAL(19, 0))";
const CHANNEL_ID = "'(&|^)channel_id=([^&]*)'";
const DAY = "strftime(dateTime, '%Y-%m-%d')";
const TEN_SECONDS = "time_bucket(INTERVAL 10 SECOND, dateTime)";
const WON = "A.id = B.auction AND B.dateTime BETWEEN A.dateTime AND A.expires";

export const references: ReadonlyMap<string, Reference> = new Map<string, Reference>([
  ["q0", { sql: "SELECT auction, bidder, price, dateTime, extra FROM bid" }],
  ["q1", { sql: `SELECT auction, bidder, ${EURO} AS price, dateTime, extra FROM bid` }],
  ["q2", { sql: "SELECT auction, price FROM bid WHERE auction % 123 = 0" }],
  [
    "q3",
    {
      sql: `SELECT P.name, P.city, P.state, A.id FROM auction A JOIN person P ON A.seller = P.id
            WHERE A.category = 10 AND P.state IN ('OR', 'ID', 'CA')`,
    },
  ],
  [
    "q4",
    {
      sql: `SELECT category AS id, CAST(sum(final) // count(*) AS BIGINT) AS final FROM
            (SELECT max(B.price) AS final, A.category FROM auction A JOIN bid B ON ${WON}
             GROUP BY A.id, A.category) GROUP BY category`,
    },
  ],
  [
    "q5",
    {
      sql: `WITH counts AS (
              SELECT auction, count(*) AS num, time_bucket(INTERVAL 2 SECOND, dateTime) - pane * INTERVAL 2 SECOND AS start
              FROM bid, range(5) AS panes(pane) GROUP BY auction, start)
            SELECT auction, num FROM counts C WHERE num >= (SELECT max(num) FROM counts M WHERE M.start = C.start)`,
    },
  ],
  [
    "q6",
    {
      sql: `SELECT seller, CAST(sum(price) OVER own // count(*) OVER own AS BIGINT) AS avg_price FROM
            (SELECT A.id, A.seller, B.price, B.dateTime FROM auction A JOIN bid B ON ${WON}
             QUALIFY row_number() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.dateTime) <= 1)
            WINDOW own AS (PARTITION BY seller ORDER BY dateTime, id ROWS BETWEEN 10 PRECEDING AND CURRENT ROW)`,
    },
  ],
  [
    "q7",
    {
      // The query selects price before bidder; the sink's columns are the other way round.
      sql: `SELECT B.auction, B.price AS bidder, B.bidder AS price, B.dateTime, B.extra FROM bid B JOIN
            (SELECT max(price) AS maxprice, ${TEN_SECONDS} + INTERVAL 10 SECOND AS ending FROM bid GROUP BY ending) M
            ON B.price = M.maxprice AND B.dateTime BETWEEN M.ending - INTERVAL 10 SECOND AND M.ending`,
    },
  ],
  [
    "q8",
    {
      sql: `SELECT P.id, P.name, P.starttime AS stime FROM
            (SELECT DISTINCT id, name, ${TEN_SECONDS} AS starttime FROM person) P JOIN
            (SELECT DISTINCT seller, ${TEN_SECONDS} AS starttime FROM auction) A
            ON P.id = A.seller AND P.starttime = A.starttime`,
    },
  ],
  [
    "q9",
    {
      // Flink 2.3 plans this Top-1 as insert-only and sends +U without −U.
      key: ["id"],
      columns: [
        "id",
        "price",
        "bid_dateTime",
        "itemName",
        "description",
        "seller",
        "expires",
        "extra",
      ],
      sql: `SELECT A.*, B.price, B.dateTime AS bid_dateTime FROM auction A JOIN bid B ON ${WON}
            QUALIFY row_number() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.dateTime) <= 1`,
    },
  ],
  [
    "q10",
    {
      sql: `SELECT auction, bidder, price, dateTime, extra, ${DAY} AS dt, strftime(dateTime, '%H:%M') AS hm FROM bid`,
    },
  ],
  [
    "q11",
    {
      sql: `SELECT bidder, count(*) AS bid_count, min(dateTime) AS starttime,
                   max(dateTime) + INTERVAL 10 SECOND AS endtime
            FROM (SELECT bidder, dateTime, sum(begins) OVER (PARTITION BY bidder ORDER BY dateTime) AS session FROM
              (SELECT bidder, dateTime, CAST(dateTime - lag(dateTime) OVER
                 (PARTITION BY bidder ORDER BY dateTime) > INTERVAL 10 SECOND AS INT) AS begins FROM bid))
            GROUP BY bidder, coalesce(session, 0)`,
    },
  ],
  [
    "q12",
    {
      sql: `SELECT bidder, count(*) AS bid_count, ${TEN_SECONDS} AS starttime,
            starttime + INTERVAL 10 SECOND AS endtime FROM bid GROUP BY bidder, starttime`,
    },
  ],
  [
    "q13",
    {
      sql: `SELECT auction, bidder, price, dateTime, CAST(auction % 10000 AS VARCHAR) AS value FROM bid`,
    },
  ],
  [
    "q14",
    {
      sql: `SELECT auction, bidder, ${EURO} AS price,
              CASE WHEN hour(dateTime) BETWEEN 8 AND 18 THEN 'dayTime'
                   WHEN hour(dateTime) <= 6 OR hour(dateTime) >= 20 THEN 'nightTime'
                   ELSE 'otherTime' END AS bidTimeType,
              dateTime, extra, length(extra) - length(replace(extra, 'c', '')) AS c_counts
            FROM bid WHERE ${EURO} > 1000000 AND ${EURO} < 50000000`,
    },
  ],
  ["q15", { sql: `SELECT ${DAY} AS day, ${COUNTS}, ${DISTINCT_COUNTS} FROM bid GROUP BY day` }],
  [
    "q16",
    {
      sql: `SELECT channel, ${DAY} AS day, max(strftime(dateTime, '%H:%M')) AS minute, ${COUNTS}, ${DISTINCT_COUNTS}
            FROM bid GROUP BY channel, day`,
    },
  ],
  [
    "q17",
    {
      sql: `SELECT auction, ${DAY} AS day, ${COUNTS}, min(price) AS min_price, max(price) AS max_price,
            CAST(sum(price) // count(*) AS BIGINT) AS avg_price, CAST(sum(price) AS BIGINT) AS sum_price
            FROM bid GROUP BY auction, day`,
    },
  ],
  [
    "q18",
    {
      columns: ["auction", "bidder", "dateTime"],
      sql: "SELECT auction, bidder, max(dateTime) AS dateTime FROM bid GROUP BY auction, bidder",
    },
  ],
  [
    "q19",
    {
      columns: ["auction", "price", "rank_number"],
      sql: `SELECT auction, price, row_number() OVER (PARTITION BY auction ORDER BY price DESC) AS rank_number
            FROM bid QUALIFY rank_number <= 10`,
    },
  ],
  [
    "q20",
    {
      sql: `SELECT auction, bidder, price, channel, url, B.dateTime AS bid_dateTime, B.extra AS bid_extra,
              itemName, description, initialBid, reserve, A.dateTime AS auction_dateTime, expires, seller,
              category, A.extra AS auction_extra
            FROM bid B JOIN auction A ON B.auction = A.id WHERE A.category = 10`,
    },
  ],
  [
    "q21",
    {
      sql: `SELECT * FROM (SELECT auction, bidder, price, channel,
              CASE lower(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2'
                WHEN 'baidu' THEN '3'
                ELSE CASE WHEN regexp_matches(url, ${CHANNEL_ID}) THEN regexp_extract(url, ${CHANNEL_ID}, 2) END
              END AS channel_id FROM bid) WHERE channel_id IS NOT NULL`,
    },
  ],
  [
    "q22",
    {
      sql: `SELECT auction, bidder, price, channel, split_part(url, '/', 4) AS dir1,
            split_part(url, '/', 5) AS dir2, split_part(url, '/', 6) AS dir3 FROM bid`,
    },
  ],
  [
    "q23",
    {
      sql: `SELECT bidder, price, channel, url, B.extra AS bid_extra, P.id AS person_id, name, emailAddress,
              creditCard, city, state, P.extra AS person_extra, itemName, description, initialBid, reserve,
              A.dateTime AS auction_dateTime, expires, seller, category, A.extra AS auction_extra
            FROM bid B JOIN person P ON P.id = B.bidder JOIN auction A ON A.seller = B.bidder`,
    },
  ],
]);

const TABLES = `
CREATE TABLE events AS SELECT * FROM read_json('{files}', format = 'newline_delimited', columns = {
  event_type: 'INT',
  person: 'STRUCT(id BIGINT, name VARCHAR, emailAddress VARCHAR, creditCard VARCHAR, city VARCHAR,
           state VARCHAR, dateTime TIMESTAMP, extra VARCHAR)',
  auction: 'STRUCT(id BIGINT, itemName VARCHAR, description VARCHAR, initialBid BIGINT, reserve BIGINT,
            dateTime TIMESTAMP, expires TIMESTAMP, seller BIGINT, category BIGINT, extra VARCHAR)',
  bid: 'STRUCT(auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR,
        dateTime TIMESTAMP, extra VARCHAR)'});
CREATE VIEW person AS SELECT unnest(person) FROM events WHERE event_type = 0;
CREATE VIEW auction AS SELECT unnest(auction) FROM events WHERE event_type = 1;
CREATE VIEW bid AS SELECT unnest(bid) FROM events WHERE event_type = 2;
`;

/** The events of a folder as DuckDB's tables. */
export class DuckDbReference {
  private readonly run: (sql: string) => Promise<void>;
  private readonly end: () => void;

  private constructor(run: (sql: string) => Promise<void>, end: () => void) {
    this.run = run;
    this.end = end;
  }

  static async open(eventFolder: string): Promise<DuckDbReference> {
    const { DuckDBInstance } = await import("@duckdb/node-api");
    const instance = await DuckDBInstance.create(":memory:", { threads: "2" });
    const connection = await instance.connect();
    const run = async (sql: string) => {
      await connection.run(sql);
    };
    await run(TABLES.replace("{files}", join(eventFolder, "*.json")));
    return new DuckDbReference(run, () => {
      connection.closeSync();
      instance.closeSync();
    });
  }

  /** The rows of a query; `folder` receives them as JSON lines. */
  async rowsOf(reference: Reference, folder: string): Promise<RowCounts> {
    mkdirSync(folder, { recursive: true });
    await this.run(`COPY (${reference.sql}) TO '${join(folder, "rows.json")}' (FORMAT json)`);
    return readRows(folder, reference);
  }

  close(): void {
    this.end();
  }
}
