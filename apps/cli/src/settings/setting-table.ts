// Every setting of the product, once: files, environment, flags, `ossaat config` and the
// reference in docs/configuration.md follow from this table. Secrets have no place in it: they
// come from the environment alone.
import { coveredModels } from "@ossaat/contracts";

import {
  brokerAddress,
  choice,
  positiveNumber,
  postgresAddress,
  text,
  webAddress,
  wholeNumber,
  wordList,
  yesNo,
} from "./setting.ts";
import type { Setting } from "./setting.ts";

export const settingTable = {
  runMode: choice(["consumer", "enterprise"], {
    meaning:
      "consumer trusts the person at the keyboard; enterprise demands the sandbox, real models, encrypted addresses and plans approved after they were seen",
    default: "consumer",
    env: ["OSSAAT_RUN_MODE"],
    project: "narrow",
    narrow: (outer, inner) => (outer === "enterprise" ? outer : inner),
  }),
  model: text("openai/MODEL, anthropic/MODEL, scripted:FILE or none", {
    meaning: "model that plans and works when the command names none",
    defaultText: "by the key that is set; none without a key",
    env: ["OSSAAT_MODEL"],
    flag: "--model",
    project: "trusted",
  }),
  agents: wordList(
    { takes: "names of agents, by comma", word: /^[a-z0-9-]{1,64}$/ },
    {
      meaning: "agents a plan may use",
      defaultText: "all that hold in the repository",
      env: ["OSSAAT_AGENTS"],
      flag: "--agents",
      project: "narrow",
      narrow: (outer, inner) => inner.filter((name) => outer.includes(name)),
    },
  ),
  "models.allowed": wordList(
    { takes: "model names with * for any part, by comma", word: /^[^\s\p{C},]{1,256}$/u },
    {
      meaning: "models that may be used; others are refused by the server",
      defaultText: "all",
      env: ["OSSAAT_ALLOWED_MODELS"],
      project: "narrow",
      narrow: coveredModels,
    },
  ),
  "budget.maxCostUsd": positiveNumber({
    meaning: "a run stops before it costs more, US dollars",
    default: 5,
    env: ["OSSAAT_MAX_COST_USD"],
    flag: "--max-cost",
    project: "narrow",
    narrow: Math.min,
  }),
  "budget.maxTokens": wholeNumber(undefined, {
    meaning: "a run stops before it uses more tokens",
    default: 2_000_000,
    env: ["OSSAAT_MAX_TOKENS"],
    flag: "--max-tokens",
    project: "narrow",
    narrow: Math.min,
  }),
  "budget.maxMinutes": positiveNumber({
    meaning: "a run stops after this time, minutes",
    default: 120,
    env: ["OSSAAT_MAX_MINUTES"],
    flag: "--max-minutes",
    project: "narrow",
    narrow: Math.min,
  }),
  onApproval: choice(["park", "deny", "fail"], {
    meaning: "what a run does when it needs an answer: park (exit 9), deny, or fail",
    defaultText: "a person at the terminal is asked; park without one",
    env: ["OSSAAT_ON_APPROVAL"],
    flag: "--on-approval",
    project: "never",
  }),
  "sandbox.required": yesNo({
    meaning: "refuse --dangerously-no-sandbox",
    default: false,
    env: ["OSSAAT_SANDBOX_REQUIRED"],
    project: "narrow",
    narrow: (outer, inner) => outer || inner,
  }),
  "sandbox.driver": choice(["auto", "bubblewrap", "container"], {
    meaning:
      "what the agents' commands run in; auto is bubblewrap, or a container of docker or podman where it is missing or does not work",
    default: "auto",
    env: ["OSSAAT_SANDBOX"],
    project: "never",
  }),
  "sandbox.image": text("name of an image", {
    meaning: "image whose files a container has; it must be there already and hold a shell and the project's tools",
    defaultText: "none: this machine's own files, read-only",
    env: ["OSSAAT_SANDBOX_IMAGE"],
    project: "never",
  }),
  "sandbox.treeGib": positiveNumber({
    meaning: "what the working tree of a step and its build cache may take on the disk, GiB",
    default: 16,
    env: ["OSSAAT_TREE_GIB"],
    project: "never",
  }),
  "sandbox.treeFiles": wholeNumber(4_000_000, {
    meaning: "how many files and folders the working tree of a step and its build cache may hold",
    default: 1_000_000,
    env: ["OSSAAT_TREE_FILES"],
    project: "never",
  }),
  stateDir: text("a folder", {
    meaning: "folder of database, artifacts, working trees and the server's file",
    defaultText: "$XDG_STATE_HOME/ossaat, else ~/.local/state/ossaat",
    env: ["OSSAAT_STATE_DIR"],
    project: "never",
  }),
  store: postgresAddress({
    meaning:
      "PostgreSQL database (15 or newer) that holds the plans; its password comes from PGPASSWORD or ~/.pgpass, never from here",
    defaultText: "a file in the state folder",
    env: ["OSSAAT_STORE"],
    flag: "--store",
    project: "never",
  }),
  queue: brokerAddress({
    meaning:
      "RabbitMQ (3.10 or newer) or Apache Kafka that carries the jobs; servers that share a virtual host or cluster need a ?prefix= or ?namespace= each; a password comes from OSSAAT_QUEUE_PASSWORD, never from here",
    defaultText: "the database itself",
    env: ["OSSAAT_QUEUE"],
    flag: "--queue",
    project: "never",
  }),
  queueCa: text("a file", {
    meaning: "certificates (PEM) by which that of an amqps:// or kafkas:// broker is checked",
    defaultText: "the system's",
    env: ["OSSAAT_QUEUE_CA"],
    project: "never",
  }),
  "server.url": webAddress({
    meaning: "server to use instead of the embedded one; needs OSSAAT_TOKEN",
    defaultText: "the embedded server",
    env: ["OSSAAT_URL"],
    project: "never",
  }),
  "server.idleMinutes": positiveNumber({
    meaning: "the embedded server stops after this time without a request and without an active plan, minutes",
    default: 30,
    env: ["OSSAAT_IDLE_MINUTES"],
    project: "never",
  }),
  "server.slots": wholeNumber(64, {
    meaning: "steps that the server runs at once",
    default: 4,
    env: ["OSSAAT_SLOTS"],
    project: "never",
  }),
  "server.maxOpenSteps": wholeNumber(10_000_000, {
    meaning: "unfinished steps that a tenant may have; new plans are refused (429) until some have ended",
    default: 10_000,
    env: ["OSSAAT_MAX_OPEN_STEPS"],
    project: "never",
  }),
  "server.maxRunningPerRepository": wholeNumber(64, {
    meaning: "steps on one repository that run at once; the others wait until one has ended",
    defaultText: "as many as server.slots",
    env: ["OSSAAT_MAX_RUNNING_PER_REPOSITORY"],
    project: "never",
  }),
  "server.maxRunningPerPlan": wholeNumber(64, {
    meaning: "steps of one plan that run at once; the others wait until one has ended",
    defaultText: "as many as server.slots",
    env: ["OSSAAT_MAX_RUNNING_PER_PLAN"],
    project: "never",
  }),
  "server.logLevel": choice(["debug", "info", "warn", "error"], {
    meaning: "least level that server.log holds",
    default: "info",
    env: ["OSSAAT_LOG_LEVEL"],
    project: "never",
  }),
  "workspaces.keepDays": wholeNumber(36_500, {
    meaning:
      "working trees and build caches of plans that failed or were cancelled stay so many days; `ossaat clean` removes them earlier",
    default: 14,
    env: ["OSSAAT_KEEP_DAYS"],
    project: "never",
  }),
  "telemetry.otlpEndpoint": webAddress({
    meaning: "OTLP/HTTP collector that gets the server's traces",
    defaultText: "no traces are sent",
    env: ["OTEL_EXPORTER_OTLP_ENDPOINT"],
    project: "never",
  }),
  "providers.openai.baseUrl": webAddress({
    meaning: "address of OpenAI, or of a server that speaks its language",
    defaultText: "the vendor's",
    env: ["OPENAI_BASE_URL"],
    project: "never",
  }),
  "providers.openai.wire": choice(["openai.responses", "openai.chat"], {
    meaning: "which of OpenAI's two interfaces is spoken",
    defaultText: "by address",
    env: ["OSSAAT_OPENAI_WIRE"],
    project: "never",
  }),
  "providers.anthropic.baseUrl": webAddress({
    meaning: "address of Anthropic, or of a server that speaks its language",
    defaultText: "the vendor's",
    env: ["ANTHROPIC_BASE_URL"],
    project: "never",
  }),
  "providers.scripted.requestLog": text("a file", {
    meaning: "file in which scripted models log their requests",
    defaultText: "no log",
    env: ["OSSAAT_MODEL_REQUEST_LOG"],
    project: "never",
  }),
  "terminal.color": choice(["auto", "always", "never"], {
    meaning: "colour; auto follows the terminal, NO_COLOR and FORCE_COLOR",
    default: "auto",
    env: ["OSSAAT_COLOR"],
    flag: "--color",
    project: "never",
  }),
  "terminal.screenReader": yesNo({
    meaning: "plain words, one line a change, no redrawing and no cursor movement",
    default: false,
    env: ["OSSAAT_SCREEN_READER"],
    flag: "--screen-reader",
    project: "never",
  }),
  "terminal.editor": text("a command", {
    meaning: "editor of `ossaat edit` and `ossaat open`",
    defaultText: "vi for edit; none for open",
    env: ["OSSAAT_EDITOR", "VISUAL", "EDITOR"],
    project: "never",
  }),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

export type SettingKey = keyof typeof settingTable;
type ValueOf<S> = S extends Setting<infer T> ? T : never;
export type SettingValue<K extends SettingKey> = ValueOf<(typeof settingTable)[K]>;

export const settingKeys = Object.keys(settingTable) as SettingKey[];

export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(settingTable, key);
}

/** The entry of a key, with the type of its value forgotten. */
export function settingOf(key: SettingKey): Setting<unknown> {
  return settingTable[key];
}
