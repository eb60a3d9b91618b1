// Chats without a GPU: decoding on the CPU against wllama and transformers.js, the same random weights in 32-bit floats, greedy,
// one thread; then with the threads that a page which is isolated from others uses. Turns alternate.
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { SMALL, SMOLLM2_135M } from '../cases';
import type { ChatName, Written } from '../page/fallback';
import { PageSession } from '../page-session';
import { median } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';

interface FallbackCase {
  name: string;
  config: DecoderConfig;
  /** Of the prompt, which is not counted. */
  prompt: number;
  tokens: number;
  turns: number;
  /** Only with all threads of an isolated page; with one as well otherwise. */
  threadedOnly?: boolean;
}

const CHATS: readonly ChatName[] = ['ours', 'transformersjs', 'wllama'];
const LABELS: Record<ChatName, string> = {
  ours: 'onnxruntime, ours',
  transformersjs: 'transformers.js',
  wllama: 'wllama',
};
/** More bring nothing: tokens wait for memory. */
const MAX_THREADS = 4;

const SHORT_PROMPT = 8;
/** Some turns of a conversation. */
const LONG_PROMPT = 512;

const casesOf = ({ quick, shape }: SuiteOptions): FallbackCase[] =>
  [
    { name: 'SMALL', config: SMALL, prompt: SHORT_PROMPT, tokens: quick ? 64 : 128, turns: quick ? 3 : 5 },
    { name: 'SMOLLM2_135M', config: SMOLLM2_135M, prompt: SHORT_PROMPT, tokens: quick ? 12 : 24, turns: 3 },
    {
      ...{ name: 'SMOLLM2_135M.long', config: SMOLLM2_135M, prompt: LONG_PROMPT, tokens: quick ? 12 : 24 },
      ...{ turns: 3, threadedOnly: true },
    },
  ].filter(({ name }) => (shape === null ? !quick || name === 'SMALL' : name === shape));

/** Tokens that both wrote alike, from the first on. */
function agreed(ours: readonly number[] | null, theirs: readonly number[] | null): number | null {
  if (ours === null || theirs === null) return null;
  const differs = ours.findIndex((id, i) => theirs[i] !== id);
  return differs === -1 ? ours.length : differs;
}

const threadsOf = ({ threadedOnly = false }: FallbackCase, most: number): number[] =>
  threadedOnly || most === 1 ? [most] : [1, most];

async function measure(
  { page }: PageSession,
  { config, prompt, tokens, turns }: FallbackCase,
  threads: number,
): Promise<Map<ChatName, Written[]>> {
  const written = new Map<ChatName, Written[]>(CHATS.map((name) => [name, []]));
  for (const name of CHATS) {
    await page.evaluate(([name, config, prompt, threads]) => bench.openChat(name, config, prompt, threads), [
      name,
      config,
      prompt,
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
      for (const threads of threadsOf(test, most)) {
        const written = await measure(session, test, threads);
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
            'tokens before': test.prompt,
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
