// Reads a goal in words: its parts, what kind of work each part is, and what it names.
import { plannerLimits } from "./limits.ts";

export type GoalKind = "fix" | "feature" | "refactor" | "rename" | "remove" | "test" | "docs" | "dependency" | "build";

export type Clause = {
  text: string;
  kind: GoalKind;
  /** The words that say where, lower case; words that only say what to do are left out. */
  words: string[];
  /** Identifiers as written. */
  names: string[];
  /** Paths as written. */
  paths: string[];
  /** It speaks of the part before ("document it", "add tests"). */
  refersBack: boolean;
  rename?: { from: string; to: string };
  dependency?: { name: string; version?: string };
};

const verbs =
  "add|fix|write|document|update|remove|delete|rename|refactor|implement|support|make(?! sure)|create|extend|improve|replace|move|drop|bump|upgrade|test|cover|introduce|expose|deprecate|extract|split|simplify|correct|repair";
const separator = new RegExp(
  `\\s*(?:;|\\n+|[.!]\\s)\\s*(?:and\\s+|then\\s+|also\\s+)*(?=(?:${verbs})\\b)|\\s*,?\\s+(?:and then|and also|and|then|also)\\s+(?=(?:${verbs})\\b)|\\s*,\\s+(?=(?:${verbs})\\b)`,
  "iu",
);

const stopWords = new Set(
  (
    "a an and any are as at be been being but by can cannot could did do does doing done each else for from get gets had has have " +
    "how i if in into is it its just let like may me more most must my no not of off on once one only or other our out over " +
    "please same shall she should so some such than that the their them then there these they this those through to too up us " +
    "use used user users uses using very via want was we were what when where which while who why will with within without work " +
    "works would you your also always never instead all new old able about after again before because between both during even " +
    "every first last still under until upon yet via way ways thing things something sure properly correctly wrongly " +
    "add adds added adding fix fixes fixed fixing remove removes removed delete drop support supports supporting change changes " +
    "changed update updates updated improve implement make makes allow allows ensure avoid prevent handle issue bug bugs problem " +
    "wrong broken incorrect fail fails failing failed failure error-prone feature refactor simplify clean cleanup introduce create " +
    "creates write writes rename renamed replace move extract split bump upgrade document documents extend correct repair"
  ).split(" "),
);
const kindWords = new Set(
  "test tests tested testing coverage spec specs unit regression docs doc documentation readme changelog guide page section entry dependency dependencies cover case cases".split(
    " ",
  ),
);

const identifierLike =
  /^(?:[A-Za-z_$][\w$]*_[\w$]*|[a-z$]+[A-Z][\w$]*|[A-Z][a-z0-9]+[A-Z][\w$]*|[A-Z][A-Z0-9]*_[A-Z0-9_]+|[A-Za-z_$][\w$]*(?:\.|::|#)[A-Za-z_$][\w$.]*)$/u;
const pathLike = /^(?:[\w@.+-]+\/)+[\w@.+-]+\.?\w*$|^[\w-][\w.-]*\.(?:[a-z]{1,4}|json|yaml|toml|proto)$/u;
const knownNonPaths = /^(?:e\.g|i\.e|etc|node\.js|next\.js|vue\.js|express\.js|vs|\d[\d.]*|v\d[\w.]*)$/iu;

function tokensOf(text: string): string[] {
  return text
    .split(/[\s"'`(){}<>,;!?=|\u2018-\u201d]+/u)
    .map((token) => token.replace(/^[.:\-[]+|[.:\-\]]+$/gu, ""))
    .filter((token) => token.length > 0);
}

function partsOf(token: string): string[] {
  return token
    .split(/[^\p{L}\p{N}]+|(?<=[^A-Z_$])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/u)
    .map((part) => part.toLowerCase())
    .filter((part) => part.length > 1);
}

function withoutExtension(token: string): string {
  return isFileName(token) ? token.replace(/\.\w+$/u, "") : token;
}

/** Words of a text that may say where in the code it belongs. */
export function contentWords(text: string): string[] {
  return [...new Set(tokensOf(text).map(withoutExtension).flatMap(partsOf))].filter((word) => !stopWords.has(word));
}

function namesOf(text: string): string[] {
  const quoted = [...text.matchAll(/[`"']([A-Za-z_$][\w$.:#-]{1,80})(?:\(\))?[`"']/gu)].map((match) => match[1] ?? "");
  const written = tokensOf(text).filter((token) => identifierLike.test(token) && !isPath(token));
  const names = [...quoted, ...written].filter((name) => !isPath(name) && !knownNonPaths.test(name));
  return [...new Set(names)].slice(0, plannerLimits.maxNames);
}

function isPath(token: string): boolean {
  return pathLike.test(token) && !knownNonPaths.test(token) && (token.includes("/") || isFileName(token));
}

function isFileName(token: string): boolean {
  return /\.(?:[cm]?[jt]sx?|py|go|rs|java|kt|rb|php|cs|cc|cpp|hpp|c|h|md|mdx|rst|txt|json|ya?ml|toml|sh|sql|css|html|vue|svelte|proto|swift|lock|cfg|ini)$/iu.test(
    token,
  );
}

const kindRules: readonly [GoalKind, RegExp][] = [
  ["rename", /\brename\b/iu],
  [
    "dependency",
    /\b(?:bump|upgrade|update|downgrade|pin)\b[^.;]*\b(?:dependenc(?:y|ies)|package version|to (?:v|version )?\d|to the latest)/iu,
  ],
  ["dependency", /^(?:bump|upgrade)\b(?!.*\b(?:code|api|handler|function)\b)/iu],
  [
    "build",
    /\b(?:build|ci|compile|compilation|type[- ]?check|lint(?:er)?|pipeline|workflow)\b[^.;]*\b(?:fail\w*|broken|breaks?|errors?|red)\b|\b(?:failing|broken|red)\s+(?:build|ci|tests?|pipeline|type[- ]?check|lint)/iu,
  ],
  [
    "test",
    /^(?:(?:please\s+)?(?:add|write|create|extend|improve|increase|provide)\s+(?:(?!with\b|for\b|to\b|and\b|that\b|in\b)[\w.-]+\s+){0,3}?(?:tests?|coverage|specs?|test cases?)\b|(?:test|cover)\b)/iu,
  ],
  [
    "docs",
    /^(?:document\b|(?:add|write|create|extend|improve|update|fix|correct)\s+(?:(?!with\b|for\b|and\b|that\b)[\w.-]+\s+){0,4}?(?:docs?|documentation|readme(?:\.md)?|docstrings?|jsdoc|godoc|rustdoc|changelog|guide|tutorial|typos?)\b)/iu,
  ],
  ["refactor", /\b(?:refactor|extract|split|restructure|deduplicate|clean ?up|simplify|inline|move)\b/iu],
  ["remove", /^(?:remove|delete|drop|deprecate)\b/iu],
  [
    "fix",
    /\b(?:fix(?:es)?|bugs?|crash(?:es|ing)?|wrong(?:ly)?|incorrect(?:ly)?|fails?|broken|regression|leaks?|race|hangs?|deadlock|panics?|exception|does ?n[o']t|should not|must not|not working|ignored|off.by.one|repair|correct)\b/iu,
  ],
];

function kindOf(text: string): GoalKind {
  return kindRules.find(([, pattern]) => pattern.test(text))?.[0] ?? "feature";
}

function renameOf(text: string): Clause["rename"] {
  const match =
    /\brename\s+(?:the\s+)?(?:function|method|class|type|struct|variable|constant|module|option|field|parameter|file)?\s*[`"']?([\w$.:#/-]+?)(?:\(\))?[`"']?\s+(?:to|into|as|→|->)\s+[`"']?([\w$.:#/-]+?)(?:\(\))?[`"']?(?:[\s.,;]|$)/iu.exec(
      text,
    );
  const [, from, to] = match ?? [];
  return from === undefined || to === undefined ? undefined : { from, to };
}

function dependencyOf(text: string): Clause["dependency"] {
  const match =
    /\b(?:bump|upgrade|update|downgrade|pin)\s+(?:the\s+)?(?:dependency\s+|package\s+|version\s+of\s+)*[`"']?(@?[\w./-]+?)[`"']?(?:\s+(?:dependency|package))?(?:\s+(?:from\s+\S+\s+)?to\s+(?:version\s+)?[`"']?(v?\d[\w.+-]*|latest)|\s|$)/iu.exec(
      text,
    );
  const [, name, version] = match ?? [];
  if (name === undefined || /^(?:all|the|dependencies|packages)$/iu.test(name)) return undefined;
  return version === undefined ? { name } : { name, version: version.replace(/[.,]$/u, "") };
}

const startsWithVerb = new RegExp(
  `^(?:please\\s+)?(?:${verbs}|stop|let|allow|avoid|prevent|handle|keep|ensure|change)\\b`,
  "iu",
);

function readClause(text: string, index: number): Clause {
  const kind = kindOf(text);
  const words = contentWords(text);
  const subject = words.filter((word) => !kindWords.has(word));
  const rename = kind === "rename" ? renameOf(text) : undefined;
  const dependency = kind === "dependency" ? dependencyOf(text) : undefined;
  return {
    text: kind === "fix" && !startsWithVerb.test(text) ? `Fix: ${text}` : text,
    kind,
    words: subject,
    names: namesOf(text),
    paths:
      dependency === undefined
        ? [...new Set(tokensOf(text).filter(isPath))].map((path) => path.replace(/^\.\//u, ""))
        : [],
    refersBack:
      index > 0 && (subject.length === 0 || (subject.length <= 1 && /\b(?:it|them|this|that)\b/iu.test(text))),
    ...(rename === undefined ? {} : { rename }),
    ...(dependency === undefined ? {} : { dependency }),
  };
}

/** The parts of a goal, in order; further parts than the limit stay with the last one. */
export function readGoal(goal: string): Clause[] {
  const texts = goal
    .trim()
    .split(separator)
    .map((text) => text.trim())
    .filter((text) => text !== "");
  const kept = texts.slice(0, plannerLimits.maxClauses);
  const rest = texts.slice(plannerLimits.maxClauses);
  if (rest.length > 0) kept[kept.length - 1] = [kept.at(-1), ...rest].join("; ");
  return kept.map(readClause);
}
