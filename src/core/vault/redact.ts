// Takes secrets out of text that is shown, logged or exported.

const MASK = '[redacted]';

/** Shapes that give a secret away wherever they stand: bearer headers, and the prefixes of well-known tokens. */
const SHAPES = [
  /(?<=\bBearer\s+)[\w.~+/=-]{8,}/gi,
  /\b(?:hf_|sk-|ghp_|github_pat_|xox[abp]-)[\w-]{8,}/g,
  /(?<=[?&](?:token|api_?key|access_token|secret|password)=)[^&\s]+/gi,
];

/** @param secrets values to hide wherever they occur; those under 4 characters would hide half the text. */
export function redact(text: string, secrets: Iterable<string> = []): string {
  // The longest first: one secret may be a part of another.
  const known = [...secrets].filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
  const hidden = known.reduce((current, secret) => current.replaceAll(secret, MASK), text);
  return SHAPES.reduce((current, shape) => current.replace(shape, MASK), hidden);
}
