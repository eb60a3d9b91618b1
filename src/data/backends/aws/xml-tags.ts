// Reads the flat XML that S3 answers with, tag by tag: workers have no DOMParser. It knows elements, their text and entities;
// no attributes, no CDATA, no elements inside others of the same name, none of which occur there.

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** What is between the tags of each element of that name, in order. */
export function* elementsOf(xml: string, name: string): Generator<string> {
  const closing = `</${name}>`;
  for (let at = openingTag(xml, name, 0); at !== null;) {
    const end = xml.indexOf(closing, at.end);
    if (at.empty) yield '';
    else if (end < 0) return;
    else yield xml.slice(at.end, end);
    at = openingTag(xml, name, at.empty ? at.end : end + closing.length);
  }
}

/** Text of the first element of that name, its entities decoded; null where there is none. */
export function textOf(xml: string, name: string): string | null {
  const found = elementsOf(xml, name).next();
  return found.done === true ? null : decodeEntities(found.value);
}

export function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return ENTITIES[name] ?? whole;
    const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function openingTag(xml: string, name: string, from: number): { end: number; empty: boolean } | null {
  const tag = `<${name}`;
  for (let at = xml.indexOf(tag, from); at >= 0; at = xml.indexOf(tag, at + 1)) {
    // `<Key` is also how `<KeyCount` begins.
    if (!/[\s/>]/.test(xml.charAt(at + tag.length))) continue;
    const end = xml.indexOf('>', at);
    return end < 0 ? null : { end: end + 1, empty: xml.charAt(end - 1) === '/' };
  }
  return null;
}
