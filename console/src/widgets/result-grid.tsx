/** A result as a table: types in the header, numbers right, NULL distinct from text. */
import type { ResultColumn, Row } from "./result-rows.ts";

/** Rows drawn; a longer result is cut and says so. */
const MAX_DRAWN = 200;
/** Digits of fractions; the whole value is the cell's title. */
const FRACTION_DIGITS = 2;
const FRACTIONAL = /^(FLOAT|DOUBLE)/;
const NUMERIC = /^(TINYINT|SMALLINT|INT|BIGINT|FLOAT|DOUBLE|DECIMAL)/;

export function ResultGrid(props: {
  label: string;
  columns: readonly ResultColumn[];
  rows: readonly Row[];
}) {
  const drawn = props.rows.slice(0, MAX_DRAWN);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keyboard */}
      <section className="grid-scroll" aria-label={props.label} tabIndex={0}>
        <table className="grid">
          <thead>
            <tr>
              {props.columns.map(({ name, type }) => (
                <th key={name} scope="col" className={NUMERIC.test(type) ? "number" : ""}>
                  {name}
                  <span className="type">{type}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {drawn.map((row, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity of their own
              <tr key={index}>
                {props.columns.map(({ name, type }, column) => (
                  <Cell key={name} value={row[column]} type={type} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {props.rows.length > MAX_DRAWN ? (
        <div className="muted">
          The first {MAX_DRAWN} of {props.rows.length} rows.
        </div>
      ) : null}
    </>
  );
}

function Cell({ value, type }: { value: unknown; type: string }) {
  if (value === null || value === undefined) return <td className="null">NULL</td>;
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const isFraction = FRACTIONAL.test(type) && typeof value === "number";
  return (
    <td className={NUMERIC.test(type) ? "number" : ""} title={text}>
      {isFraction ? value.toFixed(FRACTION_DIGITS) : text}
    </td>
  );
}
