import { type FieldProblem } from "@freshet/http";
import { type ArgumentMetadata, Injectable, type PipeTransform } from "@nestjs/common";
import { invalidRequest } from "./problem.ts";

/** Problems named in one answer; a hostile body can hold thousands. */
const maxProblems = 20;
/** A field name is the caller's own text: quoted in answers up to this many characters. */
const maxNameLength = 80;

/** Checks what `@Body({ schema })` and `@Param(name, { schema })` name; answers the parsed value. */
@Injectable()
export class SchemaPipe implements PipeTransform {
  async transform(value: unknown, { schema, data, type }: ArgumentMetadata): Promise<unknown> {
    if (!schema) return value;
    const result = await schema["~standard"].validate(value);
    if (!result.issues) return result.value;
    const problems = result.issues.flatMap((issue): FieldProblem[] => {
      const path = (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part));
      const field = [...(data === undefined ? [] : [data]), ...path].join(".");
      if ("keys" in issue && Array.isArray(issue.keys))
        return issue.keys.map((key) => ({
          field: shorten(String(key)),
          remedy: "is not a known field: remove it",
        }));
      return [{ field: field === "" ? type : shorten(field), remedy: issue.message }];
    });
    throw invalidRequest(problems.slice(0, maxProblems));
  }
}

function shorten(name: string): string {
  return name.length > maxNameLength ? `${name.slice(0, maxNameLength)}…` : name;
}
