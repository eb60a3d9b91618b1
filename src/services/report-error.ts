// Puts an error on the bus, for whoever shows errors.
import type { EventBus } from '../core/event-bus';
import { AppError, messageOf } from '../lib/errors';

/** @param context what was being done, for people. */
export function reportError(bus: EventBus, error: unknown, context: string, source: string): void {
  const known: AppError | null = error instanceof AppError ? error : null;
  const code = known?.code ?? 'internal';
  const remedy = known?.remedy ?? null;
  bus.emit('error.occurred', { code, message: messageOf(error), remedy, context }, source);
}
