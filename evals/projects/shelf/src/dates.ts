// Days as texts like 2025-03-20, and how they are counted.

export type Day = string;

const dayMs = 86_400_000;

/** Milliseconds of a day's beginning, in UTC. @throws RangeError for what is no day */
function toMs(day: Day): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== day) throw new RangeError(`not a day: ${day}`);
  return ms;
}

export function addDays(day: Day, count: number): Day {
  return new Date(toMs(day) + count * dayMs).toISOString().slice(0, 10);
}

/** Days from the first to the second; negative when the second is earlier. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((toMs(to) - toMs(from)) / dayMs);
}

export function isDay(text: string): boolean {
  try {
    toMs(text);
    return true;
  } catch {
    return false;
  }
}
