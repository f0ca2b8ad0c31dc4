// Patterns of model names: `*` stands for any part.

function toExpression(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}

/** Whether one of the patterns names the model; no list allows every model. */
export function isModelAllowed(model: string, patterns: readonly string[] | undefined): boolean {
  return patterns === undefined || patterns.some((pattern) => toExpression(pattern).test(model));
}

/** Those of the inner patterns that name nothing beyond the outer ones. */
export function coveredModels(outer: readonly string[], inner: readonly string[]): readonly string[] {
  return inner.filter((pattern) => isModelAllowed(pattern, outer));
}
