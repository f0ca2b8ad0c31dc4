// Under which names the statements of one connection are prepared: a server reads and plans each of them
// once. Those that were used last are kept; texts that are made anew each time get no name at all.
import { postgresLimits } from "../limits.ts";

/** Texts that were run once, the oldest first: of this process, so that each connection knows what comes again. */
const seen = new Set<string>();

function wasSeen(text: string): boolean {
  if (seen.has(text)) return true;
  seen.add(text);
  if (seen.size > postgresLimits.knownStatements) for (const oldest of seen) return !seen.delete(oldest);
  return false;
}

export class PreparedNames {
  /** By their texts, the one that was used longest ago first. */
  readonly #names = new Map<string, string>();
  /** Makes names that were never used on this connection. */
  #made = 0;

  /** Undefined for a text that has none and gets none. `dropped`: the name that has to go for it. */
  nameOf(text: string): { name: string; dropped?: string } | undefined {
    const known = this.#names.get(text);
    if (known === undefined && !wasSeen(text)) return undefined;
    const name = known ?? `ossaat_${(this.#made += 1)}`;
    this.#names.delete(text);
    this.#names.set(text, name);
    if (this.#names.size <= postgresLimits.preparedStatements) return { name };
    for (const [oldest, dropped] of this.#names) {
      this.#names.delete(oldest);
      return { name, dropped };
    }
    return { name };
  }
}
