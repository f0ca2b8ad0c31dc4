// The directions in which code may depend. Each rule is broken once in fixture/, so that a rule
// which no longer matches anything is noticed.
import type { IForbiddenRuleType } from "dependency-cruiser";

const features = ["event", "plan", "approval", "job", "step"];
const leaves = ["provider", "tool", "policy", "context", "secret", "agent", "tenant"];

export const forbidden: (IForbiddenRuleType & { name: string })[] = [
  {
    name: "no-cycle-between-packages",
    comment: "Packages, services and apps form a tree.",
    severity: "error",
    from: { path: "^(packages|services|apps)/([^/]+)/" },
    to: { circular: true, pathNot: "^$1/$2/" },
  },
  {
    name: "contracts-stand-alone",
    comment: "Contracts import no other code of the product.",
    severity: "error",
    from: { path: "^packages/contracts/" },
    to: { path: "^(packages|services|apps)/", pathNot: "^packages/contracts/" },
  },
  {
    name: "packages-know-no-service",
    comment: "A package is below every service and app.",
    severity: "error",
    from: { path: "^packages/" },
    to: { path: "^(services|apps)/" },
  },
  {
    name: "services-know-no-app",
    severity: "error",
    comment: "A service is below every app.",
    from: { path: "^services/" },
    to: { path: "^apps/" },
  },
  {
    name: "public-entry-only",
    comment: "Another package is imported by its public entry.",
    severity: "error",
    from: { path: "^((?:packages|services|apps)/[^/]+)/" },
    to: {
      path: "^(?:packages|services|apps)/[^/]+/src/(?!index\\.ts$|postgres\\.ts$|agent-error\\.ts$|grpc-client\\.ts$|decision\\.ts$|(?:grpc|http)/index\\.ts$|identity/index\\.ts$|gen/|testing/index\\.ts$|chaos/index\\.ts$)",
      pathNot: "^$1/",
    },
  },
  {
    name: "nothing-imports-compose",
    comment: "Only entries put adapters together.",
    severity: "error",
    from: {
      path: "^(?:services|apps)/[^/]+/src/",
      pathNot: "/src/(?:compose/|index\\.ts$|main\\.ts$|server/|testing/)|\\.(?:test|contract|attack)\\.ts$",
    },
    to: { path: "/src/compose/" },
  },
  {
    name: "adapters-only-in-compose",
    comment: "A port's adapters are known to compose, entries and tests.",
    severity: "error",
    from: {
      path: "^services/[^/]+/src/",
      pathNot:
        "/src/(?:compose/|index\\.ts$|postgres\\.ts$|create-[a-z-]+\\.ts$|testing/)|/adapters/|\\.(?:test|contract|attack)\\.ts$",
    },
    to: { path: "/adapters/" },
  },
  {
    name: "tool-runner-holds-no-secret",
    comment: "The tool runner knows no provider or store code, and only its entry where secrets come from.",
    severity: "error",
    from: { path: "^services/tool-runner/", pathNot: "^services/tool-runner/src/main\\.ts$" },
    to: { path: "^packages/(?:providers|secrets)/|^services/orchestrator/" },
  },
  {
    name: "tool-runner-entry-knows-no-service",
    comment: "Its entry adds the source of secrets, and nothing else.",
    severity: "error",
    from: { path: "^services/tool-runner/src/main\\.ts$" },
    to: { path: "^packages/providers/|^services/orchestrator/" },
  },
  {
    name: "leaf-features-know-no-flow",
    comment: "Leaf features are called by the flow, never the other way round.",
    severity: "error",
    from: { path: `^services/orchestrator/src/(?:${leaves.join("|")})/`, pathNot: "routes\\.ts$|\\.test\\.ts$" },
    to: {
      path: `^services/orchestrator/src/(?:${features.filter((name) => name !== "event").join("|")})/`,
      dependencyTypesNot: ["type-only"],
    },
  },
  {
    name: "events-know-no-flow",
    comment: "The log is below everything that writes to it.",
    severity: "error",
    from: { path: "^services/orchestrator/src/event/", pathNot: "routes\\.ts$|stream-events\\.ts$|\\.test\\.ts$" },
    to: { path: "^services/orchestrator/src/(?:plan|approval|job|step)/", dependencyTypesNot: ["type-only"] },
  },
  {
    name: "no-test-code-in-product",
    comment: "Product code imports no test, contract suite or test helper.",
    severity: "error",
    from: { path: "/src/", pathNot: "\\.(?:test|contract|attack)\\.ts$|/testing/|^packages/testkit/" },
    to: { path: "\\.(?:test|contract|attack)\\.ts$|/src/testing/|^packages/testkit/" },
  },
];
