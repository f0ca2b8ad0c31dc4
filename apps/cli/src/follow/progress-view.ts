// How a run is shown while it goes on: a live region where a person watches, a line an event
// elsewhere, nothing where a program reads.
import type { LiveEvent, PlanEvent, PlanState } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { escapeLine } from "../terminal/escape.ts";
import { clip, eventLine, renderRun } from "../terminal/render-run.ts";
import { createLiveRegion } from "./live-region.ts";

export type ProgressView = {
  /** Draws the state; in a log nothing is printed for it. */
  show(state: PlanState): void;
  event(event: PlanEvent, state: PlanState): void;
  live(event: LiveEvent): void;
  /** Why nothing happens; it stands until something does. */
  notice(text: string): void;
  hide(): void;
  close(): void;
};

/** Characters of live text kept for the one line that is shown. */
const tailChars = 400;

function createLiveView({ output, style }: CommandContext): ProgressView {
  let state: PlanState | undefined;
  let notice: string | undefined;
  const texts = new Map<string, string>();
  const lastLines = new Map<string, string>();
  const region = createLiveRegion(() => {
    if (state === undefined) return [];
    const width = process.stderr.columns ?? output.width;
    const lines = renderRun(state, { style, width, now: Date.now(), lastLines });
    return notice === undefined ? lines : [...lines, style.paint("yellow", clip(`  ${notice}`, width))];
  });
  output.attach({ aside: (write) => region.aside(write), clear: () => region.clear() });
  return {
    show(next) {
      state = next;
      region.touch();
    },
    event(event, next) {
      state = next;
      notice = undefined;
      if (event.stepId !== undefined && (event.type === "step.finished" || event.type === "tool.started")) {
        texts.delete(event.stepId);
        lastLines.delete(event.stepId);
      }
    },
    live(event) {
      const text = `${texts.get(event.stepId) ?? ""}${event.text}`.slice(-tailChars);
      texts.set(event.stepId, text);
      lastLines.set(event.stepId, escapeLine(text.split("\n").findLast((part) => part.trim() !== "") ?? ""));
    },
    notice(text) {
      notice = escapeLine(text);
      region.touch();
    },
    hide: () => region.clear(),
    close: () => {
      output.attach(undefined);
      region.close();
    },
  };
}

function createLogView({ output }: CommandContext): ProgressView {
  let told = false;
  return {
    show: () => undefined,
    event(event) {
      told = false;
      const line = eventLine(event);
      if (line !== undefined) output.note(line);
    },
    live: () => undefined,
    notice(text) {
      if (!told) output.note(escapeLine(text));
      told = true;
    },
    hide: () => undefined,
    close: () => undefined,
  };
}

export function createProgressView(context: CommandContext): ProgressView {
  return context.output.isLive ? createLiveView(context) : createLogView(context);
}
