// The sentence in which a vendor says why it turned a request away, made safe to show and to keep:
// short, on one line, without keys and without characters that deceive.
import { redactText, redacted, textRedactor } from "@ossaat/telemetry";

import { providerLimits } from "./limits.ts";

/** Control, format, private and unpaired characters: they hide, reorder or command. */
const unprintable = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** What a vendor shows of a key that it knows: `sk-ab****yz`, `sk-ab...yz`. */
const maskedKeys = /[\w-]*(?:\*{2,}|[\w-]{2}(?:\.{3}|…)(?=\w))[\w*-]*/gu;

/** What follows "key", "token" or "password" in prose: `Incorrect API key provided: hunter2`. */
const namedKeys =
  /\b((?:key|token|secret|password|credential)s?\b[\w ]{0,24}[:=] ?|(?:key|token|secret|password) (?=["'`]))["'`]?[^\s"'`]{4,}["'`]?/giu;

/** A long run of letters and digits is an id or a key; names of models have hyphens or dots between. */
const longWords = /\b(?=\w*\d)(?=\w*[A-Za-z])\w{20,}\b/gu;

function visible(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** Takes out every part of a key that is long enough to be no accident. */
function withoutPartsOf(key: string, text: string): string {
  const { minKeyPartChars } = providerLimits;
  let result = "";
  for (let at = 0; at < text.length;) {
    let end = at;
    while (end < text.length && key.includes(text.slice(at, end + 1))) end += 1;
    const isPart = end - at >= minKeyPartChars;
    result += isPart ? redacted : text.charAt(at);
    at = isPart ? end : at + 1;
  }
  return result;
}

/**
 * A vendor's message in at most `maxReasonChars` characters, or undefined when it says nothing.
 *
 * @param message as it came, of any type
 * @param secrets keys that must not be repeated, nor parts of them
 */
export function refusalReason(message: unknown, secrets: readonly string[]): string | undefined {
  if (typeof message !== "string") return undefined;
  const { maxReasonChars } = providerLimits;
  // Cut before the search, but with room: what is taken out at the border must not be cut in two.
  const line = message
    .slice(0, maxReasonChars * 4)
    .replaceAll(/\s+/gu, " ")
    .trim();
  const known = secrets.reduce((text, key) => withoutPartsOf(key, text), textRedactor(secrets)(line));
  const safe = redactText(known)
    .replaceAll(maskedKeys, redacted)
    .replaceAll(namedKeys, `$1${redacted}`)
    .replaceAll(longWords, redacted)
    .replaceAll(unprintable, visible);
  if (safe === "") return undefined;
  return safe.length <= maxReasonChars ? safe : `${safe.slice(0, maxReasonChars - 1)}…`;
}
