/**
 * State errors MR40xx, and MR4201 … MR4249: snapshots and their files. The runtime's checkpoint
 * errors begin at MR4250.
 */
import { defineErrors, type MillraceError } from "../../foundation/base/errors.ts";
import type { KernelExports } from "../kernels/kernels.generated.ts";
import { kernelFailureOf } from "../kernels/instantiate.ts";

export const stateErrors = defineErrors({
  MEMORY_EXHAUSTED: {
    code: "MR4001",
    domain: "user",
    retryable: false,
    httpStatus: 500,
    message: "the worker's memory is exhausted: {usedBytes} bytes are in use",
    hint: "Raise the parallelism, set table.exec.state.ttl, or use windows that end, so that each worker keeps less.",
  },
  KEY_GROUP_FOREIGN: {
    code: "MR4002",
    domain: "internal",
    retryable: true,
    httpStatus: 500,
    message: "a row reached a subtask that does not own its key group",
    hint: "This is a defect of Millrace: please report it with the statement that caused it.",
  },
  VALUE_TOO_LONG: {
    code: "MR4003",
    domain: "user",
    retryable: false,
    httpStatus: 500,
    message: "a value is too long to be kept or sent: the limit is 1 GiB",
    hint: "Drop or cut such values before they are grouped, joined or sent to another subtask.",
  },
  KERNEL_CORRUPT: {
    code: "MR4004",
    domain: "internal",
    retryable: true,
    httpStatus: 500,
    message: "the worker's memory is damaged: {reason}",
    hint: "The job restarts from its last checkpoint; please report it with the statement that caused it.",
  },
  MAP_LAYOUT: {
    code: "MR4005",
    domain: "internal",
    retryable: false,
    httpStatus: 500,
    message: "map '{map}' of {uid} cannot have {keyBytes} bytes of key and {valueBytes} of value",
    hint: "Keys and values are multiples of 8 bytes, values at most 2,048, both with 8 more at most 4,096.",
  },
  MAP_DUPLICATE: {
    code: "MR4006",
    domain: "internal",
    retryable: false,
    httpStatus: 500,
    message: "map '{map}' of {uid} is created twice with different layouts",
    hint: "This is a defect of Millrace: please report it with the statement that caused it.",
  },
  LAYOUT_CHANGED: {
    code: "MR4007",
    domain: "user",
    retryable: false,
    httpStatus: 409,
    message: "state '{map}' of {uid} was saved with another layout: {difference}",
    hint: "Start the changed statement without its old state, or change it back.",
  },
  STATE_CLOSED: {
    code: "MR4008",
    domain: "internal",
    retryable: true,
    httpStatus: 500,
    message: "the state of subtask {name} is closed",
    hint: "The job is stopping; start it again from its last checkpoint.",
  },
  BUDGET_TOO_SMALL: {
    code: "MR4009",
    domain: "user",
    retryable: false,
    httpStatus: 500,
    message:
      "state needs {usedBytes} bytes of memory at once, its budget is {budgetBytes}: what is left cannot be spilled ({largest})",
    hint: "Raise taskmanager.memory.managed.size, or the parallelism: indexes (10 to 20 bytes a key) and what one batch uses must fit. table.exec.state.ttl lets keys go.",
  },
  SPILL_FAILED: {
    code: "MR4010",
    domain: "external",
    retryable: true,
    httpStatus: 500,
    message: "state could not be moved to the local folder {folder}: {reason}",
    hint: "Check its free space and permissions, or set io.tmp.dirs to another folder; the job restarts from its last checkpoint.",
  },
  SPILL_DAMAGED: {
    code: "MR4011",
    domain: "external",
    retryable: true,
    httpStatus: 500,
    message: "state that was moved to the local folder {folder} cannot be read back: {reason}",
    hint: "Check the disk; the job restarts from its last checkpoint, which does not need the folder.",
  },
});

export const snapshotErrors = defineErrors({
  WRITE_FAILED: {
    code: "MR4201",
    domain: "external",
    retryable: true,
    httpStatus: 500,
    message: "writing {file} failed: {reason}",
    hint: "Check free space and permissions of the checkpoint folder; the job goes on, the checkpoint does not.",
  },
  SNAPSHOT_MEMORY: {
    code: "MR4202",
    domain: "user",
    retryable: true,
    httpStatus: 500,
    message: "there is no memory left to take a snapshot of subtask {name}",
    hint: "Raise the parallelism, or set table.exec.state.ttl, so that each worker keeps less.",
  },
  SNAPSHOT_ACTIVE: {
    code: "MR4203",
    domain: "internal",
    retryable: true,
    httpStatus: 409,
    message: "a snapshot of subtask {name} is still being written",
    hint: "Wait until it is complete.",
  },
  SNAPSHOT_ABORTED: {
    code: "MR4204",
    domain: "internal",
    retryable: true,
    httpStatus: 409,
    message: "the snapshot of subtask {name} was given up: its state was closed",
    hint: "Trigger it again when the job is RUNNING.",
  },
  NO_DIRECTORY: {
    code: "MR4205",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "there is no folder to write {name} to",
    hint: "Set execution.checkpointing.dir.",
  },
  FILE_MISSING: {
    code: "MR4210",
    domain: "external",
    retryable: false,
    httpStatus: 500,
    message: "{file} cannot be read: {reason}",
    hint: "The snapshot is incomplete: restore from another checkpoint or savepoint.",
  },
  FILE_DAMAGED: {
    code: "MR4211",
    domain: "external",
    retryable: false,
    httpStatus: 500,
    message: "{file} is damaged at byte {offset}: {reason}",
    hint: "The file was changed or cut after it was written: restore from another checkpoint or savepoint.",
  },
  VERSION_NEWER: {
    code: "MR4212",
    domain: "user",
    retryable: false,
    httpStatus: 409,
    message: "{file} has format version {found}, this release reads up to version {known}",
    hint: "Restore it with the release that wrote it, or a newer one.",
  },
  MANIFEST_INVALID: {
    code: "MR4213",
    domain: "external",
    retryable: false,
    httpStatus: 500,
    message: "{file} is no manifest of a checkpoint: {reason}",
    hint: "Give the folder of a checkpoint or savepoint, or restore from another one.",
  },
  MANIFEST_MISSING: {
    code: "MR4214",
    domain: "user",
    retryable: false,
    httpStatus: 404,
    message: "there is no checkpoint or savepoint at {path}",
    hint: "Give the folder that holds _metadata.",
  },
  HANDLE_INVALID: {
    code: "MR4215",
    domain: "external",
    retryable: false,
    httpStatus: 500,
    message: "the checkpoint does not describe its state: {reason}",
    hint: "Restore from another checkpoint or savepoint.",
  },
  PARALLELISM_CHANGED: {
    code: "MR4216",
    domain: "user",
    retryable: false,
    httpStatus: 400,
    message: "the state was saved with maxParallelism {found}, the job asks for {wanted}",
    hint: "Set pipeline.max-parallelism to {found}: it is fixed by the first snapshot.",
  },
  FOLDER_IN_USE: {
    code: "MR4218",
    domain: "user",
    retryable: false,
    httpStatus: 409,
    message: "{folder} is not empty",
    hint: "Name a folder that is not there yet.",
  },
  SEGMENT_GONE: {
    code: "MR4217",
    domain: "external",
    retryable: true,
    httpStatus: 500,
    message: "{file}, which the checkpoint refers to, is not there or not whole",
    hint: "Something else has removed or changed files of the checkpoint folder; the next checkpoint writes all anew.",
  },
});

/** The catalogue error behind a trap of a kernel; anything that is no trap comes back as it is. */
export function kernelError(error: unknown, kernels: KernelExports): unknown {
  if (!(error instanceof WebAssembly.RuntimeError)) return error;
  const place = { cause: error };
  switch (kernelFailureOf(kernels)) {
    case "memory-exhausted":
      return stateErrors.MEMORY_EXHAUSTED({ usedBytes: kernels.memoryUsedBytes() }, place);
    case "key-group-foreign":
      return stateErrors.KEY_GROUP_FOREIGN({}, place);
    case "too-long":
      return stateErrors.VALUE_TOO_LONG({}, place);
    case "spill-damaged": {
      const reason = "a page has another checksum";
      return stateErrors.SPILL_DAMAGED({ folder: "of this worker", reason }, place);
    }
    default:
      return stateErrors.KERNEL_CORRUPT({ reason: error.message }, place);
  }
}

/** Runs kernels; a trap becomes its catalogue error. */
export function guarded<T>(kernels: KernelExports, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw kernelError(error, kernels);
  }
}

/** A write error of a snapshot, once. */
export function writeError(file: string, cause: unknown): MillraceError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return snapshotErrors.WRITE_FAILED({ file, reason }, { cause });
}
