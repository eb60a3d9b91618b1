import { describe, expect, it } from 'vitest';
import { createPlainTemplate } from '../../lib/text/plain-template';
import type { Sample } from '../../protocol/datasets';
import type { QualityReport, QualitySettings } from '../../protocol/quality';
import { ExampleEncoder } from '../examples/example-encoder';
import { CHARACTERS } from '../testing/characters';
import { checkDataset } from './check-dataset';
import { EVERY_SAMPLE, numbersOfFix, type SampleChoice } from './dataset-steps';

const SETTINGS: QualitySettings = { modelId: 'm', similarity: 0.8, evalShare: 0, seed: 1, maxTokens: 400 };
const LONG =
  'A file of this steel takes a hard edge, keeps it for years, and is ground again in a minute or two';

const text = (content: string): Sample => ({ kind: 'text', text: content });
const turns = (question: string, answer: string): Sample => ({
  kind: 'turns',
  turns: [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ],
});

async function reportOf(
  samples: readonly Sample[],
  changes: Partial<QualitySettings> = {},
  choice: Partial<SampleChoice> = {},
): Promise<QualityReport> {
  const read = (i: number) => Promise.resolve(samples[i] as Sample);
  const source = { count: samples.length, read, ...EVERY_SAMPLE, ...choice };
  const encoder = new ExampleEncoder(CHARACTERS, createPlainTemplate(CHARACTERS));
  let time = 0;
  const now = () => (time += 5);
  const check = { source, encoder, settings: { ...SETTINGS, ...changes }, now };
  for await (const event of checkDataset(check)) if (event.type === 'report') return event.report;
  throw new Error('The check ended without a report.');
}

describe('check of a dataset', () => {
  it('a sound one: nothing to do', async () => {
    const report = await reportOf([
      turns('What is steel?', LONG),
      turns('And iron?', 'Softer, and it rusts.'),
    ]);
    expect(report).toMatchObject({ samples: 2, exact: [], near: [], overLong: [], nextSteps: [] });
    expect(report.leakage).toEqual({ exact: [], near: [] });
    expect(report.milliseconds).toBeGreaterThan(0);
  });

  it('groups what is equal and what is almost equal apart; who says it counts', async () => {
    const swapped: Sample = { kind: 'turns', turns: [{ role: 'assistant', content: LONG }] };
    const report = await reportOf([text(LONG), text('else'), text(LONG), text(`${LONG}!`), swapped]);
    expect(report.exact).toEqual([{ samples: [0, 2], similarity: 1 }]);
    expect(report.near).toEqual([{ samples: [0, 3, 4], similarity: 1 }]);
    expect(report.nextSteps).toEqual(['drop-exact', 'drop-near']);
    expect([...numbersOfFix('drop-exact', report)]).toEqual([2]);
    expect([...numbersOfFix('drop-near', report)]).toEqual([3, 4]);
  });

  it('names what is empty, damaged, or longer than a sequence, each once; a long text is cut into windows', async () => {
    const report = await reportOf(
      [
        turns('hello', ' \n'),
        turns('hello', 'caf\ufffd'),
        turns('hello', LONG.repeat(5)),
        text('A text. '.repeat(99)),
        { kind: 'turns', turns: [{ role: 'user', content: 'nobody answers' }] },
        text('half of a pair \ud83d'),
      ],
      { maxTokens: 300 },
    );
    expect(report.faults).toEqual({ empty: [0, 4], damaged: [1, 5], 'template-refused': [] });
    expect(report).toMatchObject({ overLong: [2], shortened: [] });
    expect(report.nextSteps).toEqual(['drop-faulty', 'drop-over-long']);
    expect([...numbersOfFix('drop-faulty', report)]).toEqual([0, 4, 1, 5]);
  });

  it('a conversation that can end earlier with a whole answer is shortened, not left out', async () => {
    const [first, second] = [turns('one', 'yes'), turns('two', LONG.repeat(5))];
    if (first.kind === 'text' || second.kind === 'text') throw new Error('They are conversations.');
    const long: Sample = { kind: 'turns', turns: [...first.turns, ...second.turns] };
    const report = await reportOf([first, long], { maxTokens: 300 });
    expect(report).toMatchObject({
      overLong: [],
      shortened: [{ sample: 1, turns: 2 }],
      nextSteps: ['cap-length'],
    });
    expect([...numbersOfFix('cap-length', report)]).toEqual([1, 2]);
  });

  it('leakage: held-out samples that training says too; kept together there is none', async () => {
    const samples = Array.from({ length: 40 }, (_, i) =>
      text(i < 20 ? `${LONG} number ${i % 10}` : `${i} ${i * i * 7919}`),
    );
    const share = { evalShare: 0.5, similarity: 0.95 };
    const report = await reportOf(samples, share);
    expect(report.leakage.exact.length).toBeGreaterThan(0);
    expect(report.nextSteps).toContain('keep-together');
    const numbers = numbersOfFix('keep-together', report);
    const beside = new Map<number, number>();
    for (let i = 0; i < numbers.length; i += 2) beside.set(numbers[i] ?? 0, numbers[i + 1] ?? 0);
    for (const seed of [1, 2, 3]) {
      expect((await reportOf(samples, { ...share, seed }, { beside })).leakage).toEqual({
        exact: [],
        near: [],
      });
    }
  });

  it('looks only at what no step leaves out', async () => {
    const samples = [text(LONG), text(LONG), text('')];
    const report = await reportOf(samples, {}, { leftOut: new Set([1, 2]) });
    expect(report).toMatchObject({ samples: 1, exact: [], nextSteps: [] });
  });

  it('tells languages, most frequent first; a short text has none', async () => {
    const spanish =
      'El herrero calienta el hierro en la fragua y lo golpea sobre el yunque hasta darle forma.';
    const { languages } = await reportOf([
      text(`${spanish} Otra vez.`),
      text(spanish),
      text(LONG),
      text('ok'),
    ]);
    expect(languages).toEqual([
      { code: 'spa', share: 0.5 },
      { code: 'eng', share: 0.25 },
      { code: null, share: 0.25 },
    ]);
  });
});
