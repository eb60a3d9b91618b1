import { describe, expect, it } from 'vitest';
import { searchEntries } from './palette-search';

const entries = [
  { group: 'Go to', title: 'Ajustes' },
  { group: 'Go to', title: 'Chat' },
  { group: 'Actions', title: 'Chat nuevo', keywords: 'conversación' },
  { group: 'Actions', title: 'Exportar', keywords: 'archivo chat' },
];
const titles = (query: string): string[] => searchEntries(entries, query).map((entry) => entry.title);

describe('searchEntries', () => {
  it('palette: an empty query shows everything as given', () => {
    expect(titles('  ')).toEqual(['Ajustes', 'Chat', 'Chat nuevo', 'Exportar']);
  });

  it('palette: groups keep their order and titles come before keywords', () => {
    expect(titles('chat')).toEqual(['Chat', 'Chat nuevo', 'Exportar']);
  });

  it('palette: every word must occur, accents and case do not matter', () => {
    expect(titles('CONVERSACION nuevo')).toEqual(['Chat nuevo']);
    expect(titles('chat ajustes')).toEqual([]);
  });
});
