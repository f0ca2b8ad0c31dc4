// Carries the wake-ups and the live text of one process to the others on the same data, where there are others.
import type { Wakes } from "../store/store.ts";
import type { EventBus } from "./event-bus.ts";
import { LiveShare } from "./share-live.ts";

/** Not the id of a plan. */
const queueTopic = "queue";

/** Begins the topic that names a step which must stop; no id of a plan or a step has a slash. */
const cancelTopic = "cancel";

export type WakePoints = {
  bus: EventBus;
  wakeQueue(): void;
  /** Asks a running step to stop, where it runs. */
  signalCancel(planId: string, stepId: string): void;
};

function hear(topic: string, local: WakePoints): void {
  if (topic === queueTopic) return local.wakeQueue();
  const [head, planId, stepId] = topic.split("/");
  if (head === cancelTopic && planId !== undefined && stepId !== undefined) local.signalCancel(planId, stepId);
  else local.bus.wake(topic);
}

/** The same, and what is said here is heard by the readers, queues and workers of the other processes as well. */
export function shareWakes(wakes: Wakes | undefined, local: WakePoints): WakePoints {
  if (wakes === undefined) return local;
  const live = new LiveShare(wakes, local.bus);
  wakes.onWake((topic) => {
    if (!live.hear(topic)) hear(topic, local);
  });
  return {
    bus: {
      ...local.bus,
      isHeard: () => wakes.isListening(),
      live: (event) => live.live(event),
      onLive: (planId, listener) => live.onLive(planId, listener),
      wake: (planId) => {
        local.bus.wake(planId);
        wakes.send(planId);
      },
    },
    wakeQueue: () => {
      local.wakeQueue();
      wakes.send(queueTopic);
    },
    signalCancel: (planId, stepId) => {
      local.signalCancel(planId, stepId);
      wakes.send(`${cancelTopic}/${planId}/${stepId}`);
    },
  };
}
