// PORT to the model providers: which model a text names, and what a turn costs.
import type { ModelProvider, Usage } from "@ossaat/providers";

export type ResolvedModel = {
  /** The text a plan stores, for example `openai/gpt-5` or `scripted:/path/file.json`. */
  ref: string;
  provider: ModelProvider;
  modelId: string;
  scripted: boolean;
  /** What a scripted model's file says of itself, for people. */
  notice?: string;
  /** USD for a turn; null = unknown. */
  price(usage: Usage): number | null;
};

export type Models = {
  /** The configured default; null = no model configured. */
  defaultRef(): string | null;
  /** @throws AgentError invalid_input: unknown form, missing key, missing file; `details.next` mends it. */
  resolve(ref: string): Promise<ResolvedModel>;
};
