// What a suite is given and what it gives back.
import type { BackendChoice } from '../src/protocol/engine';
import type { SuiteResult } from './report';

export interface SuiteOptions {
  /** Finishes within a minute, figures are rough. */
  quick: boolean;
  backend: BackendChoice;
  /** Only cases of this name (`SMALL`); null: those of the suite. */
  shape: string | null;
}

export interface SuiteRun {
  result: SuiteResult;
  browserVersion: string;
}
