// Who reads which call. A reader that is gone may come back and resume, so a call is cancelled only
// after nobody read it for a while; a broken connection and a cancelled stream look the same here.

export type Attachments = {
  /** A reader came. The returned function is called when it leaves; `isGone` = before the end. */
  attach(invocationId: string): (isGone: boolean) => void;
  close(): void;
};

export function createAttachments(graceMs: number, cancel: (invocationId: string) => void): Attachments {
  const readers = new Map<string, number>();
  const timers = new Map<string, NodeJS.Timeout>();
  const stopTimer = (id: string): void => {
    clearTimeout(timers.get(id));
    timers.delete(id);
  };
  return {
    attach(id) {
      stopTimer(id);
      readers.set(id, (readers.get(id) ?? 0) + 1);
      return (isGone) => {
        const left = (readers.get(id) ?? 1) - 1;
        if (left > 0) readers.set(id, left);
        else readers.delete(id);
        if (left > 0 || !isGone) return;
        const expire = (): void => {
          timers.delete(id);
          cancel(id);
        };
        timers.set(id, setTimeout(expire, graceMs));
      };
    },
    close() {
      for (const id of timers.keys()) stopTimer(id);
    },
  };
}
