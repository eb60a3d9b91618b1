// Chats without a GPU: decoding on the CPU against wllama and transformers.js, the same random weights in 32-bit floats, greedy,
// one thread; then with the threads that a page which is isolated from others uses. Turns alternate.
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { SMALL } from '../cases';
import type { ChatName, Written } from '../page/fallback';
import { PageSession } from '../page-session';
import { median } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';

interface FallbackCase {
  name: string;
  config: DecoderConfig;
  tokens: number;
  /** Also with the threads of an isolated page: files of half a gigabyte are more than a browser holds for two turns. */
  threaded: boolean;
}

const SMOLLM2_135M: DecoderConfig = {
  ...SMALL,
  vocabSize: 49_152,
  hiddenSize: 576,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headSize: 64,
  intermediateSize: 1536,
};
const CHATS: readonly ChatName[] = ['ours', 'transformersjs', 'wllama'];
const LABELS: Record<ChatName, string> = {
  ours: 'onnxruntime, ours',
  transformersjs: 'transformers.js',
  wllama: 'wllama',
};
/** More bring nothing: tokens wait for memory. */
const MAX_THREADS = 4;

const casesOf = ({ quick, shape }: SuiteOptions): FallbackCase[] =>
  [
    { name: 'SMALL', config: SMALL, tokens: quick ? 64 : 128, threaded: true },
    { name: 'SMOLLM2_135M', config: SMOLLM2_135M, tokens: quick ? 12 : 24, threaded: false },
  ].filter(({ name }) => (shape === null ? !quick || name === 'SMALL' : name === shape));

/** Tokens that both wrote alike, from the first on. */
function agreed(ours: readonly number[] | null, theirs: readonly number[] | null): number | null {
  if (ours === null || theirs === null) return null;
  const differs = ours.findIndex((id, i) => theirs[i] !== id);
  return differs === -1 ? ours.length : differs;
}

async function measure(
  { page }: PageSession,
  { config, tokens }: FallbackCase,
  threads: number,
  turns: number,
): Promise<Map<ChatName, Written[]>> {
  const written = new Map<ChatName, Written[]>(CHATS.map((name) => [name, []]));
  for (const name of CHATS) {
    await page.evaluate(([name, config, threads]) => bench.openChat(name, config, threads), [
      name,
      config,
      threads,
    ] as const);
  }
  // The first turn warms up.
  for (let turn = 0; turn <= turns; turn += 1) {
    for (const name of CHATS) {
      const one = await page.evaluate(([name, tokens]) => bench.writeChat(name, tokens), [
        name,
        tokens,
      ] as const);
      if (turn > 0) written.get(name)?.push(one);
    }
  }
  await page.evaluate(() => bench.closeChats());
  return written;
}

export async function fallbackSuite(options: SuiteOptions): Promise<SuiteRun> {
  const session = await PageSession.open({ isolated: true });
  const result: SuiteRun['result'] = {
    suite: 'fallback',
    adapter: 'none, runs on wasm',
    rows: [],
    ratios: {},
  };
  try {
    const processors = await session.page.evaluate(() =>
      crossOriginIsolated ? navigator.hardwareConcurrency : 1,
    );
    const most = Math.min(MAX_THREADS, processors);
    for (const test of casesOf(options)) {
      for (const threads of test.threaded && most > 1 ? [1, most] : [1]) {
        const written = await measure(session, test, threads, options.quick ? 3 : test.threaded ? 5 : 3);
        const speeds = new Map(
          [...written].map(([name, turns]) => [name, median(turns.map((turn) => turn.tokensPerSecond))]),
        );
        const own = speeds.get('ours') ?? 0;
        for (const [name, speed] of speeds) {
          const ids = (of: ChatName) => written.get(of)?.[0]?.ids ?? null;
          const row = {
            shape: test.name,
            engine: LABELS[name],
            threads,
            'tokens/s': speed,
            'tokens as ours': agreed(ids('ours'), ids(name)),
          };
          console.error(Object.values(row).join('  '));
          result.rows.push(row);
          if (name === 'ours') continue;
          result.ratios[`${test.name}${threads === 1 ? '' : `.${threads}threads`}.${name}`] = own / speed;
        }
        await session.restart();
      }
    }
    return { result, browserVersion: session.browserVersion };
  } finally {
    await session.close();
  }
}
