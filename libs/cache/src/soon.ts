/** An answer that is there already, unless it has to be waited for: a hit makes no promise for what is there. */
export type Soon<Answer> = Answer | Promise<Answer>;

/** All of them, as soon as the last is there. */
export function allSoon<Answer>(answers: readonly Soon<Answer>[]): Soon<readonly Answer[]> {
  return answers.every(isThere) ? answers : Promise.all(answers);
}

function isThere<Answer>(answer: Soon<Answer>): answer is Answer {
  return !(answer instanceof Promise);
}
