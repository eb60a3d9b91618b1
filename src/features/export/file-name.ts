// File names that every system takes, from what people call things.

/** Letters and digits of any script, joined by hyphens; `fallback` where nothing is left. */
export function fileNameOf(title: string, fallback: string): string {
  const name = title
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}._]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 80);
  return name === '' ? fallback : name;
}

/** 2026-01-31 */
export function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}
