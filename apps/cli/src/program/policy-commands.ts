// Commands around policy.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { withExamples } from "./examples.ts";

/** policy check, policy explain, policy replay */
export function addPolicyCommands(program: Command, act: Act): void {
  const policy = program.command("policy").description("what the rules allow, ask about and deny");
  withExamples(
    policy,
    ["ossaat policy check", "what would be allowed, asked and denied"],
    ["ossaat policy replay --since 7d", "what the rules of today would have changed"],
  );
  const check = policy
    .command("check [plan]")
    .description("for every step and tool of a plan: allow, ask or deny, and which rule says so; exit 5 when denied")
    .option("--all", "what is allowed too, not only what is not")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/policy.ts")).policyCheckCommand(plan as string, flags, context),
      ),
    );
  withExamples(
    check,
    ["ossaat policy check", "the newest plan of this repository"],
    ["ossaat policy check --all --json", "every decision, for a program"],
  );
  const explain = policy
    .command("explain [plan] [step]")
    .description("which rule decides about each tool of a plan or of one step, where it stands, and why")
    .action(
      act(async (context, [plan, step]) =>
        (await import("../commands/policy.ts")).policyExplainCommand(plan as string, step as string, context),
      ),
    );
  withExamples(
    explain,
    ["ossaat policy explain", "the newest plan of this repository"],
    ["ossaat policy explain 3f2a fix", "one step of a plan"],
  );
  const replay = policy
    .command("replay [plan]")
    .description("recorded decisions that would be others now, or under a candidate")
    .option("--since <when>", "a time back (30m, 24h, 7d), a date, or an event number of the plan")
    .option("--policy <path>", "try this: a policy file, policy.wasm, or a folder with either")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/policy.ts")).policyReplayCommand(plan as string, flags, context),
      ),
    );
  withExamples(
    replay,
    ["ossaat policy replay --since 7d", "what the rules of today would have changed"],
    ["ossaat policy replay --since 30d --policy draft.json", "what a new policy file would have changed"],
  );
}
