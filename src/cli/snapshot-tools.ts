/** What the embedded target needs of the engine to judge and read snapshots: operators and kernels of this process. */
import { checkRestore, prepareRestore } from "../dataplane/runtime/savepoint/prepare-restore.ts";
import { readStateRows } from "../dataplane/runtime/savepoint/read-rows.ts";
import { typeToString } from "../foundation/columnar/logical-type.ts";
import type { SnapshotTools } from "../controlplane/targets/embedded/embedded-target.ts";
import { engineParts } from "./engine.ts";
import { fillSavepointTables } from "./savepoint-tables.ts";

const ROWS_AT_ONCE = 1000;

export function snapshotTools(): SnapshotTools {
  const parts = engineParts({});
  return {
    prepare: async (path, plan, options) => (await prepareRestore(path, plan, parts, options)).plan,
    check: async (path, plan) => (await checkRestore(path, plan, parts)).comparison.operators,
    async *read(path, what) {
      const [operator = "", map] = what.split(".", 2);
      const asked = { ...parts, path, operator };
      const table = await readStateRows(map === undefined ? asked : { ...asked, map });
      const columns = table.columns.map(({ name, type }) => ({
        name,
        type: typeToString(type),
        logicalType: type,
      }));
      let rows: (readonly unknown[])[] = [];
      for await (const row of table.rows()) {
        if (rows.push(row) < ROWS_AT_ONCE) continue;
        yield { columns, rows };
        rows = [];
      }
      yield { columns, rows };
    },
    fillTables: fillSavepointTables,
  };
}
