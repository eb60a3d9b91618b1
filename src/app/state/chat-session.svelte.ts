// The conversation on screen: what is typed, what is being generated, its settings. One answer at a time.
// It owns no model; the engine keeps weights and caches. Partial answers are kept when something fails.
import { hasCode, messageOf } from '../../lib/errors';
import type { Conversation, ConversationMessage } from '../../protocol/conversations';
import type { GenerationEvent, GenerationStats, SamplingConfig } from '../../protocol/inference';
import type { ModelTarget } from '../../protocol/models';
import type { Clients } from './clients';
import type { Conversations } from './conversations.svelte';
import {
  addMessage,
  addVariant,
  changeLastVariant,
  changeMessage,
  cutAfter,
  cutBefore,
  newMessage,
  newVariant,
  promptFor,
  selectVariant,
  STOPPED,
} from './conversation-edits';
import type { Settings } from '../../core/config/settings';
import { chatDefaults, drawSeed } from './sampling-presets';

/** What is known of an answer while it grows. */
export interface LiveAnswer {
  messageId: string;
  text: string;
  target: ModelTarget;
  /** Pieces of text so far; about one per token. */
  pieces: number;
  startedAt: number;
  /** null while the prompt is being read. */
  firstAt: number | null;
}

export interface ContextUse {
  usedTokens: number;
  totalTokens: number;
  /** Messages left out because the model cannot read that much. */
  dropped: number;
}

export interface ChatFailure {
  messageId: string;
  error: unknown;
}

interface Answer {
  text: string;
  stats: GenerationStats | null;
  interrupted: string | null;
}

export interface ChatSessionOptions {
  engine: Pick<Clients['engine'], 'generate'>;
  conversations: Conversations;
  /** What a first chat starts with. */
  generation: Settings['generation'];
  /** Told when a conversation could not be stored. */
  onSaveError: (error: unknown) => void;
}

export class ChatSession {
  /** What is in the composer. It stays when sending fails. */
  draft = $state('');
  compare = $state(false);
  #conversation: Conversation = $state.raw() as Conversation;
  #live = $state.raw<LiveAnswer | null>(null);
  #failure = $state.raw<ChatFailure | null>(null);
  #context = $state.raw<ContextUse | null>(null);
  #abort = $state.raw<AbortController | null>(null);
  readonly #options: ChatSessionOptions;

  constructor(options: ChatSessionOptions) {
    this.#options = options;
    this.#conversation = blank({ modelId: '', adapterId: null }, options.generation);
  }

  get conversation(): Conversation {
    return this.#conversation;
  }

  get live(): LiveAnswer | null {
    return this.#live;
  }

  get busy(): boolean {
    return this.#abort !== null;
  }

  get failure(): ChatFailure | null {
    return this.#failure;
  }

  /** Of the last answer; null before the first. */
  get context(): ContextUse | null {
    return this.#context;
  }

  /** Sampling, length, stops and system prompt as in a first chat. */
  resetSettings(): void {
    this.change({ ...chatDefaults(this.#options.generation), stop: [], systemPrompt: '' });
  }

  /** An empty conversation that goes on with the settings of the one before; stored with its first message. */
  startNew(target: ModelTarget): void {
    this.stop();
    const { systemPrompt, sampling, maxTokens, stop } = this.#conversation;
    this.#show({ ...blank(target, this.#options.generation), systemPrompt, sampling, maxTokens, stop });
  }

  open(conversation: Conversation): void {
    if (conversation.id === this.#conversation.id) return;
    this.stop();
    this.#show(conversation);
  }

  /** Title, pin, target, sampling and the like. */
  change(change: Partial<Omit<Conversation, 'id' | 'messages'>>): void {
    this.#conversation = { ...this.#conversation, ...change };
    if (this.#conversation.messages.length > 0) void this.#save();
  }

  changeSampling(change: Partial<SamplingConfig>): void {
    this.change({ sampling: { ...this.#conversation.sampling, ...change } });
  }

  /** Sends what is in the composer. */
  async send(): Promise<void> {
    const text = this.draft.trim();
    if (text === '' || this.busy) return;
    this.draft = '';
    await this.#ask(text);
  }

  /** Replaces a message of the user and everything after it. */
  async edit(messageId: string, text: string): Promise<void> {
    if (text.trim() === '' || this.busy) return;
    this.#conversation = cutBefore(this.#conversation, messageId);
    await this.#ask(text.trim());
  }

  /** Another version of an answer; what followed it goes. */
  async regenerate(messageId: string): Promise<void> {
    if (this.busy) return;
    this.#conversation = cutAfter(this.#conversation, messageId);
    await this.#answer(messageId, this.#targets());
  }

  /** One side of a comparison again. */
  async answerWith(messageId: string, target: ModelTarget): Promise<void> {
    if (!this.busy) await this.#answer(messageId, [target]);
  }

  select(messageId: string, index: number): void {
    this.#conversation = changeMessage(this.#conversation, messageId, (message) =>
      selectVariant(message, index),
    );
    void this.#save();
  }

  /** Ends the answer that is being generated; what it says so far is kept. */
  stop(): void {
    this.#abort?.abort();
  }

  #show(conversation: Conversation): void {
    this.#conversation = conversation;
    this.#failure = null;
    this.#context = null;
    this.#live = null;
  }

  async #ask(text: string): Promise<void> {
    const question = newMessage(crypto.randomUUID(), 'user', [newVariant(text, null, Date.now())]);
    const answer: ConversationMessage = newMessage(crypto.randomUUID(), 'assistant', []);
    this.#conversation = addMessage(addMessage(this.#conversation, question), answer);
    await this.#answer(answer.id, this.#targets());
  }

  /** Base and adapter where two are compared, else the one that was chosen. */
  #targets(): ModelTarget[] {
    const { target } = this.#conversation;
    if (!this.compare || target.adapterId === null) return [target];
    return [{ ...target, adapterId: null }, target];
  }

  async #answer(messageId: string, targets: readonly ModelTarget[]): Promise<void> {
    const { sampling } = this.#conversation;
    const seed = targets.length > 1 ? (sampling.seed ?? drawSeed()) : sampling.seed;
    const abort = new AbortController();
    this.#abort = abort;
    this.#failure = null;
    try {
      for (const target of targets) {
        if (abort.signal.aborted) break;
        await this.#answerOnce(messageId, target, { ...sampling, seed }, abort.signal);
      }
    } finally {
      this.#abort = null;
      this.#live = null;
    }
  }

  async #answerOnce(
    messageId: string,
    target: ModelTarget,
    sampling: SamplingConfig,
    signal: AbortSignal,
  ): Promise<void> {
    const owner = this.#conversation.id;
    const prompt = this.#conversation;
    this.#update(owner, messageId, (message) => addVariant(message, newVariant('', target, Date.now())));
    await this.#save();
    this.#live = { messageId, text: '', target, pieces: 0, startedAt: performance.now(), firstAt: null };
    const answer: Answer = { text: '', stats: null, interrupted: null };
    try {
      await this.#stream(prompt, messageId, target, sampling, signal, answer);
    } catch (error) {
      answer.interrupted = signal.aborted ? STOPPED : messageOf(error);
      if (!signal.aborted) this.#failure = { messageId, error };
    }
    this.#update(owner, messageId, (message) =>
      changeLastVariant(message, {
        content: answer.text,
        stats: answer.stats,
        interrupted: answer.interrupted,
      }),
    );
    this.#live = null;
    if (this.#conversation.id === owner) await this.#save();
  }

  /** Generates; where the text is too long for the model, leaves out the oldest turns and tries again. */
  async #stream(
    conversation: Conversation,
    messageId: string,
    target: ModelTarget,
    sampling: SamplingConfig,
    signal: AbortSignal,
    answer: Answer,
  ): Promise<void> {
    const turns = cutBefore(conversation, messageId).messages.length;
    for (let dropped = 0; ; dropped += 2) {
      const messages = promptFor(conversation, messageId, dropped);
      const { maxTokens, stop } = conversation;
      const events = this.#options.engine.generate(
        { target, input: { messages }, sampling, maxTokens, stop },
        signal,
      );
      try {
        for await (const event of events) this.#take(event, answer, dropped);
        return;
      } catch (error) {
        if (!hasCode(error, 'inference.too-long') || answer.text !== '' || dropped + 2 >= turns) throw error;
      }
    }
  }

  #take(event: GenerationEvent, answer: Answer, dropped: number): void {
    const live = this.#live;
    switch (event.type) {
      case 'start':
        this.#context = { usedTokens: event.promptTokens, totalTokens: event.contextLength, dropped };
        break;
      case 'text':
        answer.text += event.text;
        if (live === null) return;
        this.#live = {
          ...live,
          text: answer.text,
          pieces: live.pieces + 1,
          firstAt: live.firstAt ?? performance.now(),
        };
        break;
      case 'finish':
        answer.stats = event.stats;
        if (event.reason === 'cancelled') answer.interrupted = STOPPED;
        if (this.#context !== null) {
          const usedTokens = event.stats.promptTokens + event.stats.completionTokens;
          this.#context = { ...this.#context, usedTokens };
        }
        break;
    }
  }

  /** The answer belongs to the conversation it was asked in, even when another one is on screen by now. */
  #update(
    owner: string,
    messageId: string,
    change: (message: ConversationMessage) => ConversationMessage,
  ): void {
    if (this.#conversation.id === owner) {
      this.#conversation = changeMessage(this.#conversation, messageId, change);
      return;
    }
    const other = this.#options.conversations.get(owner);
    if (other === null) return;
    this.#options.conversations
      .save(changeMessage(other, messageId, change))
      .catch(this.#options.onSaveError);
  }

  async #save(): Promise<void> {
    if (this.#conversation.messages.length === 0) return;
    this.#conversation = { ...this.#conversation, updatedAt: Date.now() };
    try {
      await this.#options.conversations.save(this.#conversation);
    } catch (error) {
      this.#options.onSaveError(error);
    }
  }
}

function blank(target: ModelTarget, generation: Settings['generation']): Conversation {
  const now = Date.now();
  return {
    id: crypto.randomUUID(),
    title: '',
    pinned: false,
    systemPrompt: '',
    target,
    ...chatDefaults(generation),
    stop: [],
    messages: [],
    createdAt: now,
    updatedAt: now,
  };
}
