// Where spans go, by OpenTelemetry's own variables. Without an address nothing is sent. What concerns the
// wire alone (headers, time limit, compression, certificates) the exporter reads by itself.

/** Values of the environment; what is not named here is not looked at. */
export type TracingEnvironment = Readonly<Record<string, string | undefined>>;

type SamplerName = (typeof samplers)[number];

export type TracingSettings = {
  /** Full address that takes spans over OTLP/HTTP; absent = none are sent. */
  tracesUrl?: string;
  sampler?: { name: SamplerName; ratio: number };
  /** Values of the headers that go with the spans: they may hold keys. */
  secrets: string[];
  /** What is set and cannot be followed, in words for the log. */
  problems: string[];
};

const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

/** Address that takes traces: the collector's base, or the full address when that is given. */
export function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (!url.pathname.endsWith("/v1/traces")) url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/traces`;
  return url.href;
}

const set = (value: string | undefined) => (value === undefined || value.trim() === "" ? undefined : value.trim());

/** An empty variable is one that is not set, as OpenTelemetry has it. */
function isOff(env: TracingEnvironment): boolean {
  const exporters = set(env["OTEL_TRACES_EXPORTER"])?.split(",");
  if (set(env["OTEL_SDK_DISABLED"])?.toLowerCase() === "true") return true;
  return exporters !== undefined && !exporters.some((name) => name.trim() === "otlp");
}

function readUrl(env: TracingEnvironment, problems: string[]): string | undefined {
  const own = set(env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]);
  const base = set(env["OTEL_EXPORTER_OTLP_ENDPOINT"]);
  const given = own ?? base;
  if (given === undefined || isOff(env)) return undefined;
  const protocol = set(env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"]) ?? set(env["OTEL_EXPORTER_OTLP_PROTOCOL"]);
  if (protocol !== undefined && !protocol.startsWith("http/")) {
    problems.push(`spans are sent by http/json only, not by ${protocol}: none are sent`);
    return undefined;
  }
  if (!/^https?:\/\//i.test(given) || !URL.canParse(given)) {
    problems.push("the address of the collector is no http:// or https:// address: no spans are sent");
    return undefined;
  }
  return own === undefined ? tracesUrl(given) : new URL(own).href;
}

function readSampler(env: TracingEnvironment, problems: string[]): TracingSettings["sampler"] {
  const given = set(env["OTEL_TRACES_SAMPLER"]);
  if (given === undefined) return undefined;
  const name = samplers.find((known) => known === given);
  if (name === undefined) {
    problems.push(`there is no sampler ${given}: all spans are sent`);
    return undefined;
  }
  const ratio = Number(set(env["OTEL_TRACES_SAMPLER_ARG"]) ?? "1");
  if (ratio >= 0 && ratio <= 1) return { name, ratio };
  problems.push("OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1: 1 is taken");
  return { name, ratio: 1 };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readSecrets(env: TracingEnvironment): string[] {
  const lists = [env["OTEL_EXPORTER_OTLP_HEADERS"], env["OTEL_EXPORTER_OTLP_TRACES_HEADERS"]];
  const values = lists.flatMap((list = "") => list.split(",").map((pair) => pair.slice(pair.indexOf("=") + 1).trim()));
  // A credential stands behind its scheme: it is one without it, too.
  const all = values.flatMap((value) => [value, decoded(value), decoded(value).split(" ").at(-1) ?? ""]);
  return [...new Set(all)].filter((value) => value !== "");
}

export function readTracingSettings(env: TracingEnvironment): TracingSettings {
  const problems: string[] = [];
  const url = readUrl(env, problems);
  const sampler = readSampler(env, problems);
  return {
    ...(url === undefined ? {} : { tracesUrl: url }),
    ...(sampler === undefined ? {} : { sampler }),
    secrets: readSecrets(env),
    problems,
  };
}
