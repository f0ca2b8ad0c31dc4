// The reference of settings as Markdown, from their table.
import { settingKeys, settingOf } from "./setting-table.ts";
import type { SettingKey } from "./setting-table.ts";

const projectWords = { narrow: "only stricter", trusted: "when trusted", never: "no" } as const;

function row(key: SettingKey): string {
  const { meaning, takes, default: value, defaultText, env = [], flag, project } = settingOf(key);
  const shown = value === undefined ? (defaultText ?? "none") : `\`${JSON.stringify(value).replaceAll('"', "")}\``;
  const code = (words: readonly string[]) => words.map((word) => `\`${word}\``).join(", ");
  const cells = [
    `\`${key}\``,
    meaning,
    takes.replaceAll("*", String.raw`\*`),
    shown,
    code(env),
    flag === undefined ? "" : code([flag]),
    projectWords[project],
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The whole page docs/configuration.md. */
export function renderReference(): string {
  return `# Configuration

Written by \`node apps/cli/scripts/write-configuration.ts\` from the table of settings; how layers, locks, trust and run modes work is in [the CLI](architecture/cli.md#settings).

| setting | meaning | takes | default | variable | flag | by a project |
|---|---|---|---|---|---|---|
${settingKeys.map(row).join("\n")}

A dot is a level of the YAML file:

\`\`\`yaml
model: anthropic/claude-sonnet-5
budget:
  maxCostUsd: 2
\`\`\`

The administrator's \`/etc/ossaat/ossaat.yaml\` may name settings under \`locked:\`; no other layer widens them.

Secrets come from the environment alone: \`OPENAI_API_KEY\`, \`ANTHROPIC_API_KEY\`, \`OSSAAT_QUEUE_PASSWORD\` for \`queue\`, and \`OSSAAT_TOKEN\` for \`server.url\`.

## In a deployment

[Processes of their own](architecture/distributed.md) read no file with settings: these variables are all. They mean what they mean above, but where it is said.

| process | takes | otherwise than above |
|---|---|---|
| orchestrator | \`OSSAAT_RUN_MODE\`, \`OSSAAT_MODEL\`, \`OSSAAT_ALLOWED_MODELS\`, \`OSSAAT_MAX_COST_USD\`, \`OSSAAT_MAX_TOKENS\`, \`OSSAAT_MAX_MINUTES\`, \`OSSAAT_SANDBOX_REQUIRED\`, \`OSSAAT_STORE\`, \`OSSAAT_QUEUE\`, \`OSSAAT_QUEUE_CA\`, \`OSSAAT_SLOTS\`, \`OSSAAT_MAX_OPEN_STEPS\`, \`OSSAAT_MAX_RUNNING_PER_REPOSITORY\`, \`OSSAAT_MAX_RUNNING_PER_PLAN\`, \`OSSAAT_LOG_LEVEL\`, \`OSSAAT_KEEP_DAYS\`, \`OSSAAT_MODEL_REQUEST_LOG\`, \`OTEL_EXPORTER_OTLP_ENDPOINT\`, the vendors' own | the run mode is \`enterprise\` unless it is set; the three caps bind every plan, whoever asks for more, and are none unless they are set; up to 256 slots, up to 1000000 running steps |
| tool runner | \`OSSAAT_RUN_MODE\`, \`OSSAAT_SANDBOX_REQUIRED\`, \`OSSAAT_TREE_GIB\`, \`OSSAAT_TREE_FILES\`, \`OSSAAT_LOG_LEVEL\`, \`OTEL_EXPORTER_OTLP_ENDPOINT\` | no run mode unless it is set; \`OSSAAT_RUNNER_SANDBOX\` and \`OSSAAT_RUNNER_IMAGE\` in place of \`OSSAAT_SANDBOX\` and \`OSSAAT_SANDBOX_IMAGE\` |
| gateway, indexer | \`OSSAAT_LOG_LEVEL\`, \`OTEL_EXPORTER_OTLP_ENDPOINT\` | |

\`OSSAAT_MAX_RUNNING_PER_TENANT\` and \`OSSAAT_TENANT_WEIGHTS\` go by tenants, and [the gateway](architecture/distributed.md#addresses-and-certificates) makes everybody tenant \`local\`.

A value that is none ends the process with the variable's name.
`;
}
