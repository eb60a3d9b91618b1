// A Hugging Face tokenizer.json, run by @huggingface/tokenizers behind the few calls that the project needs.

export interface Tokenizer {
  readonly vocabSize: number;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  /** Ids of the text; no special tokens are added around it, those written in the text are recognised. */
  encode(text: string): number[];
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): string;
  tokenToId(token: string): number | null;
  /** Streaming: push ids, get text; half characters (broken UTF-8) are held back. `flush` gives what is left. */
  createDecodeStream(): DecodeStream;
}

export interface DecodeStream {
  push(id: number): string;
  flush(): string;
}
