// Characters that turn the order of a text around or take no room in it.
import type { Attack } from "@ossaat/contracts/testing";

import { approvalCardOf } from "../testing/approval-card-of.ts";

const texts = {
  override: "rm -rf \u202e~ # sl\u202c",
  isolate: "a\u2066b\u2069",
  mark: "a\u200eb\u200fc\u061c",
  zeroWidth: "np\u200bm\u200c \u200dtest\ufeff",
  softHyphen: "pa\u00adss",
  tags: "ls\u{e0041}\u{e0042}",
  separators: "ls\u2028rm\u2029",
  invisibleTimes: "a\u2062b\u2064",
};

const hiding = /[\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/u;

const hidden = (show: (text: string) => string) =>
  Object.entries(texts).flatMap(([name, text]) => (hiding.test(show(text)) ? [name] : []));

export const invisibleText: Attack<void> = {
  id: "invisible-text",
  title: "show another command than the one that runs, by bidirectional and invisible characters",
  stride: "S",
  layer: "display escape",
  attempt: () => Promise.resolve(hidden((text) => approvalCardOf({ argv: ["sh", "-c", text], diff: `+${text}` }))),
  blocked: () => [],
  planted: {
    attempt: () => Promise.resolve(hidden((text) => `$ sh -c '${text}'`)),
    gives: () => Object.keys(texts),
  },
};
