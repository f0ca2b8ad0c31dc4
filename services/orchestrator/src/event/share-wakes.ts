// Carries the wake-ups of one process to the others on the same data, where there are others.
import type { Wakes } from "../store/store.ts";
import type { EventBus } from "./event-bus.ts";

/** Not the id of a plan. */
const queueTopic = "queue";

export type WakePoints = {
  bus: EventBus;
  wakeQueue(): void;
};

/** The same, and a wake here wakes the readers and the queues of the other processes as well. */
export function shareWakes(wakes: Wakes | undefined, local: WakePoints): WakePoints {
  if (wakes === undefined) return local;
  wakes.onWake((topic) => {
    if (topic === queueTopic) local.wakeQueue();
    else local.bus.wake(topic);
  });
  return {
    bus: {
      ...local.bus,
      wake: (planId) => {
        local.bus.wake(planId);
        wakes.send(planId);
      },
    },
    wakeQueue: () => {
      local.wakeQueue();
      wakes.send(queueTopic);
    },
  };
}
