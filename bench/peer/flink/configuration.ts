/**
 * Flink's configuration for a measurement: its fastest set-up (hashmap state, object reuse, nearly all memory heap), or
 * RocksDB and checkpoints where a measurement asks for them.
 *
 * Source:  Flink's configuration reference; the Java options are those of its config.yaml for Java 17.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface FlinkPorts {
  readonly jobManager: number;
  readonly rest: number;
  readonly gateway: number;
}

const OPENED = [
  "java.base/java.lang",
  "java.base/java.lang.invoke",
  "java.base/java.lang.reflect",
  "java.base/java.io",
  "java.base/java.math",
  "java.base/java.net",
  "java.base/java.nio",
  "java.base/java.text",
  "java.base/java.time",
  "java.base/java.util",
  "java.base/java.util.concurrent",
  "java.base/java.util.concurrent.atomic",
  "java.base/java.util.concurrent.locks",
  "java.base/sun.nio.ch",
  "java.base/sun.net.util",
];

export const addOpens = [
  "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
  "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
  "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
  ...OPENED.map((name) => `--add-opens=${name}=ALL-UNNAMED`),
];

const LARGEST_PROCESS_MB = 15 * 1024;
const LEFT_FOR_OTHERS_MB = 4 * 1024;
const SMALLEST_PROCESS_MB = 3 * 1024;

/** 15 GB where the machine has them free, else what is left after 4 GB for everything else. */
export function taskManagerMemoryMb(): number {
  const line = /MemAvailable:\s+(\d+) kB/.exec(readFileSync("/proc/meminfo", "latin1"));
  const free = Math.floor(Number(line?.[1] ?? 0) / 1024) - LEFT_FOR_OTHERS_MB;
  return Math.max(SMALLEST_PROCESS_MB, Math.min(LARGEST_PROCESS_MB, free));
}

export interface FlinkSettings {
  readonly folder: string;
  readonly ports: FlinkPorts;
  readonly slots: number;
  readonly memoryMb: number;
  readonly setup?: FlinkSetup;
}

export type FlinkBackend = "hashmap" | "rocksdb";

/** How Flink is set up, where it is not its fastest. */
export interface FlinkSetup {
  /** hashmap when absent. */
  readonly backend?: FlinkBackend;
  /** Flink's words for an interval; none when absent. Checkpoints are incremental, as RocksDB's can be. */
  readonly checkpointInterval?: string;
  /**
   * For the sorts and hash tables of batch mode, and for RocksDB's memory, which is ROCKSDB_MANAGED_MB when absent; else 256:
   * streaming with the hashmap backend needs none.
   */
  readonly managedMb?: number;
}

/** Half of the usual process: what RocksDB's caches and write buffers get. */
const ROCKSDB_MANAGED_MB = 7 * 1024;

export function managedMbOf(setup: FlinkSetup, memoryMb: number): number {
  const { backend, managedMb } = setup;
  if (managedMb !== undefined) return managedMb;
  return backend === "rocksdb" ? Math.min(ROCKSDB_MANAGED_MB, Math.floor(memoryMb * 0.47)) : 256;
}

/** Writes conf/ below the folder and names it. */
export function writeConfiguration(options: FlinkSettings): string {
  const { folder, ports, slots, memoryMb, setup = {} } = options;
  const { backend = "hashmap", checkpointInterval } = setup;
  const conf = join(folder, "conf");
  const temporary = join(folder, "tmp");
  mkdirSync(conf, { recursive: true });
  mkdirSync(temporary, { recursive: true });
  const settings: Record<string, string | number | boolean> = {
    "jobmanager.rpc.address": "127.0.0.1",
    "jobmanager.rpc.port": ports.jobManager,
    "jobmanager.bind-host": "127.0.0.1",
    "jobmanager.memory.process.size": "1600m",
    "jobmanager.execution.failover-strategy": "region",
    "rest.address": "127.0.0.1",
    "rest.bind-address": "127.0.0.1",
    "rest.port": ports.rest,
    "taskmanager.host": "127.0.0.1",
    "taskmanager.bind-host": "127.0.0.1",
    "taskmanager.numberOfTaskSlots": slots,
    "taskmanager.memory.process.size": `${memoryMb}m`,
    "taskmanager.memory.managed.size": `${managedMbOf(setup, memoryMb)}m`,
    "taskmanager.memory.network.min": "128m",
    "taskmanager.memory.network.max": "128m",
    "parallelism.default": slots,
    "state.backend.type": backend,
    ...(checkpointInterval === undefined ? {} : checkpointSettings(folder, checkpointInterval)),
    "pipeline.object-reuse": true,
    "restart-strategy.type": "none",
    "io.tmp.dirs": temporary,
    "web.submit.enable": false,
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}: ${value}\n`);
  writeFileSync(join(conf, "config.yaml"), lines.join(""));
  writeFileSync(join(conf, "log4j.properties"), LOG4J);
  return conf;
}

function checkpointSettings(folder: string, interval: string): Record<string, string | boolean> {
  return {
    "execution.checkpointing.interval": interval,
    "execution.checkpointing.incremental": true,
    "execution.checkpointing.storage": "filesystem",
    "execution.checkpointing.dir": `file://${join(folder, "checkpoints")}`,
  };
}

const LOG4J = `rootLogger.level = INFO
rootLogger.appenderRef.file.ref = MainAppender
appender.main.name = MainAppender
appender.main.type = File
appender.main.fileName = \${sys:log.file}
appender.main.layout.type = PatternLayout
appender.main.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
`;
