/**
 * What aggregates leave to TypeScript: bitmaps and JSON objects, which are rare and large. Generated modules import them
 * from "h"; a call is one for each row (AND, OR, XOR) or each result.
 *
 * Shapes:  views as bigint (address | length << 32); results are copied to the arena. 0 = no bitmap.
 * Blocks:  kernels/aggregate-collections.as.ts.
 * Errors:  EXPRESSION_FAILED for a key that occurs twice in a JSON object.
 * Source:  Flink BitmapBuildAggFunction and its kin, JsonObjectAggFunction.
 */
import {
  type Bitmap,
  bitmapOf,
  cardinality,
  combine,
  decodeBitmap,
  encodeBitmap,
} from "../../../foundation/columnar/bitmap-value.ts";
import { MemoryView } from "../column-access.ts";
import type { FunctionRef } from "../emitter/function-builder.ts";
import type { ModuleBuilder } from "../emitter/module-builder.ts";
import { codegenErrors } from "../errors.ts";
import type { CompileOptions } from "../calc.ts";
import type { CodegenRuntime } from "../generated-module.ts";
import { type UserAggregateSpec, userAggregateHost } from "./user-aggregates.ts";

const HEADER = 8;
const NUMBER_ELEMENT = 24;
const NULL_WORD = 0x80000000;

const FUNCTIONS = {
  bitmapAnd: 2,
  bitmapOr: 2,
  bitmapXor: 2,
  bitmapAndAll: 1,
  bitmapOrAll: 1,
  bitmapOfNumbers: 1,
  bitmapCardinality: 1,
  jsonObject: 1,
} as const;

export type HostFunctionName = keyof typeof FUNCTIONS;

export function hostFunction(module: ModuleBuilder, name: HostFunctionName): FunctionRef {
  const params = Array.from({ length: FUNCTIONS[name] }, () => "i64" as const);
  return module.importFunction("h", name, { params, results: ["i64"] });
}

export type HostFunctions = Readonly<Record<string, (...args: never[]) => bigint>>;

type Keep = (inA: boolean, inB: boolean) => boolean;
const AND: Keep = (a, b) => a && b;
const OR: Keep = (a, b) => a || b;
const XOR: Keep = (a, b) => a !== b;

/** Of the calls of one module; those of the user are opened here. */
export function aggregateHostFunctions(
  spec: UserAggregateSpec,
  options: CompileOptions,
): HostFunctions {
  const views = new Views(options.runtime);
  return { ...libraryFunctions(views), ...userAggregateHost(spec, views, options) };
}

function libraryFunctions(
  views: Views,
): Readonly<Record<HostFunctionName, (...views: bigint[]) => bigint>> {
  const ofTwo = (keep: Keep) => (a: bigint, b: bigint) =>
    views.write(
      encodeBitmap(combine(decodeBitmap(views.bytes(a)), decodeBitmap(views.bytes(b)), keep)),
    );
  const ofAll = (keep: Keep) => (block: bigint) => {
    let all: Bitmap | undefined;
    for (const bytes of views.countedViews(block)) {
      const next = decodeBitmap(bytes);
      all = all === undefined ? next : combine(all, next, keep);
    }
    return all === undefined ? 0n : views.write(encodeBitmap(all));
  };
  return {
    bitmapAnd: ofTwo(AND),
    bitmapOr: ofTwo(OR),
    bitmapXor: ofTwo(XOR),
    bitmapAndAll: ofAll(AND),
    bitmapOrAll: ofAll(OR),
    bitmapOfNumbers: (block) => {
      const values = views.countedNumbers(block);
      return values.length === 0 ? 0n : views.write(encodeBitmap(bitmapOf(values)));
    },
    bitmapCardinality: (bitmap) => BigInt(cardinality(decodeBitmap(views.bytes(bitmap)))),
    jsonObject: (block) => views.write(new TextEncoder().encode(jsonObject(views.pairs(block)))),
  };
}

function jsonObject(pairs: readonly (readonly [string, string])[]): string {
  const seen = new Set<string>();
  for (const [key] of pairs) {
    if (seen.has(key))
      throw codegenErrors.EXPRESSION_FAILED(
        {
          function: "JSON_OBJECTAGG",
          reason: "a key is already present, duplicate keys are not allowed; make keys unique",
          where: "a group",
        },
        { value: key },
      );
    seen.add(key);
  }
  const sorted = [...pairs].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;
}

export class Views {
  readonly #view: MemoryView;
  readonly #runtime: CodegenRuntime;
  readonly #decoder = new TextDecoder();

  constructor(runtime: CodegenRuntime) {
    this.#runtime = runtime;
    this.#view = new MemoryView(runtime.memory);
  }

  bytes(view: bigint): Uint8Array {
    const address = Number(view & 0xffffffffn);
    return this.#view.bytes.subarray(address, address + Number((view >> 32n) & 0xffffffffn));
  }

  /** A view of a copy in the arena. */
  write(bytes: Uint8Array): bigint {
    const address = this.#runtime.kernels.arenaAlloc(bytes.length) >>> 0;
    this.#view.bytes.set(bytes, address);
    return (BigInt(bytes.length) << 32n) | BigInt(address);
  }

  /** Values with positive counts. */
  countedNumbers(block: bigint): number[] {
    const at = Number(block & 0xffffffffn);
    const { data } = this.#view;
    const values: number[] = [];
    const n = at === 0 ? 0 : data.getUint32(at, true);
    for (let i = 0; i < n; i++) {
      const element = at + HEADER + i * NUMBER_ELEMENT;
      if (data.getBigInt64(element + 16, true) > 0n) values.push(data.getUint32(element, true));
    }
    return values;
  }

  *countedViews(block: bigint): Generator<Uint8Array> {
    const at = Number(block & 0xffffffffn);
    const { data, bytes } = this.#view;
    const end = at === 0 ? 0 : at + HEADER + data.getUint32(at, true);
    for (let element = at + HEADER; element < end; ) {
      const length = data.getUint32(element + 8, true);
      const from = element + 12;
      if (data.getBigInt64(element, true) > 0n) yield bytes.subarray(from, from + length);
      element += (12 + length + 7) & ~7;
    }
  }

  /** Keys and JSON texts of a list of pairs. */
  pairs(block: bigint): (readonly [string, string])[] {
    const at = Number(block & 0xffffffffn);
    const { data, bytes } = this.#view;
    const n = at === 0 ? 0 : data.getUint32(at + 4, true);
    const pairs: (readonly [string, string])[] = [];
    let element = at + HEADER;
    for (let i = 0; i < n; i++) {
      const length = data.getUint32(element, true);
      const keyLength = data.getUint32(element + 4, true);
      const key = element + 8;
      const word = data.getUint32(key + keyLength, true);
      const value = key + keyLength + 4;
      pairs.push([
        this.#decoder.decode(bytes.subarray(key, key + keyLength)),
        word === NULL_WORD ? "null" : this.#decoder.decode(bytes.subarray(value, value + word)),
      ]);
      element += (4 + length + 3) & ~3;
    }
    return pairs;
  }
}
