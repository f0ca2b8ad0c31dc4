// A block of lines at the bottom of the terminal that is redrawn in place; on stderr.

/** Longest time between two drawings, ms: the running durations count up. */
const redrawMs = 250;

export type LiveRegion = {
  /** Redraws soon. */
  touch(): void;
  /** Removes the block so that other text can be printed; `touch` brings it back. */
  clear(): void;
  close(): void;
};

/** `render` gives lines no wider than the terminal; those over its height are left out. */
export function createLiveRegion(render: () => string[]): LiveRegion {
  const stream = process.stderr;
  let drawn = 0;
  let isOpen = true;
  const erase = () => {
    if (drawn > 0) stream.write(`\u001b[${drawn}A\u001b[0J`);
    drawn = 0;
  };
  const draw = () => {
    if (!isOpen) return;
    const room = Math.max(3, (stream.rows ?? 24) - 1);
    const lines = render();
    const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), `  … ${lines.length - room + 1} more`];
    const back = drawn > 0 ? `\u001b[${drawn}A` : "";
    stream.write(`${back}${shown.map((line) => `${line}\u001b[0K\n`).join("")}\u001b[0J`);
    drawn = shown.length;
  };
  let isPaused = true;
  const timer = setInterval(() => {
    if (!isPaused) draw();
  }, redrawMs);
  return {
    touch() {
      if (isPaused) draw();
      isPaused = false;
    },
    clear() {
      isPaused = true;
      erase();
    },
    close() {
      clearInterval(timer);
      if (isOpen && !isPaused) draw();
      isOpen = false;
    },
  };
}
