// The models port over the providers package.
import { readFile } from "node:fs/promises";

import { AgentError } from "@ossaat/contracts";
import { pickModel, priceUsage, resolveProvider } from "@ossaat/providers";
import type { ProviderEnv, Usage } from "@ossaat/providers";

import type { Models, ResolvedModel } from "../provider/models.ts";

export type ModelsOptions = {
  /** The vendors' own variables; nothing else of the environment is looked at. */
  env: ProviderEnv;
  /** Configured default model. */
  config?: string | undefined;
  /** File to which scripted models log their requests. */
  requestLog?: string | undefined;
};

async function readScript(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new AgentError("invalid_input", `The scripted model file ${path} cannot be read.`, { cause: error });
  }
}

/** Connections are kept per model, so that a scripted file is read once. */
export function createModels({ env, config, requestLog }: ModelsOptions): Models {
  const resolved = new Map<string, Promise<ResolvedModel>>();
  const resolve = async (ref: string): Promise<ResolvedModel> => {
    const {
      provider,
      modelId,
      ref: modelRef,
      scripted,
      notice,
    } = await resolveProvider(ref, {
      env,
      readFile: readScript,
      requestLog,
    });
    const price = (usage: Usage) => priceUsage(modelRef, usage).costUsd;
    return { ref, provider, modelId, scripted, price, ...(notice === undefined ? {} : { notice }) };
  };
  return {
    defaultRef: () => pickModel({ config, env }).model,
    resolve(ref) {
      const known = resolved.get(ref);
      if (known !== undefined) return known;
      const loading = resolve(ref);
      resolved.set(ref, loading);
      loading.catch(() => resolved.delete(ref));
      return loading;
    },
  };
}
