// Sequences by which a text drives the terminal instead of being shown on it.
import type { Attack } from "@ossaat/contracts/testing";

import { approvalCardOf } from "../testing/approval-card-of.ts";

const sequences = {
  clear: "\u001b[2J\u001b[H",
  up: "\u001b[5A\u001b[2K",
  link: "\u001b]8;;http://evil.example\u0007safe\u001b]8;;\u0007",
  clipboard: "\u001b]52;c;cm0gLXJmIH4=\u0007",
  title: "\u001b]0;done\u0007",
  answer: "\u001b[6n\u001b[c",
  c1: "\u009b2J\u009d0;x\u009c",
  device: "\u001bP+q544e\u001b\\",
  carriage: "rm -rf ~\rls       ",
  backspace: "rm\b\bls",
};

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const driving = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/u;

/** Names of the sequences that a terminal would obey. */
const obeyed = (show: (text: string) => string) =>
  Object.entries(sequences).flatMap(([name, text]) => (driving.test(show(text)) ? [name] : []));

function cardWith(text: string): string {
  const texts = { title: text, reason: text, agent: text, argv: ["sh", "-c", text], cwd: text };
  const reaches = { paths: [text], hosts: [text], secrets: [text], reversible: false };
  const diff = `--- a/${text}\n+++ b/${text}\n@@ -1 +1 @@\n-${text}\n+${text}\n`;
  const step = {
    tools: [text],
    commands: [text],
    successCheck: { kind: "command" as const, argv: [text] },
    budget: {},
    timeoutSeconds: 0,
  };
  const cards = [
    { ...texts, reaches },
    { title: text, diff },
    { title: text, step, diff, inputJson: text },
  ];
  return cards.map((card) => approvalCardOf(card)).join("\n");
}

export const escapeSequences: Attack<void> = {
  id: "escape-sequences",
  title: "drive the terminal by ANSI, OSC, C1 and carriage returns in a card",
  stride: "S",
  layer: "display escape",
  attempt: () => Promise.resolve(obeyed(cardWith)),
  blocked: () => [],
  planted: {
    attempt: () => Promise.resolve(obeyed((text) => `$ sh -c '${text}'`)),
    gives: () => Object.keys(sequences),
  },
};
