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
`;
}
