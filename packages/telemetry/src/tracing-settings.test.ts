import { expect, test } from "vitest";

import { readTracingSettings, tracesUrl } from "./tracing-settings.ts";

const none = { secrets: [], problems: [] };
const base = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://host:4318" };
const on = { ...none, tracesUrl: "http://host:4318/v1/traces" };

test.each([
  ["http://host:4318", "http://host:4318/v1/traces"],
  ["http://host:4318/", "http://host:4318/v1/traces"],
  ["https://host/api/public/otel", "https://host/api/public/otel/v1/traces"],
  ["https://host/v1/traces", "https://host/v1/traces"],
])("a collector at %s takes spans at %s", (endpoint, expected) => {
  expect(tracesUrl(endpoint)).toBe(expected);
});

test.each<[string, Record<string, string>, object]>([
  ["nothing is set", {}, none],
  ["a variable is empty", { OTEL_EXPORTER_OTLP_ENDPOINT: " " }, none],
  ["a collector is named", base, on],
  [
    "the address of traces is named",
    { ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://t/x" },
    { ...none, tracesUrl: "https://t/x" },
  ],
  ["it is disabled", { ...base, OTEL_SDK_DISABLED: "TRUE" }, none],
  ["no exporter is wanted", { ...base, OTEL_TRACES_EXPORTER: "none" }, none],
  ["this one is wanted among others", { ...base, OTEL_TRACES_EXPORTER: "console, otlp" }, on],
  ["HTTP is wanted", { ...base, OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" }, on],
  [
    "a part of the traces is wanted",
    { ...base, OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" },
    { ...on, sampler: { name: "parentbased_traceidratio", ratio: 0.25 } },
  ],
  [
    "headers carry a key",
    { ...base, OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc,x-team=a" },
    { ...on, secrets: ["Bearer%20abc", "Bearer abc", "abc", "a"] },
  ],
])("when %s", (_what, env, expected) => {
  expect(readTracingSettings(env)).toEqual(expected);
});

test.each<[string, Record<string, string>, object]>([
  ["another protocol", { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, none],
  ["another address", { OTEL_EXPORTER_OTLP_ENDPOINT: "host:4317" }, none],
  ["an unknown sampler", { OTEL_TRACES_SAMPLER: "dice" }, on],
  [
    "no ratio",
    { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "half" },
    { ...on, sampler: { name: "traceidratio", ratio: 1 } },
  ],
])("%s is said to be no setting", (_what, env, expected) => {
  const { problems, ...read } = readTracingSettings({ ...base, ...env });
  expect([problems.length, { ...read, problems: [] }]).toEqual([1, expected]);
});
