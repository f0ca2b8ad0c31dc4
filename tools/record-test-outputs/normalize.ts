// Takes out of a recorded output what differs from run to run, so that a new recording shows only
// what a runner prints differently.

/** Output without the folders, times and numbers of one run. */
export function normalizeOutput(output: string, folder: string): string {
  return output
    .replaceAll(folder, "/workspace")
    .replaceAll(process.execPath, "node")
    .replaceAll(folder.replace(/^\//u, ""), "workspace")
    .replace(/\/(?:root|home\/[\w.-]+)\//gu, "/home/user/")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:?\d\d)?/gu, "2026-01-01T00:00:00Z")
    .replace(/"(startTime|endTime|startAt|start|end)": ?\d{9,}/gu, '"$1":1767225600000')
    .replace(
      /"(duration|Elapsed|perfStats|runtime|loadTestEnvironmentEnd|loadTestEnvironmentStart|setupFilesEnd|setupFilesStart|duration_ms)": ?[\d.]+/gu,
      '"$1":1',
    )
    .replace(/(duration_ms:? )[\d.]+/gu, "$11")
    .replace(/time=[\d.]+ms/gu, "time=1ms")
    .replace(/\((\d+(?:\.\d+)?)(ms|s)\)/gu, "(1$2)")
    .replace(/\b(?:in|in:|elapsed:|time:) ?[\d.]+ ?(ms|s)\b/giu, (match) => match.replace(/[\d.]+/u, "0.01"))
    .replace(/(\d+ (?:secs?|mins?)|\d+(?:\.\d+)? s$)/gmu, (match) => match.replace(/[\d.]+/u, "1"))
    .replace(/time="[\d.,]+"/gu, 'time="0.01"')
    .replace(/hostname="[^"]*"/gu, 'hostname="box"')
    .replace(/\b0x[0-9a-f]{6,}\b/gu, "0x1")
    .replace(/-[0-9a-f]{16}\b/gu, "-0123456789abcdef")
    .replace(/\b(pid|PID|process|Process)[ =:]+\d+/gu, "$1 1")
    .replace(/thread '([^']+)' \(\d+\)/gu, "thread '$1' (1)");
}

/** A report without the properties of the machine it ran on. */
export function normalizeReport(xml: string, folder: string): string {
  return normalizeOutput(xml, folder).replace(/\s*<properties>[\s\S]*?<\/properties>/gu, "");
}
