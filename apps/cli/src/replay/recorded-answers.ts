// The answers people gave in a recorded run, each bound to what was asked: in a replay an answer
// counts for the same call with the same words, and for nothing else.
import { hashJson } from "@ossaat/contracts";
import type { ApprovalRequest, ApprovalScope, DecisionMeans, PlanEvent } from "@ossaat/contracts";

export type RecordedAnswer = {
  status: "granted" | "denied" | "expired" | "void";
  scope?: ApprovalScope | undefined;
  feedback?: string | undefined;
  means?: DecisionMeans | undefined;
};

/** What was asked, as one text: the hash of a request binds its run too, and so fits no other run. */
export function subjectOf(request: Omit<ApprovalRequest, "requestedAt" | "expiresAt">): string {
  const { kind, title, agent, tool, argv, cwd, inputJson, diff, reaches, requestHash } = request;
  const step = kind === "step" ? { stepHash: requestHash } : {};
  return hashJson({ kind, title, agent, tool, argv, cwd, inputJson, diff, reaches, ...step });
}

/** Follows a log and says where each question was asked. */
export type QuestionPlaces = {
  see(event: PlanEvent): void;
  /** Step, call and subject of a question that was seen; undefined for others. */
  keyOf(approvalId: string): string | undefined;
};

export function createQuestionPlaces(): QuestionPlaces {
  const calls = new Map<string, string>();
  const keys = new Map<string, string>();
  return {
    see({ type, stepId = "", data }) {
      // A question about a call follows the decision that it needs one.
      if (type === "policy.decided") calls.set(stepId, data.callId);
      if (type !== "approval.requested") return;
      const { request } = data;
      const call = request.kind === "call" ? (calls.get(stepId) ?? "") : "";
      keys.set(request.approvalId, [stepId, call, subjectOf(request)].join(" "));
    },
    keyOf: (approvalId) => keys.get(approvalId),
  };
}

/** Answers by step, call and subject, each in the order they were given. */
export type RecordedAnswers = Map<string, RecordedAnswer[]>;

export function addAnswer(answers: RecordedAnswers, key: string, answer: RecordedAnswer): void {
  answers.set(key, [...(answers.get(key) ?? []), answer]);
}
