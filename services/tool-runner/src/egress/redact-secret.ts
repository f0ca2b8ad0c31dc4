// Hides a secret in what comes back from the host it was sent to, in the forms in which servers
// echo a header. The length stays, so that every length a header announces still holds.
import { Transform } from "node:stream";

/** Shorter words are too common to be searched for. */
const minChars = 6;

function words(header: string): string[] {
  const parts = header.split(" ").filter((part) => part !== "");
  const [scheme = "", encoded = ""] = parts;
  // Basic carries user and password, which may come back by themselves.
  const basic = scheme.toLowerCase() === "basic" ? Buffer.from(encoded, "base64").toString("utf8") : "";
  const password = basic.slice(basic.indexOf(":") + 1);
  return [header, ...parts.slice(1), basic, password].filter((word) => word.length >= minChars);
}

function forms(word: string): string[] {
  const bytes = Buffer.from(word, "utf8");
  const hex = bytes.toString("hex");
  const base64 = bytes.toString("base64").replaceAll("=", "");
  const url = bytes.toString("base64url");
  return [word, encodeURIComponent(word), JSON.stringify(word).slice(1, -1), base64, url, hex, hex.toUpperCase()];
}

/** Every spelling of a header's value that is hidden, longest first. */
export function secretForms(header: string): string[] {
  const all = new Set(words(header).flatMap(forms));
  return [...all].sort((a, b) => b.length - a.length);
}

/** Hides the spellings in a short text. */
export function maskText(text: string, spellings: readonly string[]): string {
  return spellings.reduce((masked, form) => masked.replaceAll(form, "*".repeat(form.length)), text);
}

function maskBytes(bytes: Buffer, spellings: readonly Buffer[]): void {
  for (const form of spellings) {
    for (let at = bytes.indexOf(form); at >= 0; at = bytes.indexOf(form, at + form.length)) {
      bytes.fill("*", at, at + form.length);
    }
  }
}

/** A stream that hides the spellings, however they are cut into chunks. */
export function maskingStream(spellings: readonly string[]): Transform {
  const patterns = spellings.map((form) => Buffer.from(form, "utf8"));
  const kept = Math.max(0, ...patterns.map(({ length }) => length)) - 1;
  let tail: Buffer = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bytes = Buffer.concat([tail, chunk]);
      maskBytes(bytes, patterns);
      // What begins before the part that is kept also ends in this buffer, and is masked.
      const end = Math.max(0, bytes.length - kept);
      tail = bytes.subarray(end);
      done(null, bytes.subarray(0, end));
    },
    flush(done) {
      done(null, tail);
    },
  });
}
