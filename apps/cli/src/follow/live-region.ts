// A block of lines at the bottom of the terminal that is redrawn in place; on stderr.
import { clipStyled } from "../terminal/clip-styled.ts";

/** Longest time between two drawings, ms: the running durations count up. */
const redrawMs = 250;

export type LiveRegion = {
  /** Shows the block, or shows it again. */
  touch(): void;
  /** Removes the block until it is touched again. */
  clear(): void;
  /** Writes other text above the block. */
  aside(write: () => void): void;
  close(): void;
};

/** To the beginning of a line above: the terminal itself may have written, as `^C` where a key was pressed. */
function upBy(lines: number): string {
  return `\r\u001b[${lines}A`;
}

/** Lines wider than the terminal are cut, and those over its height left out. */
export function createLiveRegion(render: () => string[]): LiveRegion {
  const stream = process.stderr;
  let drawn = 0;
  let before = "";
  let isShown = false;
  const erase = () => {
    if (drawn > 0) stream.write(`${upBy(drawn)}\u001b[0J`);
    drawn = 0;
  };
  const draw = () => {
    const room = Math.max(3, (stream.rows ?? 24) - 1);
    const width = Math.max(10, (stream.columns ?? 80) - 1);
    const lines = render();
    const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), `  … ${lines.length - room + 1} more`];
    const text = shown.map((line) => `${clipStyled(line, width)}\u001b[0K\n`).join("");
    // A terminal that is slow, or far away, gets nothing that it shows already.
    if (drawn > 0 && text === before) return;
    const back = drawn > 0 ? upBy(drawn) : "";
    stream.write(`${back}${text}\u001b[0J`);
    before = text;
    drawn = shown.length;
  };
  const redraw = () => {
    if (isShown) draw();
  };
  // After a change of size nobody knows where the old rows are: begin with a clean screen.
  const onResize = () => {
    if (!isShown) return;
    stream.write("\u001b[2J\u001b[H");
    drawn = 0;
    draw();
  };
  const timer = setInterval(redraw, redrawMs);
  stream.on("resize", onResize);
  return {
    touch() {
      isShown = true;
      draw();
    },
    clear() {
      isShown = false;
      erase();
    },
    aside(write) {
      if (isShown) erase();
      write();
      redraw();
    },
    close() {
      clearInterval(timer);
      stream.off("resize", onResize);
      redraw();
      isShown = false;
    },
  };
}
