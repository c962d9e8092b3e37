/**
 * The flight demo: US on-time flights of 2001 (Bureau of Transportation Statistics, as packed in `vega-datasets`),
 * replayed in event time, and SQL over them.
 *
 * Flow:    `millrace up` → here (prepares files once) → controller (a deployment like any other).
 * Source:  vega-datasets/data/flights-20k.json (20,000 flights, 1 January to 31 March 2001) and airports.csv.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Files } from "../../foundation/host/env.ts";
import { cliErrors } from "../errors.ts";

export const DEMO_DEPLOYMENT = "flight-demo";
/** Event time passes this many times as fast as the clock: three months in half an hour. */
export const DEFAULT_SPEED = 4320;

interface Flight {
  readonly date: string;
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

export interface DemoFiles {
  readonly flights: string;
  readonly airports: string;
}

/** Writes the demo's input below `folder`, unless it is there: flights as JSON lines in order of time. */
export async function prepareDemoFiles(files: Files, folder: string): Promise<DemoFiles> {
  const flights = join(folder, "flights.jsonl");
  const airports = join(folder, "airports.csv");
  if ((await files.stat(flights)) !== undefined && (await files.stat(airports)) !== undefined) {
    return { flights, airports };
  }
  await files.mkdirs(folder);
  const data = datasetFolder();
  const text = new TextDecoder().decode(await files.readAll(join(data, "flights-20k.json")));
  await files.writeAtomic(
    flights,
    new TextEncoder().encode(flightLines(JSON.parse(text) as Flight[])),
  );
  await files.writeAtomic(airports, await files.readAll(join(data, "airports.csv")));
  return { flights, airports };
}

/** One JSON object a line, by time of departure, which becomes a TIMESTAMP: "2001/01/13 14:56" → "2001-01-13 14:56:00". */
export function flightLines(flights: readonly Flight[]): string {
  const sorted = [...flights].sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
  const lines = sorted.map((flight) =>
    JSON.stringify({ ...flight, date: `${flight.date.replaceAll("/", "-")}:00` }),
  );
  return `${lines.join("\n")}\n`;
}

function datasetFolder(): string {
  try {
    const require = createRequire(import.meta.url);
    return join(dirname(require.resolve("vega-datasets/package.json")), "data");
  } catch (cause) {
    throw cliErrors.DEMO_DATA_MISSING({}, { cause });
  }
}

/** The tables that the console's SQL box starts with. */
export function demoTables(files: DemoFiles, speed: number): string {
  return `CREATE TABLE flights (
  \`date\` TIMESTAMP(3) NOT NULL COMMENT 'scheduled departure, local time',
  delay INT COMMENT 'minutes late at arrival, negative: early',
  distance INT COMMENT 'miles',
  origin STRING,
  destination STRING,
  WATERMARK FOR \`date\` AS \`date\` - INTERVAL '1' MINUTE
) WITH (
  'connector' = 'filesystem',
  'path' = ${quote(files.flights)},
  'format' = 'json',
  'replay.time-column' = 'date',
  'replay.speed' = '${speed}'
);

CREATE TABLE airports (
  iata STRING NOT NULL,
  name STRING,
  city STRING,
  state STRING,
  country STRING,
  latitude DOUBLE,
  longitude DOUBLE
) WITH (
  'connector' = 'filesystem',
  'path' = ${quote(files.airports)},
  'format' = 'csv',
  'csv.header' = 'true'
);
`;
}

/** What the demo's job computes. */
export const DEMO_STATEMENTS = `SET 'execution.checkpointing.interval' = '10 s';

CREATE TABLE hourly_delays (
  window_start TIMESTAMP(3),
  origin STRING,
  airport STRING,
  city STRING,
  flights BIGINT,
  average_delay DOUBLE,
  worst_delay INT
) WITH ('connector' = 'collect');

CREATE TABLE delay_by_airport (
  origin STRING,
  city STRING,
  flights BIGINT,
  average_delay DOUBLE,
  PRIMARY KEY (origin) NOT ENFORCED
) WITH ('connector' = 'collect');

CREATE TABLE most_delayed (
  place BIGINT,
  origin STRING,
  flights BIGINT,
  average_delay DOUBLE,
  PRIMARY KEY (place) NOT ENFORCED
) WITH ('connector' = 'collect');

EXECUTE STATEMENT SET BEGIN
  INSERT INTO hourly_delays
  SELECT h.window_start, h.origin, a.name, a.city, h.flights, h.average_delay, h.worst_delay
  FROM (
    SELECT window_start, origin, COUNT(*) AS flights,
      AVG(CAST(delay AS DOUBLE)) AS average_delay, MAX(delay) AS worst_delay
    FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(\`date\`), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, origin
  ) AS h
  JOIN airports AS a ON h.origin = a.iata;

  INSERT INTO delay_by_airport
  SELECT d.origin, a.city, d.flights, d.average_delay
  FROM (
    SELECT origin, COUNT(*) AS flights, AVG(CAST(delay AS DOUBLE)) AS average_delay
    FROM flights
    GROUP BY origin
  ) AS d
  JOIN airports AS a ON d.origin = a.iata;

  INSERT INTO most_delayed
  SELECT place, origin, flights, average_delay
  FROM (
    SELECT origin, flights, average_delay,
      ROW_NUMBER() OVER (ORDER BY average_delay DESC) AS place
    FROM (
      SELECT origin, COUNT(*) AS flights, AVG(CAST(delay AS DOUBLE)) AS average_delay
      FROM flights
      GROUP BY origin
    )
    WHERE flights >= 20
  )
  WHERE place <= 10;
END;
`;

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
