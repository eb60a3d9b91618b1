// Reads a number that a person typed: decimal comma or point, exponents; says why it is none.

export interface NumberRange {
  min: number;
  max: number;
  integer: boolean;
  /** Empty text means null. */
  nullable: boolean;
}

export type ParsedNumber =
  | { ok: true; value: number | null }
  | { ok: false; reason: 'missing' | 'invalid' | 'integer' | 'below' | 'above' };

export function parseNumber(text: string, range: NumberRange): ParsedNumber {
  const trimmed = text.trim().replace(',', '.');
  if (trimmed === '') return range.nullable ? { ok: true, value: null } : { ok: false, reason: 'missing' };
  const value = Number(trimmed);
  if (!Number.isFinite(value)) return { ok: false, reason: 'invalid' };
  if (range.integer && !Number.isInteger(value)) return { ok: false, reason: 'integer' };
  if (value < range.min) return { ok: false, reason: 'below' };
  if (value > range.max) return { ok: false, reason: 'above' };
  return { ok: true, value };
}
