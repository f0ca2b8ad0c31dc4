// read_file: numbered lines of a text file, bounded.
import { AgentError, toolLimits } from "@ossaat/contracts";

import { editLimits } from "./limits.ts";
import { isBinary } from "./text-file.ts";
import type { Tool } from "./tool.ts";

export const readFile: Tool<"read_file"> = async ({ files }, input) => {
  const { data, size } = await files.readRange(input.path, 0, editLimits.maxFileBytes);
  if (isBinary(data)) throw new AgentError("invalid_input", `${input.path} is a binary file (${size} bytes).`);
  const body = data.toString("utf8").replace(/^\uFEFF/u, "");
  const lines = body.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const first = input.startLine ?? 1;
  const last = Math.min(input.endLine ?? lines.length, lines.length);
  if (first > lines.length && lines.length > 0) {
    throw new AgentError("invalid_input", `${input.path} has ${lines.length} lines; line ${first} does not exist.`);
  }
  if (input.endLine !== undefined && input.endLine < first) {
    throw new AgentError("invalid_input", "endLine lies before startLine.");
  }
  const shown: string[] = [];
  let bytes = 0;
  let next = first;
  for (; next <= last; next += 1) {
    const row = `${String(next).padStart(6)}\t${(lines[next - 1] ?? "").replace(/\r$/u, "")}`;
    bytes += Buffer.byteLength(row) + 1;
    if (bytes > toolLimits.maxReadBytes) break;
    shown.push(row);
  }
  const notes: string[] = [];
  if (shown.length === 0 && lines.length > 0) {
    shown.push(`${String(first).padStart(6)}\t(a line of too many bytes to show)`);
    next += 1;
  }
  if (next <= last) notes.push(`(cut at line ${next - 1} of ${lines.length}: read on with startLine ${next})`);
  else if (last < lines.length) notes.push(`(${lines.length} lines in all)`);
  if (size > data.length) notes.push(`(the file has ${size} bytes; only the first ${data.length} are read)`);
  if (lines.length === 0) notes.push("(the file is empty)");
  const text = [...shown, ...notes].join("\n");
  return { summary: `Read ${input.path}, lines ${first} to ${Math.max(first, next - 1)}`, output: { text } };
};
