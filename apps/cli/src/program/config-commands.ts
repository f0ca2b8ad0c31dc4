// Commands around settings.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { withExamples } from "./examples.ts";

function addRead(config: Command, act: Act): void {
  const list = config
    .command("list")
    .description("every setting and its value")
    .option("--show-origin", "with the layer that each value comes from")
    .action(act(async (context, _args, flags) => (await import("../commands/config.ts")).listSettings(flags, context)));
  withExamples(
    list,
    ["ossaat config list", "what holds here"],
    ["ossaat config list --show-origin", "and who said so"],
  );
  const get = config
    .command("get <key>")
    .description("one value, alone")
    .action(act(async (context, [key]) => (await import("../commands/config.ts")).getSetting(key as string, context)));
  withExamples(
    get,
    ["ossaat config get budget.maxCostUsd", "for a person"],
    ["ossaat config get server.slots --json", "for a program"],
  );
  const explain = config
    .command("explain <key>")
    .description("meaning, type, default, value, origin and what it won over")
    .action(
      act(async (context, [key]) => (await import("../commands/config.ts")).explainSetting(key as string, context)),
    );
  withExamples(
    explain,
    ["ossaat config explain runMode", "what the run mode demands"],
    ["ossaat config explain budget.maxCostUsd", "why this cap holds"],
  );
}

function addWrite(config: Command, act: Act): void {
  const set = config
    .command("set <key> <value>")
    .description("write a setting into your file, or the repository's")
    .option("--user", "your own file (the default)")
    .option("--project", "ossaat.yaml of this repository")
    .action(
      act(async (context, [key, value], flags) => {
        const { setSetting } = await import("../commands/change-config.ts");
        return setSetting({ key: key as string, value: value as string }, flags, context);
      }),
    );
  withExamples(
    set,
    ["ossaat config set budget.maxCostUsd 2", "for all your repositories"],
    ["ossaat config set --project budget.maxMinutes 30", "for everybody in this one"],
  );
  const unset = config
    .command("unset <key>")
    .description("remove a setting from your file, or the repository's")
    .option("--user", "your own file (the default)")
    .option("--project", "ossaat.yaml of this repository")
    .action(
      act(async (context, [key], flags) => {
        const { unsetSetting } = await import("../commands/change-config.ts");
        return unsetSetting(key as string, flags, context);
      }),
    );
  withExamples(
    unset,
    ["ossaat config unset budget.maxCostUsd", "back to the default"],
    ["ossaat config unset --project budget.maxMinutes", "in this repository"],
  );
}

function addTrust(config: Command, act: Act): void {
  const trust = config
    .command("trust")
    .description("let ossaat.yaml of this repository choose a model, as it is now")
    .action(act(async (context) => (await import("../commands/change-config.ts")).trustProject(context)));
  withExamples(
    trust,
    ["ossaat config trust", "after you read the file"],
    ["ossaat -C . config trust", "of another folder"],
  );
  const untrust = config
    .command("untrust")
    .description("trust it no longer")
    .action(act(async (context) => (await import("../commands/change-config.ts")).untrustProject(context)));
  withExamples(
    untrust,
    ["ossaat config untrust", "the file only narrows again"],
    ["ossaat -C . config untrust", "of another folder"],
  );
}

/** config list, get, explain, set, unset, trust, untrust */
export function addConfigCommands(program: Command, act: Act): void {
  const config = program.command("config").description("settings: what holds, why, and how to change it");
  withExamples(
    config,
    ["ossaat config list --show-origin", "what holds and who said so"],
    ["ossaat config set model none", "plan from the index alone"],
  );
  addRead(config, act);
  addWrite(config, act);
  addTrust(config, act);
}
