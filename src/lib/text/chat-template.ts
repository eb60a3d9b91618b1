// A model's Jinja chat template (tokenizer_config.json), rendered by @huggingface/jinja.

export interface ChatTemplate {
  /** The conversation as text; with `generationPrompt` it ends where the assistant starts to write. */
  render(turns: readonly ChatTurn[], options: { generationPrompt: boolean }): string;
}

export interface ChatTurn {
  role: 'system' | 'user' | 'assistant';
  content: string;
}
