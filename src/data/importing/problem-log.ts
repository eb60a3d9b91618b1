// Bad places of an import: the first ones in full, all of them counted by reason.
import { AppError } from '../../lib/errors';
import type { DatasetProblem } from '../../protocol/datasets';

const KEPT = 20;

export class ProblemLog {
  readonly problems: DatasetProblem[] = [];
  readonly counts: Record<string, number> = {};
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(problem: DatasetProblem): void {
    this.#total++;
    this.counts[problem.code] = (this.counts[problem.code] ?? 0) + 1;
    if (this.problems.length < KEPT) this.problems.push(problem);
  }
}

export function asAppError(error: unknown): AppError | null {
  return error instanceof AppError ? (error as AppError) : null;
}

/** A problem of a whole file, from the error that says it. */
export function fileProblem(error: AppError, file: string): DatasetProblem {
  const { line, excerpt } = error.details;
  return {
    code: error.code,
    file,
    line: typeof line === 'number' ? line : null,
    excerpt: typeof excerpt === 'string' ? excerpt : '',
    message: error.remedy === null ? error.message : `${error.message} ${error.remedy}`,
  };
}
