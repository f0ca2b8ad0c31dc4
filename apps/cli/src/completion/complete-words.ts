// What may follow on a command line, from the command tree. Names of plans and requests come
// from a source, because they live in the server.
import type { Command, Option } from "commander";

import { settingKeys, settingOf } from "../settings/setting-table.ts";
import { isSettingKey } from "../settings/setting-table.ts";

export type Candidate = { text: string; note: string };

/** `files` and `folders` leave it to the shell. */
export type Completion = Candidate[] | "files" | "folders";

export type Names = {
  plans(): Promise<Candidate[]>;
  requests(): Promise<Candidate[]>;
  letters(): Promise<Candidate[]>;
  /** Steps of the plan that is named, else of the newest one. */
  steps(plan: string | undefined): Promise<Candidate[]>;
};

type Place = { command: Command; operands: string[]; pending?: Option };

function findOption(command: Command, word: string): Option | undefined {
  for (let at: Command | null = command; at !== null; at = at.parent) {
    const found = at.options.find(({ short, long }) => word === short || word === long);
    if (found !== undefined) return found;
  }
  return undefined;
}

const takesValue = (option: Option | undefined): option is Option =>
  option?.required === true || option?.optional === true;

/** Walks the finished words; the last word is what is being typed. */
function findPlace(program: Command, finished: readonly string[]): Place {
  const place: Place = { command: program, operands: [] };
  for (let index = 0; index < finished.length; index += 1) {
    const word = finished[index] ?? "";
    if (word.startsWith("-") && word !== "-") {
      const option = word.includes("=") ? undefined : findOption(place.command, word);
      if (!takesValue(option)) continue;
      // NOTE: bash splits `--color=always` into three words.
      if (finished[index + 1] === "=") index += 1;
      if (index + 1 >= finished.length) return { ...place, pending: option };
      index += 1;
      continue;
    }
    const child = place.operands.length > 0 ? undefined : place.command.commands.find((sub) => sub.name() === word);
    if (child === undefined) place.operands.push(word);
    else place.command = child;
  }
  return place;
}

const plain = (words: readonly string[]): Candidate[] => words.map((text) => ({ text, note: "" }));

const optionValues: Readonly<Record<string, readonly string[] | "files" | "folders">> = {
  "--output": ["text", "json", "ndjson"],
  "--scope": ["once", "step", "run"],
  "--priority": ["high", "normal", "low"],
  "--model": ["none", "anthropic/", "openai/", "scripted:"],
  "--cd": "folders",
  "--dir": "folders",
  "--file": "files",
  "--trace": "files",
  "--policy": "files",
};

function valuesOf(option: Option): Completion {
  const long = option.long ?? "";
  const key = settingKeys.find((candidate) => settingOf(candidate).flag === long);
  const values = optionValues[long] ?? (key === undefined ? undefined : settingOf(key).values) ?? [];
  return typeof values === "string" ? values : plain(values);
}

function optionsOf(command: Command): Candidate[] {
  const found: Candidate[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) {
    for (const { long, short, description, hidden } of at.options) {
      if (!hidden) found.push({ text: long ?? short ?? "", note: description });
    }
  }
  return [...found, { text: "--help", note: "how the command is used" }];
}

/** What the server knows by name, else what the table above says. */
async function namedValues(option: Option, operands: readonly string[], names: Names): Promise<Completion> {
  switch (option.long) {
    case "--plan":
      return names.plans();
    case "--step":
    case "--from":
      return names.steps(operands[0]);
    default:
      return valuesOf(option);
  }
}

async function operandsOf({ command, operands }: Place, names: Names): Promise<Completion> {
  const last = command.registeredArguments.at(-1);
  const argument = command.registeredArguments[operands.length] ?? (last?.variadic === true ? last : undefined);
  switch (argument?.name()) {
    case "plan":
      return names.plans();
    case "letter":
      return names.letters();
    case "id":
      return [...(await names.requests()), ...(await names.plans())];
    case "key":
      return settingKeys.map((key) => ({ text: key, note: settingOf(key).meaning }));
    case "step":
      return names.steps(operands[0]);
    case "value": {
      const key = operands[0] ?? "";
      return plain(isSettingKey(key) ? (settingOf(key).values ?? []) : []);
    }
    case "file":
      return "files";
    case "shell":
      return plain(["bash", "zsh", "fish"]);
    default:
      return [];
  }
}

/** @param words the command line without the program; the last one is unfinished and may be empty */
export async function completeWords(program: Command, words: readonly string[], names: Names): Promise<Completion> {
  const last = words.at(-1) ?? "";
  const place = findPlace(program, words.slice(0, -1));
  const fitting = (candidates: Completion) =>
    Array.isArray(candidates) ? candidates.filter(({ text }) => text.startsWith(last)) : candidates;
  if (place.pending !== undefined) {
    const values = await namedValues(place.pending, place.operands, names);
    return last === "=" && Array.isArray(values) ? values : fitting(values);
  }
  if (last.startsWith("-")) return fitting(optionsOf(place.command));
  const children = place.command.commands.filter((child) => child.name() !== "__complete");
  if (children.length > 0 && place.operands.length === 0) {
    return fitting(children.map((child) => ({ text: child.name(), note: child.description() })));
  }
  return fitting(await operandsOf(place, names));
}
