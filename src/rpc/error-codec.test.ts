import { describe, expect, test } from 'vitest';
import { AppError } from '../lib/errors';
import { decodeError, encodeError } from './error-codec';

describe('error codec', () => {
  test('AppError: code, message, details and remedy come back through a clone', () => {
    const error = new AppError('storage.quota', 'Full.', {
      details: { bytes: 5 },
      remedy: 'Delete a model.',
    });
    const back = decodeError(structuredClone(encodeError(error)));
    expect(back).toBeInstanceOf(AppError);
    expect(back).toMatchObject({ code: 'storage.quota', message: 'Full.', remedy: 'Delete a model.' });
    expect(back.details).toMatchObject({ bytes: 5 });
  });

  test('others: become internal with their name', () => {
    expect(encodeError(new RangeError('too far'))).toMatchObject({
      code: 'internal',
      details: { name: 'RangeError' },
    });
    expect(encodeError('text')).toMatchObject({ code: 'internal', message: 'text', stack: null });
  });

  test('details: what cannot be cloned is written out', () => {
    const error = new AppError('internal', 'x', { details: { run: () => 1, nested: { run: () => 1 } } });
    expect(() => structuredClone(encodeError(error))).not.toThrow();
  });
});
