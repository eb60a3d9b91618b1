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
/** Long enough to decide, short enough not to lie over the screen for good. */
const ACTION_SHOWN_MS = 20_000;

export class Toasts {
  #items = $state.raw<readonly Toast[]>([]);
  #count = 0;

  get items(): readonly Toast[] {
    return this.#items;
  }

  /** Goes after six seconds; one with an action stays longer. */
  show(content: ToastContent): void {
    this.#count += 1;
    const toast = { ...content, id: this.#count };
    this.#items = [...this.#items.slice(-3), toast];
    const shownMs = content.action === undefined ? SHOWN_MS : ACTION_SHOWN_MS;
    setTimeout(() => this.dismiss(toast.id), shownMs);
  }

  dismiss(id: number): void {
    this.#items = this.#items.filter((toast) => toast.id !== id);
  }
}
