// Takes secrets out of text by their shape, and by their value where it is known. Pure.
import { telemetryLimits } from "./limits.ts";

export const redacted = "[redacted]";

export type RedactText = (text: string) => string;

type Rule = { pattern: RegExp; replacement: string };

// NOTE: every repetition is anchored by a literal or bounded, so that the time stays linear in
// the text, whoever wrote it.
const keyShapes = [
  String.raw`sk-(?:ant|proj|svcacct|admin|or)-[A-Za-z0-9_-]{8,}`,
  String.raw`sk-(?=[a-z_-]{0,64}[A-Z0-9])[A-Za-z0-9_-]{16,}`,
  String.raw`gh[oprsu]_[A-Za-z0-9_]{16,}`,
  String.raw`github_pat_[A-Za-z0-9_]{16,}`,
  String.raw`glpat-[A-Za-z0-9_-]{16,}`,
  String.raw`(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])`,
  String.raw`AIza[A-Za-z0-9_-]{30,}`,
  String.raw`ya29\.[A-Za-z0-9_-]{20,}`,
  String.raw`xox[abeoprs]-[A-Za-z0-9-]{10,}`,
  String.raw`[prs]k_(?:live|test)_[A-Za-z0-9]{10,}`,
  String.raw`npm_[A-Za-z0-9]{30,}`,
  String.raw`pypi-[A-Za-z0-9_-]{40,}`,
  String.raw`(?:hf|gsk)_[A-Za-z0-9]{30,}`,
  String.raw`xai-[A-Za-z0-9]{30,}`,
  String.raw`hv[bs]\.[A-Za-z0-9_-]{20,}`,
];

const secretWords = [
  "api[_-]?key",
  "access[_-]?key",
  "secret[_-]?key",
  "private[_-]?key",
  "secret",
  "passw(?:or)?d",
  "passphrase",
  "token",
  "credentials?",
];

const rules: readonly Rule[] = [
  // A private key, also one whose end was cut off.
  {
    pattern: /-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----[\s\S]*?(?:-----END \1-----|$)/g,
    replacement: redacted,
  },
  // user:password@ of a URL; a user alone, as in ssh://git@host, is no secret.
  { pattern: /(:\/\/)[^\s/?#:@"'<>]*:[^\s/?#"'<>]+@/g, replacement: `$1${redacted}@` },
  {
    pattern: /\b((?:proxy-)?authorization["']?[ \t]*[:=][ \t]*["']?)(?:[a-z0-9-]{1,20}[ \t]+)?[^\s"',;]+/gi,
    replacement: `$1${redacted}`,
  },
  { pattern: /\b((?:set-)?cookie["']?[ \t]*[:=][ \t]*["']?)[^\s"'=;]+=[^\r\n"']*/gi, replacement: `$1${redacted}` },
  {
    pattern: /\b((?:[Bb]earer|BEARER)[ \t]+)(?=[a-z._~+/-]{0,64}[A-Z0-9])[A-Za-z0-9._~+/-]{8,}=*/g,
    replacement: `$1${redacted}`,
  },
  { pattern: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*){2,4}/g, replacement: redacted },
  { pattern: new RegExp(`(?<![A-Za-z0-9])(?:${keyShapes.join("|")})`, "g"), replacement: redacted },
  // NAME=value and "name": "value"; also in query strings.
  {
    pattern: new RegExp(`((?:${secretWords.join("|")})["']?[ \\t]*[=:][ \\t]*["']?)[^\\s"',;&]{6,}`, "gi"),
    replacement: `$1${redacted}`,
  },
];

/** Replaces everything that has the shape of a secret by `[redacted]`. Hashes and ids stay. */
export function redactText(text: string): string {
  return rules.reduce((rest, { pattern, replacement }) => rest.replaceAll(pattern, replacement), text);
}

/** Like {@link redactText}, and takes out the given values whatever their shape. */
export function textRedactor(secrets: readonly string[]): RedactText {
  const known = secrets
    .filter((secret) => secret.length >= telemetryLimits.minSecretChars)
    .flatMap((secret) => [...new Set([secret, encodeURIComponent(secret)])])
    // NOTE: longest first, so that a secret that contains another leaves no rest.
    .sort((a, b) => b.length - a.length);
  return (text) => redactText(known.reduce((rest, secret) => rest.replaceAll(secret, redacted), text));
}
