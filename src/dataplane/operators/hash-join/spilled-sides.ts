/** SpilledSides: the rows of both inputs of a join in parts by hash, in one file. */
import type { ScratchFile } from "../../../foundation/host/env.ts";
import type { WorkerRuntime } from "../../contract/operator.ts";
import { RowParts, SpillFile } from "./row-parts.ts";

export class SpilledSides {
  readonly file: SpillFile;
  /** By input. */
  readonly parts: readonly [RowParts, RowParts];
  readonly #ownsFile: boolean;

  /** `file`: a new one, or that of the parts that are parted again (`level` above 0). */
  constructor(
    runtime: WorkerRuntime,
    budgetBytes: number,
    file: ScratchFile | SpillFile,
    level = 0,
  ) {
    this.#ownsFile = !(file instanceof SpillFile);
    this.file = file instanceof SpillFile ? file : new SpillFile(file);
    const parts = () => new RowParts(runtime, this.file, level, budgetBytes);
    this.parts = [parts(), parts()];
  }

  close(): void {
    for (const side of this.parts) side.close();
    if (this.#ownsFile) this.file.close();
  }
}
