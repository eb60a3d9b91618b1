// Errors across a boundary: code, message, details and remedy survive; the class is rebuilt on the other side.
// Anything that is no AppError arrives as one with code `internal`.
import { AppError, messageOf } from '../lib/errors';

export interface WireError {
  code: string;
  message: string;
  details: Record<string, unknown>;
  remedy: string | null;
  stack: string | null;
}

export function encodeError(error: unknown): WireError {
  const stack = error instanceof Error ? (error.stack ?? null) : null;
  if (isAppError(error)) {
    const { code, message, remedy, details } = error;
    return { code, message, details: cloneableDetails(details), remedy, stack };
  }
  const name = error instanceof Error ? error.name : typeof error;
  return { code: 'internal', message: messageOf(error), details: { name }, remedy: null, stack };
}

function isAppError(error: unknown): error is AppError {
  return error instanceof AppError;
}

/** The far stack is kept in `details.remoteStack`: it is where the fault is. */
export function decodeError(wire: WireError): AppError {
  const details = wire.stack === null ? wire.details : { ...wire.details, remoteStack: wire.stack };
  return new AppError(wire.code, wire.message, {
    details,
    ...(wire.remedy === null ? {} : { remedy: wire.remedy }),
  });
}

/** A detail that cannot be cloned is written out as text: an error must never fail to travel because of its details. */
function cloneableDetails(details: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(details).map(([key, value]) => [key, isCloneable(value) ? value : String(value)]),
  );
}

function isCloneable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null)
    return typeof value !== 'function' && typeof value !== 'symbol';
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
