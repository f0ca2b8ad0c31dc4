// Commands around agents and the server.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { addExamples, withExamples } from "./examples.ts";
import type { Example } from "./examples.ts";

const examples: Readonly<Record<string, readonly Example[]>> = {
  agents: [
    ["ossaat agents", "that hold in this repository"],
    ["ossaat agents --json", "for a program"],
  ],
  "new-agent": [
    ["ossaat new-agent release-notes", "agents/release-notes/agent.md"],
    ["ossaat -C . new-agent docs-writer", "in another repository"],
  ],
  up: [
    ["ossaat up --detach", "in the background"],
    ["ossaat up --detach --json", "for a program"],
  ],
  down: [
    ["ossaat down", "plans resume at the next start"],
    ["ossaat down --json", "for a program"],
  ],
  status: [
    ["ossaat status", "of the server, if one runs"],
    ["ossaat status --json", "for a program"],
  ],
};

function addDatabaseCommands(program: Command, act: Act): void {
  const database = program.command("db").description("the database that holds the plans");
  withExamples(
    database,
    ["ossaat db migrate", "before a server of a new version starts"],
    ["ossaat db migrate --json", "for a program"],
  );
  const migrate = database
    .command("migrate")
    .description("bring the database's schema to this version; a server does so itself when it starts")
    .option("--store <url>", "PostgreSQL database (default: what the settings name, else the state folder's file)")
    .action(act(async (context) => (await import("../commands/database.ts")).migrateCommand(context)));
  withExamples(
    migrate,
    ["ossaat db migrate", "the database that the settings name"],
    ["ossaat db migrate --json", "for a program"],
  );
}

/** agents, new-agent, up, down, status, db migrate */
export function addSetupCommands(program: Command, act: Act): void {
  program.commandsGroup("Set up:");
  program
    .command("agents")
    .description("agent profiles that hold here")
    .action(act(async (context) => (await import("../commands/agents.ts")).agentsCommand(context)));
  program
    .command("new-agent <name>")
    .description("write agents/<name>/agent.md to start from")
    .action(
      act(async (context, [name]) => (await import("../commands/agents.ts")).newAgentCommand(name as string, context)),
    );
  program
    .command("up")
    .description("run the server in the foreground")
    .option("--port <n>", "on 127.0.0.1 (default: any free one)")
    .option("-d, --detach", "in the background")
    .option("--store <url>", "PostgreSQL database for the plans (default: a file in the state folder)")
    .option("--queue <url>", "RabbitMQ or Kafka that carries the jobs (default: the database itself)")
    .action(act(async (context, _args, flags) => (await import("../commands/server.ts")).upCommand(flags, context)));
  program
    .command("down")
    .description("stop the server; plans resume at the next start")
    .action(act(async (context) => (await import("../commands/server.ts")).downCommand(context)));
  program
    .command("status")
    .description("server, model, keys by name, sandbox")
    .action(act(async (context) => (await import("../commands/server.ts")).statusCommand(context)));
  addExamples(program, examples);
  addDatabaseCommands(program, act);
}
