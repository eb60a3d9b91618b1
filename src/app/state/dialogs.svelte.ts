// The one modal that can be open: a question, a name to type, or an error with its way out. Components show it; callers await it.
import { hasCode, messageOf } from '../../lib/errors';

export interface ConfirmRequest {
  title: string;
  body: string;
  /** Label of the button that goes on. */
  confirm: string;
  /** Label of the button that does not; "Cancel" when left out. */
  cancel?: string;
  danger?: boolean;
  /** A word that must be typed before going on. */
  typeToConfirm?: string;
}

export interface PromptRequest {
  title: string;
  label: string;
  value: string;
  confirm: string;
}

export interface ErrorAction {
  label: string;
  hint?: string;
  run: () => void;
}

export interface ErrorRequest {
  /** What was being done, for the title when the error's code has none. */
  title?: string;
  /** Ways out, the safest first. */
  actions?: readonly ErrorAction[];
}

/** An error of any origin, ready to show. */
export interface ShownError {
  code: string;
  message: string;
  remedy: string | null;
  details: Record<string, unknown>;
  stack: string | null;
}

export type DialogState =
  | { kind: 'confirm'; request: ConfirmRequest; answer: (yes: boolean) => void }
  | { kind: 'prompt'; request: PromptRequest; answer: (value: string | null) => void }
  | { kind: 'error'; request: ErrorRequest; error: ShownError };

export function describeError(error: unknown): ShownError {
  const message = messageOf(error);
  const stack = error instanceof Error ? (error.stack ?? null) : null;
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) {
    return { code: 'internal', message, remedy: null, details: {}, stack };
  }
  const { code } = error;
  if (!hasCode(error, code)) return { code, message, remedy: null, details: {}, stack };
  return { code, message, remedy: error.remedy ?? null, details: error.details ?? {}, stack };
}

export class Dialogs {
  #open = $state.raw<DialogState | null>(null);

  get open(): DialogState | null {
    return this.#open;
  }

  confirm(request: ConfirmRequest): Promise<boolean> {
    this.close();
    return new Promise((resolve) => {
      this.#open = { kind: 'confirm', request, answer: resolve };
    });
  }

  /** The trimmed text, or null when it was cancelled or left empty. */
  prompt(request: PromptRequest): Promise<string | null> {
    this.close();
    return new Promise((resolve) => {
      this.#open = { kind: 'prompt', request, answer: resolve };
    });
  }

  /** Shows an error; a call that was cancelled on purpose is no error. */
  error(error: unknown, request: ErrorRequest = {}): void {
    const shown = describeError(error);
    if (shown.code === 'rpc.cancelled') return;
    this.close();
    this.#open = { kind: 'error', request, error: shown };
  }

  /** Closes what is open, answering no. */
  close(): void {
    const open = this.#open;
    this.#open = null;
    if (open?.kind === 'confirm') open.answer(false);
    if (open?.kind === 'prompt') open.answer(null);
  }

  /** Answers what is open and closes it. */
  accept(value = ''): void {
    const open = this.#open;
    this.#open = null;
    if (open?.kind === 'confirm') open.answer(true);
    if (open?.kind === 'prompt') open.answer(value.trim() === '' ? null : value.trim());
  }
}
