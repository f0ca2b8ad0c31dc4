// Work that is done again and again, with a pause after each end of it.

export type Loop = {
  start(): void;
  /** Asks the work to end and waits until it has. */
  stop(): Promise<void>;
};

/** @param work never rejects; its signal says that the loop is being stopped */
export function createLoop(work: (signal: AbortSignal) => Promise<void>, pauseMs: number): Loop {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> = Promise.resolve();
  const tick = () => {
    current = work(stopping.signal).finally(() => {
      if (!stopping.signal.aborted) timer = setTimeout(tick, pauseMs);
    });
  };
  return {
    start: tick,
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await current;
    },
  };
}
