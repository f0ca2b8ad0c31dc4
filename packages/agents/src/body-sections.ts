// The body of a profile: prompt text in a fixed order of sections.
import { suggest } from "./agent-problem.ts";
import type { FrontMatterProblem } from "./front-matter.ts";

/** Sections every profile has, in this order. */
export const bodySections = [
  "Mission",
  "Operating procedure",
  "Guardrails & escalation",
  "Key outputs",
  "Tooling checklist",
] as const;

type Section = { title: string; line: number; isEmpty: boolean };

function readSections(body: string, firstLine: number): Section[] {
  const sections: Section[] = [];
  let isFenced = false;
  for (const [index, text] of body.split("\n").entries()) {
    if (/^\s*(?:```|~~~)/.test(text)) isFenced = !isFenced;
    const heading = isFenced ? null : /^#{1,2}\s+(.+?)\s*#*\s*$/.exec(text);
    const current = sections.at(-1);
    if (heading !== null) sections.push({ title: heading[1] ?? "", line: firstLine + index, isEmpty: true });
    else if (text.trim() !== "" && current !== undefined) current.isEmpty = false;
  }
  return sections;
}

/** Problems of a body: sections that are missing, empty, repeated or out of order. */
export function checkBody(body: string, firstLine: number): FrontMatterProblem[] {
  const sections = readSections(body, firstLine);
  const titles = sections.map((section) => section.title);
  const lastLine = firstLine + body.trimEnd().split("\n").length - 1;
  const missing = bodySections.filter((title) => !titles.includes(title));
  if (missing.length > 0) {
    return missing.map((title) => {
      const similar = sections.find((section) => suggest(section.title, [title]) !== "");
      const hint = similar === undefined ? "" : ` (line ${similar.line} says "${similar.title}")`;
      return { line: similar?.line ?? lastLine, message: `The section "## ${title}" is missing${hint}.` };
    });
  }
  const required = sections.filter((section) => (bodySections as readonly string[]).includes(section.title));
  const misplaced = required.find((section, index) => section.title !== bodySections[index]);
  if (misplaced !== undefined) {
    const order = bodySections.join(", ");
    return [
      { line: misplaced.line, message: `The section "${misplaced.title}" is out of order; the order is: ${order}.` },
    ];
  }
  return required
    .filter((section) => section.isEmpty)
    .map(({ line, title }) => ({ line, message: `The section "${title}" is empty.` }));
}
