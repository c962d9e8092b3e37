/**
 * FunctionBuilder: writes the body of one WebAssembly function, instruction by instruction, straight to bytes.
 *
 * Flow:    module-builder.ts makes it; expressions, calc, codecs and aggregates write with it.
 * Control: block, loop and if take a callback for their body; labels are objects, so that branch depths are computed here.
 * Locals:  typed; release() gives one back for reuse by a later local() of the same type.
 * Calls:   their function index is patched when the module is finished, so imports may be added at any time.
 * Errors:  assertion on a label used outside its block: a defect of the generator.
 */
import { assert } from "../../../foundation/base/errors.ts";
import { ByteWriter } from "./byte-writer.ts";
import {
  LANE_OPS,
  LOAD_OPS,
  type LaneOp,
  type LoadOp,
  OP,
  SIMPLE_OPS,
  STORE_OPS,
  type SimpleOp,
  type StoreOp,
  TYPE_BYTE,
  type WasmType,
} from "./opcodes.ts";

/** Index of a parameter or local within its function. */
export type Local = number;

export interface FunctionType {
  readonly params: readonly WasmType[];
  readonly results: readonly WasmType[];
}

/** A function that can be called: imported or built here. Its index is known when the module is finished. */
export interface FunctionRef {
  readonly name: string;
  readonly type: FunctionType;
}

export interface GlobalRef {
  readonly name: string;
  readonly type: WasmType;
  readonly index: number;
}

/** The target of a branch. */
export interface Label {
  readonly depth: number;
}

/** A place in the code where more can be put in later: constants and pointers that loops turn out to need. */
export interface Mark {
  readonly depth: number;
  readonly at: number;
}

const VOID_BLOCK = 0x40;

export class FunctionBuilder implements FunctionRef {
  readonly name: string;
  readonly type: FunctionType;
  readonly params: readonly Local[];
  code = new ByteWriter();
  readonly calls: { at: number; readonly target: FunctionRef }[] = [];
  readonly localTypes: WasmType[] = [];
  readonly localNames: string[] = [];
  readonly #free = new Map<WasmType, Local[]>();
  /** Unnamed locals taken since the innermost recycling() began. */
  #taken: Set<Local> | undefined;
  #depth = 0;

  constructor(name: string, type: FunctionType, paramNames: readonly string[] = []) {
    this.name = name;
    this.type = type;
    this.params = type.params.map((_, index) => index);
    for (const index of this.params) this.localNames.push(paramNames[index] ?? `p${index}`);
  }

  /** A local of this type; fresh ones are zero, reused ones hold anything. */
  local(type: WasmType, name?: string): Local {
    const reused = name === undefined ? this.#free.get(type)?.pop() : undefined;
    if (reused !== undefined) {
      this.#taken?.add(reused);
      return reused;
    }
    const index = this.params.length + this.localTypes.length;
    this.localTypes.push(type);
    this.localNames.push(name ?? `t${index}`);
    if (name === undefined) this.#taken?.add(index);
    return index;
  }

  /** Unnamed locals that `body` takes are given back behind it: nothing may read them afterwards. */
  recycling(body: () => void): void {
    const outer = this.#taken;
    const taken = new Set<Local>();
    this.#taken = taken;
    body();
    this.#taken = outer;
    for (const local of taken) {
      if (this.#free.get(this.typeOf(local))?.includes(local) !== true) this.release(local);
    }
  }

  /** Gives a local back; nothing may read it afterwards. */
  release(local: Local): void {
    const type = this.typeOf(local);
    const list = this.#free.get(type);
    if (list === undefined) this.#free.set(type, [local]);
    else list.push(local);
  }

  typeOf(local: Local): WasmType {
    const type = this.type.params[local] ?? this.localTypes[local - this.params.length];
    assert(type !== undefined, `local ${local} of ${this.name}`);
    return type;
  }

  op(name: SimpleOp): this {
    this.code.opcode(SIMPLE_OPS[name]);
    return this;
  }

  get(local: Local): this {
    return this.#indexed(OP["local.get"], local);
  }

  set(local: Local): this {
    return this.#indexed(OP["local.set"], local);
  }

  tee(local: Local): this {
    return this.#indexed(OP["local.tee"], local);
  }

  globalGet(global: GlobalRef): this {
    return this.#indexed(OP["global.get"], global.index);
  }

  globalSet(global: GlobalRef): this {
    return this.#indexed(OP["global.set"], global.index);
  }

  i32(value: number): this {
    this.code.byte(OP["i32.const"]);
    this.code.s32(value);
    return this;
  }

  i64(value: bigint | number): this {
    this.code.byte(OP["i64.const"]);
    this.code.s64(BigInt(value));
    return this;
  }

  f32(value: number): this {
    this.code.byte(OP["f32.const"]);
    this.code.f32(value);
    return this;
  }

  f64(value: number): this {
    this.code.byte(OP["f64.const"]);
    this.code.f64(value);
    return this;
  }

  /** Address on the stack → value. */
  load(name: LoadOp, offset = 0): this {
    const [code, align] = LOAD_OPS[name];
    return this.#memory(code, align, offset);
  }

  /** Address, value on the stack → nothing. */
  store(name: StoreOp, offset = 0): this {
    const [code, align] = STORE_OPS[name];
    return this.#memory(code, align, offset);
  }

  lane(name: LaneOp, lane: number): this {
    this.code.opcode(LANE_OPS[name]);
    this.code.byte(lane);
    return this;
  }

  /** Destination, source, length on the stack. */
  memoryCopy(): this {
    this.code.opcode(OP["memory.copy"]);
    this.code.byte(0);
    this.code.byte(0);
    return this;
  }

  /** Destination, byte, length on the stack. */
  memoryFill(): this {
    this.code.opcode(OP["memory.fill"]);
    this.code.byte(0);
    return this;
  }

  call(target: FunctionRef): this {
    this.code.byte(OP.call);
    this.calls.push({ at: this.code.length, target });
    this.code.fixed32(0);
    return this;
  }

  block(body: (end: Label) => void, result?: WasmType): this {
    return this.#nested(OP.block, result, body);
  }

  /** A branch to the label starts the loop anew. */
  loop(body: (again: Label) => void): this {
    return this.#nested(OP.loop, undefined, body);
  }

  /** Condition (i32) on the stack. */
  if(then: (end: Label) => void, otherwise?: (end: Label) => void, result?: WasmType): this {
    this.code.byte(OP.if);
    this.code.byte(result === undefined ? VOID_BLOCK : TYPE_BYTE[result]);
    const label = { depth: ++this.#depth };
    then(label);
    if (otherwise !== undefined) {
      this.code.byte(OP.else);
      otherwise(label);
    }
    this.code.byte(OP.end);
    this.#depth--;
    return this;
  }

  br(label: Label): this {
    return this.#indexed(OP.br, this.#distance(label));
  }

  brIf(label: Label): this {
    return this.#indexed(OP.br_if, this.#distance(label));
  }

  /** Index (i32) on the stack; beyond the list the branch goes to `otherwise`. */
  brTable(labels: readonly Label[], otherwise: Label): this {
    this.code.byte(OP.br_table);
    this.code.u32(labels.length);
    for (const label of labels) this.code.u32(this.#distance(label));
    this.code.u32(this.#distance(otherwise));
    return this;
  }

  return(): this {
    return this.op("return");
  }

  /** Only one mark of a function may be open at a time: insert() moves what follows it. */
  mark(): Mark {
    return { depth: this.#depth, at: this.code.length };
  }

  /** Writes `body` at the mark; it must leave the stack as it was. */
  insert(mark: Mark, body: () => void): this {
    const before = this.code;
    const depth = this.#depth;
    const outer = this.calls.splice(0);
    this.code = new ByteWriter();
    this.#depth = mark.depth;
    body();
    const inserted = this.code;
    for (const call of this.calls) call.at += mark.at;
    for (const call of outer) if (call.at >= mark.at) call.at += inserted.length;
    this.calls.push(...outer);
    const whole = new ByteWriter(before.length + inserted.length);
    whole.append(before.bytes().subarray(0, mark.at));
    whole.append(inserted.bytes());
    whole.append(before.bytes().subarray(mark.at));
    this.code = whole;
    this.#depth = depth;
    return this;
  }

  /** for (index = from; index < end; index++) body: both are i32 locals; the test comes first. */
  for(index: Local, end: Local, body: (next: Label, exit: Label) => void): this {
    return this.block((exit) => {
      this.loop((again) => {
        this.get(index).get(end).op("i32.ge_u").brIf(exit);
        this.block((next) => body(next, exit));
        this.get(index).i32(1).op("i32.add").set(index).br(again);
      });
    });
  }

  #nested(code: number, result: WasmType | undefined, body: (label: Label) => void): this {
    this.code.byte(code);
    this.code.byte(result === undefined ? VOID_BLOCK : TYPE_BYTE[result]);
    body({ depth: ++this.#depth });
    this.code.byte(OP.end);
    this.#depth--;
    return this;
  }

  #distance(label: Label): number {
    const distance = this.#depth - label.depth;
    assert(distance >= 0, `${this.name} branches to a block that it has left`);
    return distance;
  }

  #indexed(code: number, index: number): this {
    this.code.byte(code);
    this.code.u32(index);
    return this;
  }

  #memory(code: number, align: number, offset: number): this {
    this.code.opcode(code);
    this.code.u32(align);
    this.code.u32(offset);
    return this;
  }
}
