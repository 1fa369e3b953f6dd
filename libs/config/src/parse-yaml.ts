import { ManifestError } from "@freshet/contracts";
import { Lexer, LineCounter, parseDocument } from "yaml";

/** What a file may have: some 30,000 views. A larger one takes the parser minutes. */
export const mostBytes = 4 * 1_024 * 1_024;
/** A manifest has a dozen. */
const mostLevels = 100;
const wholeFile = "(the file)";

/**
 * YAML, and with it JSON; what is wrong with it is named by its line. Aliases are refused: they can expand without end.
 * @throws ManifestError
 */
export function parseYaml(text: string, file: string): unknown {
  const lines = new LineCounter();
  const document = isTooDeep(text) ? undefined : parse(text, lines);
  if (document === undefined) {
    const mend = "a manifest has a dozen levels at most";
    throw new ManifestError([{ file, path: wholeFile, problem: "not valid YAML: nested too deeply", mend }]);
  }
  if (document.errors.length > 0)
    throw new ManifestError(
      document.errors.slice(0, 10).map(({ message, pos: [at] }) => ({
        file,
        path: `line ${Math.max(1, lines.linePos(at).line)}`,
        problem: `not valid YAML: ${message.split("\n", 1)[0] ?? ""}`,
        mend: "write this line as YAML: indent by blanks, quote texts that hold one of : # { [ & *",
      })),
    );
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    const problem = `YAML aliases: ${cause instanceof Error ? cause.message : String(cause)}`;
    const mend = "write the value out in each place";
    throw new ManifestError([{ file, path: wholeFile, problem, mend }]);
  }
}

/** undefined: its levels ended the stack. */
function parse(text: string, lineCounter: LineCounter): ReturnType<typeof parseDocument> | undefined {
  try {
    // What its warnings are about, the schema refuses. An excerpt for each error took minutes where there are thousands.
    return parseDocument(text, { logLevel: "error", prettyErrors: false, lineCounter });
  } catch (cause) {
    if (cause instanceof RangeError) return undefined;
    throw cause;
  }
}

/**
 * The parser calls itself for each level, and V8 aborts the process where a regular expression is compiled at the end
 * of the stack: 10,000 brackets did. The lexer does not, and knows a bracket from one within a text.
 */
function isTooDeep(text: string): boolean {
  let [brackets, indicators] = [0, 0];
  for (const token of new Lexer().lex(text)) {
    if (token === "[" || token === "{") brackets += 1;
    else if (token === "]" || token === "}") brackets = Math.max(0, brackets - 1);
    else if (token.includes("\n") || token === ",") indicators = 0;
    // Of one line, with no comma between them: each opens a level.
    else if (token === "-" || token === "?" || token === ":") indicators += 1;
    else if (token.length > 10 * mostLevels && token.trim() === "") return true;
    if (brackets > mostLevels || indicators > mostLevels) return true;
  }
  return false;
}
