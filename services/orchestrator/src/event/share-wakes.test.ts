// What one process says and another hears, over wakes that carry topics and nothing else.
import { expect, test } from "vitest";

import type { Wakes } from "../store/store.ts";
import { createEventBus } from "./event-bus.ts";
import { shareWakes } from "./share-wakes.ts";

const planId = "plan-00000000-0000-4000-8000-000000000001";

test("wakes and cancels of one process reach the other one as what they are", () => {
  const processes: { heard: string[]; listener: (topic: string) => void }[] = [];
  const open = () => {
    const own = { heard: [] as string[], listener: (_topic: string): void => undefined };
    processes.push(own);
    const wakes: Wakes = {
      isListening: () => true,
      send: (topic) => {
        for (const other of processes) if (other !== own) other.listener(topic);
      },
      onWake: (listener) => void (own.listener = listener),
    };
    const points = shareWakes(wakes, {
      bus: createEventBus(),
      wakeQueue: () => void own.heard.push("queue"),
      signalCancel: (plan, step) => void own.heard.push(`cancel ${step} of ${plan}`),
    });
    points.bus.onWake(planId, () => void own.heard.push("plan"));
    return { points, heard: own.heard, say: (topic: string) => own.listener(topic) };
  };
  const [here, there] = [open(), open()];
  here.points.signalCancel(planId, "step-1.a");
  here.points.bus.wake(planId);
  here.points.wakeQueue();
  const said = [`cancel step-1.a of ${planId}`, "plan", "queue"];
  expect([here.heard, there.heard]).toEqual([said, said]);
  // Of another version: not understood, and no harm.
  for (const topic of ["live/1/no", 'live/{"type":"x"}', "live/"]) there.say(topic);
  expect(there.heard).toEqual(said);
});
