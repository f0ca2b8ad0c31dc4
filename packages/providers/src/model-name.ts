// Model names as people write them: `openai/MODEL`, `anthropic/MODEL`, `scripted:FILE`.
import { AgentError } from "@ossaat/contracts";

export type ModelName =
  | { provider: "openai" | "anthropic"; modelId: string }
  | { provider: "scripted"; modelId: string; path: string };

const forms = "openai/MODEL, anthropic/MODEL or scripted:FILE";

function unknownForm(text: string): AgentError {
  return new AgentError("invalid_input", `"${text.slice(0, 200)}" is not a model name: write ${forms}.`, {
    details: { next: "run `ossaat status` to see which keys are set" },
  });
}

/** Reads a model name. @throws AgentError invalid_input that lists the known forms */
export function parseModelName(text: string): ModelName {
  if (text.startsWith("scripted:")) {
    const path = text.slice("scripted:".length);
    if (path === "") throw unknownForm(text);
    return { provider: "scripted", modelId: path.split(/[/\\]/).at(-1) ?? path, path };
  }
  const slash = text.indexOf("/");
  const provider = text.slice(0, Math.max(slash, 0));
  const modelId = text.slice(slash + 1);
  // oxlint-disable-next-line no-control-regex -- finding control characters is the purpose
  if ((provider !== "openai" && provider !== "anthropic") || modelId === "" || /[\s\u0000-\u001f]/.test(modelId)) {
    throw unknownForm(text);
  }
  return { provider, modelId };
}
