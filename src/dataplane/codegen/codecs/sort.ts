/** Generates a stable bottom-up merge sort of a u32 list: name(batch, list, n). */
import type { FunctionBuilder, FunctionRef, Local } from "../emitter/function-builder.ts";
import type { ModuleBuilder } from "../emitter/module-builder.ts";

/** `compare` pushes an i32 with the sign of a − b, where a and b are elements of the list. */
export function generateSort(
  builder: ModuleBuilder,
  name: string,
  arenaAlloc: FunctionRef,
  compare: (f: FunctionBuilder, batch: Local, a: Local, b: Local) => void,
): void {
  const merge = generateMerge(builder, `${name}Merge`, compare);
  const f = builder.exportFunction(name, { params: ["i32", "i32", "i32"], results: ["i32"] }, [
    "batch",
    "list",
    "n",
  ]);
  const [batch, list, n] = f.params as [number, number, number];
  const [from, to] = [f.local("i32", "from"), f.local("i32", "to")];
  const [width, start] = [f.local("i32", "width"), f.local("i32", "start")];
  const [middle, end] = [f.local("i32", "middle"), f.local("i32", "end")];
  f.get(n)
    .i32(2)
    .op("i32.lt_u")
    .if(() => f.i32(0).return());
  f.get(list).set(from);
  f.get(n).i32(2).op("i32.shl").call(arenaAlloc).set(to);
  f.i32(1).set(width);
  f.block((sorted) => {
    f.loop((nextWidth) => {
      f.get(width).get(n).op("i32.ge_u").brIf(sorted);
      f.i32(0).set(start);
      f.block((done) => {
        f.loop((nextRun) => {
          f.get(start).get(n).op("i32.ge_u").brIf(done);
          pushMinimum(f, n, () => f.get(start).get(width).op("i32.add"));
          f.set(middle);
          pushMinimum(f, n, () => f.get(start).get(width).i32(1).op("i32.shl").op("i32.add"));
          f.set(end);
          f.get(batch).get(from).get(to).get(start).get(middle).get(end).call(merge);
          f.get(end).set(start).br(nextRun);
        });
      });
      const swap = f.local("i32");
      f.get(from).set(swap).get(to).set(from).get(swap).set(to);
      f.get(width).i32(1).op("i32.shl").set(width).br(nextWidth);
    });
  });
  f.get(from).get(list).op("i32.ne");
  f.if(() => f.get(list).get(from).get(n).i32(2).op("i32.shl").memoryCopy());
  f.i32(0);
}

function pushMinimum(f: FunctionBuilder, limit: Local, push: () => void): void {
  const value = f.local("i32");
  push();
  f.tee(value).get(limit).get(value).get(limit).op("i32.lt_u").op("select");
}

/** merge(batch, from, to, start, middle, end): the runs [start, middle) and [middle, end) of `from` into `to`. */
function generateMerge(
  builder: ModuleBuilder,
  name: string,
  compare: (f: FunctionBuilder, batch: Local, a: Local, b: Local) => void,
): FunctionBuilder {
  const f = builder.function(
    name,
    { params: ["i32", "i32", "i32", "i32", "i32", "i32"], results: [] },
    ["batch", "from", "to", "start", "middle", "end"],
  );
  const [batch, from, to, start, middle, end] = f.params as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [i, j, k] = [f.local("i32", "i"), f.local("i32", "j"), f.local("i32", "k")];
  const [a, b, takeLeft] = [f.local("i32", "a"), f.local("i32", "b"), f.local("i32", "left")];
  const at = (base: Local, index: Local) =>
    f.get(base).get(index).i32(2).op("i32.shl").op("i32.add");
  f.get(start).set(i).get(middle).set(j).get(start).set(k);
  f.for(k, end, () => {
    f.get(i).get(middle).op("i32.lt_u").set(takeLeft);
    f.get(takeLeft).get(j).get(end).op("i32.lt_u").op("i32.and");
    f.if(() => {
      at(from, i).load("i32.load").set(a);
      at(from, j).load("i32.load").set(b);
      compare(f, batch, a, b);
      f.i32(0).op("i32.le_s").set(takeLeft);
    });
    at(to, k);
    f.get(takeLeft).if(
      () => {
        at(from, i).load("i32.load");
        f.get(i).i32(1).op("i32.add").set(i);
      },
      () => {
        at(from, j).load("i32.load");
        f.get(j).i32(1).op("i32.add").set(j);
      },
      "i32",
    );
    f.store("i32.store");
  });
  return f;
}
