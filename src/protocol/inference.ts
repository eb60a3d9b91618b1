// Text generation: one request, a stream of events.
import type { ModelTarget } from './models';

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

export interface SamplingConfig {
  /** 0 is greedy. */
  temperature: number;
  /** 0 is off. */
  topK: number;
  /** 1 is off. */
  topP: number;
  /** 0 is off. */
  minP: number;
  /** 1 is off. */
  repetitionPenalty: number;
  /** null draws a fresh one; the result reports it. */
  seed: number | null;
}

export interface GenerationRequest {
  target: ModelTarget;
  /** Messages go through the model's chat template; a prompt is taken as it is. */
  input: { messages: ChatMessage[] } | { prompt: string };
  sampling: SamplingConfig;
  maxTokens: number;
  stop: string[];
}

export type FinishReason = 'stop' | 'length' | 'cancelled';

export interface GenerationStats {
  promptTokens: number;
  completionTokens: number;
  /** Prompt tokens whose keys and values were already in the cache. */
  cachedTokens: number;
  /** Time to first token. */
  firstTokenMs: number;
  tokensPerSecond: number;
  seed: number;
  /** True when the whole answer came from the response cache. */
  fromResponseCache: boolean;
}

export type GenerationEvent =
  | { type: 'start'; promptTokens: number; contextLength: number }
  | { type: 'text'; text: string }
  | { type: 'finish'; reason: FinishReason; stats: GenerationStats };
