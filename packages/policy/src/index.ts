// Public names of the policy package: pure rules, no I/O.
export { callSubject } from "./call-subject.ts";
export { checkEnvelope, checkWritePath } from "./check-envelope.ts";
export type { EnvelopeCheck, ToolCall } from "./check-envelope.ts";
export { classifyRisk } from "./classify-risk.ts";
export type { RiskLevel } from "./classify-risk.ts";
export { isCommandCovered } from "./commands.ts";
export { coversHost, judgeRequest, judgeTunnel, reachesNetwork, readEgressRules } from "./egress.ts";
export type { EgressRequest, EgressTarget, RequestVerdict, TunnelVerdict } from "./egress.ts";
export { compileGlob } from "./glob.ts";
export { headerPath, patchPaths, sectionHeader, stripPatchPrefix } from "./patch-paths.ts";
export { isProtectedPath, normalizePath } from "./paths.ts";
export type { PathCheck } from "./paths.ts";
