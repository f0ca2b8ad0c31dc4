// Options that several commands take.
import { Option } from "commander";
import type { Command } from "commander";

/** Caps of a run. */
export function addBudget(command: Command): Command {
  return command
    .option("--max-cost <usd>", "stop before the run costs more, US dollars")
    .option("--max-tokens <n>", "stop before the run uses more tokens")
    .option("--max-minutes <n>", "stop after this time");
}

/** Everything a new plan takes. */
export function addPlanning(command: Command): Command {
  command
    .option("-m, --model <model>", "openai/MODEL, anthropic/MODEL, scripted:FILE or none")
    .option("--base <ref>", "branch, tag or commit to start from (default: HEAD)")
    .option("--agents <names>", "agents the plan may use, by comma")
    .option("--priority <level>", "high, normal or low: what waits goes in this order (default: normal)")
    .option("--detach", "print the id and return at once");
  return addBudget(command);
}

/** What a run without a person does when it needs one. */
export const onApproval = () =>
  new Option("--on-approval <rule>", "without a person: park (exit 9), deny, or fail").argParser(
    (text: string) => text,
  );
