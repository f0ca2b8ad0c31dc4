// Which paths, commands and hosts of a call the rules of the policy files touch: facts for the
// decision, found with the same matchers as the envelope's. Never decides.
import type { PolicyInput, TouchedRule } from "@ossaat/contracts";

import { mayRun, readCommand } from "./command-forms.ts";
import type { CommandForms } from "./command-forms.ts";
import { compileGlob } from "./glob.ts";
import type { LayerRule, PolicyLayer } from "./policy-layer.ts";

/** What a call reaches, as far as it can be told from the call itself. */
export type Reach = { paths: readonly string[]; commands: readonly (readonly string[])[]; hosts: readonly string[] };

function touchesPath(globs: readonly string[], path: string): boolean {
  return globs.some((glob) => glob === path || compileGlob(glob)?.(path) === true);
}

/** A reach whose commands have been read, once for all rules. */
type ReadReach = Omit<Reach, "commands"> & { commands: readonly { text: string; forms: CommandForms }[] };

function readReach({ paths, hosts, commands }: Reach): ReadReach {
  return { paths, hosts, commands: commands.map((argv) => ({ text: argv.join(" "), forms: readCommand(argv) })) };
}

function touchedCommands(prefixes: readonly string[], { commands }: ReadReach): string[] {
  return commands
    .filter(({ forms }) => prefixes.some((prefix) => mayRun(forms, prefix)))
    .map(({ text, forms }) => (forms.isWhole ? text : "a command that is too large to be read"));
}

function coversHost(pattern: string, host: string): boolean {
  const [wide, name] = [pattern.toLowerCase(), host.toLowerCase()];
  if (wide === name || wide === "*") return true;
  return wide.startsWith("*.") && name.endsWith(wide.slice(1));
}

/** A host that is opened by a wildcard is touched by every rule about a host below it. */
function touchesHost(patterns: readonly string[], host: string): boolean {
  return patterns.some((pattern) => coversHost(pattern, host) || coversHost(host, pattern));
}

function touchRule(rule: LayerRule, { file, reach }: { file: string; reach: ReadReach }): TouchedRule {
  const { paths, commands, hosts, capabilities, tools, maxCostUsd, reason } = rule;
  return {
    id: rule.id,
    effect: rule.effect,
    source: `${file}:${rule.line}`,
    ...(reason === undefined ? {} : { reason }),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(tools === undefined ? {} : { tools }),
    ...(maxCostUsd === undefined ? {} : { max_cost_usd: maxCostUsd }),
    ...(commands === undefined || reach.commands.every(({ forms }) => forms.isWhole) ? {} : { is_unread: true }),
    touched: {
      ...(paths === undefined ? {} : { paths: reach.paths.filter((path) => touchesPath(paths, path)) }),
      ...(commands === undefined ? {} : { commands: touchedCommands(commands, reach) }),
      ...(hosts === undefined ? {} : { hosts: reach.hosts.filter((host) => touchesHost(hosts, host)) }),
    },
  };
}

const isIdle = ({ touched }: TouchedRule) =>
  Object.values(touched).some((found) => Array.isArray(found) && found.length === 0);

/** The layers as the decision reads them; rules that touch nothing of the call are left out. */
export function touchLayers(layers: readonly PolicyLayer[], reach: Reach): PolicyInput["context"]["layers"] {
  const read = readReach(reach);
  return layers.map(({ name, file, rules }) => ({
    name,
    rules: rules.map((rule) => touchRule(rule, { file, reach: read })).filter((rule) => !isIdle(rule)),
  }));
}
