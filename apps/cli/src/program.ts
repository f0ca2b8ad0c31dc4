// The command tree. Every action is imported when it is called, so that `--version` and
// `--help` load next to nothing.
import { AgentError, exitCodes } from "@ossaat/contracts/errors";
import { Command, CommanderError, Option } from "commander";

import type { CommandContext, CommonFlags } from "./command-context.ts";
import { version } from "./version.ts";

type Action = (context: CommandContext, args: unknown[], flags: never) => Promise<number>;

const examples = `
Examples:
  ossaat plan "Reject negative amounts in parsePrice"     read a plan, run nothing
  ossaat run "Fix the rounding in invoices" --max-cost 1  plan, approve, watch
  ossaat approve 3f2a --watch                             approve by the beginning of an id
  ossaat run - --yes --output ndjson < goal.txt           in a script
  ossaat run "…" --model scripted:replies.json            no key, recorded replies

Exit codes:
  0 done, 1 conflict or internal, 2 usage, 3 run failed, 4 not allowed in, 5 denied, 6 not found,
  7 server out of reach, 8 budget or time over, 9 waits for approval, 130 cancelled or Ctrl+C, 143 SIGTERM`;

function addBudget(command: Command): Command {
  return command
    .option("--max-cost <usd>", "stop before the run costs more, US dollars")
    .option("--max-tokens <n>", "stop before the run uses more tokens")
    .option("--max-minutes <n>", "stop after this time");
}

function addPlanning(command: Command): Command {
  command
    .option("-m, --model <model>", "openai/MODEL, anthropic/MODEL, scripted:FILE or none")
    .option("--base <ref>", "branch, tag or commit to start from (default: HEAD)")
    .option("--agents <names>", "agents the plan may use, by comma")
    .option("--detach", "print the id and return at once");
  return addBudget(command);
}

const onApproval = () =>
  new Option("--on-approval <rule>", "without a person: park (exit 9), deny, or fail").argParser(
    (text: string) => text,
  );

/** Runs an action with the flags of the command and of the program. */
function act(exit: (code: number) => void, action: Action) {
  return async (...all: unknown[]): Promise<void> => {
    const command = all.at(-1) as Command;
    const flags = command.optsWithGlobals<CommonFlags>();
    const { createContext } = await import("./command-context.ts");
    const context = createContext(flags);
    try {
      exit(await action(context, all.slice(0, -2), flags as never));
    } catch (error) {
      const { reportError } = await import("./terminal/output.ts");
      exit(reportError(error, context.output));
    }
  };
}

function workCommands(program: Command, exit: (code: number) => void): void {
  program.commandsGroup("Work:");
  addPlanning(program.command("plan [goal...]").description("propose a plan for a goal; nothing runs")).action(
    act(exit, async (context, [words], flags) =>
      (await import("./commands/plan.ts")).planCommand(words as string[], flags, context),
    ),
  );
  addPlanning(program.command("run [goal...]").description("plan, approve on the spot, watch to the end"))
    .option("-y, --yes", "approve the plan as it is proposed")
    .addOption(onApproval())
    .action(
      act(exit, async (context, [words], flags) =>
        (await import("./commands/run.ts")).runCommand(words as string[], flags, context),
      ),
    );
  program
    .command("watch [plan]")
    .description("follow a plan and answer its questions")
    .addOption(onApproval())
    .action(
      act(exit, async (context, [plan], flags) =>
        (await import("./commands/watch.ts")).watchCommand(plan as string, flags, context),
      ),
    );
  program
    .command("diff [plan]")
    .description("what changed; a plain patch into a pipe")
    .option("--step <id>", "of one step")
    .option("--stat", "files and counts only")
    .action(
      act(exit, async (context, [plan], flags) =>
        (await import("./commands/diff.ts")).diffCommand(plan as string, flags, context),
      ),
    );
  program
    .command("apply [plan]")
    .description("fast-forward your branch to the result")
    .option("--patch", "apply as uncommitted changes instead")
    .action(
      act(exit, async (context, [plan], flags) =>
        (await import("./commands/apply.ts")).applyCommand(plan as string, flags, context),
      ),
    );
  program
    .command("demo")
    .description("the whole job on a sample repository with a scripted model")
    .option("--dir <folder>", "where to put the sample (default: a temporary folder)")
    .option("--no-kill", "do not kill the server in the middle")
    .action(
      act(exit, async (context, _args, flags) => (await import("./commands/demo.ts")).demoCommand(flags, context)),
    );
}

function decideCommands(program: Command, exit: (code: number) => void): void {
  program.commandsGroup("Decide:");
  program
    .command("approve <id>")
    .description("approve a plan, or a request outside its envelope")
    .option("--hash <hash>", "only if this is still what you were shown")
    .option("--scope <scope>", "for a request: once, step or run", "once")
    .option("--comment <text>", "kept with the approval")
    .option("-m, --model <model>", "model that runs the plan")
    .option("-w, --watch", "watch the run afterwards")
    .option("-y, --yes", "do not ask again on a terminal")
    .addOption(onApproval())
    .action(
      act(exit, async (context, [id], flags) =>
        (await import("./commands/approve.ts")).approveCommand(id as string, flags, context),
      ),
    );
  program
    .command("deny <id>")
    .description("reject a plan, or deny a request")
    .option("--hash <hash>", "only if this is still what you were shown")
    .option("--reason <text>", "goes back to the agent")
    .option("--replan", "stop the step and plan again; needs --reason")
    .action(
      act(exit, async (context, [id], flags) =>
        (await import("./commands/approve.ts")).denyCommand(id as string, flags, context),
      ),
    );
  program
    .command("edit [plan]")
    .description("store an edited plan.json as a new revision")
    .option("--file <file>", "another file than the plan's own")
    .action(
      act(exit, async (context, [plan], flags) =>
        (await import("./commands/steer.ts")).editCommand(plan as string, flags, context),
      ),
    );
  program
    .command("revise <plan> <feedback>")
    .description("ask the planner for a change of the plan")
    .action(
      act(exit, async (context, [plan, feedback]) =>
        (await import("./commands/steer.ts")).reviseCommand(plan as string, feedback as string, context),
      ),
    );
}

function steerCommands(program: Command, exit: (code: number) => void): void {
  program.commandsGroup("Manage:");
  program
    .command("runs")
    .description("list the plans of this repository")
    .option("--all", "of every repository")
    .option("--limit <n>", "at most so many", "20")
    .action(
      act(exit, async (context, _args, flags) => (await import("./commands/runs.ts")).runsCommand(flags, context)),
    );
  program
    .command("show [id]")
    .description("a plan and how far it is, or a request")
    .option("--plan", "the plan only")
    .option("--evidence", "the evidence as JSON")
    .action(
      act(exit, async (context, [id], flags) =>
        (await import("./commands/show.ts")).showCommand(id as string, flags, context),
      ),
    );
  program
    .command("logs [plan]")
    .description("the event log")
    .option("-f, --follow", "go on as it grows")
    .option("--step <id>", "of one step")
    .option("--since <seq>", "after this event number")
    .option("--outputs", "with the output of commands")
    .action(
      act(exit, async (context, [plan], flags) =>
        (await import("./commands/logs.ts")).logsCommand(plan as string, flags, context),
      ),
    );
  for (const name of ["cancel", "pause"] as const) {
    program
      .command(`${name} [plan]`)
      .description(name === "cancel" ? "stop a plan for good" : "start no further step until resumed")
      .option("--reason <text>", "kept in the log")
      .action(
        act(exit, async (context, [plan], flags) => {
          const { cancelCommand, pauseCommand } = await import("./commands/steer.ts");
          return (name === "cancel" ? cancelCommand : pauseCommand)(plan as string, flags, context);
        }),
      );
  }
  program
    .command("resume [plan]")
    .description("go on after a pause")
    .action(
      act(exit, async (context, [plan]) =>
        (await import("./commands/steer.ts")).resumeCommand(plan as string, context),
      ),
    );
  addBudget(program.command("retry [plan]").description("run what did not succeed again, as a new plan"))
    .option("--from <step>", "begin again from this step")
    .option("--detach", "print the id and return at once")
    .addOption(onApproval())
    .action(
      act(exit, async (context, [plan], flags) =>
        (await import("./commands/steer.ts")).retryCommand(plan as string, flags, context),
      ),
    );
}

function setupCommands(program: Command, exit: (code: number) => void): void {
  program.commandsGroup("Set up:");
  program
    .command("agents")
    .description("agent profiles that hold here")
    .action(act(exit, async (context) => (await import("./commands/agents.ts")).agentsCommand(context)));
  program
    .command("new-agent <name>")
    .description("write agents/<name>/agent.md to start from")
    .action(
      act(exit, async (context, [name]) =>
        (await import("./commands/agents.ts")).newAgentCommand(name as string, context),
      ),
    );
  program
    .command("up")
    .description("run the server in the foreground")
    .option("--port <n>", "on 127.0.0.1 (default: any free one)")
    .option("-d, --detach", "in the background")
    .action(
      act(exit, async (context, _args, flags) => (await import("./commands/server.ts")).upCommand(flags, context)),
    );
  program
    .command("down")
    .description("stop the server; plans resume at the next start")
    .action(act(exit, async (context) => (await import("./commands/server.ts")).downCommand(context)));
  program
    .command("status")
    .description("server, model, keys by name, sandbox")
    .action(act(exit, async (context) => (await import("./commands/server.ts")).statusCommand(context)));
}

function createProgram(exit: (code: number) => void): Command {
  const program = new Command("ossaat")
    .description("Turns a goal into a reviewed change: plan, approval, sandboxed run, branch with evidence.")
    .version(version)
    .option("--json", "one JSON document on stdout")
    .option("--output <format>", "text, json or ndjson")
    .option("-q, --quiet", "no progress and hints")
    .option("--color <when>", "auto, always or never")
    .option("--no-input", "never ask")
    .option("-C, --cd <folder>", "act as if called there")
    .option("--trace <file>", "write spans as JSON lines")
    .option("--dangerously-no-sandbox", "run the agents' commands with your own rights")
    .showHelpAfterError("(ossaat --help lists the commands)")
    .addHelpText("after", examples)
    .exitOverride();
  workCommands(program, exit);
  decideCommands(program, exit);
  steerCommands(program, exit);
  setupCommands(program, exit);
  for (const command of program.commands) command.exitOverride();
  return program;
}

/** Whether a command line that could not be read asked for JSON. */
function wantsJson(words: readonly string[]): boolean {
  const output = words[words.indexOf("--output") + 1];
  const named = words.includes("--output") ? output : words.find((word) => word.startsWith("--output="))?.slice(9);
  return words.includes("--json") || named === "json" || named === "ndjson";
}

/** Runs one command line and returns the exit code. */
export async function runProgram(words: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = createProgram((code) => (exitCode = code));
  try {
    if (words.length === 0) {
      program.outputHelp({ error: true });
      return exitCodes.usage;
    }
    await program.parseAsync(words, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    const { reportError } = await import("./terminal/output.ts");
    const json = (value: unknown) => void process.stdout.write(`${JSON.stringify(value)}\n`);
    const format = wantsJson(words) ? "json" : "text";
    if (error instanceof CommanderError) {
      // commander has told it on stderr; a program that reads stdout gets it as well.
      const message = error.message.replace(/^error: /, "");
      if (format === "json") json({ schemaVersion: 1, error: { code: "invalid_input", message, details: {} } });
      return exitCodes.usage;
    }
    return reportError(AgentError.from(error), {
      format,
      json,
      warn: (text) => void process.stderr.write(`${text}\n`),
    });
  }
}
