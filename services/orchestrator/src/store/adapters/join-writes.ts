// Several statements as one, which costs a server and its client about as much as the dearest of them.
// PostgreSQL runs the parts of such a statement on the same view of the data: none sees what another wrote. So
// only statements are joined of which no table that one writes is named by another.

export type SqlStatement = { text: string; values: unknown[] };

/** What a statement does with which tables. */
type Use = { writes: string | undefined; reads: ReadonlySet<string> };

const writeTarget = /^(?:insert into|update|delete from) "(\w+)"/u;
const startsToRead = /^select\b/u;
const tablesNamed = /\b(?:from|join|into|update|using)\s+"(\w+)"/gu;
/** A table without quotes, or a part that is no plain list of tables: nobody knows what it reads. */
const isUnclear = /\b(?:from|join|into|using)\s+[^"\s]|\bwith\b|;/u;

/** Uses by text; the texts are few, because what is run often is compiled once. */
const uses = new Map<string, Use | undefined>();
const maxKnown = 1_000;

/** Undefined for a statement of which it is not known what it reads and writes. */
function useOf(text: string): Use | undefined {
  if (uses.has(text)) return uses.get(text);
  const plain = text.replaceAll(/\bfor (?:no key )?update\b/gu, "");
  const writes = writeTarget.exec(plain)?.[1];
  const isKnown = (writes !== undefined || startsToRead.test(plain)) && !isUnclear.test(plain);
  const named = [...plain.matchAll(tablesNamed)].map((match) => match[1] ?? "");
  const use = isKnown ? { writes, reads: new Set(named.filter((name) => name !== writes)) } : undefined;
  if (uses.size < maxKnown) uses.set(text, use);
  return use;
}

function mayStandTogether(one: Use, other: Use): boolean {
  const touches = ({ writes }: Use, { writes: target, reads }: Use) =>
    writes !== undefined && (writes === target || reads.has(writes));
  return !touches(one, other) && !touches(other, one);
}

const placeholder = /\$(\d+)/gu;

function shifted(text: string, by: number): string {
  return by === 0 ? text : text.replaceAll(placeholder, (_all, n: string) => `$${Number(n) + by}`);
}

/** Texts of joined statements by those of their parts. */
const joinedTexts = new Map<string, string>();

function joinAll(parts: readonly SqlStatement[]): SqlStatement {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const key = parts.map(({ text }) => text).join("\n");
  let text = joinedTexts.get(key);
  if (text === undefined) {
    let by = 0;
    const texts = parts.map((part) => {
      const own = shifted(part.text, by);
      by += part.values.length;
      return own;
    });
    const last = texts.pop() ?? "";
    text = `with ${texts.map((each, n) => `part_${n} as (${each})`).join(", ")} ${last}`;
    if (joinedTexts.size < maxKnown) joinedTexts.set(key, text);
  }
  return { text, values: parts.flatMap(({ values }) => values) };
}

/**
 * The same statements, in their order, with as many as possible joined. All but the last only write and
 * return nothing; the last one's answer stays its own.
 */
export function joinWrites(statements: readonly SqlStatement[]): SqlStatement[] {
  const joined: SqlStatement[] = [];
  let group: { statement: SqlStatement; use: Use }[] = [];
  const close = () => {
    if (group.length > 0) joined.push(joinAll(group.map(({ statement }) => statement)));
    group = [];
  };
  for (const statement of statements) {
    const use = useOf(statement.text);
    if (use === undefined || !group.every((each) => mayStandTogether(each.use, use))) close();
    if (use === undefined) joined.push(statement);
    else group.push({ statement, use });
  }
  close();
  return joined;
}
