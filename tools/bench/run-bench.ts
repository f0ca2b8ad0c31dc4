// Measures, prints a table and writes bench/latest.json. A goal that is missed is shown and fails
// nothing; a measurement that could not be made fails the run.
import { describeCommit, describeMachine } from "./machine.ts";
import { brokerPath } from "./broker-path.ts";
import { cliStart } from "./cli-start.ts";
import { engineSteps } from "./engine.ts";
import { eventLatency } from "./event-latency.ts";
import { kafkaQueue } from "./kafka.ts";
import { memoryUse } from "./memory.ts";
import { planning } from "./planning.ts";
import { postgresEngine } from "./postgres.ts";
import { rabbitQueue } from "./rabbit.ts";
import { renderHead, renderSummary, runBenches, writeReport } from "./report.ts";
import { restart } from "./restart.ts";
import { sandboxStart } from "./sandbox.ts";
import { workspaceOpen } from "./workspace.ts";

const all = [
  cliStart,
  engineSteps,
  eventLatency,
  kafkaQueue,
  rabbitQueue,
  postgresEngine,
  brokerPath,
  restart,
  sandboxStart,
  workspaceOpen,
  planning,
  memoryUse,
];
/** Beginnings of ids; without any, everything is measured and the file is written. */
const wanted = process.argv.slice(2);
const isWanted = (id: string) => wanted.length === 0 || wanted.some((beginning) => id.startsWith(beginning));
const benches = all.filter(({ ids }) => ids.some(isWanted));

const machine = describeMachine();
console.log(renderHead());
const { results, errors } = await runBenches(benches, (line) => console.log(line));
console.log(renderSummary({ results, errors }));
if (wanted.length === 0) {
  writeReport("bench/latest.json", { schemaVersion: 1, commit: describeCommit(), machine, results, errors });
}
process.exit(errors.length === 0 && results.length > 0 ? 0 : 1);
