/**
 * Answers that are parallel to what was asked. One that is missing is a bug of whoever answers, and throws: a default
 * in its stead would call an essay settled that nobody has decided on.
 */
export function answerAt<Answer>(answers: readonly Answer[], index: number): Answer {
  const answer = answers[index];
  if (answer === undefined) throw new RangeError(`${answers.length} answers, number ${index + 1} is missing`);
  return answer;
}
