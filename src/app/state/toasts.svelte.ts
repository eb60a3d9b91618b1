// Short results of something the user just did. Never for errors that need a decision: those go to Dialogs.

export interface ToastAction {
  label: string;
  run: () => void;
}

export interface ToastContent {
  tone: 'plain' | 'ok' | 'ember' | 'warn' | 'err';
  title: string;
  body?: string;
  action?: ToastAction;
}

export interface Toast extends ToastContent {
  id: number;
}

const SHOWN_MS = 6000;

export class Toasts {
  #items = $state.raw<readonly Toast[]>([]);
  #count = 0;

  get items(): readonly Toast[] {
    return this.#items;
  }

  /** Goes after six seconds, or stays until closed when it carries an action. */
  show(content: ToastContent): void {
    this.#count += 1;
    const toast = { ...content, id: this.#count };
    this.#items = [...this.#items.slice(-3), toast];
    if (content.action === undefined) setTimeout(() => this.dismiss(toast.id), SHOWN_MS);
  }

  dismiss(id: number): void {
    this.#items = this.#items.filter((toast) => toast.id !== id);
  }
}
