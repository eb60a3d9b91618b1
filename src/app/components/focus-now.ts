// Attachment: the element takes the focus as soon as it is shown.
export function focusNow(element: HTMLElement): void {
  element.focus();
}
