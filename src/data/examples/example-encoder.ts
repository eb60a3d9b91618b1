// A sample as tokens with the loss mask. What it gives is unlimited in length; cutting is the plan's.
import type { ChatTemplate } from '../../lib/text/chat-template';
import type { Tokenizer } from '../../lib/text/tokenizer';
import { hasCode } from '../../lib/errors';
import type { BatchPlan } from '../../protocol/batches';
import type { Sample } from '../../protocol/datasets';
import { renderConversation, renderPrompt } from './answer-spans';
import { maskTokens, type PieceTokenizer } from './token-mask';

export interface Example {
  kind: Sample['kind'];
  ids: Int32Array;
  /** 1 where the token is to be learnt. The first token never is: nothing predicts it. */
  trained: Uint8Array;
}

/** Why a sample takes no part; a name for counting and translating. */
export type DropReason =
  | 'template-refused'
  | 'no-answer'
  | 'answer-beyond-length'
  | 'too-short'
  /** Its row is damaged. */
  | 'unreadable'
  /** The tokenizer or the template failed on it. */
  | 'not-encoded';

export interface ExampleTokenizer extends PieceTokenizer, Pick<Tokenizer, 'eosTokenId' | 'decode'> {
  readonly textPrefixIds: readonly number[];
}

const PROMPT_WORDS = 8;

/** Part of what a kept example is known by: raised when the same sample gives other tokens or another mask. */
const RULES = 1;

export class ExampleEncoder {
  /** What the tokens depend on beside the sample; null where it is not known and nothing may be kept. */
  readonly revision: string | null;
  readonly #tokenizer: ExampleTokenizer;
  readonly #template: ChatTemplate;

  /**
   * @param template the model's own, or the plain one.
   * @param source of tokenizer and template: the SHA-256 of the files they were made from.
   */
  constructor(tokenizer: ExampleTokenizer, template: ChatTemplate, source: string | null = null) {
    this.revision = source === null ? null : `${RULES} ${source}`;
    this.#tokenizer = tokenizer;
    this.#template = template;
  }

  encode(sample: Sample, trainOn: BatchPlan['trainOn']): Example | DropReason {
    return sample.kind === 'text' ? this.#text(sample.text) : this.#turns(sample, trainOn);
  }

  pieces(ids: Int32Array): string[] {
    return this.#tokenizer.pieces([...ids]);
  }

  /** Where the model would start to write: the prompt of the first answer, or the first words of a text. */
  prompt(sample: Sample): string | null {
    if (sample.kind === 'text') {
      return sample.text
        .split(/(?<=\s)/)
        .slice(0, PROMPT_WORDS)
        .join('')
        .trimEnd();
    }
    return refusedAsNull(() => renderPrompt(sample.turns, this.#template));
  }

  /** A text is learnt whole, with its end. */
  #text(text: string): Example | DropReason {
    const { textPrefixIds, eosTokenId } = this.#tokenizer;
    const end = eosTokenId === null ? [] : [eosTokenId];
    const ids = Int32Array.from([...textPrefixIds, ...this.#tokenizer.encode(text), ...end]);
    if (ids.length < 2) return 'too-short';
    const trained = new Uint8Array(ids.length).fill(1);
    trained[0] = 0;
    return { kind: 'text', ids, trained };
  }

  #turns(sample: Sample & { kind: 'turns' }, trainOn: BatchPlan['trainOn']): Example | DropReason {
    const rendered = refusedAsNull(() => renderConversation(sample.turns, this.#template));
    if (rendered === null) return 'template-refused';
    const ids = this.#tokenizer.encode(rendered.text);
    if (ids.length < 2) return 'too-short';
    const spans = trainOn === 'all' ? [{ start: 0, end: rendered.text.length }] : rendered.answers;
    const trained = maskTokens(rendered.text, ids, spans, this.#tokenizer);
    trained[0] = 0;
    return trained.includes(1) ? { kind: 'turns', ids: Int32Array.from(ids), trained } : 'no-answer';
  }
}

function refusedAsNull<T>(render: () => T): T | null {
  try {
    return render();
  } catch (error) {
    if (hasCode(error, 'model.unsupported')) return null;
    throw error;
  }
}
