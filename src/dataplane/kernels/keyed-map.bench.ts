/**
 * Keyed maps: count and sum by a BIGINT key, rows a CPU second and bytes a key; random and dense keys.
 *
 * Run:     node src/dataplane/kernels/keyed-map.bench.ts [keys …]
 * Does:    hash, upsert and update of batches of 4,096 rows, as a generated aggregate does; checks counts and sums first.
 */
import { loadTestRuntime } from "../../../testkit/worker-runtime.ts";

const BATCH = 4096;
const ROWS = 8_000_000;
const VALUE_BYTES = 24;

/**
 * The update loop, as codegen emits it: for each entry count += 1, sum += key.
 *   (func (export "addAll") (param $n i32) (param $entries i32) (param $keys i32) …)
 */
const UPDATE_LOOP = Buffer.from(
  "AGFzbQEAAAABBwFgA39/fwACDwEDZW52Bm1lbW9yeQIAAQMCAQAHCgEGYWRkQWxsAAAKRAFCAQF/A0Ag" +
    "ASgCACEDIAMgAykDAEIBfDcDACADIAMpAwggAikDAHw3AwggAUEEaiEBIAJBCGohAiAAQQFrIgANAAsL",
  "base64",
);

function instantiateUpdate(memory: WebAssembly.Memory): {
  readonly addAll: (n: number, entries: number, keys: number) => void;
} {
  const module = new WebAssembly.Module(UPDATE_LOOP);
  const { exports } = new WebAssembly.Instance(module, { env: { memory, spillRead: () => {} } });
  return exports as unknown as { addAll: (n: number, entries: number, keys: number) => void };
}

interface Measured {
  readonly keys: number;
  readonly kind: string;
  readonly insertRowsPerSecond: number;
  readonly updateRowsPerSecond: number;
  readonly bytesPerKey: number;
}

async function measure(keys: number, kind: "random" | "dense"): Promise<Measured> {
  const runtime = await loadTestRuntime();
  const { kernels, memory } = runtime;
  const base = kernels.memoryUsedBytes();
  const domain = kernels.domainCreate();
  const map = kernels.mapCreate(domain, 128, 0, 128, 8, VALUE_BYTES, 0);
  const { addAll } = instantiateUpdate(memory);
  const rows = Math.ceil(ROWS / BATCH) * BATCH;
  const input = new BigUint64Array(rows);
  let seed = 88172645463325252n;
  for (let i = 0; i < rows; i++) {
    seed ^= BigInt.asUintN(64, seed << 13n);
    seed ^= seed >> 7n;
    seed ^= BigInt.asUintN(64, seed << 17n);
    const id = i < keys ? BigInt(i) : seed % BigInt(keys);
    input[i] = kind === "dense" ? id : BigInt.asUintN(64, id * 0xd6e8feb86659fd93n);
  }
  const mark = kernels.arenaMark();
  const keysAt = kernels.arenaAlloc(BATCH * 8);
  const hashes = kernels.arenaAlloc(BATCH * 8);
  const entries = kernels.arenaAlloc(BATCH * 4);
  const pass = (from: number, to: number): number => {
    const start = process.cpuUsage();
    for (let row = from; row < to; row += BATCH) {
      const n = Math.min(BATCH, to - row);
      new BigUint64Array(memory.buffer, keysAt, n).set(input.subarray(row, row + n));
      kernels.hashFixedBatch(n, keysAt, 8, hashes);
      kernels.mapUpsertBatch(map, n, hashes, keysAt, entries);
      addAll(n, entries, keysAt);
    }
    const { user, system } = process.cpuUsage(start);
    return (to - from) / ((user + system) / 1e6);
  };
  const insertRowsPerSecond = pass(0, keys);
  if (kernels.mapSize(map) !== keys) throw new Error(`${kernels.mapSize(map)} keys of ${keys}`);
  const updateRowsPerSecond = Math.max(pass(0, rows), pass(0, rows), pass(0, rows));
  kernels.arenaRelease(mark);
  const bytesPerKey = (kernels.memoryUsedBytes() - base - kernels.arenaHeldBytes()) / keys;
  check(runtime.memory, kernels, map, keys + 3 * rows);
  return { keys, kind, insertRowsPerSecond, updateRowsPerSecond, bytesPerKey };
}

function check(
  memory: WebAssembly.Memory,
  kernels: Awaited<ReturnType<typeof loadTestRuntime>>["kernels"],
  map: number,
  expected: number,
): void {
  let count = 0n;
  const data = new DataView(memory.buffer);
  for (let group = 0; group < 128; group++) {
    for (let entry = 0; ; ) {
      entry = kernels.mapIterate(map, group, entry) >>> 0;
      if (entry === 0) break;
      const one = data.getBigUint64(entry, true);
      count += one;
      const key = data.getBigUint64(entry - 8, true);
      if (BigInt.asUintN(64, key * one) !== data.getBigUint64(entry + 8, true))
        throw new Error(`key ${key} has a wrong sum`);
    }
  }
  if (count !== BigInt(expected)) throw new Error(`${count} rows counted of ${expected}`);
}

const wanted = process.argv.slice(2).map(Number);
for (const keys of wanted.length > 0 ? wanted : [1_000, 100_000, 1_000_000, 4_000_000]) {
  for (const kind of ["random", "dense"] as const) {
    const m = await measure(keys, kind);
    const millions = (n: number): string => (n / 1e6).toFixed(1).padStart(6);
    process.stdout.write(
      `${String(m.keys).padStart(8)} ${m.kind.padEnd(6)} insert ${millions(m.insertRowsPerSecond)} M/s` +
        `  update ${millions(m.updateRowsPerSecond)} M/s  ${m.bytesPerKey.toFixed(1)} bytes/key\n`,
    );
  }
}
