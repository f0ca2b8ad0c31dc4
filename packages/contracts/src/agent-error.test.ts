import { describe, expect, test } from "vitest";

import { AgentError, diskFullError } from "./agent-error.ts";

const systemError = (code: string) => Object.assign(new Error(`${code}: /secret/path`), { code });
const shown = (error: AgentError) => ({ code: error.code, message: error.message, retry: error.isRetryable });

describe("anything thrown", () => {
  test("an AgentError stays itself", () => {
    const error = new AgentError("conflict", "Taken.");
    expect(AgentError.from(error)).toBe(error);
  });

  test("an abort is cancelled", () => {
    const error = Object.assign(new Error("stop"), { name: "AbortError" });
    expect(shown(AgentError.from(error))).toEqual({
      code: "cancelled",
      message: "The operation was cancelled.",
      retry: false,
    });
  });

  test.each([
    ["ENOSPC", "The disk is full."],
    ["EDQUOT", "The disk is full."],
    ["EMFILE", "Too many files are open."],
    ["ENFILE", "Too many files are open."],
  ])("%s is a shortage that may pass: it is waited for, and names no path", (code, message) => {
    const error = AgentError.from(systemError(code));
    expect(shown(error)).toEqual({ code: "unavailable", message, retry: true });
    expect(error.details).toEqual({ next: expect.any(String) as string, retryAfterMs: 15_000 });
  });

  test("git's word for a full disk is the same error", () => {
    expect(shown(diskFullError(new Error("x")))).toEqual(shown(AgentError.from(systemError("ENOSPC"))));
  });

  test.each([systemError("ENOENT"), "text", undefined, null, { code: 7 }])(
    "%s is internal and says nothing",
    (thrown) => {
      expect(shown(AgentError.from(thrown))).toEqual({
        code: "internal",
        message: "An unexpected error occurred; see the server's log.",
        retry: false,
      });
    },
  );
});
