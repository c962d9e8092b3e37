/**
 * mergeInto: accumulators of a first phase folded into entries of a map, in place. What an entry keeps in the log is merged in a
 * copy, whose changed view slots are then kept in their turn.
 *
 * Function: mergeInto(entries, sources, n, map, scratch): entries and sources u32[n]; a source's view slots hold views
 *           (accumulatorsUnpack); scratch has room for an entry's hash, key and value.
 */
import type { ModuleBuilder } from "../emitter/module-builder.ts";
import { type AccumulateSpec, exported, loadListed, targetOf } from "./accumulate.ts";
import { setView } from "./aggregate-code.ts";
import type { AggregatePlan } from "./aggregate-plan.ts";
import { emitMerge } from "./update-code.ts";

export function generateMergeInto(
  builder: ModuleBuilder,
  spec: AccumulateSpec,
  plan: AggregatePlan,
): void {
  const f = exported(builder, "mergeInto", ["entries", "sources", "n", "map", "scratch"]);
  const [entries, sources, n, map, scratch] = f.params as [number, number, number, number, number];
  const index = f.local("i32", "index");
  const entry = targetOf(f, builder, map, spec);
  const from = targetOf(f, builder, map, spec);
  const copy = targetOf(f, builder, map, spec);
  const { hashDistance } = spec;
  const { handles, valueBytes } = plan.layout;
  f.i32(0).set(index);
  f.for(index, n, () => {
    loadListed(f, entries, index, entry.entry);
    loadListed(f, sources, index, from.entry);
    if (handles.length === 0) {
      emitMerge(plan, entry, from);
      return;
    }
    f.get(scratch).get(entry.entry).i32(hashDistance).op("i32.sub");
    f.i32(hashDistance + valueBytes).memoryCopy();
    f.get(scratch).i32(hashDistance).op("i32.add").set(copy.entry);
    emitMerge(plan, copy, from);
    for (const offset of handles) {
      f.get(copy.entry).load("i64.load", offset).get(entry.entry).load("i64.load", offset);
      f.op("i64.ne").if(() => {
        setView(entry, offset, () => f.get(copy.entry).load("i64.load", offset));
        f.get(copy.entry).get(entry.entry).load("i64.load", offset).store("i64.store", offset);
      });
    }
    f.get(entry.entry).get(copy.entry).i32(valueBytes).memoryCopy();
  });
  f.get(n);
}
