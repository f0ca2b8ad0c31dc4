// A log for tests that look at results alone.
export const silentLog = { warn: () => undefined };
