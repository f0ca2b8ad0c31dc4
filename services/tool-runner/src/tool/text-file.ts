// A text file taken apart so that it can be put together again with its own line ends, mark and
// final newline.
import { AgentError } from "@ossaat/contracts";

const byteOrderMark = "\uFEFF";

export type TextFile = {
  /** Text with LF line ends, without byte order mark. */
  text: string;
  lineEnd: "\n" | "\r\n";
  hasMark: boolean;
};

/** NUL bytes or broken UTF-8 mean it is not text. */
export function isBinary(data: Buffer): boolean {
  return data.subarray(0, 8_192).includes(0);
}

/** @throws AgentError invalid_input for binary data or text that is not UTF-8. */
export function parseText(data: Buffer, path: string): TextFile {
  if (isBinary(data)) throw new AgentError("invalid_input", `${path} is a binary file.`);
  let raw: string;
  try {
    raw = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch (error) {
    throw new AgentError("invalid_input", `${path} is not UTF-8 text.`, { cause: error });
  }
  const hasMark = raw.startsWith(byteOrderMark);
  const body = hasMark ? raw.slice(1) : raw;
  const crlf = body.split("\r\n").length - 1;
  const lf = body.split("\n").length - 1 - crlf;
  // A file with mixed ends is left as it is: its lone CRs stay part of the text.
  const isCrlf = crlf > 0 && lf === 0 && !body.includes("\r\r\n");
  return { text: isCrlf ? body.replaceAll("\r\n", "\n") : body, lineEnd: isCrlf ? "\r\n" : "\n", hasMark };
}

/** The bytes of a text file whose text was changed. */
export function formatText(file: TextFile, text: string): Buffer {
  const body = file.lineEnd === "\r\n" ? text.replaceAll("\n", "\r\n") : text;
  return Buffer.from(file.hasMark ? byteOrderMark + body : body, "utf8");
}
