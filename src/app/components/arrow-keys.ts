// Arrow keys, Home and End inside a group of controls: moves focus and, for radios and tabs, chooses.
import type { Attachment } from 'svelte/attachments';

export interface ArrowKeyOptions {
  /** Also clicks what it moves to, as radio groups and tabs do. */
  activate?: boolean;
}

/** Roving focus over what `selector` finds inside the element. */
export function arrowKeys(
  selector: string,
  { activate = true }: ArrowKeyOptions = {},
): Attachment<HTMLElement> {
  return (element) => {
    const onKey = (event: KeyboardEvent): void => {
      const items = [...element.querySelectorAll<HTMLElement>(selector)].filter(isUsable);
      const next = target(event.key, items, document.activeElement);
      if (next === null) return;
      event.preventDefault();
      next.focus();
      if (activate) next.click();
    };
    element.addEventListener('keydown', onKey);
    return () => element.removeEventListener('keydown', onKey);
  };
}

function isUsable(item: HTMLElement): boolean {
  return !item.hasAttribute('disabled') && item.getAttribute('aria-disabled') !== 'true';
}

function target(key: string, items: readonly HTMLElement[], focused: Element | null): HTMLElement | null {
  const at = items.findIndex((item) => item === focused);
  if (at === -1) return null;
  switch (key) {
    case 'ArrowRight':
    case 'ArrowDown':
      return items[(at + 1) % items.length] ?? null;
    case 'ArrowLeft':
    case 'ArrowUp':
      return items[(at - 1 + items.length) % items.length] ?? null;
    case 'Home':
      return items[0] ?? null;
    case 'End':
      return items.at(-1) ?? null;
    default:
      return null;
  }
}
