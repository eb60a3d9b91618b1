// What rules hand their findings to. A rule is a function of a configuration whose settings may be wrong by themselves: it
// says nothing about what it cannot read.
import type { BackendProblem } from '../../../../protocol/backends';

export interface Findings {
  problems: BackendProblem[];
  warnings: BackendProblem[];
}

/** The setting that it is about, the fact, and what to do. */
export type Report = (key: string, message: string, remedy: string) => void;

export type ConfigRule = (
  config: Readonly<Record<string, unknown>>,
  problem: Report,
  warning: Report,
) => void;
