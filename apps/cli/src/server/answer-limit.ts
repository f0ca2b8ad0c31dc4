// How much of an answer is kept in memory.
import { AgentError } from "@ossaat/contracts/errors";

/** Bytes of an answer that is read whole; the largest there is is the diff of a plan. */
export const maxAnswerBytes = 256 * 1024 * 1024;

export const answerTooLarge = (): AgentError =>
  new AgentError("limit_exceeded", `The server's answer is larger than ${maxAnswerBytes} bytes.`, {
    details: { next: "`ossaat config explain server.url` says which server is asked" },
  });
