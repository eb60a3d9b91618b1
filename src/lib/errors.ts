// The one error class that callers branch on. It crosses worker boundaries with its code, details and remedy intact.
// Message = the fact with its value. Remedy = what the reader can do. Code = what a program can branch on.

export interface AppErrorOptions {
  /** Values behind the message, structured-cloneable. */
  details?: Record<string, unknown>;
  /** What the user can do about it, one sentence. */
  remedy?: string;
  cause?: unknown;
}

export class AppError<Code extends string = string> extends Error {
  override readonly name = 'AppError';
  readonly code: Code;
  readonly details: Record<string, unknown>;
  readonly remedy: string | null;

  constructor(code: Code, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.remedy = options.remedy ?? null;
  }
}

/** True for an AppError of that code, whichever realm's class made it. */
export function hasCode(error: unknown, code: string): error is AppError {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** The message of anything that can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
