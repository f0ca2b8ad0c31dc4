// A strict reader of the Prometheus text format (0.0.4), with what a scraper would refuse and the lint
// that counters end in `_total`.
type Labels = Record<string, string>;
type Sample = { name: string; labels: Labels; value: number };
type Family = { name: string; help?: string; type?: string; samples: Sample[] };

export type Exposition = {
  families: ReadonlyMap<string, Readonly<Family>>;
  /** Value of the one series with this name and exactly these labels; undefined = there is none. */
  value(name: string, labels?: Labels): number | undefined;
  /** Sum over the series with this name that have at least these labels. */
  sum(name: string, labels?: Labels): number;
};

const types = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);
const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const number = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const parts: Readonly<Record<string, readonly string[]>> = {
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
};

/** As Go's ParseFloat takes it, which is what the format asks for. */
function readValue(text: string): number {
  if (/^[+-]?inf(?:inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  if (!number.test(text)) throw new Error(`no value: ${text}`);
  return Number(text);
}

function readLabels(text: string): Labels {
  const labels: Labels = {};
  const one = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
  while (one.lastIndex < text.length) {
    const match = one.exec(text);
    if (match === null) throw new Error(`no labels: ${text}`);
    const [, name = "", raw = ""] = match;
    if (Object.hasOwn(labels, name)) throw new Error(`the label ${name} stands twice: ${text}`);
    labels[name] = raw.replaceAll(/\\(.)/g, (_all, sign: string) => (sign === "n" ? "\n" : sign));
  }
  return labels;
}

function readSample(line: string): Sample {
  const match = /^([^\s{]+)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/.exec(line);
  const [, name = "", labels = "", value = ""] = match ?? [];
  if (!metricName.test(name)) throw new Error(`no sample: ${line}`);
  return { name, labels: readLabels(labels), value: readValue(value) };
}

const keyOf = ({ name, labels }: { name: string; labels: Labels }) =>
  JSON.stringify([name, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);

function checkHistogram({ name, samples }: Family): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _le, ...rest } }) => keyOf({ name, labels: rest }));
  for (const [key, group] of groups) {
    const of = (suffix: string) => group.filter((sample) => sample.name === `${name}${suffix}`);
    const buckets = of("_bucket").map(({ labels, value }) => ({ le: readValue(labels["le"] ?? ""), value }));
    const isRising = buckets.every(({ le, value }, n) => {
      const before = buckets[n - 1];
      return before === undefined || (le > before.le && value >= before.value);
    });
    const [count] = of("_count");
    const isWhole = of("_count").length === 1 && of("_sum").length === 1 && buckets.at(-1)?.le === Infinity;
    if (!isRising || !isWhole || count?.value !== buckets.at(-1)?.value) throw new Error(`broken histogram: ${key}`);
  }
}

function checkFamily(family: Family): void {
  const { name, type, help, samples } = family;
  if (type === undefined || help === undefined || help === "") throw new Error(`no type or no help: ${name}`);
  if (type === "counter" && !name.endsWith("_total")) throw new Error(`a counter without _total: ${name}`);
  if (type === "counter" && samples.some(({ value }) => !(value >= 0))) throw new Error(`a counter below 0: ${name}`);
  if (type === "histogram") checkHistogram(family);
}

class Reader {
  readonly families = new Map<string, Family>();
  readonly #seen = new Set<string>();
  #current: Family | undefined;

  line(line: string): void {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment !== null) return this.#describe(comment[1] ?? "", comment[2] ?? "", comment[3] ?? "");
    if (line !== "" && !line.startsWith("#")) this.#add(readSample(line));
  }

  #describe(what: string, name: string, text: string): void {
    const known = this.families.get(name);
    if (known !== undefined && known !== this.#current) throw new Error(`${name} stands in two places`);
    const family = known ?? { name, samples: [] };
    if (family.samples.length > 0) throw new Error(`${what} of ${name} comes after its samples`);
    const field = what === "HELP" ? "help" : "type";
    if (family[field] !== undefined) throw new Error(`${what} of ${name} stands twice`);
    if (field === "type" && !types.has(text)) throw new Error(`${name} has the type ${text}`);
    family[field] = text;
    this.families.set(name, family);
    this.#current = family;
  }

  #add(sample: Sample): void {
    const { name = "", type = "" } = this.#current ?? {};
    const names = (parts[type] ?? [""]).map((suffix) => `${name}${suffix}`);
    if (!names.includes(sample.name)) throw new Error(`${sample.name} does not belong to ${name}`);
    const key = keyOf(sample);
    if (this.#seen.has(key)) throw new Error(`a series stands twice: ${key}`);
    this.#seen.add(key);
    this.#current?.samples.push(sample);
  }
}

/** Reads a scrape. @throws Error saying what is wrong with it */
export function readExposition(text: string): Exposition {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const reader = new Reader();
  for (const line of text.split("\n")) reader.line(line);
  reader.families.forEach(checkFamily);
  const all = [...reader.families.values()].flatMap(({ samples }) => samples);
  return {
    families: reader.families,
    value: (name, labels = {}) => all.find((sample) => keyOf(sample) === keyOf({ name, labels }))?.value,
    sum: (name, labels = {}) =>
      all
        .filter((one) => one.name === name && Object.entries(labels).every(([key, text]) => one.labels[key] === text))
        .reduce((total, { value }) => total + value, 0),
  };
}
