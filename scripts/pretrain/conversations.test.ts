import { describe, expect, it } from 'vitest';
import { conversationsOf } from './conversations';

const passages = (...texts: string[]) => texts.map((text) => ({ text, opens: false }));

describe('conversationsOf', () => {
  it('a play: speeches become turns, verse lines one line, system turns name who answers', () => {
    const run = passages('ROMEO:\nIs the day so young?', 'BENVOLIO:\nBut new\nStruck nine.');
    const drawn = Array.from({ length: 40 }, (_, seed) => conversationsOf([run], 'play', seed)).flat();
    const [first] = drawn;
    expect(first?.filter(({ role }) => role !== 'system').map(({ role }) => role)).toEqual([
      'user',
      'assistant',
    ]);
    expect(first?.at(-1)?.content).toBe('But new struck nine.');
    const systems = drawn.flat().filter(({ role }) => role === 'system');
    expect(systems.length).toBeGreaterThan(0);
    expect(new Set(systems.map(({ content }) => content))).toEqual(new Set(['You are Benvolio.']));
  });

  it('a novel: what is said, without who said it; narration parts the dialogue', () => {
    const said = ['"Is he married?" said she.', '"Single, my dear, to be sure!"'];
    const [conversation] = conversationsOf([passages(...said)], 'prose', 1);
    expect(conversation?.map(({ content }) => content)).toEqual([
      'Is he married?',
      'Single, my dear, to be sure!',
    ]);
    expect(conversationsOf([passages(said[0] ?? '', 'He went away.', said[1] ?? '')], 'prose', 1)).toEqual(
      [],
    );
  });

  it('cuts: even numbers of turns, at most six, the same for the same seed', () => {
    const run = passages(
      ...Array.from({ length: 21 }, (_, i) => `${i % 2 ? 'A' : 'B'}:\nLine ${i} is said.`),
    );
    const conversations = conversationsOf([run], 'play', 5);
    for (const turns of conversations) {
      const spoken = turns.filter(({ role }) => role !== 'system');
      expect([2, 4, 6]).toContain(spoken.length);
      expect(spoken.at(-1)?.role).toBe('assistant');
    }
    expect(conversationsOf([run], 'play', 5)).toEqual(conversations);
  });
});
