// Finds every place of the product's sources that makes an error, and what it tells people to do next.
import { readFileSync } from "node:fs";

import ts from "typescript";

/** Where an error is made. */
export type ErrorPlace = {
  /** `path:line`. */
  where: string;
  /** The code as written, or undefined when it is worked out at run time. */
  code: string | undefined;
  /**
   * Every text that can stand in `details.next`, with `X` for what is filled in; empty when the place
   * names none. Undefined when details are handed on whole from somewhere else.
   */
  next: readonly string[] | undefined;
};

type Scope = { file: ts.SourceFile };

/** What a filled-in part of a text becomes. */
const filledIn = "X";

function calls(file: ts.SourceFile, name: string): ts.CallExpression[] {
  const found: ts.CallExpression[] = [];
  const walk = (node: ts.Node) => {
    if (ts.isCallExpression(node) && node.expression.getText(file) === name) found.push(node);
    ts.forEachChild(node, walk);
  };
  walk(file);
  return found;
}

/** The parameter of an enclosing function that an identifier names: its default, and what calls in the file pass. */
function fromParameter(identifier: ts.Identifier, scope: Scope): string[] | undefined {
  for (let at: ts.Node = identifier; !ts.isSourceFile(at); at = at.parent) {
    if (!ts.isFunctionLike(at)) continue;
    const index = at.parameters.findIndex((parameter) => parameter.name.getText(scope.file) === identifier.text);
    const parameter = at.parameters[index];
    if (parameter === undefined || at.name === undefined) continue;
    const passed = calls(scope.file, at.name.getText(scope.file)).flatMap((call) => {
      const argument = call.arguments[index];
      return argument === undefined ? [] : texts(argument, scope);
    });
    return [...(parameter.initializer === undefined ? [] : texts(parameter.initializer, scope)), ...passed];
  }
  return undefined;
}

/** What the initializers of variables of that name in the file can be. */
function fromVariables(identifier: ts.Identifier, scope: Scope): string[] {
  const found: string[] = [];
  const walk = (node: ts.Node) => {
    if (ts.isVariableDeclaration(node) && node.name.getText(scope.file) === identifier.text) {
      if (node.initializer !== undefined) found.push(...texts(node.initializer, scope));
    }
    ts.forEachChild(node, walk);
  };
  walk(scope.file);
  return found;
}

/** Every text that an expression can be. */
function texts(node: ts.Expression, scope: Scope): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isTemplateExpression(node)) {
    const parts = node.templateSpans.map((span) => {
      const known = ts.isIdentifier(span.expression) ? fromVariables(span.expression, scope) : [];
      return `${known[0] ?? filledIn}${span.literal.text}`;
    });
    return [`${node.head.text}${parts.join("")}`];
  }
  if (ts.isConditionalExpression(node)) return [...texts(node.whenTrue, scope), ...texts(node.whenFalse, scope)];
  if (ts.isBinaryExpression(node)) return [...texts(node.left, scope), ...texts(node.right, scope)];
  if (ts.isParenthesizedExpression(node)) return texts(node.expression, scope);
  if (ts.isIdentifier(node)) return fromParameter(node, scope) ?? fromVariables(node, scope);
  return [];
}

function property(node: ts.Expression | undefined, name: string, scope: Scope): ts.Expression | undefined {
  if (node === undefined) return undefined;
  if (ts.isIdentifier(node)) {
    let found: ts.Expression | undefined;
    const walk = (child: ts.Node) => {
      if (ts.isVariableDeclaration(child) && child.name.getText(scope.file) === node.text) found = child.initializer;
      ts.forEachChild(child, walk);
    };
    walk(scope.file);
    return found === undefined || ts.isIdentifier(found) ? undefined : property(found, name, scope);
  }
  if (!ts.isObjectLiteralExpression(node)) return undefined;
  for (const member of node.properties) {
    if (member.name?.getText(scope.file) !== name) continue;
    if (ts.isPropertyAssignment(member)) return member.initializer;
    if (ts.isShorthandPropertyAssignment(member)) return member.name;
  }
  return undefined;
}

function placeOf(node: ts.NewExpression, path: string, scope: Scope): ErrorPlace {
  const [code, , options] = node.arguments ?? [];
  const line = scope.file.getLineAndCharacterOfPosition(node.getStart(scope.file)).line + 1;
  const details = property(options, "details", scope);
  const next = property(details, "next", scope);
  const isHandedOn = details !== undefined && !ts.isObjectLiteralExpression(details) && next === undefined;
  const isSpread =
    details !== undefined && ts.isObjectLiteralExpression(details) && details.properties.some(ts.isSpreadAssignment);
  return {
    where: `${path}:${line}`,
    code: code !== undefined && ts.isStringLiteralLike(code) ? code.text : undefined,
    next: isHandedOn || (isSpread && next === undefined) ? undefined : next === undefined ? [] : texts(next, scope),
  };
}

/** Places in one source text. @param path as it is reported */
export function findErrorPlacesIn(text: string, path: string): ErrorPlace[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: ErrorPlace[] = [];
  const walk = (node: ts.Node) => {
    if (ts.isNewExpression(node) && node.expression.getText(file) === "AgentError") {
      found.push(placeOf(node, path, { file }));
    }
    ts.forEachChild(node, walk);
  };
  walk(file);
  return found;
}

/** Places in files. */
export function findErrorPlaces(paths: readonly string[]): ErrorPlace[] {
  return paths.flatMap((path) => findErrorPlacesIn(readFileSync(path, "utf8"), path));
}
