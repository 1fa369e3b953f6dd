// What the packages export, as their sources say it: name, kind, and the first sentence of the comment above it.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";

/**
 * Everything that an index.ts exports, in its order.
 * @param {string} index path of the index.ts
 * @returns {{ name: string, kind: string, meaning: string }[]}
 */
export function exportsOf(index) {
  const source = parse(index);
  return source.statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) return fromOthers(index, statement);
    return declared(statement).map((name) => describe(statement, name));
  });
}

/**
 * @param {string} index
 * @param {ts.ExportDeclaration} statement
 */
function fromOthers(index, { moduleSpecifier, exportClause }) {
  if (
    !moduleSpecifier ||
    !ts.isStringLiteral(moduleSpecifier) ||
    !exportClause ||
    !ts.isNamedExports(exportClause)
  )
    throw new Error(`${index}: every export must be named: export { … } from "…"`);
  const origin = parse(join(dirname(index), moduleSpecifier.text));
  return exportClause.elements.map(({ name: { text } }) => {
    const found = origin.statements.find((statement) => declared(statement).includes(text));
    if (!found) throw new Error(`${origin.fileName} declares no ${text}`);
    return describe(found, text);
  });
}

/**
 * The names that an exported statement declares.
 * @param {ts.Statement} statement
 */
function declared(statement) {
  if (!ts.canHaveModifiers(statement)) return [];
  if (!ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isNamed && statement.name !== undefined ? [statement.name.getText()] : [];
}

/**
 * @param {ts.Statement} statement
 * @param {string} name
 */
function describe(statement, name) {
  const [comment] = ts.getJSDocCommentsAndTags(statement).filter(ts.isJSDoc);
  const text = (ts.getTextOfJSDocComment(comment?.comment) ?? "").replaceAll(/\s+/g, " ").trim();
  const [sentence = ""] = /^.*?[.:](?= [A-Z]|$)|^.+$/.exec(text) ?? [];
  return { name, kind: kindOf(statement), meaning: sentence.replace(/:$/, ".") };
}

/** @param {ts.Statement} statement */
function kindOf(statement) {
  if (ts.isFunctionDeclaration(statement)) return "function";
  if (ts.isClassDeclaration(statement)) return "class";
  return ts.isVariableStatement(statement) ? "value" : "type";
}

/** @param {string} path */
function parse(path) {
  return ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2023, true);
}
