// Finds what a broker of Apache Kafka runs on: its jars and a Java, as tools/setup/kafka.sh leaves them.
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

const folderName = /^kafka-\d+\.\d+\.\d+$/u;

export type KafkaPrograms = {
  java: string;
  /** Folder of the jars. */
  lib: string;
  /** Archive of loaded classes, which makes starts quicker; it may not be there. */
  classes: string;
};

function toolsFolder(): string {
  // oxlint-disable-next-line node/no-process-env -- where the user's programs keep what they fetch
  return path.join(process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache"), "ossaat-tools");
}

/** @throws Error when there are none */
export function findKafka(): KafkaPrograms {
  const tools = toolsFolder();
  const names = existsSync(tools) ? readdirSync(tools).filter((name) => folderName.test(name)) : [];
  const folder = names
    .map((name) => path.join(tools, name))
    .findLast(
      (candidate) => existsSync(path.join(candidate, "SHA256SUMS")) && existsSync(path.join(candidate, "java")),
    );
  if (folder === undefined) throw new Error("Apache Kafka is not in the cache folder: run `sh tools/setup/kafka.sh`.");
  return { java: path.join(folder, "java"), lib: path.join(folder, "lib"), classes: path.join(folder, "classes.jsa") };
}
