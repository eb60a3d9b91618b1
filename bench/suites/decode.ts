// Decoding with the embedded model through the app itself: with the key-value cache, and the peer that recomputes the
// whole text for each token, which is what a loop without a cache does.
import { AppSession } from '../../scripts/app-session';
import { adapterLabel, median } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';

interface Decoded {
  tokens: number;
  seconds: number;
}

const speed = ({ tokens, seconds }: Decoded) => tokens / seconds;

/** All tokens in one request go through the cache; one request a token recomputes the whole text each time. */
function decode(session: AppSession, tokens: number, cached: boolean, run: number): Promise<Decoded> {
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

export async function decodeSuite({ quick, backend }: SuiteOptions): Promise<SuiteRun> {
  const session = await AppSession.open({ backend, build: true });
  try {
    const device = await session.page.evaluate(() => fragua.engine.describeDevice());
    const [tokens, repeats] = quick ? [32, 1] : [128, 3];
    await decode(session, 8, true, 0);
    const [cached, recomputed]: [number[], number[]] = [[], []];
    for (let run = 1; run <= repeats; run += 1) {
      cached.push(speed(await decode(session, tokens, true, run)));
      recomputed.push(speed(await decode(session, tokens, false, run)));
    }
    const rows = [
      { engine: 'fragua, key-value cache', backend: device.backend, 'tokens/s': median(cached) },
      { engine: 'without a cache', backend: device.backend, 'tokens/s': median(recomputed) },
    ];
    const ratios = { 'CHISPA.withoutCache': median(cached) / median(recomputed) };
    return {
      result: { suite: 'decode', adapter: adapterLabel(device), rows, ratios },
      browserVersion: session.browserVersion,
    };
  } finally {
    await session.close();
  }
}
