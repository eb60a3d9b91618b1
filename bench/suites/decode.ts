// Decoding: plans against our tfjs session and onnxruntime-web on random weights, one sequence and eight; the processor time of the page's
// thread for each token, beyond what the browser takes to read anything back; and the embedded model through the app itself, with and without its key-value cache.
import type { CDPSession, Page } from 'playwright';
import { AppSession } from '../../scripts/app-session';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import type { DeviceReport } from '../../src/protocol/engine';
import { SMALL } from '../cases';
import type { DecoderName, PeerName } from '../page/decoders';
import { PageSession } from '../page-session';
import { adapterLabel, median } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';

interface DecodeCase {
  name: string;
  config: DecoderConfig;
  /** Turns of everybody, and tokens of each turn; the eager session takes one, as it may take seconds. */
  turns: number;
  tokens: number;
  /** Turns that onnxruntime takes part in: one token may take it seconds, too. */
  peerTurns: number;
}

const SMOLLM2: DecoderConfig = {
  ...SMALL,
  vocabSize: 49_152,
  hiddenSize: 576,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headSize: 64,
  intermediateSize: 1536,
};
const BATCH = 8;

const cases = (quick: boolean, shape: string | null): DecodeCase[] =>
  [
    { name: 'SMALL', config: SMALL, turns: quick ? 3 : 7, tokens: 8, peerTurns: quick ? 1 : 7 },
    ...(quick ? [] : [{ name: 'SMOLLM2', config: SMOLLM2, turns: 3, tokens: 2, peerTurns: 3 }]),
  ].filter(({ name }) => shape === null || name === shape);

const decodeSteps = (page: Page, engine: DecoderName, sequences: number, steps: number): Promise<number[]> =>
  page.evaluate(([engine, sequences, steps]) => bench.decode(engine, sequences, steps), [
    engine,
    sequences,
    steps,
  ] as const);

/** Seconds of processor time that the page's main thread has taken so far: it does not count the wait for a turn on it. */
async function threadTime(cdp: CDPSession): Promise<number> {
  const { metrics } = await cdp.send('Performance.getMetrics');
  const found = metrics.find(({ name }) => name === 'ThreadTime');
  if (found === undefined) throw new Error('The browser does not tell the thread’s time.');
  return found.value;
}

interface CpuTime {
  /** Milliseconds of the thread per token, all that the browser does for it included. */
  token: number;
  /** The same for reading four bytes back and nothing else. */
  readBack: number;
}

/** One sequence on plans as deep as SMOLLM2 and with as many tokens to choose from: the width is nothing that the thread would notice. */
async function cpuTime(page: Page, quick: boolean): Promise<CpuTime> {
  const narrow = { ...SMOLLM2, hiddenSize: 64, heads: 2, kvHeads: 1, headSize: 32, intermediateSize: 128 };
  await page.evaluate((config) => bench.openDecoders(config, { planned: 1, eager: 0 }), narrow);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const count = quick ? 32 : 64;
  const taken = async (work: () => Promise<unknown>): Promise<number> => {
    const before = await threadTime(cdp);
    await work();
    return (1000 * ((await threadTime(cdp)) - before)) / count;
  };
  const readBack = () => page.evaluate((count) => bench.readBack(count), count);
  const [tokens, reads]: [number[], number[]] = [[], []];
  for (let turn = 0; turn <= 3; turn += 1) {
    tokens.push(await taken(() => decodeSteps(page, 'planned', 1, count)));
    reads.push(await taken(readBack));
  }
  await cdp.detach();
  await page.evaluate(() => bench.closeDecoders());
  // The first turn compiles.
  return { token: median(tokens.slice(1)), readBack: median(reads.slice(1)) };
}

interface Measured {
  rows: SuiteRun['result']['rows'];
  /** Ours over each of the others; `batch8`: eight sequences over one. */
  ratios: Record<string, number>;
}

interface Way {
  label: string;
  engine: DecoderName;
  sequences: number;
}

const OWN_WAYS: Way[] = [
  { label: 'planned', engine: 'planned', sequences: 1 },
  { label: 'eager', engine: 'eager', sequences: 1 },
  { label: `planned, ${BATCH} sequences`, engine: 'planned', sequences: BATCH },
];
const PEERS: Record<PeerName, string> = {
  ort: 'onnxruntime-web',
  ortCaptured: 'onnxruntime-web, captured',
};

const isPeer = (engine: DecoderName): engine is PeerName => engine in PEERS;

interface Peer {
  engine: PeerName;
  /** Relative, of its logits against ours; null where it does not run. */
  error: number | null;
  /** Why it does not run, or not right. */
  message: string | null;
}

function openPeer(page: Page, engine: PeerName): Promise<Peer> {
  return page.evaluate(
    (engine) =>
      bench.openPeer(engine).then(
        (error) => ({ engine, error, message: null }),
        (reason: unknown) => ({ engine, error: null, message: String(reason) }),
      ),
    engine,
  );
}

/** A peer that does not run, or not right, has no speed and says why. */
const peerRow = (shape: string, { engine, error, message }: Peer, speed: number | undefined) => ({
  shape,
  engine: PEERS[engine],
  'tokens/s': speed ?? null,
  'logits off by': error,
  ...(message === null ? {} : { 'not available': message }),
});

/** Tokens a turn: one of those that may take seconds for it. */
const tokensOf = ({ engine }: Way, tokens: number): number =>
  engine === 'eager' || isPeer(engine) ? 1 : tokens;

async function measure(
  page: Page,
  { name, config, turns, tokens, peerTurns }: DecodeCase,
): Promise<Measured> {
  await page.evaluate((config) => bench.openDecoders(config, { planned: 8, eager: 1 }), config);
  const peers = [await openPeer(page, 'ort'), await openPeer(page, 'ortCaptured')];
  const running = peers.filter(({ message }) => message === null);
  const ways = [
    ...OWN_WAYS,
    ...running.map(({ engine }): Way => ({ label: PEERS[engine], engine, sequences: 1 })),
  ];
  const times = ways.map((): number[] => []);
  for (let turn = 0; turn <= turns; turn += 1) {
    for (const [index, way] of ways.entries()) {
      // Plans and kernels are made in the first turn; those of peers when they were compared.
      if (isPeer(way.engine) && (turn === 0 || turn > peerTurns)) continue;
      const steps = await decodeSteps(page, way.engine, way.sequences, tokensOf(way, tokens));
      if (turn > 0) times[index]?.push(...steps);
    }
  }
  await page.evaluate(() => bench.closeDecoders());
  const speeds = ways.map(({ sequences }, index) => (1000 * sequences) / median(times[index] ?? []));
  const [planned = 0, eager = 0, batch = 0] = speeds;
  const peerSpeeds = new Map(running.map(({ engine }, i) => [engine, speeds[OWN_WAYS.length + i] ?? 0]));
  return {
    rows: [
      ...OWN_WAYS.map(({ label }, index) => ({
        shape: name,
        engine: label,
        'tokens/s': speeds[index] ?? null,
      })),
      ...peers.map((peer) => peerRow(name, peer, peerSpeeds.get(peer.engine))),
    ],
    ratios: {
      eager: planned / eager,
      ...Object.fromEntries([...peerSpeeds].map(([engine, speed]) => [engine, planned / speed])),
      [`batch${BATCH}`]: batch / planned,
    },
  };
}

/** The last case, the largest, gives the figures that are asked of all. */
async function randomModels({ quick, shape }: SuiteOptions): Promise<SuiteRun> {
  const session = await PageSession.open();
  try {
    const result: SuiteRun['result'] = { suite: 'decode', adapter: '', rows: [], ratios: {} };
    for (const test of cases(quick, shape)) {
      const device: DeviceReport = await session.page.evaluate(() => bench.select('webgpu'));
      result.adapter = adapterLabel(device);
      const { rows, ratios } = await measure(session.page, test);
      for (const row of rows) console.error(Object.values(row).join('  '));
      result.rows.push(...rows);
      for (const [key, ratio] of Object.entries(ratios)) {
        result.ratios[`${test.name}.${key}`] = ratio;
        result.ratios[key] = ratio;
      }
      await session.restart();
    }
    await session.page.evaluate(() => bench.select('webgpu'));
    const { token, readBack } = await cpuTime(session.page, quick);
    result.rows.push(
      { shape: '30 layers', engine: 'planned', 'CPU ms/token': token },
      { shape: '30 layers', engine: 'reading back alone', 'CPU ms/token': readBack },
    );
    result.figures = { cpuMsPerToken: token - readBack, cpuMsPerTokenWithReadBack: token };
    return { result, browserVersion: session.browserVersion };
  } finally {
    await session.close();
  }
}

interface Decoded {
  tokens: number;
  seconds: number;
}

const speed = ({ tokens, seconds }: Decoded) => tokens / seconds;

/** All tokens in one request go through the cache; one request a token recomputes the whole text each time. */
function generate(session: AppSession, tokens: number, cached: boolean, run: number): Promise<Decoded> {
  return session.page.evaluate(
    async ({ tokens, cached, run }) => {
      const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 1 };
      const target = { modelId: 'chispa', adapterId: null };
      // One request for all tokens, or one a token whose first character differs, so that no prefix is shared.
      const [requests, maxTokens] = cached ? [1, tokens] : [tokens, 1];
      let text = '';
      let done = 0;
      const started = performance.now();
      for (let index = 0; index < requests; index += 1) {
        const prompt = `${String.fromCharCode(65 + (index % 26))}${run} The morning was cold, and${text}`;
        const request = { target, input: { prompt }, sampling, maxTokens, stop: [] };
        for await (const event of fragua.engine.generate(request)) {
          if (event.type === 'text') text += event.text;
          if (event.type === 'finish') done += event.stats.completionTokens;
        }
      }
      return { tokens: done, seconds: (performance.now() - started) / 1000 };
    },
    { tokens, cached, run },
  );
}

/** The embedded model through the app. */
async function embeddedModel({
  quick,
  backend,
}: SuiteOptions): Promise<Pick<SuiteRun['result'], 'rows' | 'ratios'>> {
  const session = await AppSession.open({ backend, build: true });
  try {
    const device = await session.page.evaluate(() => fragua.engine.describeDevice());
    const [tokens, repeats] = quick ? [32, 1] : [128, 3];
    await generate(session, 8, true, 0);
    const [cached, recomputed]: [number[], number[]] = [[], []];
    for (let run = 1; run <= repeats; run += 1) {
      cached.push(speed(await generate(session, tokens, true, run)));
      recomputed.push(speed(await generate(session, tokens, false, run)));
    }
    const rows = [
      { engine: 'app, key-value cache', figures: cached },
      { engine: 'app, without a cache', figures: recomputed },
    ].map(({ engine, figures }) => ({
      shape: 'CHISPA',
      engine: `${engine}, ${device.backend}`,
      'tokens/s': median(figures),
    }));
    return { rows, ratios: { 'CHISPA.withoutCache': median(cached) / median(recomputed) } };
  } finally {
    await session.close();
  }
}

export async function decodeSuite(options: SuiteOptions): Promise<SuiteRun> {
  const { result, browserVersion } = await randomModels(options);
  // The app has to be built for it: not within a quick run's minute.
  const shape = options.shape ?? (options.quick ? 'SMALL' : 'CHISPA');
  if (shape !== 'CHISPA') return { result, browserVersion };
  const { rows, ratios } = await embeddedModel(options);
  return {
    result: { ...result, rows: [...result.rows, ...rows], ratios: { ...result.ratios, ...ratios } },
    browserVersion,
  };
}
