// Keys by name, never by value, the model that would be used, and with --online whether the
// vendors take the keys.
import { readFile } from "node:fs/promises";

import { isModelAllowed } from "@ossaat/contracts";
import { AgentError } from "@ossaat/contracts/errors";
import { pickModel, resolveProvider } from "@ossaat/providers";

import type { Config } from "../config.ts";
import { fail, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { doctorLimits } from "./limits.ts";

const keyNames = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"] as const;

/** A key that was pasted with its quotes or a line end is refused by the vendor without a reason. */
export function checkKeys({ providerEnv }: Config): Finding[] {
  const set = keyNames.filter((name) => providerEnv[name] !== undefined);
  if (set.length === 0) {
    const message = "None is set: plans come from the index, and nothing runs them.";
    return [warn("keys", message, "export ANTHROPIC_API_KEY=…, or OPENAI_API_KEY")];
  }
  return set.map((name) => {
    if (/^[\x21\x23-\x26\x28-\x7e]+$/.test(providerEnv[name] ?? "")) return ok("keys", `${name} is set`);
    return fail("keys", `${name} holds a space, a quote or a line end.`, `export ${name}=…, without quotes inside`);
  });
}

function nextOf({ details }: AgentError, otherwise: string): string {
  return typeof details["next"] === "string" ? details["next"] : otherwise;
}

export async function checkModel(config: Config): Promise<Finding> {
  const id = "model";
  const { model } = pickModel({ config: config.model, env: config.providerEnv });
  if (model === null) return warn(id, "None: name one for each run, or as a setting.", "ossaat config set model MODEL");
  const set = "ossaat config set model MODEL";
  if (!isModelAllowed(model, config.allowedModels)) {
    return fail(id, `${model} is not allowed here: ${config.allowedModels?.join(", ")}.`, set);
  }
  try {
    const { scripted } = await resolveProvider(model, {
      env: config.providerEnv,
      readFile: (file) => readFile(file, "utf8"),
    });
    if (scripted && config.runMode === "enterprise")
      return fail(id, `${model} is scripted: refused in enterprise.`, set);
    return ok(id, scripted ? `${model}, scripted: no model is asked` : model);
  } catch (thrown) {
    const error = AgentError.from(thrown);
    const message = error.code === "internal" ? `${model} cannot be used.` : error.message;
    return fail(id, message, nextOf(error, set));
  }
}

function modelsUrl(base: string | undefined, vendor: string): string {
  return `${(base ?? vendor).replace(/\/$/, "")}/models`;
}

async function ping(name: string, url: string, headers: Record<string, string>): Promise<Finding> {
  const id = `online ${name}`;
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(doctorLimits.onlineMs) }).catch(
    () => undefined,
  );
  const { host } = new URL(url);
  if (response === undefined) return fail(id, `${host} does not answer.`, `curl -sS ${url}`);
  if (response.status === 401 || response.status === 403) {
    return fail(id, `${host} refuses the key (${response.status}).`, `export ${name}=…`);
  }
  return ok(id, `${host} answers ${response.status}`);
}

/** Asks each vendor whose key is set for its list of models. */
export function checkOnline({ providerEnv }: Config): Promise<Finding[]> {
  const { ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL, OPENAI_API_KEY, OPENAI_BASE_URL } = providerEnv;
  const pings: Promise<Finding>[] = [];
  if (ANTHROPIC_API_KEY !== undefined) {
    const base = ANTHROPIC_BASE_URL === undefined ? undefined : `${ANTHROPIC_BASE_URL.replace(/\/$/, "")}/v1`;
    const headers = { "x-api-key": ANTHROPIC_API_KEY, "anthropic-version": "2023-06-01" };
    pings.push(ping("ANTHROPIC_API_KEY", modelsUrl(base, "https://api.anthropic.com/v1"), headers));
  }
  if (OPENAI_API_KEY !== undefined) {
    const headers = { authorization: `Bearer ${OPENAI_API_KEY}` };
    pings.push(ping("OPENAI_API_KEY", modelsUrl(OPENAI_BASE_URL, "https://api.openai.com/v1"), headers));
  }
  return Promise.all(pings);
}
