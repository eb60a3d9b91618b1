// Something that is wrong with the configuration of a run, in words a form can show.

export interface TrainingProblem {
  /** Dotted path of the field: `lora.rank`. */
  path: string;
  value: unknown;
  message: string;
  remedy: string;
}

export function problem(path: string, value: unknown, fact: string, remedy: string): TrainingProblem {
  const shown = typeof value === 'string' ? `"${value}"` : String(value);
  return { path, value, message: `${path} ${fact}: ${shown}.`, remedy };
}
