// Wakes readers of the log inside this process and carries live text, which is not state.
// A missed wake does no harm: readers also poll.
import { EventEmitter } from "node:events";

import type { LiveEvent } from "@ossaat/contracts";

export type EventBus = {
  /** Whether what other processes on the same data write is told here now, or there are none. */
  isHeard(): boolean;
  /** Tells that a plan's log grew. */
  wake(planId: string): void;
  onWake(planId: string, listener: () => void): () => void;
  /** Tells of every plan. */
  onAnyWake(listener: (planId: string) => void): () => void;
  live(event: LiveEvent): void;
  onLive(planId: string, listener: (event: LiveEvent) => void): () => void;
};

export function createEventBus(): EventBus {
  const emitter = new EventEmitter();
  emitter.setMaxListeners(0);
  const on = (name: string, listener: (value: never) => void) => {
    const heard = listener as (...values: unknown[]) => void;
    emitter.on(name, heard);
    return () => {
      emitter.off(name, heard);
    };
  };
  return {
    isHeard: () => true,
    wake(planId) {
      emitter.emit(`wake:${planId}`);
      emitter.emit("wake", planId);
    },
    onWake: (planId, listener) => on(`wake:${planId}`, listener),
    onAnyWake: (listener) => on("wake", listener),
    live: (event) => void emitter.emit(`live:${event.planId}`, event),
    onLive: (planId, listener) => on(`live:${planId}`, listener),
  };
}
