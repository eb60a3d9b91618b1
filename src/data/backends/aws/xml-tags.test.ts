import { describe, expect, test } from 'vitest';
import { decodeEntities, elementsOf, textOf } from './xml-tags';

describe('xml tags', () => {
  test('xml tags: elements in order, with attributes, empty ones, and none that only begin alike', () => {
    const xml = '<R xmlns="u"><KeyCount>2</KeyCount><Key>a</Key><Key/><Key x="1">b\nc</Key></R>';
    expect([...elementsOf(xml, 'Key')]).toEqual(['a', '', 'b\nc']);
    expect(textOf(xml, 'KeyCount')).toBe('2');
    expect(textOf(xml, 'Size')).toBeNull();
  });

  test('xml tags: entities by name and number, once', () => {
    expect(decodeEntities('a&amp;lt;b &lt;&gt;&quot;&apos; &#233;&#x1F600;&#10;')).toBe('a&lt;b <>"\' é😀\n');
    expect(decodeEntities('&unknown; &#x110000; & &;')).toBe('&unknown; &#x110000; & &;');
  });

  test('xml tags: a text that is cut ends the elements', () => {
    expect([...elementsOf('<Key>a</Key><Key>b', 'Key')]).toEqual(['a']);
    expect([...elementsOf('<Key>a</Key><Key', 'Key')]).toEqual(['a']);
  });
});
